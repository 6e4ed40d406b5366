"""SQLite: rows of one moment, and errors of databases that cannot be read."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from loader.errors import SourceError
from loader.formats import sqlite, sqlite_file
from loader.formats.source_hints import SourceHints
from loader.formats.sqlite import SqliteReader
from loader.model import BEGIN


def test_a_lock_that_comes_once_the_database_is_open_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also while its tables are listed, where it was once reported as a bug in bulkload."""
    path = tmp_path / "rows.db"
    with closing(sqlite3.connect(path, isolation_level=None)) as writer:
        writer.execute("create table rows (id)")
        unlocked = sqlite_file.open_database

        def lock_behind(*arguments: object) -> sqlite3.Connection:
            database = unlocked(*arguments)  # type: ignore[arg-type]
            database.execute("pragma busy_timeout = 0")
            writer.execute("begin exclusive")
            return database

        monkeypatch.setattr(sqlite, "open_database", lock_behind)

        with pytest.raises(SourceError, match=r"^rows\.db: SQLite says: database is locked\nAnother program"):
            SqliteReader(path, "rows.db", SourceHints()).describe()


async def test_rows_are_those_of_one_moment(tmp_path: Path) -> None:
    """Also if a text that is not UTF-8 makes the query run again, and a program writes meanwhile."""
    path = tmp_path / "rows.db"
    with closing(sqlite3.connect(path, isolation_level=None)) as writer:
        writer.execute("pragma journal_mode = wal")
        writer.execute("create table rows (id integer primary key, c text)")
        texts = ((number, b"\xff" if number == 4000 else b"x") for number in range(5000))
        writer.executemany("insert into rows values (?, cast(? as text))", texts)
        found: list[object] = []

        async for table in SqliteReader(path, "rows.db", SourceHints()).records(BEGIN):
            if not found:
                writer.execute("delete from rows where id < 50")
            found += [record[0] for record in table.records]

    assert list(range(5000)) == found
