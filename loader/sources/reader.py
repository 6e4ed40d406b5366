"""Read the bytes of a source, decompressed, in a thread that does not block the event loop."""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import partial
from io import BufferedReader
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Self, cast

import anyio.to_thread

from loader.errors import SourceError, SourceMissing
from loader.events import Event, Notice, Read, Skipped
from loader.private_files import open_regular
from loader.sources.compression import HEAD, compression_by_name, detect_compression, refuse_nested
from loader.sources.decompressor import Decompressor
from loader.sources.find import Source
from loader.sources.remote_file import RemoteFile
from loader.sources.zip_archive import DAMAGE, ZipMember

_STORED_READ = 64 * 1024  # bytes of a compressed source that are read at a time
_PIECE = 64 * 1024  # decompressed bytes: the most that are lost when damage follows them
_SKIPPED = 1024 * 1024  # decompressed bytes that are skipped at a time

_in_thread = partial(anyio.to_thread.run_sync, abandon_on_cancel=True)


class ByteReader:
    """Reads the bytes of a source, in a thread. Use it as an async context manager.

    Args:
        source: what to read.
        offset: of the first byte to read, in (decompressed) bytes; only for sources that have a fingerprint.
            A compressed source is decompressed from its start, and the bytes before the offset are dropped.
        watch: told how many bytes were read or skipped, counted as they are stored.
    """

    def __init__(self, source: Source, offset: int = 0, watch: Callable[[Event], None] | None = None) -> None:
        self._source = source
        self._offset = offset
        self._watch = watch or (lambda _: None)
        self._file: BinaryIO | RemoteFile | ZipMember | None = None
        self._decompressor: Decompressor | None = None
        self._peeked = b""  # stored bytes that were read to detect a compression, and are to be read again
        self._stored = 0  # stored bytes that were read
        self._reported = 0  # of these, how many ``watch`` was told
        self._started = offset > 0
        self._damage: SourceError | None = None  # found after the bytes that were returned last

    async def __aenter__(self) -> Self:
        """Open the source.

        Raises:
            SourceMissing: it cannot be opened.
            SourceError: it is an archive or not what its name says, or it broke off.
        """
        if self._source.url is not None and self._source.object_info is not None:
            first_part = HEAD if self._offset else 0
            self._file = RemoteFile(self._source.url, self._source.object_info, first_part)
        elif self._source.path is None:
            if sys.stdin is None:
                raise SourceMissing("-: there is no standard input")
            self._file = sys.stdin.buffer
        elif self._source.member is not None:
            self._file = await self._open_member(self._source.path, self._source.member)
        else:
            try:
                self._file = await _in_thread(self._open, self._source.path)
            except OSError as error:
                raise SourceMissing(f"{self._source.name}: {error.strerror or error}") from error
        try:
            await self._begin()
        except BaseException:
            self._close()
            raise
        return self

    async def _open_member(self, path: Path, member: int) -> ZipMember:
        try:
            return await _in_thread(ZipMember, path, member)
        except OSError as error:
            raise SourceMissing(f"{self._source.name}: {error.strerror or error}") from error
        except DAMAGE as error:
            raise self._damaged_member(error) from error

    def _damaged_member(self, error: Exception) -> SourceError:
        return SourceError(
            f"{self._source.name} is damaged, or compressed in a way that is not supported: {error}",
            advice="Get it again, whole (`unzip -t` tells), and load it with --fresh. Rows that were sent "
            "before are loaded, and may be wrong: the checksum follows them.",
        )

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._close()

    def _open(self, path: Path) -> BinaryIO:
        if self._source.size is not None:
            return open_regular(path, buffering=0)  # and not what somebody has put in its place
        return path.open("rb", buffering=0)  # waits for a writer, if it is a named pipe

    def _close(self) -> None:
        if self._file is not None and not self._source.is_stdin:
            self._file.close()

    async def _begin(self) -> None:
        """Detect the compression, and go to the offset."""
        name = self._source.name
        self._peeked = await _in_thread(self._read_head)
        compression = detect_compression(self._peeked, name)
        if compression is not None:
            self._decompressor = Decompressor(compression, name)
            await self._skip_to_offset()
            return
        if compression_by_name(name) is not None:
            self._watch(Notice(f"{name} is not compressed, although its name says so: it is read as it is"))
        if self._source.size is not None and (self._source.url is None or self._offset):
            assert self._file is not None  # noqa: S101 - it was opened
            self._file.seek(self._offset)
            self._peeked = b""
            # The offset may be one too far, because the last line may have no newline.
            self._stored = min(self._offset, self._source.size)
            self._report(Skipped)

    async def _skip_to_offset(self) -> None:
        left = self._offset
        while left > 0 and (data := await _in_thread(self._read_decompressed, min(left, _SKIPPED))):
            left -= len(data)
            self._report(Skipped)

    @property
    def is_plain_file(self) -> bool:
        """Whether the source is a regular file, neither compressed nor in an archive."""
        is_file = self._source.path is not None and self._source.size is not None
        return is_file and self._source.member is None and self._decompressor is None

    async def read(self, size: int) -> bytes:
        """Return about ``size`` bytes, or fewer; none at the end.

        Raises:
            SourceError: the source broke off, is damaged, or contains an archive.
        """
        if self._decompressor is None:
            data = await _in_thread(self._read_stored, size)
        else:
            data = await _in_thread(self._read_decompressed, size if self._started else max(size, HEAD))
            if not self._started:
                refuse_nested(data[:HEAD], self._source.name)
        self._started = True
        self._report(Read)
        return data

    def _report(self, event: type[Read | Skipped]) -> None:
        size, self._reported = self._stored - self._reported, self._stored
        if size:
            self._watch(event(size))

    def _read_decompressed(self, size: int) -> bytes:
        """Return ``size`` decompressed bytes; fewer at the end, and before damage."""
        assert self._decompressor is not None  # noqa: S101 - it is compressed
        if self._damage is not None:
            raise self._damage
        pieces: list[bytes] = []
        left = size
        try:
            while left > 0:
                data = b""
                if self._decompressor.needs_input and not (data := self._read_stored(_STORED_READ)):
                    self._decompressor.finish()
                    break
                pieces.append(self._decompressor.decompress(data, min(left, _PIECE)))
                left -= len(pieces[-1])
        except SourceError as error:
            if not any(pieces):
                raise
            self._damage = error
        return b"".join(pieces)

    def _read_head(self) -> bytes:
        """Return the first HEAD bytes, or all; a pipe may give one byte at a time."""
        head = b""
        while len(head) < HEAD and (data := self._read_file(HEAD - len(head))):
            head += data
        return head

    def _read_stored(self, size: int) -> bytes:
        """Return stored bytes: first those that were peeked at, then those of the file."""
        peeked, self._peeked = self._peeked[:size], self._peeked[size:]
        return peeked + self._read_file(size - len(peeked)) if len(peeked) < size else peeked

    def _read_file(self, size: int) -> bytes:
        assert self._file is not None  # noqa: S101 - the context manager was entered
        name, total = self._source.name, self._source.size
        if self._source.path is not None and total:  # files of /proc say 0
            size = min(size, total - self._stored)  # what is appended meanwhile is of no known state
        try:
            if self._source.is_stdin:  # read() would wait until a pipe has given that much
                data = cast("BufferedReader", self._file).read1(size)
            else:
                data = self._file.read(size)
        except OSError as error:
            raise SourceError(f"{name}: {error.strerror or error}") from error
        except DAMAGE as error:
            raise self._damaged_member(error) from error
        self._stored += len(data)
        if not data and total is not None and self._stored < total:
            raise SourceError(
                f"{name} ended after {self._stored:,} of {total:,} bytes",
                advice="It was changed while it was read. Put it back, or load what it is now with --fresh.",
            )
        return data
