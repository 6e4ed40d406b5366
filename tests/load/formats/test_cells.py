"""Cells of CSV for columns of every type: stored as PostgreSQL's own COPY stores them, or told."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import LiteralString

import pytest

from loader.sandbox import PostgREST, find_postgrest
from tests.support.dirty.cases import tables
from tests.support.harness import Target
from tests.support.processes import Loads
from tests.support.servers import SECRET, Servers

KINDS: LiteralString = """
create type core.mood as enum ('sad', 'happy');
create type core.pair as (x integer, y text);
create domain core.document as jsonb;
create domain core.positive as integer check (value > 0);
create table core.kinds (id text primary key, j json, jb jsonb, doc core.document, ja jsonb[], ia integer[],
    ta text[], da date[], f boolean, d date, tz timestamptz, ts timestamp, tm time, iv interval, by bytea,
    u uuid, n numeric, n2 numeric(10, 2), big bigint, r real, dp double precision, m core.mood, p core.pair,
    pos core.positive, vc varchar(3), ch char(5), ip inet, ra int4range, bits bit(3), x xml);
create view api.kinds as select * from core.kinds;
grant usage on schema core to api_data_producer;
grant select, insert, update on api.kinds to api_data_producer;
"""

DROP: LiteralString = """
drop view api.kinds; drop table core.kinds;
drop type core.mood, core.pair; drop domain core.document, core.positive
"""

# A column, cells for it
CELLS: dict[str, list[str]] = {
    "j": ['{"a":1.10}', "[1, 2]", '"text"', "1e400", "true", '{"a":1,"a":2}', '{"\\u00e9":"\\u00e9"}'],
    "jb": ['{"a":1.10}', '"text"', "1.0", '{"b":1,"a":2}', "12345678901234567890.10"],
    "doc": ['{"a":1.10}', '"text"', "[1]", "12"],
    "ja": ['{"{\\"a\\":1.10}","2"}', "{}"],
    "ia": ["{}", "{NULL,1}", "[0:1]={1,2}", "{{1,2},{3,4}}", " { 1 , 2 } "],
    "ta": ['{"a,b",NULL,"NULL",""}', '{\u00e9,"\\"","\\\\"}', "{a b}"],
    "da": ["{2024-01-01,infinity}"],
    "f": ["t", "f", "TRUE", "no", "on", "off", "1", "0", " t ", "y"],
    "d": ["2024-02-29", "infinity", "-infinity", "0044-03-15 BC", "epoch", "Jan 5 2024", "20240105"],
    "tz": [
        "2024-03-19 19:43:31+02",
        "2024-03-19T19:43:31.123456789Z",
        "2024-03-19 19:43:31",
        "2024-03-19 19:43:31 America/New_York",
        "0044-03-15 12:00:00+00 BC",
        "infinity",
    ],
    "ts": ["2024-03-19 19:43:31.123456", "2024-03-19 19:43:31+02", "-infinity"],
    "tm": ["24:00:00", "19:43:31.1234567", "04:05 PM"],
    "iv": ["1 day 02:00:00", "P1DT2H", "1 day -2:00", "1.5 hours ago"],
    "by": ["\\x00ff", "abc", "\\000\\377", "\\x", "\u00e9", "\\x00 ff"],
    "u": ["a0eebc999c0b4ef8bb6d6bb9bd380a11", "{A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11}"],
    "n": [
        "0.100000000000000000000000000000000001",
        "1e5",
        "1e-200",
        "-0",
        "+1.50",
        ".5",
        "NaN",
        "nan",
        "Infinity",
        "-inf",
    ],
    "n2": ["1.005", "-0.001", "NaN"],
    "big": ["9223372036854775807", "-1", " 7 "],
    "r": ["0.1", "1e-45", "NaN", "-Infinity"],
    "dp": ["0.1", "5e-324", "nan", "NaN", "inf", "-Infinity", "+Infinity"],
    "m": ["sad"],
    "p": ['(1,"a,b")', "(,)"],
    "pos": ["3"],
    "vc": ["abc", "a", "\\N", "t"],
    "ch": ["ab", "x    "],
    "ip": ["10.0.0.1/32", "::1"],
    "ra": ["[1,5)", "empty", "(,3]"],
    "bits": ["101"],
    "x": ["<a>1</a>"],
}
# A column, cells that it cannot hold, or that JSON cannot bring there; the code of the reject
REFUSED: dict[str, list[tuple[str, str]]] = {
    "j": [("{", "not-json"), ("text", "not-json"), ("'a'", "not-json")],
    "doc": [("{a}", "not-json")],
    "ia": [("1,2", "22P02"), ("{x}", "22P02")],
    "f": [("maybe", "22P02"), ("2", "22P02")],
    "d": [("2024-02-30", "22008"), ("19/03/2024", "22008")],
    "by": [("\\x0", "22023"), ("\\xzz", "22023")],
    "n": [("1,5", "22P02"), ("NaN ish", "22P02")],
    "n2": [("123456789.00", "22003"), ("Infinity", "22003")],
    "big": [
        ("9223372036854775808", "22003"),
        ("1.5", "not-exact"),
        ("1e-1", "not-exact"),
        ("1e19", "not-exact"),
        ("NaN", "22P02"),
        ("1.0.0", "22P02"),
    ],
    "m": [("glad", "22P02")],
    "pos": [("-3", "23514")],
    "vc": [("abcd", "22001"), ("NULL", "22001")],
}


@pytest.fixture(scope="module")
def kinds(servers: Target) -> Iterator[Target]:
    """Make a table with a column of each type."""
    with tables(servers, KINDS, DROP) as target:
        yield target


@pytest.fixture
def target(target: Target, kinds: Target) -> Target:
    """Return the servers, with no rows in core.kinds either."""
    kinds.sql("truncate core.kinds")
    return target


@pytest.fixture
def load_options() -> tuple[str, ...]:
    """Have loads go to api.kinds."""
    return ("--table=kinds",)


def columns(target: Servers) -> list[str]:
    """Those of the table."""
    found = target.sql(
        "select attname from pg_attribute where attrelid = 'core.kinds'::regclass and attnum > 0"
    )
    return [name for (name,) in found]


def rows(names: Sequence[str], cells: Mapping[str, Sequence[str]]) -> str:
    """A row of CSV for each cell, which is all that it holds, with its column and its number as the key."""
    text = io.StringIO()
    writer = csv.DictWriter(text, names, lineterminator="\n")
    for name, some in cells.items():
        writer.writerows({"id": f"{name}{number}", name: cell} for number, cell in enumerate(some))
    return text.getvalue()


def test_a_cell_is_stored_as_copy_would_store_it(target: Servers, tmp_path: Path, loads: Loads) -> None:
    """Whatever the column's type is: PostgreSQL reads it as it reads a literal."""
    names = columns(target)
    assert [*CELLS] == names[1:]
    text = rows(names, CELLS)
    (tmp_path / "rows.csv").write_text(f"{','.join(names)}\n{text}")

    run = loads.run("rows.csv")
    stored = target.texts("select * from core.kinds order by id")
    target.sql("truncate core.kinds")
    copying = "copy core.kinds from stdin with (format csv)"
    target.copy(copying, text)
    copied = target.texts("select * from core.kinds order by id")

    assert 0 == run.code, run.err
    assert copied == stored


def test_a_cell_that_its_column_cannot_hold_is_rejected(
    target: Servers, tmp_path: Path, loads: Loads
) -> None:
    """Each with its line and PostgreSQL's code; nothing of it is stored, nor changed on the way."""
    names = columns(target)
    head = f"{','.join(names)}\n"
    text = rows(names, {name: [cell for cell, _ in some] for name, some in REFUSED.items()})
    (tmp_path / "rows.csv").write_text(head + text)

    run = loads.run("rows.csv")
    errors = [json.loads(line) for line in (run.folder / "rejects.errors.jsonl").read_text().splitlines()]

    codes = [code for some in REFUSED.values() for _, code in some]
    assert 1 == run.code, run.err
    assert list(enumerate(codes, 2)) == [(error["line"], error["code"]) for error in errors]
    assert head + text == (run.folder / "rejects.csv").read_text()
    assert [] == target.texts("select id from core.kinds")


def test_json_over_several_lines_is_json(target: Servers, tmp_path: Path, loads: Loads) -> None:
    """A newline between two of its tokens is a blank; a null alone is what it is for PostgREST: NULL."""
    (tmp_path / "rows.csv").write_text('id,j\nk1,"{""a"":\n1.10}"\nk2,null\n')

    run = loads.run("rows.csv")

    assert 0 == run.code, run.err
    assert [("k1", '{"a": 1.10}'), ("k2", None)] == target.texts("select id, j from core.kinds order by id")


@pytest.mark.parametrize(("name", "told"), [("rows.csv", 1), ("rows.jsonl", 0)])
def test_a_server_that_tells_no_types_is_told(
    target: Servers, tmp_path: Path, loads: Loads, name: str, told: int
) -> None:
    """Once, and only where values depend on them: what a json column holds then is a text."""
    (tmp_path / "rows.csv").write_text('id,jb\nk,"{""a"":1}"\n')
    (tmp_path / "rows.jsonl").write_text('{"id":"k","jb":{"a":1}}\n')
    silent = {"PGRST_OPENAPI_MODE": "disabled"}
    server = PostgREST(find_postgrest(), target.box.authenticator, SECRET, None, silent)
    server.start()
    try:
        loads.url = server.url
        run = loads.run(name)
    finally:
        server.stop()

    assert 0 == run.code, run.err
    assert told == run.err.count("the server does not tell the types of its columns")
    stored = '"{\\"a\\":1}"' if told else '{"a": 1}'
    assert [("k", stored)] == target.texts("select id, jb from core.kinds")


@pytest.mark.parametrize("column", ["j", "jb"])
def test_json_that_is_set_keeps_its_empty_texts(
    target: Servers, tmp_path: Path, loads: Loads, column: str
) -> None:
    """An empty cell is null; an empty text within JSON is not one."""
    (tmp_path / "rows.csv").write_text("id,ta\nk,\n")

    run = loads.run(f'--set={column}={{"a":"","b":[""]}}', "rows.csv")

    assert 0 == run.code, run.err
    found = target.texts(f"select ta, {column}->>'a', {column}->'b' from core.kinds")  # noqa: S608 - its columns
    assert [(None, "", '[""]')] == [tuple(row) for row in found]
