"""Read small files that settings and secrets stand in, and refuse what is no such file."""

from __future__ import annotations

import os
import select
import stat
from pathlib import Path

from loader.errors import SettingsError

_LARGEST = 2**20  # bytes of a file of settings, or with a secret
_PIPE_WAIT = 10.0  # seconds until the other end of a pipe, as `<(pass show it)` is, has written something


def read_small(path: Path, name: str, *, secret: bool = False, pipe: bool = False) -> bytes | None:
    """Return what stands in a file; None where there is none, or a folder in its place.

    Args:
        path: of the file.
        name: what messages call it.
        secret: whether it must be safe from others: nobody else may write it.
        pipe: whether it may be a pipe, as ``<(command)`` of a shell is.

    Raises:
        SettingsError: it cannot be read, is too large, is a device, or is not safe.
    """
    try:
        # A pipe that nobody writes to must not be waited for.
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOCTTY)
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        raise SettingsError(f"{name}: {_why(error)}") from error
    try:
        status = os.fstat(descriptor)
        if stat.S_ISDIR(status.st_mode):
            return None
        is_pipe = pipe and stat.S_ISFIFO(status.st_mode)
        if not is_pipe and not stat.S_ISREG(status.st_mode):
            raise SettingsError(f"{name} is not a regular file", advice="Put the settings in a file.")
        if secret and (why := unsafe(status)):
            raise SettingsError(f"{name} holds a secret, and {why}", advice=_mend(path))
        data = _read(descriptor, wait=is_pipe)
    except OSError as error:
        raise SettingsError(f"{name}: {_why(error)}") from error
    finally:
        os.close(descriptor)
    if len(data) > _LARGEST:
        raise SettingsError(f"{name} is larger than 1 MiB: it cannot be what it should be")
    return data


def unsafe(status: os.stat_result) -> str:
    """Return how others could change a file; empty if they cannot."""
    if stat.S_ISREG(status.st_mode) and status.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
        return "others can write it"
    if status.st_uid not in (os.geteuid(), 0):
        return "it belongs to another user"
    return ""


def check_safe(path: Path, name: str) -> None:
    """Check that nobody else can write a file that holds a secret.

    Raises:
        SettingsError: somebody can.
    """
    try:
        why = unsafe(path.stat())
    except OSError as error:
        raise SettingsError(f"{name}: {_why(error)}") from error
    if why:
        raise SettingsError(f"{name} holds a secret, and {why}", advice=_mend(path))


def _read(descriptor: int, *, wait: bool) -> bytes:
    """Return the bytes of a file, or one more than are allowed."""
    data = b""
    while len(data) <= _LARGEST:
        if wait and not select.select([descriptor], [], [], _PIPE_WAIT)[0]:
            break
        part = os.read(descriptor, _LARGEST + 1 - len(data))
        if not part:
            break
        data += part
    return data


def _mend(path: Path) -> str:
    return f"Make it yours alone: chown and chmod 600 {path}"


def _why(error: OSError | ValueError) -> str:
    return (getattr(error, "strerror", None) or str(error)).lower()
