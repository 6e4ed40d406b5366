"""XX000, internal_error: some types raise it for a value that they cannot read (hstore, PostGIS)."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from tests.support.harness import Target
from tests.support.line_faults import Act, Answer, Seen, reply
from tests.support.proxy import Proxy

SETUP = """
create function api.refuse() returns trigger language plpgsql as $$
begin
    if new.n < 0 then
        raise exception 'cannot read %', new.n using errcode = 'XX000';
    elsif new.n = 0 then
        raise exception 'cannot read it' using errcode = 'XX000';
    end if;
    return new;
end $$;
create table api.internal (id int primary key, n int);
create trigger refuse before insert or update on api.internal for each row execute function api.refuse();
grant select, insert, update on api.internal to api_data_producer;
"""
PASSING = '{"code":"XX000","details":null,"hint":null,"message":"tuple concurrently updated"}'


@pytest.fixture(scope="module")
def internal(servers: Target) -> Iterator[Target]:
    servers.sql(SETUP)
    servers.reload()
    yield servers
    servers.sql("drop table api.internal; drop function api.refuse()")
    servers.reload()


@pytest.mark.parametrize("n", [0, -1], ids=["same words", "other words"])
async def test_rows_of_a_type_that_is_not_read(internal: Target, n: int) -> None:
    """They are rejected after two tries each, soon; the others are in."""
    internal.sql("truncate api.internal")
    few = 100 if n == 0 else 5
    rows = [json.dumps({"id": i, "n": n * i if i % 2 else 1}) for i in range(2 * few)]

    loaded = await internal.load(rows, table="internal")

    assert (few, 0, 0, few) == loaded.counts
    assert [(i + 1, "XX000") for i in range(1, 2 * few, 2)] == loaded.codes
    assert loaded.report.requests < 5 * few + 40
    assert loaded.report.seconds < 20


@pytest.mark.parametrize("posts", [1, 2, 3, 5])
async def test_an_error_that_passes(internal: Target, posts: int) -> None:
    """No row is rejected for an internal error that comes a few times in a row."""
    internal.sql("truncate api.internal")
    error = Answer(reply("500 Internal Server Error", PASSING))

    def fault(seen: Seen) -> Act | None:
        return error if 0 < seen.number <= posts else None

    rows = [json.dumps({"id": i, "n": 1}) for i in range(64)]
    with Proxy(internal.url, fault) as proxy:
        loaded = await internal.load(rows, url=proxy.url, jwt_aud=internal.url, table="internal")

    assert (64, 0, 0, 0) == loaded.counts
    assert [] == loaded.codes
