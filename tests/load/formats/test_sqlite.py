"""What SQLite says of a database that cannot be read."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from tests.support.processes import Loads


def broken_view(database: sqlite3.Connection) -> list[str]:
    """A view of a column that is gone."""
    database.execute("create view broken as select nope from t")
    return ["--source-table=broken"]


def failing_query(database: sqlite3.Connection) -> list[str]:
    """A query that fails at its third row."""
    database.executemany("insert into t values (?, ?)", [("k2", 2), ("k3", -(2**63))])
    return ["--query=select id, abs(a) as a from t"]


def locked(database: sqlite3.Connection) -> list[str]:
    """A program that writes at the moment."""
    database.commit()
    database.execute("pragma locking_mode = exclusive")
    database.execute("begin exclusive")
    return []


@pytest.mark.parametrize(
    ("prepare", "words"),
    [
        (broken_view, "SQLite says: no such column: nope\n  Does the sqlite3 shell read that table"),
        (failing_query, "SQLite says: integer overflow\n  Does the sqlite3 shell read that table"),
        (locked, "SQLite says: database is locked\n  Another program writes to it."),
    ],
)
def test_what_sqlite_says_is_told_with_what_to_do(
    tmp_path: Path, loads: Loads, prepare: Callable[[sqlite3.Connection], list[str]], words: str
) -> None:
    """Whether the query, the database or another program is at fault."""
    with closing(sqlite3.connect(tmp_path / "rows.db")) as database:
        database.execute("create table t (id, a)")
        database.execute("insert into t values ('k', 1)")
        options = prepare(database)
        if not database.in_transaction or prepare is not locked:
            database.commit()

        run = loads.run(*options, "rows.db")

    assert words in run.err
