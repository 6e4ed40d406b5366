"""Columns that are renamed, set and dropped on their way to the table."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import polars as pl
import pytest

from tests.support.harness import Target
from tests.support.outcome import contents
from tests.support.processes import Loads


def write_mapped(path: Path) -> None:
    """One row: key, a, junk."""
    if path.suffix == ".csv":
        path.write_text("key,a,junk\nk1,1.50,x\n")
    elif path.suffix == ".jsonl":
        path.write_text('{"key":"k1","a":1.50,"junk":"x"}\n')
    elif path.suffix == ".json":
        path.write_text('[{"key":"k1","a":1.50,"junk":"x"}]\n')
    elif path.suffix == ".parquet":
        frame = pl.DataFrame({"key": ["k1"], "a": ["1.50"], "junk": ["x"]})
        frame.with_columns(pl.col("a").cast(pl.Decimal(38, 2))).write_parquet(path)
    else:
        with closing(sqlite3.connect(path)) as database:
            database.execute("create table t (key, a, junk)")
            database.execute("insert into t values ('k1', '1.50', 'x')")
            database.commit()


@pytest.mark.parametrize("name", ["m.csv", "m.jsonl", "m.json", "m.parquet", "m.db"])
def test_columns_are_mapped(target: Target, tmp_path: Path, loads: Loads, name: str) -> None:
    """Renamed, set and dropped, with no digit lost; a name that the source lacks is told first."""
    write_mapped(tmp_path / name)

    lacking = loads.run("--map=id=kee", "--drop=junk", "--drop=jnk", "--run-dir=other", name)
    before = contents(target)
    run = loads.run("--map=id=key", "--map=b=a", "--set=c=constant, with a comma", "--drop=junk", name)

    assert 0 == run.code, run.err
    assert {"k1": (None, "1.500000000000000000", "constant, with a comma")} == contents(target)
    assert 2 == lacking.code
    assert "lacks jnk, kee" in lacking.err
    assert "It has key, a, junk." in lacking.err
    assert ({}, 0, 0) == (before, lacking.report["requests"], lacking.report["rows_read"])


@pytest.mark.parametrize(
    "flags", [["--map=a=n", "--map=b=a"], ["--drop=n"], ["--drop=n", "--set=c=constant"]]
)
def test_rejects_of_mapped_json_lines_stand_as_in_the_source(
    tmp_path: Path, loads: Loads, flags: list[str]
) -> None:
    """Refused here or by the server, and whatever the mapping makes of them."""
    good = '{"id":"k","a":1,"n":1,"x":2}'
    bad = ['{"id":"l","a":bad}', '{"id":"m", "a":"1y", "n":"1x","x":2}']
    (tmp_path / "m.jsonl").write_text("\n".join([good, *bad]))

    run = loads.run(*flags, "--drop=x", "m.jsonl")

    assert 1 == run.code, run.err
    assert bad == run.rejects


@pytest.mark.parametrize("name", ["m.jsonl", "m.json"])
def test_rows_of_json_may_have_a_mapped_column_late(
    target: Target, tmp_path: Path, loads: Loads, name: str
) -> None:
    """It is said that the first rows lack it, and at the end where all do: then the name may be wrong."""
    rows = [f'{{"id":"k{number}","a":1,"c":"{"c" * 1000}"}}' for number in range(1500)]
    rows += ['{"id":"l","x":7}']
    (tmp_path / name).write_text(f"[{','.join(rows)}]" if name == "m.json" else "\n".join(rows))

    run = loads.run("--map=w=x", "--drop=y", name)

    assert 0 == run.code, run.err
    named = "which --map or --drop names"
    assert [f"{name}: its first rows lack x, y, {named}", f"{name}: no row has y, {named}"] == [
        told for told in run.err.splitlines() if named in told
    ]
    assert (1501, "7") == (
        len(contents(target)),
        target.texts("select w from api.faults where id = 'l'")[0][0],
    )


@pytest.mark.parametrize("name", ["m.jsonl", "m.json"])
def test_a_position_in_json_is_refused(target: Target, tmp_path: Path, loads: Loads, name: str) -> None:
    """Its columns have names and no order; nothing is sent."""
    (tmp_path / name).write_text('[{"key":"k"}]' if name == "m.json" else '{"key":"k"}\n')

    run = loads.run("--map=id=#1", name)

    assert 2 == run.code, run.err
    assert f"{name}: its rows are JSON, and #1 is the position of a column" in run.err
    assert {} == contents(target)


@pytest.mark.parametrize("where", ["environment", ".env", "bulkload.toml", "pyproject.toml"])
def test_options_that_repeat_stand_elsewhere_too(
    target: Target, tmp_path: Path, loads: Loads, where: str
) -> None:
    """With commas between them in the environment, as lists in a file."""
    write_mapped(tmp_path / "m.csv")
    variables = ["BULKLOAD_MAP=id=key,b=a", "BULKLOAD_DROP=junk", "BULKLOAD_SET=c=x y"]
    lines = ['map = ["id=key", "b=a"]', 'drop = "junk"', 'set = ["c=x, y"]']
    if where == ".env":
        (tmp_path / where).write_text("\n".join(variables))
    elif where != "environment":
        table = ["[tool.bulkload]"] if where == "pyproject.toml" else []
        (tmp_path / where).write_text("\n".join([*table, *lines]))

    run = loads.start("m.csv", prefix=["env", *variables] if where == "environment" else []).wait()

    assert 0 == run.code, run.err
    c = "x, y" if where.endswith("toml") else "x y"
    assert {"k1": (None, "1.500000000000000000", c)} == contents(target)
