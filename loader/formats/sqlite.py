"""SQLite: the rows of a table or of a query -> tables of cells."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import AsyncIterator, Sequence
from contextlib import closing
from functools import partial
from pathlib import Path

import anyio.to_thread

from loader.errors import SourceError, SourceUnfit
from loader.formats.csv_header import listed
from loader.formats.encoding import rows_of_portion
from loader.formats.origin import Cell, DatabaseOrigin
from loader.formats.records import Table
from loader.model import Place

_FIRST, _ROWS = 100, 2000  # of the first portion, and of any at most
_READS = re.compile(r"(?:\s|--[^\n]*\n|/\*.*?\*/)*(?:select|with|values)\b", re.IGNORECASE | re.DOTALL)
_DAMAGE = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_IOERR)
_IN_USE = (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)
_TRY = "Does the sqlite3 shell read that table, view, or SELECT of --query?"
_TABLES = (
    "select name, type from sqlite_master where type in ('table', 'view') "
    "and name not like 'sqlite\\_%' escape '\\' order by name"
)
_MOST_TABLES = 1_000_000
_PASSED = 50_000  # rows that are passed over at a time

_run = partial(anyio.to_thread.run_sync, abandon_on_cancel=False)  # SQLite's own threads are not to be left


async def tables(
    path: Path, name: str, *, start: Place, query: str | None, table: str | None
) -> AsyncIterator[Table]:
    """The rows of a table, or of a query, from ``start`` on.

    Args:
        path: the database; it is only read.
        name: the source's, for messages.
        start: the place of the first row.
        query: a query; its rows must come in the same order each time.
        table: the table or view; None: the only table that there is.

    Raises:
        SourceUnfit: there is no such table, or the query is wrong.
        SourceError: the database is damaged, or is no longer readable.
    """
    database = await _run(_open, path, name)
    with closing(database):
        await _run(database.execute, "begin")  # the rows of one moment, also where they are asked for twice
        asked = query or _select(database, name, table)
        cursor = await _run(_ask, database, asked, name)
        columns = tuple(column for column, *_ in cursor.description)
        _refuse(columns, name)
        number, rows = start.number, _FIRST
        await _run(_pass_over, cursor, number - 1, name)
        database.text_factory = str  # twice as fast
        while True:
            try:
                records = await _run(_fetch, cursor, rows, name)
            except _NotUtf8:
                database.text_factory = _lenient
                cursor = await _run(_ask, database, asked, name)
                await _run(_pass_over, cursor, number - 1, name)
                continue
            if not records:
                break
            some = records[:_FIRST]
            size = sum(len(cell) for record in some for cell in record if isinstance(cell, str | bytes))
            rows = rows_of_portion(len(some), size, _ROWS)
            begin = Place(start.source, number, 0, number)
            number += len(records)
            end = Place(start.source, number, 0, number)
            yield Table(begin, end, columns, records, DatabaseOrigin(begin.number, columns, records))


def understood(path: Path, name: str, *, query: str | None, table: str | None) -> str:
    """What is read of it, for people.

    Raises:
        SourceUnfit: there is no such table, or none to choose, or the query is wrong.
    """
    with closing(_open(path, name)) as database:
        what = "the rows of --query" if query else f"table {_chosen(database, name, table)}"
        cursor = _ask(database, query or _select(database, name, table), name)
        return f"SQLite, {what}; {listed([column for column, *_ in cursor.description])}"


def count(path: Path, name: str, *, query: str | None, table: str | None) -> int | None:
    """How many rows there are; None for a query, which would be carried out, and where damage hides it."""
    if query is not None:
        return None
    with closing(_open(path, name)) as database:
        counting = _select(database, name, table).replace("select *", "select count(*)", 1)
        try:
            ((found,),) = _fetch(_ask(database, counting, name), 1, name)
        except SourceUnfit:
            raise
        except SourceError:
            return None  # it is told once the rows before it were read
        return int(found or 0)


def _open(path: Path, name: str) -> sqlite3.Connection:
    _refuse_cut(path, name)
    try:
        # Not immutable: a program that writes to it may have left a part of its rows in a -wal file.
        address = f"{path.absolute().as_uri()}?mode=ro"
        database = sqlite3.connect(address, uri=True, check_same_thread=False)
        database.text_factory = _lenient
        database.execute("select 1 from sqlite_master limit 1").fetchall()
    except sqlite3.Error as error:
        raise _failed(name, error, "Is it whole, and may its folder be written to?") from error
    return database


def _refuse_cut(path: Path, name: str) -> None:
    """See that the file has all its pages, as far as its header tells (SQLite's file format, 1.3).

    Raises:
        SourceError: it lacks some.
    """
    with path.open("rb") as file:
        header = file.read(100)
    size = path.stat().st_size
    page = int.from_bytes(header[16:18])
    pages = int.from_bytes(header[28:32])
    # The number of pages counts only where it was written with the last change.
    counts = header[24:28] == header[92:96]
    whole = (65536 if page == 1 else page) * pages
    if len(header) < 100 or (counts and size < whole):
        raise SourceError(
            f"{name} is cut off: it has {size:,} of {max(whole, 100):,} bytes",
            advice="Get it again, whole, and load it with --fresh.",
        )


def _select(database: sqlite3.Connection, name: str, table: str | None) -> str:
    quoted = _chosen(database, name, table).replace('"', '""')
    return f'select * from "{quoted}"'  # noqa: S608 - it is quoted


def _chosen(database: sqlite3.Connection, name: str, table: str | None) -> str:
    """The table to read."""
    rows = _fetch(_ask(database, _TABLES, name), _MOST_TABLES, name)
    kinds = {str(one): str(kind) for one, kind in rows}
    if table is not None:
        found = next((one for one in kinds if one.lower() == table.lower()), None)
        if found is None:
            raise SourceUnfit(
                f"{name} has no table {table}",
                advice=f"It has {', '.join(kinds)}." if kinds else "It has no table at all.",
            )
        return found
    tables = [one for one, kind in kinds.items() if kind == "table"]
    if len(tables) != 1:
        raise SourceUnfit(
            f"{name} has {len(tables) or 'no'} tables" + (f": {', '.join(tables)}" if tables else ""),
            advice=f"--source-table names the one to load, of {', '.join(kinds)}; or --query selects rows."
            if kinds
            else "",
        )
    return tables[0]


def _ask(database: sqlite3.Connection, query: str, name: str) -> sqlite3.Cursor:
    if not _READS.match(query):  # vacuum and attach write files, also where the database cannot be written
        raise SourceUnfit(f"{name}: --query does not begin with SELECT", advice="It must be one SELECT.")
    try:
        cursor = database.execute(query)
    except (sqlite3.Error, sqlite3.Warning) as error:
        if _code(error) in (*_DAMAGE, *_IN_USE):
            raise _failed(name, error) from error  # the query is not at fault
        raise SourceUnfit(f"{name}: SQLite says: {error}", advice=_TRY) from error
    if cursor.description is None:
        raise SourceUnfit(f"{name}: --query gives no rows", advice="It must be a SELECT.")
    return cursor


class _NotUtf8(Exception):  # noqa: N818 - it is what it says
    """A text that the text_factory does not take."""


def _lenient(text: bytes) -> str:
    return text.decode(errors="surrogateescape")


def _fetch(cursor: sqlite3.Cursor, most: int, name: str) -> list[tuple[Cell, ...]]:
    try:
        return cursor.fetchmany(most)
    except sqlite3.Error as error:
        if "Could not decode to UTF-8" in str(error):  # Python's words: it is no error of SQLite's
            raise _NotUtf8 from error
        raise _failed(name, error) from error


def _pass_over(cursor: sqlite3.Cursor, left: int, name: str) -> None:
    cursor.connection.text_factory = bytes
    while left and (passed := _fetch(cursor, min(left, _PASSED), name)):
        left -= len(passed)
    cursor.connection.text_factory = _lenient


def _failed(name: str, error: Exception, advice: str = _TRY) -> SourceError:
    """The error for what SQLite says; ``advice`` is given where neither damage nor a lock is its cause."""
    if _code(error) in _DAMAGE:
        advice = "Is it whole? `pragma integrity_check` tells. Get it again, and load it with --fresh."
    elif _code(error) in _IN_USE:
        advice = "Another program writes to it. Wait until that is done, or load a copy of it."
    return SourceError(f"{name}: SQLite says: {error}", advice=advice)


def _code(error: Exception) -> int:
    return getattr(error, "sqlite_errorcode", 0) & 0xFF  # what is above tells more than is needed


def _refuse(columns: Sequence[str], name: str) -> None:
    if twice := [one for one in dict.fromkeys(columns) if columns.count(one) > 1]:
        raise SourceUnfit(
            f"{name}: the query gives {', '.join(twice)} twice", advice="Name its columns with `as`."
        )
