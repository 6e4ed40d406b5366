"""Sources from standard input and from folders, mapped columns, and cells for columns of every type."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import polars as pl
import pytest

from loader.rejects import is_rows
from tests.faults import Site, check, clear, contents, site
from tests.killing import BATCH_ROWS, CONCURRENCY
from tests.processes import Loads
from tests.writing import FORMATS, format_of, rough, written

OPTIONS = (f"--batch-rows={BATCH_ROWS}", f"--concurrency={CONCURRENCY}")
KINDS = """
create table core.kinds (id text primary key, j json, jb jsonb, ia integer[], ta text[], f boolean, da date,
    tz timestamptz, ts timestamp, iv interval, by bytea, u uuid, n numeric, big bigint);
create view api.kinds as select * from core.kinds;
grant select, insert, update on api.kinds to api_data_producer;
"""


@pytest.fixture(scope="module")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with site(tmp_path_factory.mktemp("site")) as up:
        up.sql(KINDS)
        up.reload()
        yield up


@pytest.fixture
def target(servers: Site) -> Site:
    clear(servers)
    servers.sql("truncate core.kinds")
    return servers


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
    (folder / "2024").mkdir(parents=True)
    (folder / "old.bulkload").mkdir()
    (folder / "2024" / "a.csv").write_text("id,a\nx,1\n")
    (folder / "b.jsonl").write_text('{"id":"x","a":2}\n{"id":"y","a":2}\n')
    (folder / "old.bulkload" / "rejects.jsonl").write_text('{"id":"z"}\n')
    (folder / ".hidden.jsonl").write_text('{"id":"z"}\n')
    (folder / "README").write_text("what this is\n")

    run = loads.run("--run-dir=run", "dumps")

    assert 0 == run.code, run.err
    assert {"x": ("2", None, None), "y": ("2", None, None)} == contents(target)
    assert ["dumps/2024/a.csv", "dumps/b.jsonl"] == run.report["sources"]
    assert "left out, for their names tell no format: dumps/README" in run.err


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

    run = loads.run("--map=id=key", "--map=b=a", "--set=c=constant, with a comma", "--drop=junk", name)
    lacking = loads.run("--map=id=kee", "--drop=junk", "--run-dir=other", name)

    assert 0 == run.code, run.err
    assert {"k1": (None, "1.500000000000000000", "constant, with a comma")} == contents(target)
    assert 2 == lacking.code
    assert "lacks kee" in lacking.err
    assert "It has key, a, junk." in lacking.err


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


@pytest.mark.parametrize("where", ["environment", "toml"])
def test_options_that_repeat_stand_elsewhere_too(
    target: Site, tmp_path: Path, loads: Loads, where: str
) -> None:
    """With commas between them in the environment, as lists in a file."""
    write_mapped(tmp_path / "m.csv")
    if where == "toml":
        lines = ['map = ["id=key", "b=a"]', 'drop = "junk"', 'set = ["c=x, y"]']
        (tmp_path / "bulkload.toml").write_text("\n".join(lines))
    else:
        (tmp_path / ".env").write_text("BULKLOAD_MAP=id=key,b=a\nBULKLOAD_DROP=junk\n")

    run = loads.run("m.csv")

    assert 0 == run.code, run.err
    c = "x, y" if where == "toml" else None
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
    (["--format=csv"], "id,c\nk,x\n", {"k": (None, None, "x")}),
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


def test_a_cell_is_stored_as_copy_would_store_it(target: Site, tmp_path: Path, loads: Loads) -> None:
    """Whatever the column's type is: PostgreSQL reads it as it reads a literal."""
    cells = (
        'k,"{""a"": [1.10,\n""x""]}","{""b"":1.0}","{1,2}","{""a,b"",c}",t,2024-02-29,2024-03-19 19:43:31+02,'
        "2024-03-19 19:43:31.123456,1 day 02:00:00,\\x00ff,A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11,"
        "0.100000000000000000000000000000000001,9223372036854775807\n"
    )
    (tmp_path / "rows.csv").write_text("id,j,jb,ia,ta,f,da,tz,ts,iv,by,u,n,big\n" + cells)

    run = loads.run("--table=kinds", "rows.csv")
    (stored,) = target.texts("select * from core.kinds")
    target.sql("truncate core.kinds")
    copying = "copy core.kinds from stdin with (format csv)"
    with target._connection.cursor() as cursor, cursor.copy(copying) as copy:
        copy.write(cells)
    (copied,) = target.texts("select * from core.kinds")

    assert 0 == run.code, run.err
    assert (copied[0], copied[2:]) == (stored[0], stored[2:])
    assert '{"a": [1.10, "x"]}' == stored[1]  # a newline between two tokens is a blank


def test_no_reject_files_are_left_of_an_earlier_load(loads: Loads, tmp_path: Path) -> None:
    """Of whatever format they were."""
    (tmp_path / "rows.csv").write_text("id,a\nk,x\n")
    first = loads.run("--run-dir=run", "rows.csv")
    (tmp_path / "rows.jsonl").write_text('{"id":"k","a":1}\n')
    second = loads.run("--run-dir=run", "rows.jsonl")

    assert (1, 0) == (first.code, second.code)
    assert [] == [path for path in second.folder.iterdir() if is_rows(path)]
