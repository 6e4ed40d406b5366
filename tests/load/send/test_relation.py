"""What is asked of the target before the first row: its key, its columns, and whether it takes the rows."""

# ruff: noqa: E501 - a row of a table is a line

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from loader.credentials.choose import token_source
from loader.credentials.tokens import Tokens
from loader.errors import TargetError
from loader.events import Observers
from loader.halt import Halt
from loader.model import Shape
from loader.postgrest.client import PostgREST
from loader.send.relation import ask
from loader.send.retry import Requests
from loader.settings import Settings
from loader.throttle.throttle import Throttle
from tests.support.harness import Target
from tests.support.line_faults import Answer, Seen, reply
from tests.support.proxy import Proxy

SETUP = """
create table api.keyed_by_id (id text primary key, n int);
create table api.keyed_by_code (code text primary key, n int);
create table api.keyed_by_two (b text, n int, a text, primary key (a, b));
create table api.with_another_id (id text, code text primary key, n int);
create table api.keyless (id text, n int);
create table api.nameless (n int);
create table api.unique_only (id text unique, n int);
create view api.seen_through as select n, code from api.keyed_by_code;
grant select, insert, update on all tables in schema api to api_data_producer;
"""
TABLES = "keyed_by_code, keyed_by_id, keyed_by_two, with_another_id, keyless, nameless, unique_only"


@pytest.fixture(scope="module")
def relations(servers: Target) -> Iterator[Target]:
    servers.sql(SETUP)
    servers.reload()
    yield servers
    servers.sql(
        f"drop view api.seen_through; drop table {', '.join(f'api.{name}' for name in TABLES.split(', '))}"
    )
    servers.reload()


@asynccontextmanager
async def requests(settings: Settings) -> AsyncIterator[Requests]:
    tokens = Tokens(token_source(settings), lambda: None)
    throttle = Throttle(batch_rows=None, batch_bytes=2**20, max_rate=None, concurrency=1)
    async with PostgREST(settings, tokens) as client:
        yield Requests(
            client, tokens, settings=settings, throttle=throttle, halt=Halt(), observer=Observers()
        )


@pytest.fixture
def proxy(relations: Target) -> Iterator[Proxy]:
    with Proxy(relations.url) as proxy:
        yield proxy


# fmt: off
KEYS = [
    # table              columns             --on-conflict  key         preflights: their conflict targets
    ("keyed_by_id",     ("id", "n"),        None,          ("id",),    ["id"]),
    ("keyed_by_code",   ("code", "n"),      None,          ("code",),  ["id", "code"]),
    ("keyed_by_two",    ("a", "b", "n"),    None,          ("b", "a"), ["id", "b,a"]),
    ("with_another_id", ("id", "code"),     None,          ("code",),  ["id", "code"]),
    ("with_another_id", ("id", "code"),     ("code",),     ("code",),  ["code"]),
    ("unique_only",     ("id", "n"),        None,          ("id",),    ["id"]),
    ("seen_through",    ("code", "n"),      None,          ("code",),  ["id", "code"]),
]
# fmt: on


@pytest.mark.parametrize(("table", "columns", "on_conflict", "key", "preflights"), KEYS)
async def test_key(
    relations: Target,
    proxy: Proxy,
    table: str,
    columns: tuple[str, ...],
    on_conflict: tuple[str, ...] | None,
    key: tuple[str, ...],
    preflights: list[str],
) -> None:
    """The key is --on-conflict, else the primary key that the API tells, else id."""
    settings = relations.settings(url=proxy.url, table=table, on_conflict=on_conflict)

    async with requests(settings) as target:
        relation = await ask(target, settings, Shape(columns), {})

    assert (table, key, columns) == (relation.name, relation.key, relation.first.columns)
    assert set(columns) <= set(relation.types)
    assert preflights == [conflict_target(seen) for seen in asked(proxy)]


def asked(proxy: Proxy) -> list[Seen]:
    """The preflights so far."""
    return [seen for seen in proxy.seen if seen.method == "POST"]


def conflict_target(seen: Seen) -> str:
    return seen.path.partition("on_conflict=")[2].partition("&")[0]


async def test_key_of_plain_inserts(relations: Target, proxy: Proxy) -> None:
    """They name no conflict target, so one preflight is enough; the key is what rows are looked up by."""
    settings = relations.settings(url=proxy.url, table="keyed_by_code", resolution="none")

    async with requests(settings) as target:
        relation = await ask(target, settings, Shape(("code", "n")), {})

    assert ("code",) == relation.key
    assert [""] == [conflict_target(seen) for seen in asked(proxy)]


async def test_api_that_tells_nothing(relations: Target, proxy: Proxy) -> None:
    """Where OpenAPI is closed the key is id, and there are no types."""
    closed = Answer(reply("404 Not Found", "{}"))
    proxy.fault = lambda seen: closed if seen.path == "/" else None
    settings = relations.settings(url=proxy.url, table="keyed_by_id")

    async with requests(settings) as target:
        relation = await ask(target, settings, Shape(("id", "n")), {})

    assert (("id",), {}) == (relation.key, relation.types)


# fmt: off
ERRORS: list[tuple[str, tuple[str, ...], dict[str, Any], dict[str, tuple[str, ...]], list[str]]] = [
    # table              columns         settings                  named               words
    ("keyless",         ("id", "n"),    {},                       {},                 ["42P10", "--on-conflict must name"]),
    ("nameless",        ("n",),         {},                       {},                 ["tells no primary key", "no column id", "--on-conflict"]),
    ("with_another_id", ("id", "code"), {"on_conflict": ("id",)}, {},                 ["42P10", "The primary key of with_another_id is code: --on-conflict code names it"]),
    ("keyed_by_code",   ("code", "x"),  {},                       {},                 ["lacks: x", "x       -              keyed_by_code has no such column", "--drop x", "reload schema"]),
    ("keyed_by_code",   ("CODE", " n"), {},                       {},                 ["lacks: CODE, ' n'", "To load: --map code=CODE --map 'n= n'"]),
    ("keyed_by_code",   ("co", "N", "n_"), {},                    {},                 ["--drop co --drop N --drop n_"]),
    ("keyed_by_code",   ("code",),      {"on_conflict": ("x",)},  {},                 ["--on-conflict names x", "has code, n"]),
    ("keyed_by_code",   ("code",),      {},                       {"--map": ("y",)},  ["--map names y", "has code, n", "reload schema"]),
    ("keyed_by_code",   ("code",),      {},                       {"--map": ("Code",)}, ["Is code meant by Code?"]),
    ("nowhere",         ("id",),        {},                       {},                 ["HTTP 404", "--table"]),
]
# fmt: on


@pytest.mark.parametrize(("table", "columns", "changes", "named", "words"), ERRORS)
async def test_error(
    relations: Target,
    table: str,
    columns: tuple[str, ...],
    changes: dict[str, Any],
    named: dict[str, tuple[str, ...]],
    words: list[str],
) -> None:
    """What is wrong is told before a row is sent, with what to do."""
    settings = relations.settings(table=table, **changes)

    async with requests(settings) as target:
        with pytest.raises(TargetError) as error:
            await ask(target, settings, Shape(columns), named)

    assert [] == [word for word in words if word not in str(error.value)]
