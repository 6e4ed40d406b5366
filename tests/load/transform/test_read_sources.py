"""Several sources: what is wrong with a later one is told before a row of the first is sent."""

from __future__ import annotations

import gzip
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

import loader
from loader.transform.read_sources import SourceReader
from tests.support.harness import Target
from tests.support.outcome import contents
from tests.support.processes import Loads


def database(*tables: str) -> bytes:
    """A SQLite database with a row in each of its tables."""
    with closing(sqlite3.connect(":memory:")) as made:
        for table in tables:
            made.execute(f"create table {table} (id, a, x)")
            made.execute(f"insert into {table} values ('s', 1, 2)")  # noqa: S608 - its own names
        made.commit()
        return made.serialize()


# Options, the second source and what it holds, what is said of it
UNFIT: list[tuple[list[str], str, bytes, str]] = [
    (["--map=b=x"], "rows.csv", b"id,a\nk2,1\n", "rows.csv lacks x"),
    (["--map=b=x"], "rows.csv", b"id,a\n", "rows.csv lacks x"),
    (["--on-conflict=id"], "rows.csv", b"key,a\nk2,1\n", "rows.csv gives no id, the key"),
    (
        ["--on-conflict=id"],
        "rows.csv.gz",
        gzip.compress(b"key,a\nk2,1\n"),
        "rows.csv.gz gives no id, the key",
    ),
    ([], "rows.csv", b"id,id\nk2,1\n", "rows.csv:1: the header has id twice"),
    ([], "rows.sqlite", database("one", "other"), "rows.sqlite has 2 tables: one, other"),
    ([], "rows.sqlite", b"id,a\nk2,1\n", "rows.sqlite is not a SQLite database, although its name says so"),
    ([], "rows.parquet", b"id,a\nk2,1\n", "rows.parquet is not Parquet, although its name says so"),
    ([], "rows.gz", b"\0", "rows.gz is not gzip, although its name says so"),
    ([], "rows.csv", b"7z\xbc\xaf\x27\x1c", "rows.csv is a 7z archive"),
]


@pytest.mark.parametrize(("flags", "name", "data", "words"), UNFIT)
def test_a_later_source_that_does_not_fit_is_told_before_the_first_row(
    target: Target, tmp_path: Path, loads: Loads, flags: list[str], name: str, data: bytes, words: str
) -> None:
    """Nothing is sent, not even the first request, and nothing is told of the sources before it."""
    (tmp_path / "first.csv").write_text("id,a,x\nk1,1,2\n")
    (tmp_path / name).write_bytes(data)

    run = loads.run("--run-dir=run", *flags, "first.csv", name)

    assert 2 == run.code, run.err
    assert f"stopped: {words}" in run.err
    assert "first.csv" not in run.err
    assert ({}, 0, 0) == (contents(target), run.report["requests"], run.report["rows_read"])


def test_a_later_source_without_the_key_of_the_table_is_told_before_the_first_row(
    target: Target, tmp_path: Path, loads: Loads
) -> None:
    """Once the API has told which columns that is."""
    (tmp_path / "first.csv").write_text("id,a\nk1,1\n")
    (tmp_path / "later.csv").write_text("key,a\nk2,1\n")

    run = loads.run("--run-dir=run", "first.csv", "later.csv")

    assert 2 == run.code, run.err
    assert "stopped: later.csv gives no id, the key" in run.err
    assert ({}, 0) == (contents(target), run.report["rows_read"])


def test_json_of_a_day_may_lack_a_column_that_another_has(
    target: Target, tmp_path: Path, loads: Loads
) -> None:
    """It is said of each such source. A name that none of them has is refused before the first row."""
    for number, row in enumerate(['{"id":"k0","x":5}', '{"id":"k1"}', '{"id":"k2","x":7}']):
        (tmp_path / f"day{number}.jsonl").write_text(f"{row}\n")

    wrong = loads.run("--map=a=y", "--run-dir=run", "day0.jsonl", "day1.jsonl", "day2.jsonl")
    run = loads.run("--map=a=x", "--run-dir=run", "day0.jsonl", "day1.jsonl", "day2.jsonl")

    assert (2, 0) == (wrong.code, run.code), wrong.err + run.err
    assert "stopped: every source lacks y" in wrong.err
    assert ["day1.jsonl: no row has x, which --map or --drop names"] == [
        line for line in run.err.splitlines() if "which --map" in line
    ]
    assert {"k0": "5", "k1": None, "k2": "7"} == {key: a for key, (a, *_) in contents(target).items()}


def test_what_can_be_read_once_only_is_left_to_its_turn(target: Target, tmp_path: Path, loads: Loads) -> None:
    """Standard input, and a database that must be unpacked first; what is before them is in."""
    (tmp_path / "first.csv").write_text("id,a,x\nk1,1,2\n")
    (tmp_path / "rows.sqlite.gz").write_bytes(gzip.compress(database("one", "other")))
    shell = ["sh", "-c", 'printf "key,a\\nk2,2\\n" | "$@"', "sh"]

    packed = loads.run("--run-dir=one", "--drop=x", "first.csv", "rows.sqlite.gz")
    piped = loads.start("--run-dir=other", "--drop=x", "first.csv", "-", prefix=shell).wait()

    assert (4, 4) == (packed.code, piped.code), piped.err
    assert "rows.sqlite.gz has 2 tables: one, other" in packed.err
    assert "stdin lacks x" in piped.err
    assert ["k1"] == list(contents(target))


async def test_a_load_that_goes_on_does_not_look_again(
    target: Target, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its first run has looked, and the sources are the same."""
    folder = tmp_path / "rows"
    folder.mkdir()
    (folder / "1.csv").write_text("id,a\nk1,1\nk2,x\nk3,3\n")
    (folder / "2.csv").write_text("id,a\nk4,4\n")
    looks: list[SourceReader] = []
    survey = SourceReader.survey

    async def counted(reader: SourceReader) -> None:
        looks.append(reader)
        await survey(reader)

    monkeypatch.setattr(SourceReader, "survey", counted)
    run_dir = tmp_path / "run"

    stopped = await target.load(folder, table="faults", run_dir=run_dir, max_errors=loader.MaxErrors(0))
    one = len(looks)
    done = await target.load(folder, table="faults", run_dir=run_dir)

    assert (3, 1, 1) == (stopped.report.exit_code, one, len(looks))
    assert done.report.resumed
    assert ["k1", "k3", "k4"] == sorted(contents(target))
