"""Whether stored rows are those that were sent, compared with what the real server makes of each type."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from loader.credentials.choose import token_source
from loader.credentials.tokens import Tokens
from loader.model import BEGIN, Reply, Row
from loader.postgrest.client import PostgREST
from loader.send.stored_rows import changed_columns
from tests.support.harness import Target, line

TYPES = {
    "t": "text",
    "v": "varchar(8)",
    "ch": "char(8)",
    "i": "integer",
    "b": "bigint",
    "n": "numeric",
    "n2": "numeric(10, 2)",
    "big": "numeric(48, 18)",
    "d": "double precision",
    "r": "real",
    "yes": "boolean",
    "u": "uuid",
    "day": "date",
    "at": "timestamptz",
    "j": "jsonb",
    "js": "json",
    "a": "integer[]",
    "e": "core.market_enum",
}
UUID = "A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11"

# What is sent for a column; the server stores it in a form of its own.
SENT: list[tuple[str, str]] = [
    ("t", '"a \\u00e9 \\" b"'),
    ("t", "1.10"),
    ("t", '{"a": 1.0}'),
    ("t", "null"),
    ("v", '"abcdefgh   "'),
    ("ch", '"abc"'),
    ("i", '" 7 "'),
    ("b", "9223372036854775807"),
    ("n", "1.10"),
    ("n", "1e3"),
    ("n", "-0"),
    ("n2", "1.005"),
    ("n2", "-2.675"),
    ("n2", '" 3 "'),
    ("big", "0.1234567890123456785"),
    ("big", "123456789012345678901234567890.123456789012345678"),
    ("d", "0.1"),
    ("d", "1e300"),
    ("r", "0.1"),
    ("r", "16777217"),
    ("yes", '"yes"'),
    ("yes", "1"),
    ("u", f'"{{{UUID}}}"'),
    ("day", '"2024-02-29"'),
    ("day", '"Feb 29 2024"'),
    ("at", '"2024-02-29 12:00:00.1234567+02"'),
    ("j", '{"b": 1, "a": 1.0}'),
    ("js", '{"b": 1, "a": 1.0}'),
    ("a", "[1, 2]"),
    ("e", '"kraken"'),
]

# What is sent, and what another has stored.
OTHER: list[tuple[str, str, str]] = [
    ("t", '"a"', "'b'"),
    ("t", '""', "null"),
    ("t", "null", "''"),
    ("i", "7", "8"),
    ("b", "9223372036854775807", "9223372036854775806"),
    ("n", "1.1", "1.2"),
    ("n2", "1.005", "1.00"),
    ("big", "0.123456789012345678", "0.123456789012345679"),
    ("d", "0.1", "0.2"),
    ("r", "0.1", "0.2"),
    ("yes", "true", "false"),
    ("u", f'"{UUID}"', f"'{UUID.replace('A0', 'B0')}'"),
    ("day", '"2024-02-29"', "'2024-03-01'"),
]


@pytest.fixture(scope="module")
def types(servers: Target) -> Iterator[Target]:
    """Make a table with a column of each type."""
    columns = ", ".join(f"{name} {kind}" for name, kind in TYPES.items())
    servers.sql(f"create table api.typed (id text primary key, {columns})")
    servers.sql("grant select, insert, update on api.typed to api_data_producer")
    servers.reload()
    yield servers
    servers.sql("drop table api.typed")


async def found(target: Target, row: Row, column: str, *, told: bool = True) -> frozenset[str]:
    """The columns in which the stored row differs, as PostgREST shows it; perhaps nobody tells the types."""
    settings = target.settings(table="typed")
    async with PostgREST(settings, Tokens(token_source(settings), lambda: None)) as client:
        described = await client.describe()
        reply = await client.stored(["id"], ["id", column], ["x"])
    assert isinstance(reply, Reply)
    assert 1 == reply.count
    return changed_columns([row], reply.body, ["id"], described.types if told else {})


async def load(target: Target, column: str, value: str) -> Row:
    """Load a row with this value; gives the row."""
    target.sql("truncate api.typed")
    data = line({"id": "x", column: value.encode()})
    loaded = await target.load([data], table="typed", resolution="none")
    assert (1, 0, 0, 0) == loaded.counts, loaded.errors
    return Row(data.encode(), "x", BEGIN)


@pytest.mark.parametrize(("column", "value"), SENT, ids=[f"{TYPES[c]} {v[:24]}" for c, v in SENT])
async def test_a_value_is_the_same_however_it_is_stored(types: Target, column: str, value: str) -> None:
    """Rounded, padded, written in another form: it is what was sent."""
    row = await load(types, column, value)

    assert frozenset() == await found(types, row, column)
    assert frozenset() == await found(types, row, column, told=False)


@pytest.mark.parametrize(
    ("column", "value", "other"), OTHER, ids=[f"{TYPES[c]} {v[:24]}" for c, v, _ in OTHER]
)
async def test_another_value_is_told(types: Target, column: str, value: str, other: str) -> None:
    """The column in which the stored row is not what was sent."""
    row = await load(types, column, value)
    types.sql(f"update api.typed set {column} = {other}")  # noqa: S608 - of the table above

    assert frozenset({column}) == await found(types, row, column)
    is_told_by_json = column in ("i", "b", "n", "n2", "big", "d", "r", "yes") or "null" in (value, other)
    assert frozenset({column} if is_told_by_json else ()) == await found(types, row, column, told=False)
