"""SQLite files: open one for reading, run a query, and translate the errors."""

from __future__ import annotations

import os
import re
import sqlite3
from dataclasses import dataclass
from pathlib import Path

from loader.errors import SourceError, SourceUnfit
from loader.formats.origin import Cell
from loader.private_files import open_regular

_SELECT = re.compile(r"(?:\s|--[^\n]*\n|/\*.*?\*/)*(?:select|with|values)\b", re.IGNORECASE | re.DOTALL)
_DAMAGED = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_IOERR)
_IN_USE = (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)
_TRY_SHELL = "Does the sqlite3 shell read that table, view, or SELECT of --query?"
_SKIPPED = 50_000  # rows that are skipped at a time


class NotUtf8(Exception):  # noqa: N818 - it reads as what it says
    """A text cannot be decoded by the database's text_factory."""


def open_database(path: Path, name: str) -> sqlite3.Connection:
    """Open a database for reading. Texts that are not UTF-8 are decoded with surrogates.

    Args:
        path: the file.
        name: the source's name, for messages.

    Raises:
        SourceError: it is cut off, damaged, in use, or not a database.
    """
    _check_size(path, name)
    for suffix in ("-wal", "-journal"):  # SQLite would wait for the writer of a named pipe
        beside = path.with_name(f"{path.name}{suffix}")
        if beside.exists() and not beside.is_file():
            raise SourceError(f"{name}{suffix} is not a regular file", advice="Remove it, or load a copy.")
    try:
        # Not immutable=1: a program that writes to it may have left some of its rows in a -wal file.
        address = f"{path.absolute().as_uri()}?mode=ro"
        database = sqlite3.connect(address, uri=True, check_same_thread=False)
        database.text_factory = decode_leniently
        database.execute("select 1 from sqlite_master limit 1").fetchall()
    except sqlite3.Error as error:
        raise _translated(name, error, "Is it whole, and may its folder be written to?") from error
    return database


def _check_size(path: Path, name: str) -> None:
    """Check that the file has all its pages, as far as its header tells (SQLite's file format, 1.3).

    Raises:
        SourceError: some are missing.
    """
    with path.open("rb") as file:
        header = file.read(100)
    size = path.stat().st_size
    page_size = int.from_bytes(header[16:18])
    pages = int.from_bytes(header[28:32])
    # The number of pages is valid only if it was written by the latest change.
    is_valid = header[24:28] == header[92:96]
    expected = (65536 if page_size == 1 else page_size) * pages
    if len(header) < 100 or (is_valid and size < expected):
        raise SourceError(
            f"{name} is cut off: it has {size:,} of {max(expected, 100):,} bytes",
            advice="Get it again, whole, and load it with --fresh.",
        )


@dataclass(frozen=True, slots=True)
class FileState:
    """What changes when a database file is written to.

    Attributes:
        status: inode, size and time of the last change.
        header: its first 100 bytes, among them a counter of changes.
    """

    status: tuple[int, int, int]
    header: bytes

    @classmethod
    def of(cls, path: Path) -> FileState:
        """Return that of a file."""
        with open_regular(path) as file:
            status = os.fstat(file.fileno())
            return cls((status.st_ino, status.st_size, status.st_mtime_ns), file.read(100))

    @property
    def has_write_ahead_log(self) -> bool:
        """Whether writers append to a -wal file (SQLite's file format, 1.3.3)."""
        return self.header[18:20] == b"\x02\x02"


def check_not_overwritten(path: Path, before: FileState, name: str) -> None:
    """Check that only SQLite has written to a database while a transaction has read it.

    With a rollback journal, nobody can write to the file meanwhile. With a write-ahead log, others may: what
    they write does not concern the transaction, and reaches the file from the -wal file only.

    Raises:
        SourceError: somebody has overwritten or replaced the file.
    """
    try:
        now = FileState.of(path)
        log = path.with_name(f"{path.name}-wal")
        if now == before:
            return
        by_sqlite = before.has_write_ahead_log and now.has_write_ahead_log and log.stat().st_size > 0
        if by_sqlite and now.status[0] == before.status[0]:
            return
    except OSError:
        pass
    raise SourceError(
        f"{name} was overwritten or replaced while it was read, and not by SQLite",
        advice="Its rows may be a mix of two databases. Load it anew with --fresh.",
    )


def decode_leniently(text: bytes) -> str:
    """Return a text that may not be UTF-8 (a text_factory)."""
    return text.decode(errors="surrogateescape")


def execute(database: sqlite3.Connection, query: str, name: str) -> sqlite3.Cursor:
    """Run a query.

    Raises:
        SourceUnfit: it is not a SELECT, or SQLite refuses it.
        SourceError: the database is damaged, or in use.
    """
    if not _SELECT.match(query):  # vacuum and attach write files even if the database is read-only
        raise SourceUnfit(f"{name}: --query does not begin with SELECT", advice="It must be one SELECT.")
    try:
        cursor = database.execute(query)
    except (sqlite3.Error, sqlite3.Warning) as error:
        if _primary_code(error) in (*_DAMAGED, *_IN_USE):
            raise _translated(name, error) from error  # the query is not at fault
        raise SourceUnfit(f"{name}: SQLite says: {error}", advice=_TRY_SHELL) from error
    if cursor.description is None:
        raise SourceUnfit(f"{name}: --query gives no rows", advice="It must be a SELECT.")
    return cursor


def fetch(cursor: sqlite3.Cursor, most: int, name: str) -> list[tuple[Cell, ...]]:
    """Return the next rows, at most ``most``.

    Raises:
        NotUtf8: a text cannot be decoded.
        SourceError: the database is damaged, or in use.
    """
    try:
        return cursor.fetchmany(most)
    except sqlite3.Error as error:
        if "Could not decode to UTF-8" in str(error):  # Python's words; SQLite has no code for it
            raise NotUtf8 from error
        raise _translated(name, error) from error


def skip(cursor: sqlite3.Cursor, rows: int, name: str) -> None:
    """Skip the next rows.

    Raises:
        SourceError: the database is damaged, or in use.
    """
    cursor.connection.text_factory = bytes
    while rows and (skipped := fetch(cursor, min(rows, _SKIPPED), name)):
        rows -= len(skipped)
    cursor.connection.text_factory = decode_leniently


def _translated(name: str, error: Exception, advice: str = _TRY_SHELL) -> SourceError:
    """Return the error for what SQLite says; ``advice`` is for other causes than damage and locks."""
    if _primary_code(error) in _DAMAGED:
        advice = (
            "Is it whole? Check it with `pragma integrity_check`. Get it again, and load it with --fresh."
        )
    elif _primary_code(error) in _IN_USE:
        advice = "Another program writes to it. Wait until that is done, or load a copy of it."
    return SourceError(f"{name}: SQLite says: {error}", advice=advice)


def _primary_code(error: Exception) -> int:
    return getattr(error, "sqlite_errorcode", 0) & 0xFF  # the higher bits are details
