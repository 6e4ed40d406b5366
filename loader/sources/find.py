"""Finding sources, and telling whether one is still what it was."""

from __future__ import annotations

import glob
import hashlib
import os
import stat
from dataclasses import dataclass, field
from pathlib import Path

from loader.errors import SourceMissing
from loader.sources import remote
from loader.sources.compression import named
from loader.sources.file_names import SQLITE, claimed
from loader.sources.urls import About, is_url, shown

STDIN = "-"
RUN_DIR = ".bulkload"  # what the names of run directories end with
_LOCK, _RUN = "lock", frozenset({"journal.sqlite", "report.json"})  # files of a run directory
_SAMPLE = 64 * 1024


@dataclass(frozen=True, slots=True)
class Source:
    """A source that was found.

    Attributes:
        name: as it is shown to the user.
        path: where it is; None for standard input and for a URL.
        size: in bytes; None where it cannot be known.
        url: where it is, with all secrets that are in it; None for what is no URL.
        about: what the server told of what is at the URL.
    """

    name: str
    path: Path | None
    size: int | None
    url: str | None = field(default=None, repr=False)
    about: About | None = None

    @property
    def is_stdin(self) -> bool:
        """Whether it is standard input."""
        return self.path is None and self.url is None

    @property
    def resumable(self) -> bool:
        """Whether it can be read a second time, from where it was left."""
        return self.size is not None and (self.about is None or self.about.resumable)


def find(patterns: tuple[str, ...]) -> tuple[Source, ...]:
    """The sources that the command line names, in its order; those of a glob or a folder are sorted.

    Raises:
        SourceMissing: one does not exist or may not be read, or a folder holds none; a URL's server refuses,
            or cannot be reached. Servers are waited for up to some minutes.
    """
    found: list[Source] = []
    for pattern in patterns:
        if not pattern:
            raise SourceMissing(
                "a source has no name", advice="Is it a variable of the shell that is not set?"
            )
        if pattern == STDIN:
            found.append(Source("stdin", None, None))
        elif is_url(pattern):
            about = remote.look(pattern)
            found.append(Source(shown(pattern), None, about.size, pattern, about))
        elif not os.path.lexists(pattern) and glob.has_magic(pattern):
            names = sorted(glob.glob(pattern, recursive=True))  # noqa: PTH207 - the user's own pattern
            if not names:
                raise SourceMissing(f"{pattern}: no file has such a name")
            found += [_file(Path(name)) for name in names if not Path(name).is_dir()]
        elif Path(pattern).is_dir():
            found += map(_file, _in_folder(Path(pattern)))
        else:
            found.append(_file(Path(pattern)))
    if sum(source.is_stdin for source in found) > 1:
        raise SourceMissing("-: standard input can be read once only")
    return tuple(found)


def left_out(patterns: tuple[str, ...]) -> list[str]:
    """The files in folders that are no sources, for their names tell no format."""
    folders = [Path(pattern) for pattern in patterns if not is_url(pattern) and Path(pattern).is_dir()]
    return [printable(path) for folder in folders for path in _files(folder) if not _tells(path)]


def _in_folder(folder: Path) -> list[Path]:
    """The files in a folder and below whose names tell a format."""
    found = list(filter(_tells, _files(folder)))
    if not found:
        raise SourceMissing(
            f"{folder}: no file in it has a name that tells its format",
            advice=f"Name the files in it, as in '{folder}/*.txt'.",
        )
    return found


def _tells(path: Path) -> bool:
    return claimed(path.name) is not None or named(path.name) is not None


def _files(folder: Path) -> list[Path]:
    """The files in a folder and below, but for hidden ones and those of run directories."""
    found: list[Path] = []
    try:
        for place, folders, names in os.walk(folder, onerror=_refuse):
            if _LOCK in names and not _RUN.isdisjoint(names):  # a run directory, whatever it is called
                folders.clear()
                continue
            folders[:] = [one for one in folders if not one.startswith(".") and not one.endswith(RUN_DIR)]
            found += [Path(place, name) for name in names if not name.startswith(".")]
    except OSError as error:
        raise SourceMissing(f"{error.filename}: {(error.strerror or str(error)).lower()}") from error
    return sorted(found)


def _refuse(error: OSError) -> None:
    raise error


def printable(path: Path) -> str:
    """A path as text, also where its bytes are no UTF-8."""
    return os.fsencode(path).decode(errors="backslashreplace")


def _file(path: Path) -> Source:
    try:
        about = path.stat()
        if stat.S_ISDIR(about.st_mode):
            raise SourceMissing(f"{path}: is a directory")
        if not os.access(path, os.R_OK):
            raise SourceMissing(f"{path}: permission denied")
    except OSError as error:
        raise SourceMissing(f"{path}: {(error.strerror or str(error)).lower()}") from error
    return Source(printable(path), path, about.st_size if stat.S_ISREG(about.st_mode) else None)


def fingerprint(source: Source) -> dict[str, str | int] | None:
    """What a source is known by: size, time, and a hash of its head and tail.

    Of a SQLite database also size and time of its ``-wal`` file, where changes stand until a checkpoint. Of a
    URL: size, ETag and Last-Modified. None for one that cannot be read twice: standard input, a named
    pipe, a URL whose server gives no parts of it.

    Raises:
        SourceMissing: it cannot be read any more.
    """
    if source.url is not None and source.about is not None:
        return remote.fingerprint(source.url, source.about)
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
    found: dict[str, str | int] = {
        "name": printable(Path(source.path.name)),
        "size": about.st_size,
        "mtime": about.st_mtime_ns,
        "head": hashlib.sha256(head).hexdigest(),
        "tail": hashlib.sha256(tail).hexdigest(),
    }
    return found | _log_of(source.path) if head.startswith(SQLITE) else found


def _log_of(path: Path) -> dict[str, str | int]:
    """What a database's write-ahead log is known by; nothing where there is none, or an empty one."""
    try:
        about = path.with_name(f"{path.name}-wal").stat()
    except OSError:
        return {}
    return {"wal": about.st_size, "wal_mtime": about.st_mtime_ns} if about.st_size else {}
