"""Values as other programs write them, in columns of each type: stored exactly, or refused and told."""

# ruff: noqa: ISC004 - texts in tables are long

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import LiteralString

import polars as pl
import pytest

from tests.support.dirty.cases import tables
from tests.support.harness import Target
from tests.support.processes import Loads, Run
from tests.support.servers import Servers

DDL: LiteralString = """
create table api.cells (id integer primary key, i integer, b bigint, s smallint, f double precision, r real,
    n numeric, n2 numeric(10, 2), t text, d date, ts timestamp, tz timestamptz, ta text[], ia integer[],
    fa double precision[], ja jsonb[], j jsonb, u uuid, ok boolean, m money);
grant select, insert, update on api.cells to api_data_producer;
"""


@pytest.fixture(scope="module")
def cells(servers: Target) -> Iterator[Target]:
    """Make a table with a column of each type that matters here."""
    with tables(servers, DDL, "drop table api.cells") as target:
        yield target


@pytest.fixture
def target(target: Target, cells: Target) -> Target:
    """Return the servers, with no rows in api.cells either."""
    cells.sql("truncate api.cells")
    return target


@pytest.fixture
def load_options() -> tuple[str, ...]:
    """Have loads go to api.cells."""
    return ("--table=cells",)


def stored(target: Target, columns: LiteralString) -> list[tuple[str | None, ...]]:
    """Return these columns of all rows, by id."""
    return target.texts(f"select {columns} from api.cells order by id")  # noqa: S608 - its columns


def errors(run: Run) -> list[tuple[int, str, str]]:
    """Return line, code and message of each reject."""
    lines = (run.folder / "rejects.errors.jsonl").read_text().splitlines()
    return [(error["line"], error["code"], error["message"]) for error in map(json.loads, lines)]


# Options, a file of CSV, columns, and what they hold then.
HELD: list[tuple[str, list[str], str, LiteralString, list[tuple[str | None, ...]]]] = [
    ("not finite", [], "id,f,n,r\n1,NaN,,-inf\n2,Infinity,,NaN\n3,,NaN,\n4,nan,-Infinity,+inf\n", "f, n, r",
     [("NaN", None, "-Infinity"), ("Infinity", None, "NaN"), (None, "NaN", None),
      ("NaN", "-Infinity", "Infinity")]),
    ("floats of pandas", [], "id,i,b\n1,1.0,2.0\n2,,3.0\n3,-4.0,1e3\n4,2.5e3,9007199254740993.0\n", "i, b",
     [("1", "2"), (None, "3"), ("-4", "1000"), ("2500", "9007199254740993")]),
    ("a key of floats", [], "id,t\n1.0,a\n2.0,b\n1,c\n", "id, t", [("1", "c"), ("2", "b")]),
    ("floats as texts", [], "id,t,n\n1,1.0,1.10\n", "t, n", [("1.0", "1.10")]),
    ("several nulls", ["--null=NULL", "--null=N/A", "--null="],
     "id,i,b,t\n1,NULL,,null\n2,,N/A,NULL\n3,5,6,\n", "i, b, t",
     [(None, None, "null"), (None, None, None), ("5", "6", None)]),
    ("a null of one column", ["--null=i=NA"], "id,i,t\n1,NA,NA\n2,,\n", "i, t", [(None, "NA"), (None, None)]),
    ("a null that is a number", ["--null=-999.0"], "id,i,f\n1,-999.0,-999.0\n2,-999,1\n", "i, f",
     [(None, None), ("-999", "1")]),
    ("a decimal comma", ["--decimal=,"],
     "id;n2;f;i;t\n1;12,50;1,5e3;;1,5\n2;1.234,50;;1.234.567,00;\n3;-1 234;NaN;7;1.234\n", "n2, f, i, t",
     [("12.50", "1500", None, "1,5"), ("1234.50", None, "1234567", None), ("-1234.00", "NaN", "7", "1.234")]),
    ("thousands", ["--thousands=,"], 'id,n2,i\n1,"1,234.50","1,234"\n2,12.50,1.0\n', "n2, i",
     [("1234.50", "1234"), ("12.50", "1")]),
    ("points as thousands", ["--decimal=,", "--thousands=."], "id;i;n\n1;1.234;1.234\n2;5;0,5\n", "i, n",
     [("1234", "1234"), ("5", "0.5")]),
    ("the day first", ["--date-order=dmy"],
     "id,d,ts,t\n1,31/12/2024,31.12.2024 23:59:58,31/12/2024\n2,03/04/2024,3-4-24 1:02,\n3,2024-04-03,,\n"
     '4,"5 Jan 2024","03/04/2024, 10:00:00",\n', "d, ts, t",
     [("2024-12-31", "2024-12-31 23:59:58", "31/12/2024"), ("2024-04-03", "2024-04-03 01:02:00", None),
      ("2024-04-03", None, None), ("2024-01-05", "2024-04-03 10:00:00", None)]),
    ("the month first", ["--date-order=mdy"], "id,d,tz\n1,03/04/2024,12/31/2024 10:00+02\n", "d, tz",
     [("2024-03-04", "2024-12-31 08:00:00+00")]),
    ("the year first", ["--date-order=ymd"], "id,d\n1,24/04/03\n2,70-1-2\n3,240403\n", "d",
     [("2024-04-03",), ("1970-01-02",), ("2024-04-03",)]),
    ("lists", [], 'id,ta,ia,fa,ja\n1,"[""a"",""b""]","[1,2]","[0.1, 0.2]","[{""a"":1.10},[1],null]"\n'
     '2,"{x,y}",[],"{0.1,NaN,Infinity}",\n3,[],"[[1,2],[3,4]]","[""NaN""]",\n4,"[1,2]","[0:1]={1,2}",,\n'
     '5,"[""a,b"",null,""NULL"",""\\"""",""""]",,,\n', "ta, ia, fa, ja",
     [("{a,b}", "{1,2}", "{0.1,0.2}", '{"{\\"a\\": 1.10}",[1],NULL}'),
      ("{x,y}", "{}", "{0.1,NaN,Infinity}", None),
      ("{}", "{{1,2},{3,4}}", "{NaN}", None),
      ("{1,2}", "[0:1]={1,2}", None, None),
      ('{"a,b",NULL,"NULL","\\"",""}', None, None, None)]),
]  # fmt: skip


@pytest.mark.parametrize(
    ("options", "text", "columns", "expected"), [pytest.param(*case, id=name) for name, *case in HELD]
)
def test_a_cell_is_stored_as_it_was_meant(
    target: Servers,
    tmp_path: Path,
    loads: Loads,
    options: list[str],
    text: str,
    columns: LiteralString,
    expected: list[tuple[str | None, ...]],
) -> None:
    """To its last digit."""
    (tmp_path / "rows.csv").write_text(text)

    run = loads.run(*options, "rows.csv")

    assert 0 == run.code, run.err
    assert expected == stored(target, columns)


# Options, a file of CSV, and the code and the message of each reject, by its line.
REFUSED: list[tuple[str, list[str], str, list[tuple[int, str, str]]]] = [
    ("no whole numbers", [], "id,i,b\n1,1.5,\n2,,1e-1\n3,1,1e19\n4,2.0,3\n",
     [(2, "not-exact", "i is 1.5, and the column holds whole numbers only"),
      (3, "not-exact", "b is 1e-1, and the column holds whole numbers only"),
      (4, "not-exact", "b is 1e19, which no column of whole numbers can hold")]),
    ("a scale holds no infinity", [], "id,n2\n1,Infinity\n",
     [(2, "22003", "column n2: numeric field overflow")]),
    ("other decimals", ["--decimal=,"], "id;n\n1;12.50\n2;1.234\n3;1,234.50\n4;1.23,5\n5;1,5\n",
     [(2, "not-a-number", "n is '12.50', which is no number with --decimal ,"),
      (3, "not-a-number", "n is '1.234': its point may stand before decimals or between thousands; "
       "--thousands . says the latter"),
      (4, "not-a-number", "n is '1,234.50', which is no number with --decimal ,"),
      (5, "not-a-number", "n is '1.23,5', which is no number with --decimal ,")]),
    ("no such dates", ["--date-order=dmy"], "id,d\n1,12/31/2024\n2,31/12-2024\n3,29/02/2023\n4,1/2/2024\n",
     [(2, "not-a-date", "d is '12/31/2024', which is no date with --date-order dmy"),
      (3, "not-a-date", "d is '31/12-2024', which is no date with --date-order dmy"),
      (4, "not-a-date", "d is '29/02/2023', which is no date with --date-order dmy")]),
    ("no lists", [], 'id,ta,ia\n1,plain,\n2,,"[1.5]"\n3,,"[[1],[2,3]]"\n',
     [(2, "22P02", 'column ta: malformed array literal: "plain"'),
      (3, "22P02", 'column ia: invalid input syntax for type integer: "1.5"'),
      (4, "22P02", "malformed JSON array")]),
]  # fmt: skip


@pytest.mark.parametrize(
    ("options", "text", "expected"), [pytest.param(*case, id=name) for name, *case in REFUSED]
)
def test_a_cell_that_cannot_be_stored_exactly_is_refused(
    tmp_path: Path, loads: Loads, options: list[str], text: str, expected: list[tuple[int, str, str]]
) -> None:
    """By column and value; the row stands in the reject file as it was."""
    (tmp_path / "rows.csv").write_text(text)

    run = loads.run(*options, "rows.csv")

    lines = text.splitlines()
    rejects = [lines[0], *(lines[line - 1] for line, _, _ in expected)]
    assert 1 == run.code, run.err
    assert expected == errors(run)
    assert rejects == (run.folder / "rejects.csv").read_text().splitlines()


# Cells under d, and the warning, if there is one.
MONTH_FIRST = "the server takes the first number for the month, unless its DateStyle says otherwise"
WARNINGS = [
    ("31/12/2024\n03/04/2024", "d has dates with the day first, as in 31/12/2024: "
     f"{MONTH_FIRST}; --date-order dmy reads them as meant"),
    ("2024-01-01\n03.04.2024", "d has dates that can be read in two ways, as in 03.04.2024: "
     f"{MONTH_FIRST}; --date-order dmy or mdy makes sure"),
    ("03/04/2024\n12/31/2024", "d has dates that can be read in two ways, as in 03/04/2024: "
     f"{MONTH_FIRST}; --date-order mdy makes sure"),
    ("2024-03-04\n2024/04/05\n5 Jan 2024\n05/05/2024\n12/31/2024\ninfinity", ""),
]  # fmt: skip


@pytest.mark.parametrize(("dates", "warning"), WARNINGS)
def test_dates_that_may_be_misread_are_told_before_rows_are_sent(
    tmp_path: Path, loads: Loads, dates: str, warning: str
) -> None:
    """With the column, an example, and the option that settles it."""
    rows = "".join(f"{number},{day}\n" for number, day in enumerate(dates.splitlines()))
    (tmp_path / "rows.csv").write_text(f"id,d\n{rows}")

    run = loads.run("rows.csv")

    told = [line for line in run.err.splitlines() if "has dates" in line]
    assert ([f"rows.csv: {warning}"] if warning else []) == told


def test_numbers_with_commas_are_told_before_rows_are_sent(
    target: Servers, tmp_path: Path, loads: Loads
) -> None:
    """The server would store 1250 for 12,50 in a column of money; it refuses all others."""
    (tmp_path / "rows.csv").write_text("id;n;m;t\n1;1;12,50;12,50\n")

    run = loads.run("rows.csv")
    told = [line for line in run.err.splitlines() if "numbers with commas" in line]
    right = loads.run("--fresh", "--decimal=,", "rows.csv")

    assert [
        "rows.csv: m has numbers with commas, as in 12,50, which the server does not read so: "
        "--decimal , or --thousands , says what they mean"
    ] == told
    assert "numbers with commas" not in right.err
    assert [("1", "$12.50", "12,50")] == stored(target, "n, m, t")


def test_dates_for_a_text_are_no_concern(target: Servers, tmp_path: Path, loads: Loads) -> None:
    """Nor are those whose order the command tells."""
    (tmp_path / "rows.csv").write_text("id,t,d\n1,31/12/2024,03/04/2024\n")

    run = loads.run("--date-order=dmy", "rows.csv")

    assert 0 == run.code, run.err
    assert "has dates" not in run.err
    assert [("31/12/2024", "2024-04-03")] == stored(target, "t, d")


def test_rejects_of_sqlite_can_be_loaded_again(target: Servers, tmp_path: Path, loads: Loads) -> None:
    """They are JSON Lines, which pass untouched: each value is as it was sent."""
    with closing(sqlite3.connect(tmp_path / "rows.sqlite")) as database:
        database.executescript(
            "create table rows (id integer, i real, s integer, ta text, d text, f real, n text);"
            "insert into rows values (1, 2.0, 99999, '[\"a\"]', '31/12/2024', 9e999, '1,5')"
        )

    run = loads.run("--date-order=dmy", "--decimal=,", "rows.sqlite")
    rejected = (run.folder / "rejects.jsonl").read_text()
    (tmp_path / "mended.jsonl").write_text(rejected.replace("99999", "9"))
    mended = loads.run("mended.jsonl")

    assert ([(1, "22003")], 0) == ([(line, code) for line, code, _ in errors(run)], mended.code), mended.err
    assert [("2", "9", "{a}", "2024-12-31", "Infinity", "1.5")] == stored(target, "i, s, ta, d, f, n")


def test_a_column_of_null_must_be_there(target: Servers, tmp_path: Path, loads: Loads) -> None:
    """Before anything is sent: a wrong name would leave texts where nulls were meant."""
    (tmp_path / "rows.csv").write_text("id,t\n1,NA\n")

    run = loads.run("--null=q=NA", "rows.csv")

    assert 2 == run.code
    assert "rows.csv lacks q, which --null names" in run.err
    assert [] == stored(target, "id")


def test_numbers_of_parquet_are_stored_exactly_or_refused(
    target: Servers, tmp_path: Path, loads: Loads
) -> None:
    """Whole floats as integers, NaN and infinities as such, 1.5 not at all."""
    frame = pl.DataFrame(
        {
            "id": [1, 2, 3],
            "i": [1.0, None, 1.5],
            "b": [2.0**53 + 2, -3.0, 1.0],
            "f": [float("nan"), float("-inf"), 0.1],
            "n": [float("inf"), float("nan"), 0.1],
            "fa": [[0.1, float("nan")], None, []],
            "ia": [[1.0, None], [2.0], []],
        }
    )
    frame.write_parquet(tmp_path / "rows.parquet")

    run = loads.run("rows.parquet")

    assert 1 == run.code, run.err
    assert [
        ("1", str(2**53 + 2), "NaN", "Infinity", "{0.1,NaN}", "{1,NULL}"),
        (None, "-3", "-Infinity", "NaN", None, "{2}"),
    ] == stored(target, "i, b, f, n, fa, ia")
    assert [(3, "not-exact", "i is 1.5, and the column holds whole numbers only")] == errors(run)


def test_numbers_of_sqlite_are_stored_exactly_or_refused(
    target: Servers, tmp_path: Path, loads: Loads
) -> None:
    """SQLite writes 9e999 for an infinity, and a REAL column makes floats of integers."""
    with closing(sqlite3.connect(tmp_path / "rows.sqlite")) as database:
        database.executescript(
            "create table rows (id integer, i real, f real, n real, ta text, t real);"
            "insert into rows values (1, 1, 9e999, -9e999, '[\"a\"]', 1), (2, null, -9e999, 0.5, '{b}', 2.5),"
            " (3, 1.5, 1, 1, null, 1), (4, 1, 1, 1, null, 9e999)"
        )

    run = loads.run("rows.sqlite")

    assert 1 == run.code, run.err
    assert [
        ("1", "Infinity", "-Infinity", "{a}", "1.0"),
        (None, "-Infinity", "0.5", "{b}", "2.5"),
    ] == stored(target, "i, f, n, ta, t")
    assert [
        (3, "not-exact", "i is 1.5, and the column holds whole numbers only"),
        (4, "not-finite", "t is inf, which is not a finite number"),
    ] == errors(run)
