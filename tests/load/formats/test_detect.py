"""--format against what the name and the first bytes of a source tell."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.harness import Target
from tests.support.outcome import contents
from tests.support.processes import Loads

# A name, --format, what the file holds, the exit code, what is said or the table
SAID: list[tuple[str, str, bytes, int, str | dict[str, tuple[str | None, ...]]]] = [
    ("rows.jsonl", "csv", b"id,c\nk,x\n", 0, {"k": (None, None, "x")}),
    ("rows.txt", "csv", b"id\tc\nk\tx\n", 0, {"k": (None, None, "x")}),
    ("rows.csv", "tsv", b"id\tc\nk\ta,b,c\n", 0, {"k": (None, None, "a,b,c")}),
    ("rows.csv", "jsonl", b'{"id":"k","a":1}\n', 0, {"k": ("1", None, None)}),
    ("rows.csv", "json", b'[\n{"id":\n"k"}]', 0, {"k": (None, None, None)}),
    ("rows.json", "csv", b'{"id",c\nk,x\n', 2, "rows.json gives no id, the key"),
    ("rows.csv", "parquet", b"id,c\nk,x\n", 2, "rows.csv is not Parquet, although --format says so"),
    ("rows.csv", "sqlite", b"id,c\nk,x\n", 2, "rows.csv is not a SQLite database, although --format says so"),
    ("rows.db", "csv", b"SQLite format 3\0", 2, "rows.db is a SQLite database file, and --format is csv"),
]


@pytest.mark.parametrize(("name", "said", "data", "code", "expected"), SAID)
def test_format_overrides_names_and_looks(
    target: Target,
    tmp_path: Path,
    loads: Loads,
    name: str,
    said: str,
    data: bytes,
    code: int,
    expected: str | dict[str, tuple[str | None, ...]],
) -> None:
    """But a database is no text, and a text no database."""
    (tmp_path / name).write_bytes(data)

    run = loads.run(f"--format={said}", name)

    assert code == run.code, run.err
    if isinstance(expected, str):
        assert expected in run.err
        assert {} == contents(target)
    else:
        assert expected == contents(target)
