"""Sources that change while they are loaded: no mix of two states and no half of a line is all."""

from __future__ import annotations

import gzip
import io
import os
import sqlite3
import threading
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import polars as pl
import pytest

from loader.events import Event, Opened, Settled
from loader.run.report import Report
from tests.support.harness import Target
from tests.support.outcome import contents
from tests.support.processes import Loads

ROWS = 6000


class Once:
    """An observer that does something at the first event of a kind."""

    def __init__(self, kind: type[Event], action: Callable[[], object]) -> None:
        self._kind = kind
        self._action: Callable[[], object] | None = action

    def on(self, event: Event) -> None:
        """Do it, if it is not done."""
        if isinstance(event, self._kind) and self._action is not None:
            action, self._action = self._action, None
            action()


def jsonl(value: int = 1) -> bytes:
    return b"".join(b'{"id":"k%d","a":%d}\n' % (number, value) for number in range(ROWS))


def csv(value: int = 1) -> bytes:
    return b"id,a\n" + b"".join(b"k%d,%d\n" % (number, value) for number in range(ROWS))


def parquet(value: int = 1) -> bytes:
    file = io.BytesIO()
    rows = {"id": [f"k{number}" for number in range(ROWS)], "a": [value] * ROWS}
    pl.DataFrame(rows).write_parquet(file, row_group_size=1000)
    return file.getvalue()


KINDS: dict[str, Callable[[int], bytes]] = {
    "rows.jsonl": jsonl,
    "rows.csv": csv,
    "rows.csv.gz": lambda value: gzip.compress(csv(value), mtime=0),
    "rows.json": lambda value: b"[" + jsonl(value).replace(b"\n", b",\n").removesuffix(b",\n") + b"]",
    "rows.parquet": parquet,
}


def overwrite(path: Path, data: bytes) -> None:
    """Write over a file in place, as `cp` does."""
    with path.open("r+b") as file:
        file.write(data)
        file.truncate()


def replace(path: Path, data: bytes) -> None:
    """Put another file in the place of one."""
    path.with_name("new").write_bytes(data)
    path.with_name("new").replace(path)


CHANGES: dict[str, Callable[[Path, bytes], object]] = {
    "overwritten": overwrite,
    "grown": lambda path, data: path.write_bytes(path.read_bytes() + data[-20:]),
    "cut off": lambda path, _: os.truncate(path, path.stat().st_size // 2),
    "replaced": lambda path, data: (
        path.with_name("new").write_bytes(data),
        path.with_name("new").replace(path),
    ),
    "removed": lambda path, _: path.unlink(),
    "touched": lambda path, _: os.utime(path, ns=(1, 1)),
}


async def load(target: Target, path: Path, observer: object = None) -> Report:
    changes = {"table": "faults", "batch_rows": 100, "run_dir": path.parent / "run"}
    return (await target.load(path, observer=observer, **changes)).report


@pytest.mark.parametrize("moment", [Opened, Settled])
@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize("name", KINDS)
async def test_a_file_that_changes_stops_the_load(
    target: Target, tmp_path: Path, name: str, change: str, moment: type[Event]
) -> None:
    """Before it is read, or in the middle: exit 4, never 0; and 2 where it is gone before it is read."""
    path = tmp_path / name
    path.write_bytes(KINDS[name](1))
    report = await load(target, path, Once(moment, lambda: CHANGES[change](path, KINDS[name](2))))

    is_missing = (change, moment) == ("removed", Opened)
    assert (2 if is_missing else 4) == report.exit_code, report
    assert report.error
    assert name in report.error
    assert is_missing or "--fresh" in report.error


async def test_an_unchanged_file_is_loaded(target: Target, tmp_path: Path) -> None:
    """Each kind, with no newline at the end of the text."""
    for name, make in KINDS.items():
        path = tmp_path / name.replace(".", "-") / name
        path.parent.mkdir()
        path.write_bytes(make(1).removesuffix(b"\n"))
        report = await load(target, path)
        assert (0, ROWS) == (report.exit_code, report.rows_loaded), report


async def test_an_earlier_source_that_changes_stops_the_load(target: Target, tmp_path: Path) -> None:
    """It was read to its end, and the next one is being read."""
    (tmp_path / "dumps").mkdir()
    first = tmp_path / "dumps" / "1.jsonl"
    first.write_bytes(b'{"id":"first","a":1}\n')
    (tmp_path / "dumps" / "2.jsonl").write_bytes(jsonl())
    observer = Once(Settled, lambda: first.write_bytes(b'{"id":"first","a":2}\n'))

    report = (await target.load(first.parent, table="faults", observer=observer)).report

    assert 4 == report.exit_code
    assert "1.jsonl was changed while it was loaded" in str(report.error)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("rows.csv", "id,a\nk1,1\nk2,12"),
        ("rows.tsv", "id\ta\nk1\t1\nk2\t12"),
        ("rows.jsonl", '{"id":"k1","a":1}\n{"id":"k2","a":12'),
    ],
)
async def test_half_a_line_is_not_sent(target: Target, tmp_path: Path, name: str, text: str) -> None:
    """A program has the file open for writing, and has written 12 of 123456."""
    path = tmp_path / name
    with path.open("w") as writer:
        writer.write(text)
        writer.flush()
        os.utime(path, (1, 1))  # long ago
        report = await load(target, path)

    assert 4 == report.exit_code
    assert "is being written" in str(report.error)
    assert {"k1"} == contents(target).keys()


def test_half_a_line_of_standard_input_is_not_sent(target: Target, loads: Loads) -> None:
    """It is a file that a program has open for writing."""
    path = loads.folder / "rows.csv"
    shell = ["sh", "-c", 'exec "$@" < rows.csv', "sh"]
    with path.open("w") as writer:
        writer.write("id,a\nk1,1\nk2,12")
        writer.flush()
        run = loads.start("-", prefix=shell).wait()

    assert 4 == run.code, run.err
    assert "stdin is being written" in run.err
    assert {"k1"} == contents(target).keys()
    whole = loads.start("-", prefix=shell).wait()
    assert 0 == whole.code, whole.err


async def test_half_a_line_that_grows_is_not_sent(target: Target, tmp_path: Path) -> None:
    """The program opens the file each time that it appends to it."""
    path = tmp_path / "rows.csv"
    path.write_text("id,a\nk1,1\nk2,12")

    def append() -> None:
        time.sleep(0.4)
        with path.open("a") as file:
            file.write("3456\n")

    writer = threading.Thread(target=append)
    report = await load(target, path, Once(Opened, writer.start))
    writer.join()

    assert 4 == report.exit_code
    assert "its size was" in str(report.error)
    assert {"k1"} == contents(target).keys()


async def test_a_line_that_is_complete_needs_no_newline(target: Target, tmp_path: Path) -> None:
    """Nobody writes to the file: its last line is loaded, and not waited for if it is old."""
    path = tmp_path / "rows.csv"
    path.write_text("id,a\nk1,1\nk2,12")
    os.utime(path, (1, 1))

    report = await load(target, path)

    assert (0, 2) == (report.exit_code, report.rows_loaded)
    assert "12" == contents(target)["k2"][0]


def build_database(path: Path, value: int, *, mode: str) -> None:
    with closing(sqlite3.connect(path)) as connection:
        connection.execute(f"pragma journal_mode = {mode}")
        connection.execute("create table rows (id, a)")
        rows = ((f"k{number}", value) for number in range(ROWS))
        connection.executemany("insert into rows values (?, ?)", rows)
        connection.commit()


async def test_a_database_may_be_written_to(target: Target, tmp_path: Path) -> None:
    """With a write-ahead log: all rows are those of one moment, whatever is committed and checkpointed."""
    path = tmp_path / "rows.db"
    build_database(path, 1, mode="wal")
    with closing(sqlite3.connect(path)) as writer:
        writer.execute("insert into rows values ('before', 1)")
        writer.commit()

        def write() -> None:
            writer.execute("update rows set a = 2")
            writer.execute("insert into rows values ('after', 2)")
            writer.commit()
            writer.execute("pragma wal_checkpoint(passive)")

        report = await load(target, path, Once(Settled, write))

    assert (0, ROWS + 1) == (report.exit_code, report.rows_loaded), report
    assert {"1"} == {row[0] for row in contents(target).values()}
    assert "after" not in contents(target)


@pytest.mark.parametrize("mode", ["wal", "delete"])
async def test_a_database_that_is_overwritten_stops_the_load(
    target: Target, tmp_path: Path, mode: str
) -> None:
    """By a copy of another one, which SQLite does not notice."""
    path, other = tmp_path / "rows.db", tmp_path / "other.db"
    build_database(path, 1, mode=mode)
    build_database(other, 2, mode=mode)

    report = await load(target, path, Once(Settled, lambda: overwrite(path, other.read_bytes())))

    assert 4 == report.exit_code
    assert "rows.db was overwritten" in str(report.error)
