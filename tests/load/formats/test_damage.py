"""Sources that are cut off, empty or mislabelled: told, and nothing is lost."""

from __future__ import annotations

import gzip
from pathlib import Path

import polars as pl
import pytest

from tests.support.harness import Target
from tests.support.outcome import check, contents, differences
from tests.support.processes import Loads
from tests.support.writing import FORMATS, format_of, rough, written

ROWS = 2000


# The format, the exit code of a load of its first two thirds, what is said
CUT: list[tuple[str, int, str]] = [
    ("commas.jsonl", 4, "the source is cut off: the array is not closed"),
    ("array.json", 4, "has no end: the source is cut off in it"),
    ("pretty.json", 4, "has no end: the source is cut off in it"),
    ("objects.json", 4, "has no end: the source is cut off in it"),
    ("quoted.csv", 1, "a quote is not closed before the end of the source"),
    ("tabs.tsv", 1, "short-line"),
    ("semicolons.csv", 1, "short-line"),
    ("typed.parquet", 4, "cannot be read as Parquet"),
    ("table.sqlite", 4, "is cut off: it has"),
]


def third(name: str, data: bytes) -> bytes:
    """A file that is cut off in the middle of a row, two thirds into it."""
    if name in ("quoted.csv", "tabs.tsv", "semicolons.csv", "commas.jsonl"):
        return data[: data.rindex(b"k000", 0, len(data) * 2 // 3) + 4]
    return data[: len(data) * 2 // 3]


@pytest.mark.parametrize("suffix", ["", ".gz"])
@pytest.mark.parametrize(("name", "code", "words"), CUT, ids=[name for name, *_ in CUT])
def test_what_is_cut_off_is_told(
    target: Target, tmp_path: Path, loads: Loads, name: str, code: int, words: str, suffix: str
) -> None:
    """The rows before the cut are in, none is wrong, and the load does not pass for complete."""
    kind = format_of(name)
    made = rough(ROWS, seed=5, bad=0, repeats=0.0, shapes=False, typed=kind.typed)
    data = third(name, written(name, made.lines).data)
    (tmp_path / f"{name}{suffix}").write_bytes(gzip.compress(data) if suffix else data)

    run = loads.run("--run-dir=run", *kind.flags, f"{name}{suffix}")

    assert code == run.code, run.err
    assert words in run.err
    assert f"{name}{suffix}" in run.err
    found = contents(target)
    whole = [] if kind.typed or name == "table.sqlite" else list(made.stored.items())
    assert dict(whole[: len(found)]) == found
    assert len(found) == run.report["rows_loaded"]
    if whole:
        assert ROWS // 2 < len(found) < ROWS
        cut = 1 if code == 1 or name == "commas.jsonl" else 0  # the row that is cut in two
        assert cut == run.report["rows_rejected"]


@pytest.mark.parametrize("name", [name for name, *_ in CUT])
def test_a_compressed_file_that_is_cut_off_is_told(
    target: Target, tmp_path: Path, loads: Loads, name: str
) -> None:
    """The rows before the cut are in, none of a database; once the file is whole, --fresh loads all of it."""
    kind = format_of(name)
    made = rough(ROWS, seed=5, bad=0, repeats=0.0, shapes=False, typed=kind.typed)
    data = gzip.compress(written(name, made.lines).data)
    file = tmp_path / f"{name}.gz"
    file.write_bytes(data[: len(data) * 2 // 3])

    run = loads.run("--run-dir=run", *kind.flags, file.name)
    found = contents(target)
    file.write_bytes(data)
    without = loads.run("--run-dir=run", *kind.flags, file.name)
    whole = loads.run("--run-dir=run", "--fresh", *kind.flags, file.name)

    assert 4 == run.code, run.err
    assert (
        f"{file.name} is cut off after {len(data) * 2 // 3:,} bytes: the end of its gzip data is missing"
        in run.err
    )
    assert "Get it again, whole, and load it with --fresh. Rows that were sent before are loaded." in run.err
    assert (len(found), 0) == (run.report["rows_loaded"], run.report["rows_rejected"])
    assert dict(list(made.stored.items())[: len(found)]) == found
    assert (not found) if name in ("typed.parquet", "table.sqlite") else ROWS // 2 < len(found) < ROWS
    assert (2 if found else 0) == without.code, (
        without.err
    )  # where nothing was sent there is nothing to go on with
    check(target, made, whole.report)
    assert {"journal.sqlite", "lock", "report.json"} == {path.name for path in run.folder.iterdir()}


# A name, what the file holds, the exit code, what is said
ODD: list[tuple[str, bytes, int, str]] = [
    ("rows.csv", b"", 0, "no rows: there is nothing to load"),
    ("rows.csv", b"id,a\n", 0, "no rows: there is nothing to load"),
    ("rows.tsv", b"id\ta", 0, "no rows: there is nothing to load"),
    ("rows.csv", b"\xef\xbb\xbf", 0, "no rows: there is nothing to load"),
    ("rows.jsonl", b"", 0, "no rows: there is nothing to load"),
    ("rows.csv.gz", gzip.compress(b""), 0, "no rows: there is nothing to load"),
    ("rows.csv.gz", b"", 2, "rows.csv.gz is not gzip, although its name says so: it is empty"),
    ("rows.parquet.gz", gzip.compress(b""), 2, "rows.parquet.gz is not Parquet, although its name says so"),
    ("rows.csv", b"\0" * 4096, 2, "rows.csv:1: the header contains NUL bytes"),
    ("rows.jsonl", b"\0" * 4096, 1, "1 x not-json"),
    ("rows.json", b"", 0, "no rows: there is nothing to load"),
    ("rows.json", b"[]", 0, "no rows: there is nothing to load"),
    ("rows.json", b" [\n]\n", 0, "no rows: there is nothing to load"),
    ("rows.parquet", b"", 2, "rows.parquet is not Parquet, although its name says so: it is empty"),
    ("rows.sqlite", b"", 2, "rows.sqlite is not a SQLite database, although its name says so: it is empty"),
    ("rows.parquet", b"id,a\n1,2\n", 2, "rows.parquet is not Parquet, although its name says so: it begins"),
    ("rows.db", b'{"id":"a"}\n', 2, "rows.db is not a SQLite database, although its name says so"),
    ("rows.parquet", b"PAR1" + b"\0" * 100, 4, "rows.parquet cannot be read as Parquet"),
    (
        "rows.sqlite",
        b"SQLite format 3\0" + b"\0" * 200,
        4,
        "rows.sqlite: SQLite says: file is not a database",
    ),
    ("rows.csv", b"id,a,id\n1,2,3\n", 2, "rows.csv:1: the header has id twice"),
    ("rows.csv", b"<html>404</html>\n", 2, "rows.csv is a web page, which bulkload does not read"),
    ("rows.csv", b",a\n1,2\n", 2, "rows.csv:1: column 1 of the header has no name"),
    (
        "rows.json",
        b'[{"id":"a"}] x',
        4,
        "rows.json:1: the array has ended, but the source continues at byte 13",
    ),
    ("rows.json", b'{"id":"a"}\n[1]\n', 1, "not-an-object"),
]


@pytest.mark.parametrize(("name", "data", "code", "words"), ODD)
def test_what_holds_no_rows_or_other_things_is_told(
    loads: Loads, tmp_path: Path, name: str, data: bytes, code: int, words: str
) -> None:
    """Exit 2 where nothing can have been sent."""
    (tmp_path / name).write_bytes(data)

    run = loads.run(name)

    assert code == run.code, run.err
    assert words in run.err
    assert "Traceback" not in run.err


@pytest.mark.parametrize("name", ["typed.parquet", "table.sqlite"])
def test_a_database_is_known_by_its_bytes(target: Target, tmp_path: Path, loads: Loads, name: str) -> None:
    """Whatever it is called."""
    kind = format_of(name)
    made = rough(300, seed=6, bad=0, typed=True)
    (tmp_path / "rows.csv").write_bytes(written(name, made.lines).data)

    run = loads.run(*kind.flags, "rows.csv")

    assert 0 == run.code, run.err
    assert not differences(contents(target), made.stored)


@pytest.mark.parametrize("flag", ["--source-table=rows", "--query=select id, a, b, c from rows"])
def test_damage_in_a_database_is_told_behind_the_rows_before_it(
    target: Target, tmp_path: Path, loads: Loads, flag: str
) -> None:
    """Exit 4, whichever way it is read; the rows before it are in."""
    made = rough(16_000, seed=8, bad=0, repeats=0.0, shapes=False)
    data = bytearray(written("table.sqlite", made.lines).data)
    page = len(data) // 2 // 4096 * 4096
    data[page : page + 40] = bytes(byte ^ 0x55 for byte in data[page : page + 40])
    (tmp_path / "rows.sqlite").write_bytes(data)

    run = loads.run(flag, "rows.sqlite")

    assert 4 == run.code, run.err
    assert "rows.sqlite: SQLite says: database disk image is malformed" in run.err
    found = contents(target)
    assert len(found) == run.report["rows_loaded"] > 4000
    assert dict(list(made.stored.items())[: len(found)]) == found


@pytest.mark.parametrize("how", ["flipped", "zeros", "cut"])
def test_damage_in_parquet_is_told_behind_the_rows_before_it(
    target: Target, tmp_path: Path, loads: Loads, how: str
) -> None:
    """Exit 4 with the first row that cannot be read; all rows of the row groups before it are in."""
    frame = pl.DataFrame({"id": [f"k{row}" for row in range(9000)], "a": range(9000)})
    frame.write_parquet(tmp_path / "rows.parquet", row_group_size=1000, compression="snappy")
    data = bytearray((tmp_path / "rows.parquet").read_bytes())
    begin = data.index(b"k7000")  # snappy leaves the first value of a row group as it is
    end = len(data) - 8 - int.from_bytes(data[-8:-4], "little")
    if how == "flipped":
        data[begin : begin + 400] = bytes(byte ^ 0xAA for byte in data[begin : begin + 400])
    elif how == "zeros":
        data[begin:end] = bytes(end - begin)
    else:
        del data[begin:end]
    (tmp_path / "rows.parquet").write_bytes(data)

    run = loads.run("rows.parquet")

    assert 4 == run.code, run.err
    assert "rows.parquet:7001: cannot be read as Parquet" in run.err
    assert "The rows before it are loaded." in run.err
    assert {f"k{row}": (str(row), None, None) for row in range(7000)} == contents(target)


# The line behind the last that an open quote takes in, and why that is no row
QUOTES: list[tuple[int, str]] = [
    (ROWS, "a quote is not closed before the end of the source"),
    (1501, "the quote that closes a cell is not followed by a delimiter"),
]


@pytest.mark.parametrize(("end", "words"), QUOTES)
def test_a_quote_in_the_middle_that_is_not_closed_loses_no_line(
    target: Target, tmp_path: Path, loads: Loads, end: int, words: str
) -> None:
    """What it takes into its cell is rejected as it stands; all other rows are in."""
    lines = [f"k{n},{n},x" for n in range(ROWS)]
    lines[1000] = 'k1000,1000,"x'
    if end < ROWS:
        lines[end - 1] = 'k1500,1500,"z"'
    (tmp_path / "rows.csv").write_text("id,a,c\n" + "".join(f"{line}\n" for line in lines))

    run = loads.run("rows.csv")

    assert 1 == run.code, run.err
    assert f"1 x not-csv {words}; first: rows.csv:1002" in run.err
    torn = (run.folder / "rejects.csv").read_text().splitlines()
    assert ["id,a,c", *lines[1000:end]] == torn
    kept = [line for line in lines if line not in torn]
    assert sorted(kept) == sorted(f"{key},{a},{c}" for key, (a, _, c) in contents(target).items())


def test_each_format_is_cut() -> None:
    """None is forgotten, but those that are written like another."""
    assert {name for name, *_ in CUT} == FORMATS.keys() - {"headless.csv", "query.sqlite"}
