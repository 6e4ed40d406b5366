"""Files that only their owner may read, and files that can be opened without waiting for anybody.

Folders are shared: a name may be taken by a link to a file of somebody else, or by a named pipe.
"""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path
from typing import BinaryIO

FILE_MODE, FOLDER_MODE = 0o600, 0o700


class NotRegularError(OSError):
    """The path leads to a folder, a named pipe, a device or a socket."""

    def __init__(self, path: Path) -> None:
        super().__init__(errno.EINVAL, "Is not a regular file", str(path))


def create_private(path: Path) -> BinaryIO:
    """Create a file with mode 600, whatever the umask, and open it for writing.

    Raises:
        FileExistsError: the name is taken, if only by a link that leads nowhere.
        OSError: the file cannot be created.
    """
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    descriptor = os.open(path, flags, FILE_MODE)
    os.fchmod(descriptor, FILE_MODE)  # a umask may take away even the owner's rights
    return os.fdopen(descriptor, "wb")


def create_private_folder(path: Path) -> None:
    """Create a folder with mode 700, whatever the umask. Leave one that exists as it is.

    Raises:
        OSError: it cannot be created.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        path.mkdir(mode=FOLDER_MODE)
    except FileExistsError:
        if not path.is_dir():
            raise
    else:
        path.chmod(FOLDER_MODE)


def open_regular(path: Path, *, buffering: int = -1) -> BinaryIO:
    """Open a regular file for reading. Do not wait, as opening a named pipe does.

    Args:
        path: the file, or a link to it.
        buffering: as of ``open``; 0: none.

    Raises:
        NotRegularError: it is no regular file.
        OSError: it cannot be opened.
    """
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise NotRegularError(path)
    return os.fdopen(descriptor, "rb", buffering)


def check_regular(path: Path) -> bool:
    """Return whether there is a regular file at a path that no link may stand at.

    Raises:
        NotRegularError: something else is there.
    """
    try:
        mode = path.lstat().st_mode
    except FileNotFoundError:
        return False
    if not stat.S_ISREG(mode):
        raise NotRegularError(path)
    return True
