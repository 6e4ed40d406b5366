"""Find the sources that the command line names, and identify each by a fingerprint."""

from __future__ import annotations

import glob
import hashlib
import os
import stat
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from loader.errors import SourceError, SourceMissing
from loader.private_files import open_regular
from loader.sources import remote_file, zip_archive
from loader.sources.compression import compression_by_name
from loader.sources.file_names import SQLITE, format_by_name
from loader.sources.remote_object import ObjectInfo
from loader.sources.urls import is_url, shown

STDIN = "-"
RUN_DIR = ".bulkload"  # the suffix of run directories
_LOCK, _RUN_FILES = "lock", frozenset({"journal.sqlite", "report.json"})  # files of a run directory
_WAL = "wal"  # only SQLite databases have it in their fingerprints
_CHANGED = (
    "Rows of it may be in the table as they were half-way. Wait until nobody writes to it, "
    "and load it anew with --fresh."
)
_SAMPLE = 64 * 1024  # bytes of the head and of the tail that are hashed


@dataclass(frozen=True, slots=True)
class Source:
    """A source that exists.

    Attributes:
        name: as it is shown to the user.
        path: of the file; None for standard input and for a URL.
        size: in bytes; None if it cannot be known.
        url: with all secrets in it; None if the source is no URL.
        object_info: what the server tells about the object at the URL.
        member: index of the member, if the file is a zip archive; None if it is not.
        state: its fingerprint when the load began; None if it cannot be read twice, or was not looked at.
    """

    name: str
    path: Path | None
    size: int | None
    url: str | None = field(default=None, repr=False)
    object_info: ObjectInfo | None = None
    member: int | None = None
    state: Mapping[str, str | int] | None = field(default=None, repr=False, compare=False)

    @property
    def is_stdin(self) -> bool:
        """Whether it is standard input."""
        return self.path is None and self.url is None

    @property
    def resumable(self) -> bool:
        """Whether it can be read a second time, from any offset on."""
        return self.size is not None and (self.object_info is None or self.object_info.resumable)


def find(patterns: tuple[str, ...]) -> tuple[Source, ...]:
    """Return the sources that the command line names, in its order; those of a glob or folder are sorted.

    A server that cannot be reached is retried for up to some minutes.

    Raises:
        SourceMissing: a source does not exist or may not be read; a folder contains none; the server of a
            URL refuses, or cannot be reached.
    """
    sources: list[Source] = []
    for pattern in patterns:
        if not pattern:
            raise SourceMissing(
                "a source has an empty name", advice="Is it a variable of the shell that is not set?"
            )
        if pattern == STDIN:
            sources.append(Source("stdin", None, None))
        elif is_url(pattern):
            info = remote_file.ask_about(pattern)
            sources.append(Source(shown(pattern), None, info.size, pattern, info))
        elif not os.path.lexists(pattern) and glob.has_magic(pattern):
            names = sorted(glob.glob(pattern, recursive=True))  # noqa: PTH207 - the user's own pattern
            if not names:
                raise SourceMissing(f"{pattern}: no file has such a name")
            sources += [source for name in names if not Path(name).is_dir() for source in _file(Path(name))]
        elif Path(pattern).is_dir():
            sources += [source for path in _in_folder(Path(pattern)) for source in _file(path)]
        else:
            sources += _file(Path(pattern))
    if sum(source.is_stdin for source in sources) > 1:
        raise SourceMissing("-: standard input can be read only once")
    return tuple(sources)


def left_out(patterns: tuple[str, ...]) -> list[str]:
    """Return the files in folders and archives that are not loaded: their names do not tell a format."""
    folders = [Path(pattern) for pattern in patterns if not is_url(pattern) and Path(pattern).is_dir()]
    others = [printable(path) for folder in folders for path in _files(folder) if not _tells_format(path)]
    archives = [Path(pattern) for pattern in patterns if pattern != STDIN and not is_url(pattern)]
    for path in archives:
        if path.is_file() and zip_archive.is_zip(path):
            others += [f"{printable(path)}/{name}" for name in zip_archive.left_out(path, printable(path))]
    return others


def _in_folder(folder: Path) -> list[Path]:
    """Return the files in a folder and its subfolders whose names tell a format."""
    paths = list(filter(_tells_format, _files(folder)))
    if not paths:
        raise SourceMissing(
            f"{folder}: no file in it has a name that tells its format",
            advice=f"Name the files in it, as in '{folder}/*.txt'.",
        )
    return paths


def _tells_format(path: Path) -> bool:
    name = path.name
    return bool(format_by_name(name) or compression_by_name(name)) or name.lower().endswith(".zip")


def _files(folder: Path) -> list[Path]:
    """Return the files in a folder and its subfolders, except hidden ones and those of run directories."""
    paths: list[Path] = []
    try:
        for parent, folders, names in os.walk(folder, onerror=_refuse):
            if _LOCK in names and not _RUN_FILES.isdisjoint(names):  # a run directory of any name
                folders.clear()
                continue
            folders[:] = [name for name in folders if not name.startswith(".") and not name.endswith(RUN_DIR)]
            paths += [Path(parent, name) for name in names if not name.startswith(".")]
    except OSError as error:
        raise SourceMissing(f"{error.filename}: {(error.strerror or str(error)).lower()}") from error
    return sorted(paths)


def _refuse(error: OSError) -> None:
    raise error


def printable(path: Path) -> str:
    """Return a path as text; bytes that are not UTF-8 are escaped."""
    return os.fsencode(path).decode(errors="backslashreplace")


def _file(path: Path) -> list[Source]:
    """Return a file as a source; a zip archive is as many as it has members to load."""
    try:
        status = path.stat()
        if stat.S_ISDIR(status.st_mode):
            raise SourceMissing(f"{path}: is a directory")
        if not os.access(path, os.R_OK):
            raise SourceMissing(f"{path}: permission denied")
    except OSError as error:
        raise SourceMissing(f"{path}: {(error.strerror or str(error)).lower()}") from error
    name = printable(path)
    if not stat.S_ISREG(status.st_mode):
        return [Source(name, path, None)]
    if not zip_archive.is_zip(path):
        return [Source(name, path, status.st_size)]
    return [
        Source(f"{name}/{info.filename}", path, info.file_size, member=index)
        for index, info in zip_archive.members(path, name)
    ]


def with_state(sources: Iterable[Source]) -> tuple[Source, ...]:
    """Return sources with the fingerprints that they have now.

    Raises:
        SourceMissing: one cannot be read any more.
    """
    return tuple(replace(source, state=fingerprint(source)) for source in sources)


def check_unchanged(source: Source) -> None:
    """Check that a file is as it was when the load began.

    A SQLite database may be written to meanwhile: its reader takes all rows from one moment. Of a URL, each
    request makes sure that it gets the same object.

    Raises:
        SourceError: it was changed, replaced or removed.
    """
    if source.path is None or source.state is None or _WAL in source.state:
        return
    try:
        now = fingerprint(source)
    except SourceMissing as error:
        raise SourceError(f"{error.message}: it was there when the load began", advice=_CHANGED) from error
    if now != source.state:
        raise SourceError(
            f"{source.name} was changed while it was loaded: {changes(source.state, now or {})}",
            advice=_CHANGED,
        )


def changes(old: Mapping[str, object], new: Mapping[str, object]) -> str:
    """Return in words how two fingerprints of a source differ; empty if they do not."""
    if old.get("size") != new.get("size"):
        return f"its size was {old.get('size')} bytes and is {new.get('size')}"
    if old.get("head") != new.get("head"):
        return "its beginning is another"
    if old.get("tail") != new.get("tail"):
        return "its end is another"
    if old.get(_WAL) != new.get(_WAL):
        return "its -wal file is another"
    return "it was written to" if dict(old) != dict(new) else ""


def fingerprint(source: Source) -> dict[str, str | int] | None:
    """Return what identifies a source: size, time, and a hash of its head and tail.

    For a SQLite database it includes size and time of its ``-wal`` file, which holds changes until a
    checkpoint; 0 if it is absent or empty. For a URL it is size, ETag and Last-Modified. It is None for a
    source that cannot be read twice: standard input, a named pipe, a URL whose server supports no ranges.

    Raises:
        SourceMissing: the source cannot be read any more.
    """
    if source.url is not None and source.object_info is not None:
        return remote_file.fingerprint(source.url, source.object_info)
    if source.path is None or source.size is None:
        return None
    try:
        with open_regular(source.path) as file:
            status = os.fstat(file.fileno())
            head = file.read(_SAMPLE)
            file.seek(max(0, status.st_size - _SAMPLE))
            tail = file.read(_SAMPLE)
    except OSError as error:
        raise SourceMissing(f"{source.name}: {error.strerror or error}") from error
    of_file: dict[str, str | int] = {
        "name": printable(Path(source.path.name)),
        "size": status.st_size,
        "mtime": status.st_mtime_ns,
        "head": hashlib.sha256(head).hexdigest(),
        "tail": hashlib.sha256(tail).hexdigest(),
    }
    if source.member is not None:
        of_file["member"] = source.member
    return of_file | _of_write_ahead_log(source.path) if head.startswith(SQLITE) else of_file


def _of_write_ahead_log(path: Path) -> dict[str, str | int]:
    """Return what identifies the write-ahead log of a database."""
    try:
        status = path.with_name(f"{path.name}-wal").stat()
    except OSError:
        return {_WAL: 0, "wal_mtime": 0}
    return {_WAL: status.st_size, "wal_mtime": status.st_mtime_ns if status.st_size else 0}
