"""Sources from standard input and from folders, and mapped columns."""

from __future__ import annotations

import gzip
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import polars as pl
import pytest

from loader.formats.source_format import is_reject_file
from tests.support.killing import BATCH_ROWS, CONCURRENCY
from tests.support.processes import Loads
from tests.support.site import Site, check, clear, contents
from tests.support.writing import FORMATS, format_of, rough, store, written

OPTIONS = (f"--batch-rows={BATCH_ROWS}", f"--concurrency={CONCURRENCY}")


@pytest.fixture
def target(undisturbed: Site) -> Site:
    clear(undisturbed)
    return undisturbed


@pytest.fixture
def loads(target: Site, tmp_path: Path) -> Loads:
    return Loads(tmp_path, target.url, target.secret, *OPTIONS)


@pytest.mark.parametrize("name", [*FORMATS, "plain.jsonl"])
def test_standard_input_may_be_anything(target: Site, tmp_path: Path, loads: Loads, name: str) -> None:
    """What it holds tells what it is; a database is written to the run directory for a while."""
    kind = format_of(name)
    made = rough(500, seed=3, bad=0, shapes=kind.shapes, typed=kind.typed)
    (tmp_path / name).write_bytes(written(name, made.lines).data)
    flags = ["--delimiter=;"] if name == "semicolons.csv" else []

    shell = ["sh", "-c", f'cat {name} | "$@"', "sh"]
    run = loads.start("--run-dir=run", *kind.flags, *flags, "-", prefix=shell).wait()

    assert 0 == run.code, run.err
    check(target, made, run.report)
    assert (tmp_path / name).stat().st_size == run.report["bytes_read"]
    assert {"journal.sqlite", "lock", "report.json"} == {path.name for path in run.folder.iterdir()}


def test_a_folder_is_its_files(target: Site, tmp_path: Path, loads: Loads) -> None:
    """In the order of their names, also in folders below; others are left out, and told."""
    folder = tmp_path / "dumps"
    for name in ("2024", "old.bulkload", "run", ".git"):
        (folder / name).mkdir(parents=True)
    made = rough(1200, seed=4, bad=0, repeats=0.0, shapes=False, typed=True)
    names = ["2024/quoted.csv.gz", "array.json", "commas.jsonl", "plain.ndjson", "tabs.tsv", "typed.parquet"]
    store(folder, made.lines, names)
    store(folder, ['{"id":"z1"}'], ["old.bulkload/rejects.jsonl"])
    store(folder, ['{"id":"z2"}'], [".hidden.jsonl"])
    store(folder, ['{"id":"z3"}'], [".git/rows.jsonl"])
    store(folder, ['{"id":"z4"}'], ["README"])
    store(
        folder,
        ['{"id":"z5"}', '{"id":"z6"}', '{"id":"z7"}'],
        ["run/lock", "run/report.json", "run/rejects.jsonl"],
    )
    with closing(sqlite3.connect(folder / "x.db")) as database:
        database.execute("create table one (id, a)")
        database.execute("insert into one values ('x', 2)")
        database.commit()

    run = loads.run("--run-dir=run", "dumps")

    assert 0 == run.code, run.err
    assert made.stored | {"x": ("2", None, None)} == contents(target)
    assert [f"dumps/{name}" for name in [*names, "x.db"]] == run.report["sources"]
    (told,) = [line for line in run.err.splitlines() if "left out" in line]
    assert "left out, for their names tell no format: dumps/README" == told


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
def test_columns_are_mapped(target: Site, tmp_path: Path, loads: Loads, name: str) -> None:
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
    target: Site, tmp_path: Path, loads: Loads, name: str
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


def test_commas_behind_some_lines_are_nothing(target: Site, tmp_path: Path, loads: Loads) -> None:
    """Each row is on a line of its own all the same."""
    (tmp_path / "m.jsonl").write_text('{"id":"k1"}\n{"id":"k2"},\n{"id":"k3"}\n{"id":"k4"},\n{"id":"k5"}\n')

    run = loads.run("m.jsonl")

    assert 0 == run.code, run.err
    assert "m.jsonl: JSON Lines, with commas between the rows" in run.err
    assert ["k1", "k2", "k3", "k4", "k5"] == sorted(contents(target))


@pytest.mark.parametrize("where", ["environment", ".env", "bulkload.toml", "pyproject.toml"])
def test_options_that_repeat_stand_elsewhere_too(
    target: Site, tmp_path: Path, loads: Loads, where: str
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


# Options, CSV, the table
CSV: list[tuple[list[str], str, dict[str, tuple[str | None, ...]]]] = [
    ([], "id,a,c\nk,1,\n", {"k": ("1", None, None)}),
    (["--null=\\N"], "id,a,c\nk,\\N,\n", {"k": (None, None, "")}),
    (["--delimiter=|"], "id|c\nk|a,b;c\n", {"k": (None, None, "a,b;c")}),
    (["--delimiter=tab"], "id\tc\nk\ta,b\n", {"k": (None, None, "a,b")}),
    (["--columns=id,c"], "id,a,c\nk,1,x\n", {"k": (None, None, "x")}),
    (["--columns=id,c"], "k,x\n", {"k": (None, None, "x")}),
    (["--columns=key,c", "--map=id=key"], "k,x\n", {"k": (None, None, "x")}),
    (["--columns=id,c", "--map=c=text"], "id,text,junk\nk,x,1\n", {"k": (None, None, "x")}),
    (["--null=NULL"], 'id,a,c\nk,"NULL",null\n', {"k": (None, None, "null")}),
    (["--delimiter=,"], "id,c\nk,a;b;c;d\n", {"k": (None, None, "a;b;c;d")}),
    (["--columns=id,c", "--delimiter=;"], "c;id\nx;k\n", {"k": (None, None, "x")}),
    (["--columns=id,c", "--set=a=7"], "k,x\n", {"k": ("7", None, "x")}),
]


@pytest.mark.parametrize(("options", "text", "expected"), CSV)
def test_csv_is_read_as_told(
    target: Site,
    tmp_path: Path,
    loads: Loads,
    options: list[str],
    text: str,
    expected: dict[str, tuple[str | None, ...]],
) -> None:
    """Nulls, delimiters, and names of columns with and without a header."""
    (tmp_path / "rows.csv").write_text(text)

    run = loads.run(*options, "rows.csv")

    assert 0 == run.code, run.err
    assert expected == contents(target)


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
    target: Site,
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


def test_no_reject_files_are_left_of_an_earlier_load(loads: Loads, tmp_path: Path) -> None:
    """Of whatever format they were."""
    (tmp_path / "rows.csv").write_text("id,a\nk,x\n")
    first = loads.run("--run-dir=run", "rows.csv")
    (tmp_path / "rows.jsonl").write_text('{"id":"k","a":1}\n')
    second = loads.run("--run-dir=run", "rows.jsonl")

    assert (1, 0) == (first.code, second.code)
    assert [] == [path for path in second.folder.iterdir() if is_reject_file(path.name)]


@pytest.mark.parametrize(
    "element",
    ['[{"id":"n"}]', '[[{"id":"n"}]]', '{"id":"n",\n"c":"a\nb"}', '{"id":"n"\n"c":1}', '"x"', "[\n]"],
)
def test_rejected_elements_of_an_array_are_refused_again(
    target: Site, tmp_path: Path, loads: Loads, element: str
) -> None:
    """The reject file, loaded again, lets in nothing that the array did not."""
    (tmp_path / "rows.json").write_text(f'[{{"id":"k"}},\n{element}\n,{{"id":"l"}}]')

    run = loads.run("rows.json")
    again = loads.run(str((run.folder / "rejects.jsonl").relative_to(tmp_path)))

    assert (1, 1) == (run.code, again.code), run.err + again.err
    assert 1 == again.report["rows_rejected"]
    assert {"k", "l"} == contents(target).keys()


# Options, a source, what it holds, what is said
SAID_OF: list[tuple[list[str], str, str, str]] = [
    (["--set=nope=1"], "rows.csv", "id,a\nk,1\n", "--set names nope, which faults lacks"),
    (["--map=nope=a"], "rows.jsonl", '{"id":"k","a":1}\n', "--map names nope, which faults lacks"),
    (["--null=x"], "rows.jsonl", '{"id":"k","a":1}\n', "rows.jsonl: JSON Lines; --null is for CSV only"),
    (["--delimiter=;"], "rows.json", '[{"id":"k"}]', "rows.json: a JSON array; --delimiter is for CSV only"),
    (["--query=select 1"], "rows.csv", "id,a\nk,1\n", "; --query is for SQLite only"),
    ([], "rows.csv", '"id","a\nb"\nk,1\n', "2 columns: id, 'a\\nb'"),
    ([], "rows.csv", "id,c\nk,a\rb\n", "there is a lone carriage return in a cell without quotes"),
    ([], "rows.jsonl", '{"id":"k","c":"\\\\\\ud83d"}', "\\ud83d is half of a character (a lone surrogate)"),
    ([], "rows.jsonl", '{"id":"\\ud83d\\ude00\\ude00"}', "\\ude00 is half of a character (a lone surrogate)"),
    (["--encoding=cp1252"], "rows.csv", "id,c\nk,\x81\n", "is not in the encoding of its source"),
]


@pytest.mark.parametrize(("options", "name", "text", "words"), SAID_OF)
def test_what_is_wrong_is_said(
    tmp_path: Path, loads: Loads, options: list[str], name: str, text: str, words: str
) -> None:
    """In words of the user's, not of a library's, and with the option that is at fault."""
    (tmp_path / name).write_bytes(text.encode("latin-1"))

    assert words in loads.run(*options, name).err


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
        (broken_view, "SQLite says: no such column: nope\nDoes the sqlite3 shell read that table, view, or"),
        (failing_query, "SQLite says: integer overflow\nDoes the sqlite3 shell read that table, view, or"),
        (locked, "SQLite says: database is locked\nAnother program writes to it."),
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


def test_a_source_that_must_be_replaced_is_not_gone_on_with(tmp_path: Path, loads: Loads) -> None:
    """The same command would be refused, for the source will be another."""
    rows = "".join(f'{{"id":"k{number}"}}\n' for number in range(20_000))
    (tmp_path / "rows.jsonl.gz").write_bytes(gzip.compress(rows.encode())[:-20])

    run = loads.run("rows.jsonl.gz")

    assert 4 == run.code
    assert "--fresh" in run.err
    assert "to go on" not in run.err
