"""The files that bulkload made in a run directory: a list of them in the journal.

A name that is taken and not on the list is somebody else's, and is not touched. The list also knows how
each file was when it was written, so that what somebody has changed since is kept.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path

import orjson

from loader.errors import RunDirError, SettingsError
from loader.formats.source_format import is_reject_file
from loader.private_files import NotRegularError, check_regular, create_private, create_private_folder
from loader.run import journal
from loader.run.journal_past import TABLES

ERRORS = "rejects.errors.jsonl"
REPORT = "report.json"
SPOOL, GATHERED = "spool", "gathered.sqlite"  # gone at the end of a load
SESSION = "session"  # the refresh token of an unfinished load (session_file.py)
SESSION_PART = f"{SESSION}.part"  # while it is written
_OF_JOURNAL = (f"{journal.NAME}-wal", f"{journal.NAME}-shm", f"{journal.NAME}-journal")
_NOT_SET_ASIDE = (SPOOL, GATHERED, SESSION, SESSION_PART)
_TABLE = (
    "create table if not exists own_files (name text primary key, written text, loaded text) without rowid"
)
_WAIT = 10.0  # seconds for the journal, which is being written


class OwnFiles:
    """The files of one run directory.

    Args:
        folder: the run directory.

    Attributes:
        disposable: whether the reject files that are written now may be lost: a dry run's.
        is_older: whether the journal has no list, as those of earlier versions.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.journal = folder / journal.NAME
        self.disposable = False
        self.is_older = False
        self._written: dict[str, str | None] = {}  # how each file was when it was written
        self._loaded: dict[str, str | None] = {}  # how each reject file was when it was loaded

    def read(self) -> None:
        """Read the list, and see that nobody else has a file of one of our names.

        Raises:
            SettingsError: somebody has.
            RunDirError: there is no regular file of such a name, or the journal cannot be read.
        """
        self._written, self._loaded, self.is_older = {}, {}, False
        if self._is_there(self.journal):
            with self._database() as database:
                tables = {str(name) for (name,) in database.execute(TABLES)}
                if "own_files" in tables:
                    for name, written, loaded in database.execute(
                        "select name, written, loaded from own_files"
                    ):
                        self._written[str(name)], self._loaded[str(name)] = written, loaded
                elif "about" in tables:
                    self.is_older = True
                    self.adopt()
                elif tables:
                    raise _not_ours(self.journal)
        else:
            for name in _OF_JOURNAL:
                if self._is_there(self.folder / name):
                    raise _not_ours(self.folder / name)
        for name in self._names():
            if name not in self._written:
                raise _not_ours(self.folder / name)

    def adopt(self) -> None:
        """Take all files of our names as ours: the folder is, and its list is lost."""
        self._written = dict.fromkeys(self._names())
        self._loaded = {}

    def add(self, *names: str) -> None:
        """Note that we are about to make files of these names.

        Raises:
            RunDirError: the journal cannot be written.
        """
        new = [name for name in names if name not in self._written]
        if new:
            with self._database() as database:
                database.executemany("insert or ignore into own_files (name) values (?)", [(n,) for n in new])
        self._written.update(dict.fromkeys(new))

    def create_journal(self) -> None:
        """Create the journal's file with an empty list, if it is not there.

        Raises:
            RunDirError: it cannot be written.
        """
        if not self._is_there(self.journal):
            with _translated(self.journal):
                create_private(self.journal).close()  # SQLite gives its other files the same mode
        if not self.is_older:
            with self._database() as database:
                database.execute(_TABLE)

    def unloaded(self) -> list[str]:
        """Return the reject files that nobody has loaded as they are now."""
        return [
            name
            for name in self._names()
            if is_reject_file(name) and self._loaded.get(name) != _stamp(self.folder / name)
        ]

    @property
    def as_written(self) -> bool:
        """Whether nobody has changed a reject file."""
        return all(
            self._written.get(name) == _stamp(self.folder / name)
            for name in self._names()
            if is_reject_file(name)
        )

    def set_aside(self, names: Iterable[str] | None = None) -> Path:
        """Move files into a new folder in the run directory.

        Args:
            names: which; None: the report and the rejects with their reasons.

        Returns:
            The folder.

        Raises:
            RunDirError: they cannot be moved.
        """
        if names is None:
            names = [name for name in self._names() if name not in _NOT_SET_ASIDE]
        with _translated(self.folder):
            target = _new_folder(self.folder)
            for name in names:
                (self.folder / name).rename(target / name)
        return target

    def remove(self) -> None:
        """Remove our files, and the journal with them.

        Raises:
            RunDirError: one cannot be removed.
        """
        for name in (*self._written, *_OF_JOURNAL, journal.NAME):
            with _translated(self.folder / name):
                (self.folder / name).unlink(missing_ok=True)
        self._written, self._loaded, self.is_older = {}, {}, False

    def remove_temporary(self) -> None:
        """Remove what no load leaves behind, as far as that is possible."""
        for name in (SPOOL, GATHERED):
            if name in self._written:
                with suppress(OSError):
                    (self.folder / name).unlink()

    def has(self, name: str) -> bool:
        """Return whether a file of this name is ours, if there is one."""
        return name in self._written

    def replace(self, parts: dict[str, Path], stale: Callable[[str], bool]) -> None:
        """Give files that were written their names.

        What somebody has changed or put there since we wrote it is set aside.

        Raises:
            RunDirError: the disk is full, or the like.
        """
        old = [name for name in self._names() if name in parts or stale(name)]
        changed = [
            name
            for name in old
            if _stamp(self.folder / name) not in (self._written.get(name), self._loaded.get(name))
        ]
        if changed:
            self.set_aside(changed)
        stamps = {name: _stamp(part) for name, part in parts.items()}
        with self._database() as database:
            rows = [
                (name, stamp, stamp if self.disposable and is_reject_file(name) else None)
                for name, stamp in stamps.items()
            ]
            database.executemany("insert or replace into own_files values (?, ?, ?)", rows)
            # From now on a file of such a name would be somebody else's.
            database.executemany(
                "delete from own_files where name = ?", [(part.name,) for part in parts.values()]
            )
        for part in parts.values():
            self._written.pop(part.name, None)
        for name, stamp, loaded in rows:
            self._written[name], self._loaded[name] = stamp, loaded
        with _translated(self.folder):
            for name, part in parts.items():
                part.replace(self.folder / name)
            for name in old:
                if name not in parts:
                    (self.folder / name).unlink(missing_ok=True)

    def _names(self) -> list[str]:
        """Return the names of files that are there and that a load may write."""
        with _translated(self.folder):
            present = [name for name in os.listdir(self.folder) if _is_ours_by_name(name)]  # noqa: PTH208 - names
        return sorted(name for name in present if self._is_there(self.folder / name))

    def _is_there(self, path: Path) -> bool:
        with _translated(path):
            return check_regular(path)

    @contextmanager
    def _database(self) -> Iterator[sqlite3.Connection]:
        """Open the journal for a moment."""
        with _translated(self.journal):
            database = sqlite3.connect(self.journal, timeout=_WAIT)
            with closing(database), database:
                yield database


def note_loaded(path: Path, stamp: str, target: dict[str, object]) -> None:
    """Note in the run directory of a reject file that all its rows were loaded; do nothing where that fails.

    Args:
        path: a source; if it is no reject file of a run directory, nothing is noted.
        stamp: how the file was when the load began.
        target: url, schema and table that it was loaded into. They must be those of its own load.
    """
    journal_path = path.parent / journal.NAME
    with suppress(OSError, sqlite3.Error, ValueError, AttributeError):
        if not is_reject_file(path.name) or not check_regular(journal_path):
            return
        with closing(sqlite3.connect(journal_path, timeout=_WAIT)) as database, database:
            (text,) = database.execute("select value from about where name = 'identity'").fetchone() or (
                "{}",
            )
            identity = orjson.loads(text)
            if all(identity.get(name) == value for name, value in target.items()):
                database.execute("update own_files set loaded = ? where name = ?", (stamp, path.name))


def stamp_of(size: object, mtime_ns: object) -> str:
    """Return what tells whether a file was changed."""
    return f"{size}:{mtime_ns}"


def _stamp(path: Path) -> str | None:
    try:
        status = path.stat(follow_symlinks=False)
    except FileNotFoundError:
        return None
    return stamp_of(status.st_size, status.st_mtime_ns)


def _is_ours_by_name(name: str) -> bool:
    return name in (REPORT, ERRORS, *_NOT_SET_ASIDE) or is_reject_file(name)


def is_own_name(name: str) -> bool:
    """Return whether a load writes files of this name into its run directory."""
    return _is_ours_by_name(name) or name in (journal.NAME, *_OF_JOURNAL)


def _new_folder(folder: Path) -> Path:
    """Create the folder for files that are set aside: ``earlier-1`` and so on."""
    number = 1
    while True:
        path = folder / f"earlier-{number}"
        if not path.is_symlink() and not path.exists():
            create_private_folder(path)
            return path
        number += 1


def _not_ours(path: Path) -> SettingsError:
    return SettingsError(
        f"{path} is there already, and no load of bulkload has made it: nothing was touched",
        advice="Give this load another --run-dir.",
    )


@contextmanager
def _translated(path: Path) -> Iterator[None]:
    """Translate the errors of the system and of SQLite.

    Raises:
        RunDirError: always, in their place.
    """
    try:
        yield
    except NotRegularError as error:
        raise RunDirError(
            f"{error.filename}: is not a regular file", advice="Give this load another --run-dir."
        ) from error
    except sqlite3.Error as error:
        raise journal.translated(path, error) from error
    except OSError as error:
        raise RunDirError(
            f"{error.filename or path}: {error.strerror or error}",
            advice="Make room, or name another --run-dir.",
        ) from error
