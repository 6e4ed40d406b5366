"""The refresh token of an unfinished load: the only secret that a run directory holds."""

from __future__ import annotations

import os
import stat
from contextlib import suppress
from pathlib import Path

from loader.errors import RunDirError
from loader.private_files import create_private
from loader.run.own_files import SESSION, SESSION_PART, OwnFiles

_LARGEST = 2**16  # bytes
_ADVICE = "Remove it and sign in again, or give this load another --run-dir."


class SessionFile:
    """Keeps a text in a file of mode 600 (a credentials.session.SessionStore).

    Args:
        files: those of the run directory.
    """

    def __init__(self, files: OwnFiles) -> None:
        self._files = files
        self._path = files.folder / SESSION
        self._part = files.folder / SESSION_PART

    def load(self) -> str | None:
        """Return the text that was saved last; None if there is none.

        Raises:
            RunDirError: it cannot be read, or others can.
        """
        flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
        try:
            with os.fdopen(os.open(self._path, flags), "rb") as file:
                status = os.fstat(file.fileno())
                if not stat.S_ISREG(status.st_mode):
                    raise RunDirError(f"{self._path} is not a regular file", advice=_ADVICE)
                if status.st_uid != os.geteuid() or status.st_mode & (stat.S_IRWXG | stat.S_IRWXO):
                    raise RunDirError(f"{self._path} holds a secret, and others can use it", advice=_ADVICE)
                return file.read(_LARGEST).decode()
        except FileNotFoundError:
            return None
        except (OSError, UnicodeDecodeError) as error:
            raise _translated(self._path, error) from error

    def save(self, text: str) -> None:
        """Keep a text, in place of the one before. It is on disk when this returns.

        Raises:
            RunDirError: it cannot be written. The one before is there still.
        """
        self._files.add(SESSION, SESSION_PART)
        try:
            self._part.unlink(missing_ok=True)  # of a load that was killed
            with create_private(self._part) as file:
                file.write(text.encode())
                file.flush()
                os.fsync(file.fileno())
            self._part.replace(self._path)
            _sync(self._files.folder)
        except OSError as error:
            raise _translated(self._path, error) from error

    def forget(self) -> None:
        """Remove what was kept, as far as that is possible."""
        for path in (self._path, self._part):
            if self._files.has(path.name):
                with suppress(OSError):
                    path.unlink(missing_ok=True)


def _sync(folder: Path) -> None:
    """Have the disk know the names in a folder."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _translated(path: Path, error: OSError | UnicodeDecodeError) -> RunDirError:
    why = error.strerror or str(error) if isinstance(error, OSError) else "it is not text"
    return RunDirError(f"{path}: {why}", advice=_ADVICE)
