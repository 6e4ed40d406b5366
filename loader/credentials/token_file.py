"""The bearer token of a file, which somebody else replaces in time."""

from __future__ import annotations

import stat
import time
from pathlib import Path

from anyio import to_thread

from loader.credentials import token_output
from loader.credentials.server_clock import ServerClock
from loader.credentials.token_source import Token, TokensUnavailable
from loader.errors import SettingsError
from loader.small_files import read_small

_State = tuple[int, int, int, int, int]


class TokenFile:
    """The token that stands in a file (a GivenTokens).

    The file may be written anew or replaced by another, or a link on the way to it may be, as in a volume of
    Kubernetes. A pipe, as ``<(command)`` of a shell is, gives one token and no more.

    Args:
        path: of the file. It holds what token_output.py reads.
    """

    def __init__(self, path: Path) -> None:
        self.can_renew = True
        self.origin = f"--token-file {path}"
        self._path = path
        self._clock = ServerClock()
        self._read: _State | None = None  # how the file was when it was read last
        self._has_begun = False

    @property
    def mend(self) -> str:
        """What the user can do for a new token."""
        if self.can_renew:
            return "Have a new one written there, and run the same command."
        return "It came through a pipe, which is read once: run the same command, for a new one."

    async def fetch(self, refused: str | None = None) -> Token:
        """Return the token that the file holds now.

        Raises:
            SettingsError: it holds none, and this is the first time that it is read.
            TokensUnavailable: it holds none any more.
        """
        del refused  # what the file holds is all that there is
        try:
            content, written_at = await to_thread.run_sync(self._content, abandon_on_cancel=True)
            given = _token_of(content, written_at, self.origin)
        except SettingsError as error:
            if not self._has_begun:
                raise
            raise TokensUnavailable(error.message, advice=error.advice, needs_mending=True) from error
        self._has_begun = True
        return Token(given.token, self._clock.seconds_until(given.expires))

    def changed(self) -> bool:
        """Return whether the file is another than the one that was read, or was written since."""
        return self.can_renew and self._has_begun and self._state() != self._read

    def adjust_clock(self, server_time: float) -> None:
        """Learn the server's time, in seconds since 1970."""
        self._clock.adjust(server_time)

    def describe(self) -> str:
        """Return where tokens come from."""
        return f"the token of {self.origin}, read again when it changes"

    def _content(self) -> tuple[bytes, float]:
        """Return what stands in the file, and since when, in seconds since 1970."""
        # What is written after this is seen as a change, if it is read now or not.
        self._read = self._state()
        is_pipe = self._read is not None and stat.S_ISFIFO(self._read[0])
        if is_pipe:
            self.can_renew = False
        content = read_small(self._path, self.origin, secret=True, pipe=True)
        if content is None:
            missing = "is a directory" if self._path.is_dir() else "no such file or directory"
            raise SettingsError(f"{self.origin}: {missing}")
        if is_pipe and not content:
            raise SettingsError(f"{self.origin}: nothing came through the pipe")
        now = time.time()
        return content, now if self._read is None or is_pipe else min(now, self._read[2] / 1e9)

    def _state(self) -> _State | None:
        """Return what differs once another file is there, or the file was written; None: there is none."""
        try:
            status = self._path.stat()
        except (OSError, ValueError):
            return None
        return status.st_mode, status.st_size, status.st_mtime_ns, status.st_ino, status.st_dev


def _token_of(content: bytes, written_at: float, origin: str) -> token_output.Given:
    try:
        return token_output.read(content, written_at)
    except token_output.NoTokenError as error:
        raise SettingsError(
            f"{origin} {error}", advice="It must hold a bearer token and nothing else, or JSON with one."
        ) from None
