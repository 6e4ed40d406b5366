"""Reading a source's bytes, decompressed where it is compressed, without holding up the event loop."""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import partial
from io import BufferedReader
from types import TracebackType
from typing import BinaryIO, Self, cast

import anyio.to_thread

from loader.errors import SourceError, SourceMissing
from loader.events import Event, Notice, Read, Skipped
from loader.sources.compression import HEAD, named, recognise, refuse_unpacked
from loader.sources.decompress import Unpacker
from loader.sources.find import Source
from loader.sources.remote import RemoteFile

_STORED = 64 * 1024  # bytes of a compressed source that are read at a time
_PIECE = 64 * 1024  # decompressed bytes, the most that damage behind them can take along
_SKIPPED = 1024 * 1024  # decompressed bytes that are passed over at a time

_in_thread = partial(anyio.to_thread.run_sync, abandon_on_cancel=True)


class Reader:
    """Reads a source's bytes, in a thread. Use it as an async context manager.

    Args:
        source: what to read.
        offset: where to begin, in (decompressed) bytes; only for sources that have a fingerprint. A
            compressed one is decompressed from its start, and what comes before is dropped.
        watch: told of the bytes that were read or passed over, counted as they are stored.
    """

    def __init__(self, source: Source, offset: int = 0, watch: Callable[[Event], None] | None = None) -> None:
        self._source = source
        self._offset = offset
        self._watch = watch or (lambda _: None)
        self._file: BinaryIO | RemoteFile | None = None
        self._unpacker: Unpacker | None = None
        self._head = b""  # read to see what it is, and to be read again
        self._stored = 0  # bytes as they are stored: how many were read
        self._told = 0  # of these
        self._started = offset > 0
        self._broken: SourceError | None = None  # what comes after the bytes that were given last

    async def __aenter__(self) -> Self:
        """Open it.

        Raises:
            SourceMissing: it cannot be opened.
            SourceError: it is nothing that can be read as lines, or it broke off.
        """
        if self._source.url is not None and self._source.about is not None:
            self._file = RemoteFile(self._source.url, self._source.about, HEAD if self._offset else 0)
        elif self._source.path is None:
            if sys.stdin is None:
                raise SourceMissing("-: there is no standard input")
            self._file = sys.stdin.buffer
        else:
            try:
                # A named pipe opens only once somebody writes to it.
                self._file = await _in_thread(lambda path: path.open("rb", buffering=0), self._source.path)
            except OSError as error:
                raise SourceMissing(f"{self._source.name}: {error.strerror or error}") from error
        try:
            await self._begin()
        except BaseException:
            self._close()
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._close()

    def _close(self) -> None:
        if self._file is not None and not self._source.is_stdin:
            self._file.close()

    async def _begin(self) -> None:
        """See what it is, and go to where to begin."""
        name = self._source.name
        self._head = await _in_thread(self._peek)
        form = recognise(self._head, name)
        if form is not None:
            self._unpacker = Unpacker(form, name)
            await self._pass_over()
            return
        if named(name) is not None:
            self._watch(Notice(f"{name} is not compressed, whatever its name says: it is read as it is"))
        if self._source.size is not None and (self._source.url is None or self._offset):
            assert self._file is not None  # noqa: S101 - it was opened
            self._file.seek(self._offset)
            self._head = b""
            self._stored = min(self._offset, self._source.size)  # the last line may lack its newline
            self._tell(Skipped)

    async def _pass_over(self) -> None:
        left = self._offset
        while left > 0 and (data := await _in_thread(self._unpacked, min(left, _SKIPPED))):
            left -= len(data)
            self._tell(Skipped)

    @property
    def is_file(self) -> bool:
        """Whether it reads a file just as it is stored."""
        return self._unpacker is None and self._source.path is not None and self._source.size is not None

    async def read(self, size: int) -> bytes:
        """About ``size`` bytes, or fewer; none at the end.

        Raises:
            SourceError: it broke off, is damaged, or is an archive once it is decompressed.
        """
        if self._unpacker is None:
            data = await _in_thread(self._take, size)
        else:
            data = await _in_thread(self._unpacked, size if self._started else max(size, HEAD))
            if not self._started:
                refuse_unpacked(data[:HEAD], self._source.name)
        self._started = True
        self._tell(Read)
        return data

    def _tell(self, event: type[Read | Skipped]) -> None:
        new, self._told = self._stored - self._told, self._stored
        if new:
            self._watch(event(new))

    def _unpacked(self, size: int) -> bytes:
        """As many decompressed bytes as asked for; fewer at the end, and before damage."""
        assert self._unpacker is not None  # noqa: S101 - it is compressed
        if self._broken is not None:
            raise self._broken
        pieces: list[bytes] = []
        left = size
        try:
            while left > 0:
                data = b""
                if self._unpacker.hungry and not (data := self._take(_STORED)):
                    self._unpacker.end()
                    break
                pieces.append(self._unpacker.unpack(data, min(left, _PIECE)))
                left -= len(pieces[-1])
        except SourceError as error:
            if not any(pieces):
                raise
            self._broken = error
        return b"".join(pieces)

    def _peek(self) -> bytes:
        """Its first HEAD bytes, or all; a pipe may give a byte at a time."""
        head = b""
        while len(head) < HEAD and (data := self._load(HEAD - len(head))):
            head += data
        return head

    def _take(self, size: int) -> bytes:
        """Bytes as they are stored: what was seen of them already, and then the others."""
        taken, self._head = self._head[:size], self._head[size:]
        return taken + self._load(size - len(taken)) if len(taken) < size else taken

    def _load(self, size: int) -> bytes:
        assert self._file is not None  # noqa: S101 - the context manager was entered
        name, whole = self._source.name, self._source.size
        try:
            if self._source.is_stdin:  # a pipe is not waited for until it has given that much
                data = cast("BufferedReader", self._file).read1(size)
            else:
                data = self._file.read(size)
        except OSError as error:
            raise SourceError(f"{name}: {error.strerror or error}") from error
        self._stored += len(data)
        if not data and whole is not None and self._stored < whole:
            raise SourceError(
                f"{name} ended after {self._stored:,} of {whole:,} bytes",
                advice="It was changed while it was read. Put it back, or load what it is now with --fresh.",
            )
        return data
