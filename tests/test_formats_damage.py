"""Sources that are cut off, empty, mislabelled or too good to be true: told, and nothing is lost."""

from __future__ import annotations

import gzip
import io
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import polars as pl
import pytest

from tests.faults import Site, clear, contents, differences, site
from tests.killing import BATCH_ROWS, CONCURRENCY, kill_in_the_middle
from tests.processes import Loads, peak
from tests.proxy import Proxy
from tests.writing import FORMATS, format_of, rough, written

ROWS = 2000
OPTIONS = (f"--batch-rows={BATCH_ROWS}", f"--concurrency={CONCURRENCY}")


@pytest.fixture(scope="module")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with site(tmp_path_factory.mktemp("site")) as up:
        yield up


@pytest.fixture
def target(servers: Site) -> Site:
    clear(servers)
    return servers


@pytest.fixture
def loads(target: Site, tmp_path: Path) -> Loads:
    return Loads(tmp_path, target.url, target.secret, *OPTIONS)


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
    target: Site, tmp_path: Path, loads: Loads, name: str, code: int, words: str, suffix: str
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


# A name, what the file holds, the exit code, what is said
ODD: list[tuple[str, bytes, int, str]] = [
    ("rows.csv", b"", 0, "no rows: there is nothing to load"),
    ("rows.csv", b"id,a\n", 0, "no rows: there is nothing to load"),
    ("rows.json", b"", 0, "no rows: there is nothing to load"),
    ("rows.json", b"[]", 0, "no rows: there is nothing to load"),
    ("rows.json", b" [\n]\n", 0, "no rows: there is nothing to load"),
    ("rows.parquet", b"", 2, "rows.parquet is no Parquet, though its name says so: it is empty"),
    ("rows.sqlite", b"", 2, "rows.sqlite is no SQLite database, though its name says so: it is empty"),
    ("rows.parquet", b"id,a\n1,2\n", 2, "rows.parquet is no Parquet, though its name says so: it begins"),
    ("rows.db", b'{"id":"a"}\n', 2, "rows.db is no SQLite database, though its name says so"),
    ("rows.parquet", b"PAR1" + b"\0" * 100, 4, "rows.parquet cannot be read as Parquet"),
    (
        "rows.sqlite",
        b"SQLite format 3\0" + b"\0" * 200,
        4,
        "rows.sqlite: SQLite says: file is not a database",
    ),
    ("rows.csv", b"id,a,id\n1,2,3\n", 2, "rows.csv:1: the header has id twice"),
    ("rows.csv", b",a\n1,2\n", 2, "rows.csv:1: column 1 of the header has no name"),
    (
        "rows.json",
        b'[{"id":"a"}] x',
        4,
        "rows.json:1: the array has ended, and the source goes on at byte 13",
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
def test_a_database_is_known_by_its_bytes(target: Site, tmp_path: Path, loads: Loads, name: str) -> None:
    """Whatever it is called."""
    kind = format_of(name)
    made = rough(300, seed=6, bad=0, typed=True)
    (tmp_path / "rows.csv").write_bytes(written(name, made.lines).data)

    run = loads.run(*kind.flags, "rows.csv")

    assert 0 == run.code, run.err
    assert not differences(contents(target), made.stored)


@pytest.mark.parametrize("flag", ["--source-table=rows", "--query=select id, a, b, c from rows"])
def test_damage_in_a_database_is_told_behind_the_rows_before_it(
    target: Site, tmp_path: Path, loads: Loads, flag: str
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


def csv_bomb() -> bytes:
    return gzip.compress(b"id,a,c\n") + gzip.compress(b"k,1,%s\n" % (b"." * 200) * 5000) * 200


def json_bomb() -> bytes:
    few = gzip.compress(b'{"id":"k","a":1,"c":"%s"},' % (b"." * 200) * 5000)
    return gzip.compress(b"[") + few * 200 + gzip.compress(b'{"id":"k"}]')


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


def test_a_quote_that_is_never_closed_is_told(loads: Loads, tmp_path: Path, target: Site) -> None:
    """With its line, once the cell is longer than a row may be; the rows before it are in."""
    part = gzip.compress(b"x,1\n" * 2_000_000)
    data = gzip.compress(b'id,a\nk1,1\nk2,"2\n') + part * 10
    (tmp_path / "rows.csv.gz").write_bytes(data)

    run, most = peak(loads, "rows.csv.gz", dry=False)

    assert 4 == run.code
    assert "rows.csv.gz:3: the row is longer than 8 MiB" in run.err
    assert "Is there a quote at the beginning of a cell that none closes?" in run.err
    assert most < 600
    assert ["k1"] == list(contents(target))


LATIN = "id,a,c\nk1,1,Gr\u00f6\u00dfe\nk2,x,\u00e9\nk3,3,plain\n"


@pytest.mark.parametrize("encoding", ["latin-1", "utf-16"])
def test_another_encoding_is_told_and_read(loads: Loads, tmp_path: Path, target: Site, encoding: str) -> None:
    """Rejects are written in the encoding of the source, and so can be loaded like it."""
    (tmp_path / "rows.csv").write_bytes(LATIN.encode(encoding))

    wrong = loads.run("rows.csv")
    run = loads.run("--fresh", f"--encoding={encoding}", "rows.csv")
    rejects = (run.folder / "rejects.csv").read_bytes()
    (tmp_path / "mended.csv").write_bytes(rejects.decode(encoding).replace("x", "2").encode(encoding))
    mended = loads.run(f"--encoding={encoding}", "mended.csv")

    assert (1 if encoding == "latin-1" else 2) == wrong.code
    assert "--encoding" in wrong.err
    assert "rows.csv:2" in wrong.err or "rows.csv:1" in wrong.err
    assert (1, 0) == (run.code, mended.code)
    assert "id,a,c\nk2,x,\u00e9\n" == rejects.decode(encoding)
    expected = {"k1": ("1", None, "Gr\u00f6\u00dfe"), "k2": ("2", None, "\u00e9"), "k3": ("3", None, "plain")}
    assert expected == contents(target)


@pytest.mark.parametrize("name", ["quoted.csv", "plain.jsonl", "array.json"])
def test_another_encoding_resumes(target: Site, tmp_path: Path, name: str) -> None:
    """After kill -9 in the middle."""
    made = rough(ROWS, seed=7, bad=0, shapes=False)
    (tmp_path / name).write_bytes(written(name, made.lines).data.decode().encode("utf-16"))
    with Proxy(target.url, reads_bodies=True) as proxy:
        loads = Loads(tmp_path, proxy.url, target.secret, *OPTIONS, "--encoding=utf-16")
        kill_in_the_middle(loads, proxy, name, after=5)

        run = loads.run(name)

    assert 0 == run.code, run.err
    assert "resuming at" in run.err
    assert not differences(contents(target), made.stored)
    assert (tmp_path / name).stat().st_size == run.report["bytes_read"]


def test_each_format_is_cut() -> None:
    """None is forgotten, but those that are written like another."""
    assert {name for name, *_ in CUT} == FORMATS.keys() - {"headless.csv", "query.sqlite"}
