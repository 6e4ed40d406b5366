"""Sources that hold far more than their size tells: read in bounded memory, or refused with the place."""

from __future__ import annotations

import gzip
import io
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import polars as pl
import pytest

from tests.support.harness import Target
from tests.support.outcome import contents
from tests.support.processes import Loads, peak


def csv_bomb() -> bytes:
    return gzip.compress(b"id,a,c\n") + gzip.compress(b"k,1,%s\n" % (b"." * 200) * 5000) * 100


def json_bomb() -> bytes:
    few = gzip.compress(b'{"id":"k","a":1,"c":"%s"},' % (b"." * 200) * 5000)
    return gzip.compress(b"[") + few * 100 + gzip.compress(b'{"id":"k"}]')


def sqlite_bomb() -> bytes:
    with closing(sqlite3.connect(":memory:")) as database:
        database.execute("create table rows (id, a, c)")
        row = ("k", 1, "." * 200)
        database.executemany("insert into rows values (?, ?, ?)", (row for _ in range(500_000)))
        return gzip.compress(database.serialize(), 1)


def parquet_bomb() -> bytes:
    file = io.BytesIO()
    one = pl.DataFrame({"id": ["k"], "a": [1], "c": ["." * 200]})
    pl.concat([one] * 1000).select(pl.all().repeat_by(1000).explode()).write_parquet(file)
    return file.getvalue()


BOMBS: list[tuple[str, Callable[[], bytes], int]] = [
    ("bomb.csv.gz", csv_bomb, 45),
    ("bomb.json.gz", json_bomb, 45),
    ("bomb.sqlite.gz", sqlite_bomb, 60),
    ("bomb.parquet", parquet_bomb, 160),  # polars itself takes some 60
]


@pytest.mark.parametrize(("name", "make", "more"), BOMBS, ids=[name for name, *_ in BOMBS])
def test_a_bomb_does_not_take_memory(
    loads: Loads, tmp_path: Path, name: str, make: Callable[[], bytes], more: int
) -> None:
    """100 or 200 MB out of little: not much more than what a few rows take."""
    (tmp_path / "plain.jsonl").write_bytes(b'{"id":"k","a":1}\n')
    (tmp_path / name).write_bytes(make())
    assert (tmp_path / name).stat().st_size < 4_000_000

    plain, usual = peak(loads, "plain.jsonl")
    run, most = peak(loads, name)

    assert (0, 0) == (plain.code, run.code), run.err
    assert most <= usual + more


def test_large_rows_of_a_database_are_few_at_a_time(loads: Loads, tmp_path: Path) -> None:
    """300 MB in rows of 200 KB."""
    (tmp_path / "plain.jsonl").write_bytes(b'{"id":"k","a":1}\n')
    with closing(sqlite3.connect(tmp_path / "wide.sqlite")) as database:
        database.execute("create table rows (id, c)")
        wide = ((f"k{number}", "x" * 200_000) for number in range(1500))
        database.executemany("insert into rows values (?, ?)", wide)
        database.commit()

    _, usual = peak(loads, "plain.jsonl")
    run, most = peak(loads, "wide.sqlite")

    assert 0 == run.code, run.err
    assert most <= usual + 150


@pytest.mark.parametrize("line", [b"x,1\n", b"x\n", b"\n"])
def test_a_quote_that_is_never_closed_is_told(
    loads: Loads, tmp_path: Path, target: Target, line: bytes
) -> None:
    """With its line, once the cell is longer than a row may be; the rows before it are in."""
    part = gzip.compress(line * (8_000_000 // len(line)))
    data = gzip.compress(b'id,a\nk1,1\nk2,"2\n') + part * 10
    (tmp_path / "rows.csv.gz").write_bytes(data)

    run, most = peak(loads, "rows.csv.gz", dry=False)

    assert 4 == run.code
    assert "rows.csv.gz:3: the row is longer than 64 MiB" in run.err
    assert "Does a cell begin with a quote that is never closed?" in run.err
    assert most < 350  # a row may have 64 MiB
    assert ["k1"] == list(contents(target))


# A name, what is before a text of 200 MB and behind it, where it begins, what is said of it
LONG: list[tuple[str, bytes, bytes, str, str]] = [
    (
        "rows.csv.gz",
        b"id,a,c\nk1,1,x\nk2,2,",
        b"\nk3,3,x\n",
        ":3: the line is longer than 64 MiB",
        "on a line of its own",
    ),
    (
        "rows.csv.gz",
        b'id,a,c\nk1,1,x\nk2,2,"\n',
        b'"\nk3,3,x\n',
        ":4: the line is longer than 64 MiB",
        "on a line of its own",
    ),
    (
        "rows.jsonl.gz",
        b'{"id":"k1","a":1,"c":"x"}\n{"id":"k2","c":"',
        b'"}\n{"id":"k3"}\n',
        ":2: the line is longer than 64 MiB",
        "on a line of its own",
    ),
    (
        "rows.json.gz",
        b'[{"id":"k1","a":1,"c":"x"},\n{"id":"k2","c":"',
        b'"},{"id":"k3"}]',
        ":2: the element at byte 28 is longer than 67,108,864 bytes",
        "Is a quote or a bracket missing in it?",
    ),
]


@pytest.mark.parametrize(("name", "before", "behind", "words", "advice"), LONG)
def test_a_line_of_200_mb_is_told(
    target: Target,
    tmp_path: Path,
    loads: Loads,
    name: str,
    before: bytes,
    behind: bytes,
    words: str,
    advice: str,
) -> None:
    """With its line and what may be wrong; the row before it is in."""
    part = gzip.compress(b"." * 1_000_000)
    (tmp_path / name).write_bytes(gzip.compress(before) + part * 200 + gzip.compress(behind))

    run, most = peak(loads, name, dry=False)

    assert 4 == run.code, run.err
    assert f"{name}{words}" in run.err
    assert advice in run.err
    assert {"k1": ("1", None, "x")} == contents(target)
    assert most < 250


def test_a_header_of_100_000_columns_ends(loads: Loads, tmp_path: Path) -> None:
    """Within seconds: what takes time for each pair of columns would take minutes."""
    names = ["id", *(f"c{number}" for number in range(100_000))]
    (tmp_path / "rows.csv").write_text(f"{','.join(names)}\nk{',' * 100_000}\n")

    run = loads.start("rows.csv").wait(30)

    assert 4 == run.code, run.err
    assert "rows.csv: CSV with commas; 100001 columns: id, c0, " in run.err
    assert "--drop c0 --drop c1 " in run.err


def test_a_row_group_that_unfolds_too_far_is_refused(loads: Loads, tmp_path: Path) -> None:
    """60 MiB out of 4 KB: refused before any of it is read, and a row sent, with the option that loads it."""
    (tmp_path / "plain.jsonl").write_bytes(b'{"id":"k","a":1}\n')
    texts = [f"{number}{'x' * 2**20}" for number in range(60)]
    frame = pl.DataFrame({"id": [f"k{number}" for number in range(60)], "c": texts})
    frame.write_parquet(tmp_path / "bomb.parquet", compression="brotli", statistics=False)
    assert (tmp_path / "bomb.parquet").stat().st_size < 20_000

    _, usual = peak(loads, "plain.jsonl")
    refused, most = peak(loads, "bomb.parquet", "--parquet-memory=50MiB")
    loaded = loads.run("--parquet-memory=61MiB", "--run-dir=loaded", "bomb.parquet")

    assert 2 == refused.code, refused.err
    assert "row group 1 of 1 takes 61 MiB" in refused.err
    assert "--parquet-memory 61MiB" in refused.err
    assert most <= usual + 90  # polars alone takes some 60
    assert 0 == loaded.code, loaded.err
