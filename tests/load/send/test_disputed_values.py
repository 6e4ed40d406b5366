"""Rows whose reply is lost, where the server tells no types: PostgreSQL compares their values."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from loader.sandbox import PostgREST as Server
from loader.sandbox import find_postgrest
from tests.support.harness import Target
from tests.support.line_faults import Act, Fault, Seen, Swallow
from tests.support.proxy import Proxy
from tests.support.servers import SECRET

SETUP = """
create table api.untold (id int, n bigint, q numeric(20, 4), at timestamptz, doc json, note text, ok boolean);
create unique index on api.untold (id);
grant select, insert, update on api.untold to api_data_producer;
"""
ONE_BY_ONE: dict[str, Any] = {
    "table": "untold",
    "resolution": "none",
    "on_conflict": ("id",),
    "batch_rows": 1,
    "concurrency": 1,
}


@pytest.fixture(scope="module")
def silent(servers: Target) -> Iterator[str]:
    """The URL of a PostgREST that describes nothing."""
    servers.sql(SETUP.encode())
    settings = {"PGRST_OPENAPI_MODE": "disabled"}
    server = Server(find_postgrest(), servers.box.authenticator, SECRET, settings=settings)
    server.start()
    yield server.url
    server.stop()
    servers.sql("drop table api.untold")


def row(id: int, n: int, note: str = 'a "b", (c) \\') -> str:  # noqa: A002 - the column's name
    """Return a row, with values that PostgreSQL writes in another way."""
    values = {"id": id, "n": n, "q": "1.5", "at": "2020-01-01T01:00:00+01:00", "doc": {"a": 1}}
    return json.dumps(values | {"note": note, "ok": "yes"})


def losing(number: int) -> Fault:
    """Return a fault that loses the reply to one request with rows."""

    def lost(seen: Seen) -> Act | None:
        return Swallow() if seen.number == number else None

    return lost


async def test_a_row_whose_key_is_there_with_other_values_is_not_in(servers: Target, silent: str) -> None:
    """It is rejected: the row that is there is an earlier one of the load."""
    servers.sql("truncate api.untold")
    rows = [row(1, 1), row(2, 2), row(1, 3)]

    with Proxy(silent, losing(3)) as proxy:
        loaded = await servers.load(
            rows,
            url=proxy.url,
            jwt_aud=silent,
            table="untold",
            resolution="none",
            batch_rows=1,
            concurrency=1,
            on_conflict=("id",),
        )

    assert ((2, 0, 0, 1), [(3, "23505")]) == (loaded.counts, loaded.codes)


@pytest.mark.parametrize("number", [1, 2, 3])
async def test_a_row_that_is_in_is_found(servers: Target, silent: str, number: int) -> None:
    """However PostgreSQL writes its values."""
    servers.sql("truncate api.untold")
    rows = [row(1, 1), row(2, 2, ""), row(3, 3, "é\t%&=,")]

    with Proxy(silent, losing(number)) as proxy:
        loaded = await servers.load(
            rows,
            url=proxy.url,
            jwt_aud=silent,
            table="untold",
            resolution="none",
            batch_rows=1,
            concurrency=1,
            on_conflict=("id",),
        )

    assert (3, 0, 0, 0) == loaded.counts
    assert [(3, 3)] == servers.sql("select count(*), count(distinct id) from api.untold")
