"""A refused value names its column: what the real server says of each type."""

# ruff: noqa: E501 - a row of a table is a line

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from tests.support.harness import Target

SETUP = """
create type api.mood as enum ('happy', 'sad');
create domain api.positive as integer check (value > 0);
create table api.of_types (
    id int primary key, note text, n int, small smallint, big bigint, price numeric(10, 2), f double precision,
    yes boolean, key uuid, day date, at timestamptz, clock time, tags text[], numbers int[], mood api.mood,
    code varchar(3), data bytea, positive api.positive, required text not null default '', span int4range
);
grant select, insert, update on api.of_types to api_data_producer;
"""


@pytest.fixture(scope="module")
def of_types(servers: Target) -> Iterator[Target]:
    servers.sql(SETUP)
    servers.reload()
    yield servers
    servers.sql("drop table api.of_types; drop domain api.positive; drop type api.mood")
    servers.reload()


# fmt: off
VALUES = [
    # column      value                                  code
    ("n",         "x",                                   "22P02"),
    ("n",         1.5,                                   "22P02"),
    ("n",         99999999999,                           "22003"),
    ("small",     "40000",                               "22003"),
    ("big",       "",                                    "22P02"),
    ("price",     "12,50",                               "22P02"),
    ("price",     "123456789012",                        "22003"),
    ("f",         "1e999",                               "22003"),
    ("yes",       "maybe",                               "22P02"),
    ("key",       "550e8400",                            "22P02"),
    ("day",       "31/12/2024",                          "22008"),
    ("day",       "soon",                                "22007"),
    ("at",        "2024-13-01T00:00:00Z",                "22008"),
    ("clock",     "25:00",                               "22008"),
    ("tags",      "plain",                               "22P02"),
    ("numbers",   "{1,b}",                               "22P02"),
    ("mood",      "binance",                             "22P02"),
    ("code",      "abcd",                                "22001"),
    ("data",      "\\xqq",                               "22023"),
    ("positive",  "x",                                   "22P02"),
    ("required",  None,                                  "23502"),
    ("span",      "[1",                                  "22P02"),
]
# fmt: on


@pytest.mark.parametrize(("column", "value", "code"), VALUES)
async def test_column(of_types: Target, column: str, value: Any, code: str) -> None:
    """It stands in the message and in a field of rejects.errors.jsonl, though a text has the value too."""
    row = {"id": 1, "note": value, "n": 1, "price": 1, "required": "", column: value}

    loaded = await of_types.load([json.dumps(row)], table="of_types")

    (error,) = loaded.errors
    assert (column, code) == (error["column"], error["code"])
    assert column in error["message"]
