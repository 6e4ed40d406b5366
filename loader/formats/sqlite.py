"""SQLite: the rows of a table or of a query, as tables of cells."""

from __future__ import annotations

import sqlite3
from collections.abc import AsyncIterator, Sequence
from contextlib import closing
from functools import partial
from pathlib import Path

import anyio.to_thread

from loader.errors import SourceError, SourceUnfit
from loader.formats.column_names import list_columns
from loader.formats.database_file import rows_per_piece
from loader.formats.origin import DatabaseOrigin
from loader.formats.records import Table
from loader.formats.source_hints import SourceHints
from loader.formats.sqlite_file import (
    FileState,
    NotUtf8,
    check_not_overwritten,
    decode_leniently,
    execute,
    fetch,
    open_database,
    skip,
)
from loader.model import Place

_FIRST_ROWS, _MOST_ROWS = 100, 2000  # of the first piece, and of any
_LIST_TABLES = (
    "select name, type from sqlite_master where type in ('table', 'view') "
    "and name not like 'sqlite\\_%' escape '\\' order by name"
)
_MOST_TABLES = 1_000_000

_run = partial(anyio.to_thread.run_sync, abandon_on_cancel=False)  # a thread may not outlive its connection


class SqliteReader:
    """Reads the rows of a table or of a query of a SQLite database (a DatabaseReader).

    Args:
        path: the database; it is opened read-only.
        name: the source's name, for messages.
        hints: its ``query``, whose rows must come in the same order each time; or its ``table``, a table or a
            view. With neither, the only table of the database is read.
    """

    def __init__(self, path: Path, name: str, hints: SourceHints) -> None:
        self._path = path
        self._name = name
        self._query = hints.query
        self._table = hints.table

    def describe(self) -> str:
        """Return which table is read, and its columns.

        Raises:
            SourceUnfit: there is no such table, or none can be chosen, or the query is wrong.
            SourceError: the database is damaged, or in use.
        """
        with closing(open_database(self._path, self._name)) as database:
            what = "the rows of --query" if self._query else f"table {self._chosen_table(database)}"
            cursor = execute(database, self._query or self._select(database), self._name)
            return f"SQLite, {what}; {list_columns([column for column, *_ in cursor.description])}"

    def count_rows(self) -> int | None:
        """Return how many rows there are; None for a query, which would have to run, and if damage hides it.

        Raises:
            SourceUnfit: as describe() does.
        """
        if self._query is not None:
            return None
        with closing(open_database(self._path, self._name)) as database:
            counting = self._select(database).replace("select *", "select count(*)", 1)
            try:
                ((rows,),) = fetch(execute(database, counting, self._name), 1, self._name)
            except SourceUnfit:
                raise
            except SourceError:
                return None  # records() raises it, after the rows before the damage
            return int(rows or 0)

    async def records(self, start: Place) -> AsyncIterator[Table]:
        """Return the rows from ``start`` on (FormatReader).

        Raises:
            SourceUnfit: there is no such table, or the query is wrong.
            SourceError: the database is damaged, or can no longer be read.
        """
        name = self._name
        database = await _run(open_database, self._path, name)
        with closing(database):
            await _run(database.execute, "begin")  # all rows are of one moment, even if the query runs twice
            query = self._query or self._select(database)
            cursor = await _run(execute, database, query, name)
            state = await _run(FileState.of, self._path)
            columns = tuple(column for column, *_ in cursor.description)
            _check_unique(columns, name)
            number, rows = start.number, _FIRST_ROWS
            await _run(skip, cursor, number - 1, name)
            database.text_factory = str  # twice as fast as decode_leniently
            while True:
                try:
                    records = await _run(fetch, cursor, rows, name)
                except NotUtf8:
                    database.text_factory = decode_leniently
                    cursor = await _run(execute, database, query, name)
                    await _run(skip, cursor, number - 1, name)
                    continue
                if not records:
                    await _run(check_not_overwritten, self._path, state, name)
                    break
                sample = records[:_FIRST_ROWS]
                size = sum(len(cell) for record in sample for cell in record if isinstance(cell, str | bytes))
                rows = rows_per_piece(len(sample), size, _MOST_ROWS)
                begin = Place(start.source, number, 0, number)
                number += len(records)
                end = Place(start.source, number, 0, number)
                yield Table(begin, end, columns, records, DatabaseOrigin(begin.number, columns, records))

    def _select(self, database: sqlite3.Connection) -> str:
        quoted = self._chosen_table(database).replace('"', '""')
        return f'select * from "{quoted}"'  # noqa: S608 - it is quoted

    def _chosen_table(self, database: sqlite3.Connection) -> str:
        """Return the name of the table to read."""
        name = self._name
        rows = fetch(execute(database, _LIST_TABLES, name), _MOST_TABLES, name)
        kinds = {str(table): str(kind) for table, kind in rows}
        if self._table is not None:
            chosen = next((table for table in kinds if table.lower() == self._table.lower()), None)
            if chosen is None:
                raise SourceUnfit(
                    f"{name} has no table {self._table}",
                    advice=f"It has {', '.join(kinds)}." if kinds else "It has no table at all.",
                )
            return chosen
        tables = [table for table, kind in kinds.items() if kind == "table"]
        if len(tables) != 1:
            raise SourceUnfit(
                f"{name} has {len(tables) or 'no'} tables" + (f": {', '.join(tables)}" if tables else ""),
                advice=f"Name the one to load with --source-table, of {', '.join(kinds)}; "
                "or select rows with --query."
                if kinds
                else "",
            )
        return tables[0]


def _check_unique(columns: Sequence[str], name: str) -> None:
    if repeated := [column for column in dict.fromkeys(columns) if columns.count(column) > 1]:
        raise SourceUnfit(
            f"{name}: the query gives {', '.join(repeated)} twice", advice="Name its columns with `as`."
        )
