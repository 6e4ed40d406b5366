"""Keys: the table ends as if one by one, also where PostgreSQL alone holds two of them equal."""

# ruff: noqa: E501, S608 - a table is read across; its SQL is a test's own

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, LiteralString

import psycopg
import pytest

from loader.settings import MaxErrors
from tests.support.dirty.cases import rows_of, tables
from tests.support.harness import Target

RESOLUTIONS = ["merge-duplicates", "ignore-duplicates", "none"]
ANY_NUMBER = MaxErrors(number=1_000_000)


@dataclass(frozen=True)
class Case:
    """Spellings of keys of a type, each as JSON of a row's key columns. PostgreSQL holds the first two equal."""

    name: str
    types: str
    spellings: str

    @property
    def columns(self) -> tuple[str, ...]:
        return tuple(f"k{i}" for i in range(len(self.types.split(";"))))

    @property
    def keys(self) -> list[bytes]:
        """The key's part of a row, as JSON without its braces."""
        names = self.columns
        spellings = [spelling.split(" ; ") for spelling in self.spellings.split(" | ")]
        return [
            ",".join(f'"{name}":{value}' for name, value in zip(names, values, strict=True)).encode()
            for values in spellings
        ]


CASES = [
    # Equal for us too, or for nobody.
    Case("text", "text", r'"1" | 1 | "\u0031" | "1 " | " 1" | 1.0 | "é" | "é" | "\u00e9" | "e\u0301" | "E" | ""'),
    Case("bigint", "bigint", '9007199254740993 | "+9007199254740993" | 9007199254740992 | 9007199254740994 | "9007199254740993" | " 9007199254740993 " | "009007199254740993" | -0 | 0 | "-0"'),
    Case("numeric", "numeric", '1 | 1.0 | "1.00" | 1e0 | 10e-1 | "01" | 9007199254740993 | 9007199254740992 | 9007199254740993.0 | 0.1 | 0.10000000000000000000000000001 | 0.100 | 1E-1 | -0 | 0 | 0.0 | 1e30 | 1000000000000000000000000000000 | -1 | -1.0'),
    Case("uuid", "uuid", '"A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11" | "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11" | "{a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11}" | "a0eebc999c0b4ef8bb6d6bb9bd380a11" | "a0ee-bc99-9c0b-4ef8-bb6d-6bb9-bd38-0a11" | "b0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11"'),
    Case("citext", "citext", '"A" | "a" | "B" | "b" | "Größe" | "GRÖSSE" | "GRÖßE" | "größe" | "a "'),
    Case("char", "char(4)", '"a" | "a " | "a   " | "b" | "b " | " b" | 1 | "1 "'),
    Case("boolean", "boolean", 'true | "t" | "yes" | "TRUE" | "on" | "1" | false | "f" | "no" | "off" | "of"'),
    Case("integer", "integer", '1 | "+1" | "1" | " 1" | "01" | 2'),
    # Equal by the column's own scale, precision or length.
    Case("numeric of a scale", "numeric(10,2)", '1 | 1.001 | "1.004" | 1.00 | 1.01 | 1.009 | 2'),
    Case("varchar", "varchar(3)", '"abc" | "abc " | "abc   " | "ab" | "ab "'),
    Case("double", "double precision", "0.1 | 0.10000000000000001 | 1e-1 | 0.1000000000000000055511151231257827 | 0.2 | 1 | 9007199254740992 | 9007199254740993"),
    Case("real", "real", "0.1 | 0.10000000149 | 0.100000001 | 16777216 | 16777217 | 0.2"),
    # Equal as times, networks, bytes, documents, ranges.
    Case("timestamptz", "timestamptz", '"2024-01-01T00:00:00Z" | "2024-01-01 00:00:00+00" | "2024-01-01T01:00:00+01:00" | "2024-01-01T00:00:00.000Z" | "20240101T000000Z" | "2024-01-01T00:00:00.000001Z"'),
    Case("timestamp", "timestamp", '"2024-01-01T00:00:00" | "2024-01-01 00:00" | "2024-01-01" | "2024-01-01T00:00:00.000" | "2024-01-02"'),
    Case("date", "date", '"2024-01-02" | "20240102" | "2024-01-02T10:00:00" | "January 2, 2024" | "2024-01-03"'),
    Case("interval", "interval", '"1 day" | "24:00:00" | "24 hours" | "P1D" | "2 days"'),
    Case("jsonb", "jsonb", '{"a":1} | {"a": 1} | {"a":1.0} | "a" | [1,2] | [1, 2]'),
    Case("inet", "inet", '"10.0.0.1" | "10.0.0.1/32" | "10.0.0.2"'),
    Case("bytea", "bytea", r'"\\x0aff" | "\\x0AFF" | "\\x0a ff" | "\\012\\377" | "\\x00"'),
    Case("array", "text[]", '["a","b"] | ["a", "b"] | "{a,b}" | "{\\"a\\",b}" | ["b"]'),
    # Several columns.
    Case("two texts", "text;text", '"a" ; "b" | "a" ; "\\u0062" | "a, b" ; "c" | "a" ; "b, c" | "a\\",\\"b" ; "" | "a" ; "b "'),
    Case("text and numeric", "text;numeric", '"a" ; 1 | "a" ; 1.0 | "A" ; 1 | "a" ; "1" | "a" ; 2 | 1 ; 1 | "1" ; 1e0'),
    Case("citext and timestamptz", "citext;timestamptz", '"ETH/USD" ; "2024-01-01T00:00:00Z" | "eth/usd" ; "2024-01-01 00:00:00+00" | "ETH/USD" ; "2024-01-02T00:00:00Z"'),
]  # fmt: skip

# A row with v = 3 is slow: the batches behind it overtake it, if they are let.
DDL: LiteralString = """
    create extension if not exists citext schema public;
    create schema oracle;
    create function api.slow() returns trigger language plpgsql as $$
    begin
        if new.v = 3 then perform pg_sleep(0.05); end if;
        return new;
    end $$;
"""
DROP: LiteralString = (
    "drop schema oracle cascade; drop function api.slow cascade; drop extension citext cascade"
)


@pytest.fixture(scope="module")
def made(servers: Target) -> Iterator[Target]:
    with tables(servers, DDL, DROP) as target:
        for i, case in enumerate(CASES):
            columns = ", ".join(
                f"{name} {kind}" for name, kind in zip(case.columns, case.types.split(";"), strict=True)
            )
            for schema in ("api", "oracle"):
                target.sql(
                    f"create table {schema}.keys{i} ({columns}, v int, w int, primary key ({', '.join(case.columns)}))"
                )
            target.sql(f"grant select, insert, update on api.keys{i} to api_data_producer")
            target.sql(
                f"create trigger slow before insert on api.keys{i} for each row execute function api.slow()"
            )
        target.reload()
        yield target
        for i in range(len(CASES)):
            target.sql(f"drop table api.keys{i}")


def one_by_one(
    target: Target, table: str, key: Sequence[str], lines: Sequence[bytes], resolution: str
) -> list[int]:
    """Apply rows one at a time to the oracle's table; gives the lines that PostgreSQL refuses."""
    refused = []
    target.sql(f"truncate {table}")
    for number, line in enumerate(lines, 1):
        names = list(json.loads(line))
        update = ", ".join(f"{name} = excluded.{name}" for name in names)
        conflict = {
            "merge-duplicates": f"on conflict ({', '.join(key)}) do update set {update}",
            "ignore-duplicates": f"on conflict ({', '.join(key)}) do nothing",
            "none": "",
        }[resolution]
        chosen = ", ".join(names)
        try:
            target.sql(
                f"insert into {table} ({chosen}) select {chosen} from json_populate_recordset(null::{table}, %s::json)"
                f" {conflict}",
                f"[{line.decode()}]",
            )
        except psycopg.errors.UniqueViolation:
            refused.append(number)
    return refused


def stream(case: Case, rows: int, *, shapes: int = 1) -> list[bytes]:
    """Rows that go through the spellings in changing order; with two shapes, every fifth lacks a column."""
    keys = case.keys
    step = next(step for step in (7, 5, 3, 2, 1) if len(keys) % step)
    chosen = [keys[(i * step + i // len(keys)) % len(keys)] for i in range(rows)]
    return [
        b"{%b,%b}" % (key, b'"v":%d' % i if shapes == 2 and i % 5 == 4 else b'"v":%d,"w":%d' % (i, i))
        for i, key in enumerate(chosen)
    ]


async def check(made: Target, case: Case, lines: list[bytes], resolution: Any, **changes: Any) -> None:
    """Load lines, and compare all that a load leaves with what one by one leaves."""
    table = f"keys{CASES.index(case)}"
    refused = one_by_one(made, f"oracle.{table}", case.columns, lines, resolution)
    made.sql(f"truncate api.{table}")

    loaded = await made.load(
        b"\n".join(lines),
        table=table,
        on_conflict=case.columns,
        resolution=resolution,
        max_errors=ANY_NUMBER,
        **changes,
    )

    assert None is loaded.report.error
    expected = rows_of(made, f"oracle.{table}")
    assert expected == rows_of(made, f"api.{table}")
    assert [(line, "23505") for line in refused] == loaded.codes
    assert [lines[line - 1] for line in refused] == loaded.rejects
    done, superseded, ignored, rejected = loaded.counts
    left = len(lines) - len(expected)
    counts = {
        "merge-duplicates": (len(lines), 0, 0),
        "ignore-duplicates": (len(expected), left, 0),
        "none": (len(expected), 0, left),
    }
    assert counts[resolution] == (done + superseded, ignored, rejected)


def case_of(name: str) -> Case:
    return next(case for case in CASES if case.name == name)


@pytest.mark.parametrize("resolution", RESOLUTIONS)
@pytest.mark.parametrize("name", [case.name for case in CASES])
async def test_slow_row_is_not_overtaken(made: Target, name: str, resolution: Any) -> None:
    """A row waits for one in flight whose key PostgreSQL holds equal, however either is spelled."""
    case = case_of(name)
    first, second = (b'{%b,"v":%d}' % (key, v) for key, v in zip(case.keys, (3, 4), strict=False))
    await check(made, case, [first, second], resolution, batch_rows=1)


# Where spellings are as many as this, halving and waiting meet in all ways.
MANY = ["text", "bigint", "numeric", "uuid", "citext", "char", "two texts", "text and numeric"]


@pytest.mark.parametrize("resolution", RESOLUTIONS)
@pytest.mark.parametrize("name", MANY)
async def test_across_batches(made: Target, name: str, resolution: Any) -> None:
    """Keys in all their spellings, in many batches in flight, end as if one by one."""
    case = case_of(name)
    await check(made, case, stream(case, 48), resolution, batch_rows=3, batch_bytes=1024)


@pytest.mark.parametrize("resolution", RESOLUTIONS)
@pytest.mark.parametrize("name", ["text", "numeric", "citext", "char", "two texts"])
async def test_across_shapes(made: Target, name: str, resolution: Any) -> None:
    """The same where rows of one key have different shapes."""
    case = case_of(name)
    await check(made, case, stream(case, 40, shapes=2), resolution, batch_rows=3, batch_bytes=1024)


@pytest.mark.parametrize("resolution", RESOLUTIONS)
@pytest.mark.parametrize("name", ["text", "bigint", "numeric", "uuid", "citext", "timestamptz"])
async def test_within_a_batch(made: Target, name: str, resolution: Any) -> None:
    """The same where all rows are in one batch."""
    case = case_of(name)
    await check(made, case, stream(case, 30), resolution)


def citext(made: Target, *rows: tuple[str, int, int | None]) -> tuple[str, list[bytes]]:
    """The emptied table of citext keys, and rows for it; a row without w has another shape."""
    table = f"keys{CASES.index(case_of('citext'))}"
    made.sql(f"truncate api.{table}")
    return table, [
        json.dumps({"k0": key, "v": v} | ({} if w is None else {"w": w})).encode() for key, v, w in rows
    ]


async def test_shapes_keep_the_order_of_equal_keys(made: Target) -> None:
    """A shape that fills its batch sooner does not overtake an older row of a key that PostgreSQL holds equal."""
    table, lines = citext(made, ("A", 1, None), ("a", 2, 2), *((f"x{i}", i, i) for i in range(20)))

    await made.load(b"\n".join(lines), table=table, on_conflict=("k0",), batch_rows=5)

    assert [(2, 2)] == made.sql(f"select v, w from api.{table} where k0 = 'a'")


async def test_suspicion_keeps_the_order_of_equal_keys(made: Target) -> None:
    """An innocent row that holds the value that the server names is not sent after a later row of its key."""
    table, lines = citext(made, ("A", 1, 99), ("a", 2, 2), *((f"x{i}", i, i) for i in range(20)))
    # "1.5" is no int; as a key it is innocent.
    lines += [b'{"k0":"1.5","v":1,"w":1}', b'{"k0":"bad","v":"1.5","w":1}', b'{"k0":"1.5 ","v":2,"w":2}']
    lines[0] = b'{"k0":"A","v":1,"w":1,"note":"1.5"}'
    lines[1:] = [line[:-1] + b',"note":""}' for line in lines[1:]]
    made.sql(f"alter table api.{table} add column note text")
    made.reload()
    try:
        loaded = await made.load(b"\n".join(lines), table=table, on_conflict=("k0",))

        assert [(24, "22P02")] == loaded.codes
        assert [(2, 2)] == made.sql(f"select v, w from api.{table} where k0 = 'a'")
    finally:
        made.sql(f"alter table api.{table} drop column note")


@pytest.mark.parametrize("concurrency", [1, 2, 8])
async def test_last_of_a_key_wins_over_many_batches(made: Target, concurrency: int) -> None:
    """One key in every batch, with slow batches among them, ends as its last row."""
    table = f"keys{CASES.index(case_of('bigint'))}"
    made.sql(f"truncate api.{table}")
    source = b"\n".join(
        b'{"k0":%b,"v":%d,"w":%d}' % (b"9007199254740993" if i % 3 == 0 else b"%d" % i, i, i)
        for i in range(300)
    )

    loaded = await made.load(source, table=table, on_conflict=("k0",), batch_rows=7, concurrency=concurrency)

    assert 0 == loaded.report.exit_code
    assert [(297, 297)] == made.sql(f"select v, w from api.{table} where k0 = 9007199254740993")
    assert [(201,)] == made.sql(f"select count(*) from api.{table}")


async def test_null_in_a_key(made: Target) -> None:
    """Rows with a null in a key of several columns are each refused, and supersede nothing."""
    table = f"keys{CASES.index(case_of('two texts'))}"
    made.sql(f"truncate api.{table}")
    lines = [
        b'{"k0":"a","k1":null,"v":1}',
        b'{"k0":"a","k1":"b","v":1}',
        b'{"k0":"a","k1":null,"v":2}',
        b'{"k0":"a","v":2}',
    ]

    loaded = await made.load(b"\n".join(lines), table=table, on_conflict=("k0", "k1"))

    assert [(1, "23502"), (3, "23502"), (4, "no-key")] == loaded.codes
    assert (1, 0, 0, 3) == loaded.counts
