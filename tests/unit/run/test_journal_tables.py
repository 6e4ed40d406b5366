"""A commit of the journal costs the same, however many rows are settled beyond the watermark."""

from __future__ import annotations

import sqlite3
from contextlib import closing

from loader.run import journal_tables


def test_settled_rows_are_forgotten_by_an_index() -> None:
    """Where 40,000 shapes take turns, as many ranges wait: no commit may look at all of them."""
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as database:
        database.execute("begin")
        journal_tables.create(database, "{}")

        ((*_, plan),) = database.execute(f"explain query plan {journal_tables.FORGET_SETTLED}", (1, 2))

    assert str(plan).startswith("SEARCH settled USING INDEX")
