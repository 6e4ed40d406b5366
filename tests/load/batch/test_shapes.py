"""Rows of different shapes: what a row lacks is left alone, what the table lacks is told."""

# ruff: noqa: E501, S608 - a table is read across; its SQL is a test's own

from __future__ import annotations

import json
from collections.abc import Iterator
from itertools import cycle, islice
from typing import Any, LiteralString

import pytest

from tests.support.dirty.cases import ending, lines_of, tables
from tests.support.harness import Target

# Names that need quoting in SQL, in a URL, in PostgREST's list of columns, or in a decoder of ours.
NAMES = [
    "weird col", " blank ", "x,y", 'a"b', "a\\b", "a\nb", "Größe", "größe", "数量", "😀", "id.x", "select", "columns",
    "on_conflict", "Id", "ID", "a%20b", "a+b", "a&b=c", "a#b", "a;b", "(a)", "a->b", "a::int", "*", "$1", "1", "null", "f0", "f1",
    "'", "é", "e\u0301", "x" * 63,
]  # fmt: skip
DDL: LiteralString = """
    create table api.wide (id text primary key, a text, b text, c text,
        c0 int, c1 int, c2 int, c3 int, c4 int, c5 int, c6 int, c7 int, c8 int, c9 int, c10 int, c11 int);
    create table api.named (id text primary key);
    create table api."odd ""name"", so" ("the ""key"", so" text primary key, "a.b" text, v int);
    create view api.some as select id, a from api.wide;
    grant select, insert, update on api.wide, api.named, api."odd ""name"", so", api.some to api_data_producer
"""
DROP: LiteralString = 'drop view api.some; drop table api.wide, api.named, api."odd ""name"", so"'


@pytest.fixture(scope="module")
def made(servers: Target) -> Iterator[Target]:
    with tables(servers, DDL, DROP) as target:
        for name in NAMES:
            quoted = name.replace('"', '""')
            target.sql(f'alter table api.named add column "{quoted}" text')
        target.reload()
        yield target


@pytest.fixture
def shapes(made: Target) -> Target:
    """The servers, with empty tables."""
    made.sql('truncate api.wide, api.named, api."odd ""name"", so"')
    return made


def rows(*fields: dict[str, Any]) -> bytes:
    return b"".join(json.dumps(row).encode() + b"\n" for row in fields)


async def test_what_a_row_lacks_is_kept(shapes: Target) -> None:
    """A column that a row does not name keeps its stored value; one that it gives as null does not."""
    shapes.sql("insert into api.wide (id, a, b, c) values ('1', 'A', 'B', 'C'), ('2', 'A', 'B', 'C')")
    source = rows(
        {"id": "1", "a": "new"},
        {"id": "2", "b": None, "c": "new"},
        {"id": "3", "c": "new"},
        {"id": "3"},
        {"c": "newer", "id": "2"},
    )

    loaded = await shapes.load(source, table="wide")

    assert (5, 0, 0, 0) == loaded.counts
    assert [("1", "new", "B", "C"), ("2", "A", None, "newer"), ("3", None, None, "new")] == shapes.texts(
        "select id, a, b, c from api.wide order by id"
    )


async def test_keys_in_any_order_are_one_shape(shapes: Target) -> None:
    """The order of an object's keys makes no shape of its own."""
    source = rows(*({"id": str(i), "a": "x"} if i % 2 else {"a": "x", "id": str(i)} for i in range(400)))

    loaded = await shapes.load(source, table="wide")

    assert (400, 0, 0, 0) == loaded.counts
    assert 1 == loaded.report.batches


@pytest.mark.parametrize("shape_count", [2, 7, 8, 9, 12])
async def test_alternating_shapes(shapes: Target, shape_count: int) -> None:
    """Shapes that alternate row by row, however many they are, do not cost a request a row."""
    source = rows(*({"id": str(i), f"c{i % shape_count}": i} for i in range(1200)))

    loaded = await shapes.load(source, table="wide")

    assert (1200, 0, 0, 0) == loaded.counts
    sums = [str(sum(i for i in range(1200) if i % shape_count == column)) for column in range(shape_count)]
    held = shapes.texts(
        "select sum(c0), sum(c1), sum(c2), sum(c3), sum(c4), sum(c5), sum(c6), sum(c7), sum(c8), sum(c9),"
        " sum(c10), sum(c11) from api.wide"
    )
    assert sums == list(held[0][:shape_count])
    assert loaded.report.requests < 150


async def test_one_key_in_alternating_shapes(shapes: Target) -> None:
    """Rows of one key that alternate between shapes end as if one by one."""
    names = islice(cycle(["a", "b", "ab", "c", "a", "bc"]), 200)
    source = rows(*({"id": "k", **dict.fromkeys(name, str(i))} for i, name in enumerate(names)))

    loaded = await shapes.load(source, table="wide")

    # 198: a, 199: b
    assert [("k", "198", "199", "197")] == shapes.texts("select id, a, b, c from api.wide")
    assert 200 == sum(loaded.counts[:2])


async def test_later_shape_of_a_key_waits(shapes: Target) -> None:
    """A shape that fills its batch sooner does not overtake an older row of the same key."""
    full = [{"id": "k" if i == 0 else str(i), "a": "new", "b": "new"} for i in range(10)]
    source = rows({"id": "k", "a": "old"}, *full)

    await shapes.load(source, table="wide", batch_rows=10)

    assert [("new", "new")] == shapes.texts("select a, b from api.wide where id = 'k'")


async def test_unknown_column_in_the_first_shape(shapes: Target) -> None:
    """A file with a column that the table lacks stops before the first row, and says what to do."""
    loaded = await shapes.load(
        rows(*({"id": str(i), "colour": "red", "a": "x"} for i in range(50))), table="wide"
    )

    assert (4, "stopped") == ending(loaded)
    assert (0, 0, 0, 0) == loaded.counts
    assert [] == loaded.rejects
    error = loaded.report.error or ""
    assert "colour" in error
    assert "id, a, b, c, c0, c1" in error
    assert "notify pgrst, 'reload schema'" in error
    assert "--drop colour loads the rows without these values" in error
    assert "--columns" not in error  # which would drop all else, now and in later rows
    assert [] == shapes.sql("select id from api.wide")


@pytest.mark.parametrize("place", [1, 150, 299])
@pytest.mark.parametrize(
    "fields",
    [
        {"colour": "red"},
        {"": "x"},
        {"a ": "x"},
        {"A": "x"},
        {'"': "x"},
        {"\\": "x"},
        {"a\nb": "x"},
        {"*": "x"},
        {"a->b": "x"},
        {"😀": "x"},
        {"x" * 100: "x"},
        {f"unknown{i}": i for i in range(10)},
        {f"unknown{i}": i for i in range(5000)},
    ],
    ids=lambda fields: f"{len(fields)}-{next(iter(fields))[:10]!r}",
)
async def test_unknown_column_in_a_later_shape(shapes: Target, fields: dict[str, Any], place: int) -> None:
    """Later rows with columns that the table lacks are rejected; all others are in."""
    lines = [{"id": str(i), "a": "x"} for i in range(300)]
    lines[place] |= fields
    source = rows(*lines)

    loaded = await shapes.load(source, table="wide", batch_bytes=4096)

    assert None is loaded.report.error
    assert [(place + 1, "PGRST204")] == loaded.codes
    assert [lines_of(source)[place]] == [(loaded.errors[0]["offset"], loaded.rejects[0])]
    assert (299, 0, 0, 1) == loaded.counts


async def test_many_unknown_shapes(shapes: Target) -> None:
    """Each row with another unknown column: the load stops at --max-errors."""
    source = rows({"id": "a"}, *({"id": str(i), f"unknown{i}": i} for i in range(1000)))

    loaded = await shapes.load(source, table="wide")

    assert (3, "stopped") == ending(loaded)
    assert loaded.report.rows_rejected <= 101 + 8
    assert loaded.report.requests < 150


async def test_columns_drops_others(shapes: Target) -> None:
    """--columns writes these and no others, also where a row lacks some of them."""
    shapes.sql("insert into api.wide (id, a, b) values ('0', 'A', 'B'), ('1', 'A', 'B')")
    source = rows(
        {"id": "0", "a": "new", "b": "new", "colour": "red"},
        {"id": "1", "b": "new", "c": "x"},
        *({"id": str(i), "a": "x", f"unknown{i}": i, "b": "new"} for i in range(2, 400)),
    )

    loaded = await shapes.load(source, table="wide", columns=("id", "a"), batch_bytes=8192)

    assert (400, 0, 0, 0) == loaded.counts
    assert [("0", "new", "B"), ("1", "A", "B")] == shapes.texts(
        "select id, a, b from api.wide where id in ('0', '1') order by id"
    )
    assert [("398",)] == shapes.texts("select count(*) from api.wide where a = 'x' and b is null")
    assert loaded.report.requests < 20


async def test_columns_and_rows_with_fewer(shapes: Target) -> None:
    """A row that lacks some of --columns in the middle of rows that have them overwrites nothing."""
    shapes.sql("insert into api.wide (id, a, b) select i::text, 'A', 'B' from generate_series(0, 399) i")
    source = rows(*({"id": str(i), "b": "new"} | ({} if i % 50 == 49 else {"a": "new"}) for i in range(400)))

    loaded = await shapes.load(source, table="wide", columns=("id", "a", "b"), batch_bytes=8192)

    assert (400, 0, 0, 0) == loaded.counts
    assert [("A", "new", "8"), ("new", "new", "392")] == shapes.texts(
        "select a, b, count(*) from api.wide group by a, b order by a"
    )


async def test_rows_with_none_of_the_columns(shapes: Target) -> None:
    """A plain insert of a row that has nothing to write is rejected."""
    source = rows({"id": "a", "b": "x"}, {"c": "x"}, {"id": "b"}, {})

    loaded = await shapes.load(source, table="wide", columns=("id", "a"), resolution="none")

    assert [(2, "no-columns"), (4, "no-columns")] == loaded.codes
    assert [("a", None), ("b", None)] == shapes.texts("select id, a from api.wide order by id")


async def test_view_without_a_column(shapes: Target) -> None:
    """A view has the columns that it shows."""
    loaded = await shapes.load(rows({"id": "a", "a": "x"}, {"id": "b", "b": "x"}), table="some")

    assert [(2, "PGRST204")] == loaded.codes
    assert [("a", "x", None)] == shapes.texts("select id, a, b from api.wide")


@pytest.mark.parametrize("name", NAMES)
async def test_names_that_need_quoting(shapes: Target, name: str) -> None:
    """A column may have any name, in its rows as they are or with all of it escaped."""
    escaped = '{"id":"%d","' + "".join(f"\\u{ord(c):04x}" for c in name if ord(c) < 0x10000) + '":"%d"}\n'
    lines = [json.dumps({"id": str(i), name: str(i)}, ensure_ascii=False) + "\n" for i in range(200)]
    if all(ord(c) < 0x10000 for c in name):
        lines += [escaped % (i, i) for i in range(200, 210)]

    loaded = await shapes.load("".join(lines), table="named", batch_bytes=4096)

    assert (len(lines), 0, 0, 0) == loaded.counts
    quoted = name.replace('"', '""')
    assert [(len(lines),)] == shapes.sql(f'select count(*) from api.named where "{quoted}" = id')


async def test_key_and_table_that_need_quoting(shapes: Target) -> None:
    """The key's column and the relation may have any name too."""
    key = 'the "key", so'
    source = rows(*({key: str(i % 150), "a.b": "x", "v": i} for i in range(300)))

    loaded = await shapes.load(source, table='odd "name", so', on_conflict=(key,), batch_bytes=4096)

    assert 300 == sum(loaded.counts[:2])
    assert 0 == loaded.report.exit_code
    assert [("150", str(sum(range(150, 300))))] == shapes.texts(
        'select count(*), sum(v) from api."odd ""name"", so"'
    )
