"""SQLite: what is told where a database cannot be read, without a load around it."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from loader.errors import SourceError
from loader.sources import sqlite


def test_a_lock_that_comes_once_the_database_is_open_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also while its tables are looked for: it was a bug of ours."""
    path = tmp_path / "rows.db"
    with closing(sqlite3.connect(path, isolation_level=None)) as writer:
        writer.execute("create table rows (id)")
        unlocked = sqlite._open

        def lock_behind(*arguments: object) -> sqlite3.Connection:
            database = unlocked(*arguments)  # type: ignore[arg-type]
            database.execute("pragma busy_timeout = 0")
            writer.execute("begin exclusive")
            return database

        monkeypatch.setattr(sqlite, "_open", lock_behind)

        with pytest.raises(SourceError, match=r"^rows\.db: SQLite says: database is locked\nAnother program"):
            sqlite.understood(path, "rows.db", query=None, table=None)
