"""Finding sources, and reading their bytes without holding up the event loop."""

from __future__ import annotations

import glob
import hashlib
import os
import stat
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Self

import anyio.to_thread

from loader.errors import SourceError, SourceMissing

STDIN = "-"
_SAMPLE = 64 * 1024


@dataclass(frozen=True, slots=True)
class Source:
    """A source that was found.

    Attributes:
        name: as it is shown to the user.
        path: where it is; None for standard input.
        size: in bytes; None where it cannot be known.
    """

    name: str
    path: Path | None
    size: int | None


def find(patterns: tuple[str, ...]) -> tuple[Source, ...]:
    """The sources that the command line names, in its order; a glob's are sorted.

    Raises:
        SourceMissing: one does not exist, is a directory, or may not be read.
    """
    found: list[Source] = []
    for pattern in patterns:
        if pattern == STDIN:
            found.append(Source("stdin", None, None))
        elif not os.path.lexists(pattern) and glob.has_magic(pattern):
            names = sorted(glob.glob(pattern, recursive=True))  # noqa: PTH207 - the user's own pattern
            if not names:
                raise SourceMissing(f"{pattern}: no file has such a name")
            found += [_file(Path(name)) for name in names if not Path(name).is_dir()]
        else:
            found.append(_file(Path(pattern)))
    if sum(source.path is None for source in found) > 1:
        raise SourceMissing("-: standard input can be read once only")
    return tuple(found)


def printable(path: Path) -> str:
    """A path as text, also where its bytes are no UTF-8."""
    return os.fsencode(path).decode(errors="backslashreplace")


def _file(path: Path) -> Source:
    try:
        about = path.stat()
        if stat.S_ISDIR(about.st_mode):
            raise SourceMissing(
                f"{path}: is a directory", advice=f"Name the files in it, as in '{path}/*.jsonl'."
            )
        if not os.access(path, os.R_OK):
            raise SourceMissing(f"{path}: permission denied")
    except OSError as error:
        raise SourceMissing(f"{path}: {(error.strerror or str(error)).lower()}") from error
    return Source(printable(path), path, about.st_size if stat.S_ISREG(about.st_mode) else None)


def fingerprint(source: Source) -> dict[str, str | int] | None:
    """What a source is known by: size, time, and a hash of its head and tail.

    None for one that cannot be read twice: standard input, a named pipe.

    Raises:
        SourceMissing: it cannot be read any more.
    """
    if source.path is None or source.size is None:
        return None
    try:
        with source.path.open("rb") as file:
            about = os.fstat(file.fileno())
            head = file.read(_SAMPLE)
            file.seek(max(0, about.st_size - _SAMPLE))
            tail = file.read(_SAMPLE)
    except OSError as error:
        raise SourceMissing(f"{source.name}: {error.strerror or error}") from error
    return {
        "name": printable(Path(source.path.name)),
        "size": about.st_size,
        "mtime": about.st_mtime_ns,
        "head": hashlib.sha256(head).hexdigest(),
        "tail": hashlib.sha256(tail).hexdigest(),
    }


class Reader:
    """Reads a source's bytes, in a thread. Use it as an async context manager.

    Args:
        source: what to read.
        offset: where to begin, in bytes; only for sources that have a fingerprint.
        on_read: called with the length of what was read, in bytes.
    """

    def __init__(self, source: Source, offset: int = 0, on_read: Callable[[int], None] | None = None) -> None:
        self._source = source
        self._on_read = on_read
        self._offset = offset
        self._file: BinaryIO | None = None

    async def __aenter__(self) -> Self:
        if self._source.path is None:
            if sys.stdin is None:
                raise SourceMissing("-: there is no standard input")
            self._file = sys.stdin.buffer
            return self
        try:
            # A named pipe opens only once somebody writes to it.
            self._file = await anyio.to_thread.run_sync(
                lambda path: path.open("rb", buffering=0), self._source.path, abandon_on_cancel=True
            )
        except OSError as error:
            raise SourceMissing(f"{self._source.name}: {error.strerror or error}") from error
        if self._offset:
            self._file.seek(self._offset)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._file is not None and self._source.path is not None:
            self._file.close()

    async def read(self, size: int) -> bytes:
        """Up to ``size`` bytes; none at the end.

        Raises:
            SourceError: it broke off.
        """
        assert self._file is not None  # noqa: S101 - the context manager was entered
        try:
            data = await anyio.to_thread.run_sync(self._file.read, size, abandon_on_cancel=True)
        except OSError as error:
            raise SourceError(f"{self._source.name}: {error.strerror or error}") from error
        self._offset += len(data)
        if not data and self._source.size is not None and self._offset < self._source.size:
            raise SourceError(
                f"{self._source.name} ended after {self._offset:,} of {self._source.size:,} bytes",
                advice="It was changed while it was read. Put it back, or load what it is now with --fresh.",
            )
        if self._on_read is not None:
            self._on_read(len(data))
        return data
