"""Tables that PostgreSQL wrote itself come back equal, whatever their types: CSV, COPY text, dumps."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path
from typing import LiteralString

import psycopg
import pytest

from loader.sandbox import Sandbox
from tests.support.dirty.cases import tables
from tests.support.harness import Target
from tests.support.processes import Loads
from tests.support.servers import Servers

DDL: LiteralString = """
create type core.size as enum ('s', '', 'a"b');
create type core.item as (x integer, y text);
create domain core.short as varchar(8);
create table core.written (id text primary key, t text, vc varchar(20), ch char(4), sh core.short,
    e core.size, b boolean, i2 smallint, i4 integer, i8 bigint, n numeric, r real, dp double precision,
    d date, ts timestamp, tz timestamptz, tm time, tmz timetz, iv interval, u uuid, by bytea, j json,
    jb jsonb, ia integer[], ta text[], ip inet, cd cidr, mac macaddr, ra int4range, bits bit varying,
    co core.item, x xml, tsv tsvector, pt point);
create view api.written as select * from core.written;
grant usage on schema core to api_data_producer;
grant select, insert, update on api.written to api_data_producer;
"""
DROP: LiteralString = """
drop view api.written; drop table core.written; drop type core.size, core.item; drop domain core.short
"""
# Of each column some values beside null; of text, these and many more
TEXTS = [
    "",
    '"',
    '""',
    "\\N",
    "\\.",
    "NULL",
    "null",
    "a\nb",
    "a\r\nb",
    "a\tb",
    "\\",
    "a\\tb",
    ",",
    " a ",
    "ä€😀",
    "#x",
]
VALUES: dict[str, list[str]] = {
    "vc": ["", "a,b", '"', "\\N"],
    "ch": ["", "ab"],
    "sh": ["", "\\", "\t"],
    "e": ["", "s", 'a"b'],
    "b": ["t", "f"],
    "i2": ["-32768"],
    "i4": ["0"],
    "i8": ["9223372036854775807"],
    "n": ["0.100000000000000000000000000000000001", "1e-20"],
    "r": ["0.1"],
    "dp": ["0.1", "5e-324"],
    "d": ["2024-02-29", "infinity", "0044-03-15 BC"],
    "ts": ["2024-03-19 19:43:31.123456"],
    "tz": ["2024-03-19 19:43:31.5+02"],
    "tm": ["24:00:00"],
    "tmz": ["04:05:06+02"],
    "iv": ["1 day -02:00:00"],
    "u": ["a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11"],
    "by": ["\\x00ff", "\\x"],
    "j": ['{"a":"","b":[1.10,"\\""]}', '""'],
    "jb": ['{"a": ""}', '""'],
    "ia": ["{}", "{NULL,1}"],
    "ta": ['{"",NULL,"NULL","a,b","\\"","\\\\"}', "{}"],
    "ip": ["10.0.0.1", "::1"],
    "cd": ["10.0.0.0/8"],
    "mac": ["08:00:2b:01:02:03"],
    "ra": ["[1,5)", "empty"],
    "bits": ["101", ""],
    "co": ['(1,"a,b")', '(,"")'],
    "x": ["<a>1</a>", ""],
    "tsv": ["'a' 'b'", ""],
    "pt": ["(1,2.5)"],
}
# The file's name, the options of COPY, those of the load
WRITTEN: list[tuple[str, LiteralString, list[str]]] = [
    ("t.csv", "csv, header", []),
    ("t.csv", "csv, header, force_quote *", []),
    ("t.csv", "csv, header, delimiter ';'", []),
    ("t.csv", "csv, header, null 'NULL'", ["--null=NULL"]),
    ("t.csv", "csv, header, null '\\N'", ["--null=\\N"]),
    ("t.tsv", "csv, header, delimiter E'\\t'", []),
    ("t.tsv", "text", ["--columns=COLUMNS"]),
    ("t.txt", "text", ["--header=COLUMNS", "--skip-lines=0"]),
    ("t.copy", "text", ["--header=COLUMNS", "--skip-lines=0"]),
    ("t.txt", "text, delimiter ','", ["--format=copy", "--delimiter=,", "--columns=COLUMNS"]),
    ("t.copy", "text, null 'NONE'", ["--columns=COLUMNS", "--null=NONE"]),
]


@pytest.fixture(scope="module")
def written(servers: Target) -> Iterator[Target]:
    """Make a table with a column of each of thirty types."""
    with tables(servers, DDL, DROP) as target:
        yield target


@pytest.fixture
def target(target: Servers, written: Target) -> Servers:
    """Return the servers, with rows of nulls, empty and odd values in core.written."""
    names = [name for (name,) in _columns(written)]
    rng = random.Random(7)
    rows: list[dict[str, str | None]] = [{"id": "nulls"}]
    rows += [
        {"id": f"{name}{number}", name: value}
        for name, values in VALUES.items()
        for number, value in enumerate(values)
    ]
    for number in range(300):
        text = "".join(rng.choice(TEXTS) for _ in range(rng.randint(0, 3)))
        row: dict[str, str | None] = {
            name: rng.choice([None, *values]) for name, values in VALUES.items() if name in names
        }
        rows.append(row | {"id": f"row{number}", "t": rng.choice([None, text])})
    written.sql("truncate core.written")
    with (
        psycopg.connect(written.box.database, autocommit=True) as connection,
        connection.cursor().copy("copy core.written from stdin") as copy,
    ):
        for row in rows:
            copy.write_row([row.get(name) for name in names])
    return target


@pytest.fixture
def load_options() -> tuple[str, ...]:
    """Have loads go to api.written."""
    return ("--table=written",)


def _columns(target: Target) -> list[tuple[str]]:
    return target.sql(
        "select attname::text from pg_attribute where attrelid = 'core.written'::regclass and attnum > 0"
    )


def _export(box: Sandbox, options: str) -> bytes:
    statement = f"copy core.written to stdout with (format {options})".encode()
    with psycopg.connect(box.database) as connection, connection.cursor().copy(statement) as copy:
        return b"".join(map(bytes, copy))


@pytest.mark.parametrize(("name", "options", "arguments"), WRITTEN)
def test_a_table_that_postgresql_wrote_comes_back_equal(
    target: Servers, tmp_path: Path, loads: Loads, name: str, options: LiteralString, arguments: list[str]
) -> None:
    """Null is null and an empty text is empty, with quotes, newlines, backslashes and null tokens in it."""
    (tmp_path / name).write_bytes(_export(target.box, options))
    wanted = target.texts("select * from core.written order by id")
    columns = ",".join(column for (column,) in _columns(target))
    target.sql("truncate core.written")

    run = loads.run(*(argument.replace("COLUMNS", columns) for argument in arguments), name)

    assert 0 == run.code, run.err
    assert wanted == target.texts("select * from core.written order by id")
