"""Where a file ends: only where it is as it was when the load began, and nobody is writing its last line."""

from __future__ import annotations

import errno
import fcntl
import os
import signal
import stat
import sys
import time
from collections.abc import Awaitable
from functools import partial
from typing import Protocol

import anyio.to_thread

from loader.errors import SourceError
from loader.private_files import open_regular
from loader.sources.find import Source, check_unchanged

_QUIET = 1.0  # seconds after the last change of a file, before its last line is taken as it is
_WAIT_FOR_IT = "Wait until the file is complete, and load it anew with --fresh."
_in_thread = partial(anyio.to_thread.run_sync, abandon_on_cancel=True)


class _ByteStream(Protocol):
    def read(self, size: int) -> Awaitable[bytes]: ...


class CheckedEnd:
    """The bytes of a source; at their end, the source is checked (a ByteStream).

    Args:
        stream: gives the bytes.
        source: the source.
        complete: the bytes that show, as the last of all, that the last line is complete. Behind any other
            it may be half a line: ``12`` of ``123456``. Empty: there are no lines.
        is_plain_file: whether the bytes are those of the file; else a line that breaks off cannot be cut off
            by a writer without damage.
    """

    def __init__(self, stream: _ByteStream, source: Source, *, complete: bytes, is_plain_file: bool) -> None:
        self._stream = stream
        self._source = source
        self._complete = complete
        self._is_plain_file = is_plain_file
        self._last = b""

    async def read(self, size: int) -> bytes:
        """Return about ``size`` bytes, or fewer; none at the end.

        Raises:
            SourceError: the source is not as it was when the load began, or its last line is being written.
        """
        try:
            data = await self._stream.read(size)
        except SourceError:
            await _in_thread(check_unchanged, self._source)  # then that is the cause
            raise
        if data:
            self._last = data[-1:]
        else:
            await self._check()
        return data

    async def _check(self) -> None:
        await _in_thread(check_unchanged, self._source)
        is_file = self._is_plain_file or (self._source.is_stdin and sys.stdin is not None)
        if is_file and self._last and self._complete and self._last not in self._complete:
            await _in_thread(_wait_for_writer, self._source)
            await _in_thread(check_unchanged, self._source)


def _wait_for_writer(source: Source) -> None:
    """Wait until a file has not changed for a moment; it may be standard input.

    Raises:
        SourceError: another program has it open for writing, or has written to it.
    """
    try:
        if source.path is None:
            _wait(sys.stdin.fileno(), source.name)
        else:
            with open_regular(source.path) as file:
                _wait(file.fileno(), source.name)
    except OSError as error:
        raise SourceError(f"{source.name}: {error.strerror or error}") from error


def _wait(descriptor: int, name: str) -> None:
    status = os.fstat(descriptor)
    if not stat.S_ISREG(status.st_mode):
        return  # the end of a pipe is its end
    if _is_open_for_writing(descriptor):
        raise SourceError(
            f"{name} is being written: its last line has no newline, and another program has the file open. "
            "The line was not sent.",
            advice=_WAIT_FOR_IT,
        )
    age = time.time() - status.st_mtime
    if age < _QUIET:
        time.sleep(_QUIET - max(age, 0.0))
    grown = os.fstat(descriptor).st_size
    if grown != status.st_size:
        raise SourceError(
            f"{name} is being written: its size was {status.st_size} bytes and is {grown}. "
            "Its last line was not sent.",
            advice=_WAIT_FOR_IT,
        )


def _is_open_for_writing(descriptor: int) -> bool:
    """Return whether any program has a file open for writing, as far as the system tells.

    Linux grants a read lease only on a file that nobody has open for writing (fcntl(2), "Leases"), and only
    to the file's owner.
    """
    if not hasattr(fcntl, "F_SETLEASE"):
        return False
    try:
        # A program that opens the file for writing in this very moment would have us sent SIGIO, which kills.
        fcntl.fcntl(descriptor, fcntl.F_SETSIG, signal.SIGURG)
        fcntl.fcntl(descriptor, fcntl.F_SETLEASE, fcntl.F_RDLCK)
    except OSError as error:
        return error.errno == errno.EAGAIN
    fcntl.fcntl(descriptor, fcntl.F_SETLEASE, fcntl.F_UNLCK)
    return False
