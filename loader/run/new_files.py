"""Write files of the run directory: a part that is cut off never has the name of a whole file."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Self

from loader.private_files import create_private
from loader.run.own_files import OwnFiles

_PART = ".part"  # the suffix of a file while it is written


class NewFiles:
    """Writes files, all of them or none. Use it as a context manager: at its end they replace older ones.

    Args:
        files: those of the run directory.
        stale: tells the names of files that are removed where they are not written anew.
    """

    def __init__(self, files: OwnFiles, *, stale: Callable[[str], bool] = lambda _: False) -> None:
        self._files = files
        self._stale = stale
        self._open: dict[str, BinaryIO] = {}
        self._parts: dict[str, Path] = {}

    def open(self, name: str) -> BinaryIO:
        """Create a file.

        Raises:
            RunDirError, OSError: it cannot be created.
        """
        number = 1
        while True:
            part = f"{name}{_PART}" if number == 1 else f"{name}.{number}{_PART}"
            path = self._files.folder / part
            if not path.is_symlink() and not path.exists():
                break
            if self._files.has(part):
                path.unlink()  # of a load that was killed
                break
            number += 1
        self._files.add(name, part)
        self._open[name] = create_private(path)
        self._parts[name] = path
        return self._open[name]

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            for file in self._open.values():
                file.close()  # writes the rest of it
            if kind is None:
                self._files.replace(self._parts, self._stale)
        finally:
            for name, part in self._parts.items():
                with suppress(OSError):
                    self._open[name].close()
                with suppress(OSError):
                    part.unlink()  # unless it has its name by now
