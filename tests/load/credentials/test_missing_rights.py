"""The SQL that messages print for a right that is missing: pasted into the database, it lets the load in."""

# ruff: noqa: E501 - a row of a table is a line
from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest

from tests.support.harness import Loaded, Target
from tests.support.replay import signed

SETUP = """
create schema "Odd schema";
create table api.bare (id int primary key, n int);
create table api."order" (id int primary key, n int);
create table api.serial (id serial primary key, n int);
create type "Odd schema".mood as enum ('fine');
create table api.moody (id int primary key, mood "Odd schema".mood);
create table api.policed (id int primary key, n int);
alter table api.policed enable row level security;
grant select, insert, update on api.serial, api.moody, api.policed to api_data_producer;
create view api.invoking with (security_invoker) as select * from api.bare;
grant select, insert, update on api.invoking to api_data_producer;

create function api.wait() returns trigger language plpgsql as $$
begin perform pg_sleep(0.3); return new; end $$;
create table api.slow (id int primary key, n int);
create trigger wait before insert on api.slow for each row execute function api.wait();
create role hurried; grant hurried to authenticator; alter role hurried set statement_timeout = '100ms';
grant usage on schema api to hurried; grant select, insert, update on api.slow to hurried;
create role ungranted; create role "Odd role"; grant "Odd role" to authenticator;
grant usage on schema api to ungranted, "Odd role"; grant select, insert, update on api.slow to ungranted;
"""
CLEANUP = """
drop table api.bare, api."order", api.serial, api.moody, api.policed, api.slow cascade;
drop function api.wait; drop schema "Odd schema" cascade;
drop owned by hurried, ungranted, "Odd role", made_up; drop role hurried, ungranted, "Odd role", made_up;
"""
ROWS = ['{"id":1,"n":1}', '{"id":2,"n":2}']
_SQL = re.compile(r"^(?:grant|create|alter) .*;$", re.MULTILINE)


@pytest.fixture(scope="module")
def tables(servers: Target) -> Iterator[Target]:
    servers.sql(SETUP)
    servers.reload()
    yield servers
    servers.sql("do $$ begin create role made_up; exception when duplicate_object then end $$")
    servers.sql(CLEANUP)
    servers.reload()


@pytest.fixture(autouse=True)
def bare(tables: Target) -> None:
    """No role may do anything with api.bare and api.order."""
    tables.sql('revoke all on api.bare, api."order" from api_data_producer, "Odd role", api_anon')
    tables.sql('truncate api.bare, api."order"')


def told(loaded: Loaded) -> list[str]:
    """The SQL of an error's message."""
    return _SQL.findall(loaded.report.error or "")


# fmt: off
CASES = [
    # what lacks             table      settings                               the SQL
    ("table, merge",         "bare",    {},                                    "grant select, insert, update on api.bare to api_data_producer;"),
    ("table, ignore",        "bare",    {"resolution": "ignore-duplicates"},   "grant select, insert on api.bare to api_data_producer;"),
    ("table, none",          "bare",    {"resolution": "none"},                "grant insert on api.bare to api_data_producer;"),
    ("a name to quote",      "order",   {},                                    'grant select, insert, update on api."order" to api_data_producer;'),
    ("a role to quote",      "bare",    {"role": "Odd role"},                  'grant select, insert, update on api.bare to "Odd role";'),
    ("a given token's role", "bare",    {"jwt_secret": None, "token": "signed"}, "grant select, insert, update on api.bare to api_data_producer;"),
    ("a table of a view",    "invoking", {},                                   "grant select, insert, update on api.bare to api_data_producer;"),
]
# fmt: on


@pytest.mark.parametrize(("table", "given", "sql"), [pytest.param(*case[1:], id=case[0]) for case in CASES])
async def test_grant_on_a_relation(tables: Target, table: str, given: dict[str, Any], sql: str) -> None:
    """It has the privileges that the resolution needs, and the names in quotes where SQL asks for it."""
    if "token" in given:
        given = given | {"token": signed(tables.secret)}

    stopped = await tables.load(ROWS, table=table, **given)
    assert [sql] == told(stopped)
    tables.sql(told(stopped)[0])
    loaded = await tables.load(ROWS, table=table, **given)

    assert (4, 0) == (stopped.report.exit_code, loaded.report.exit_code)
    assert (2, 0, 0, 0) == loaded.counts


async def test_usage_of_the_schema_of_a_type(tables: Target) -> None:
    """PostgREST names the types of columns, and so needs their schemas."""
    rows = ['{"id":1,"mood":"fine"}']

    stopped = await tables.load(rows, table="moody")
    assert ['grant usage on schema "Odd schema" to api_data_producer;'] == told(stopped)
    tables.sql(told(stopped)[0])
    loaded = await tables.load(rows, table="moody")

    assert (1, 0, 0, 0) == loaded.counts


async def test_usage_of_a_sequence(tables: Target) -> None:
    """A serial key that the rows leave out needs its sequence."""
    rows = ['{"n":1}']

    stopped = await tables.load(rows, table="serial", resolution="none")
    assert ["grant usage on sequence api.serial_id_seq to api_data_producer;"] == told(stopped)
    tables.sql(told(stopped)[0])
    loaded = await tables.load(rows, table="serial", resolution="none")

    assert (1, 0, 0, 0) == loaded.counts


async def test_role_that_postgrest_may_not_take_on(tables: Target) -> None:
    """It is granted to PostgREST's own role."""
    stopped = await tables.load(ROWS, table="slow", role="ungranted")
    assert ["grant ungranted to authenticator;"] == told(stopped)
    tables.sql(told(stopped)[0])
    loaded = await tables.load(ROWS, table="slow", role="ungranted")

    assert (2, 0, 0, 0) == loaded.counts


async def test_role_that_does_not_exist(tables: Target) -> None:
    """It is created, and then lacks what a new role lacks: each message has the next step."""
    steps = []
    for _ in range(4):
        loaded = await tables.load(ROWS, table="bare", role="made_up")
        if not told(loaded):
            break
        steps += told(loaded)
        tables.sql(told(loaded)[0])

    assert [
        "create role made_up; grant made_up to authenticator;",
        "grant usage on schema api to made_up;",
        "grant select, insert, update on api.bare to made_up;",
    ] == steps
    assert (2, 0, 0, 0) == loaded.counts


@pytest.mark.parametrize("resolution", ["merge-duplicates", "ignore-duplicates", "none"])
async def test_policies(tables: Target, resolution: str) -> None:
    """The policies that are printed let the rows in, also those that are there."""
    tables.sql("truncate api.policed")
    for action in ("insert", "select", "update"):
        tables.sql(f"drop policy if exists bulkload_{action} on api.policed")

    stopped = await tables.load(ROWS, table="policed", resolution=resolution)
    text = f"{stopped.report.error}{[group['advice'] for group in stopped.report.rejects]}"
    policies = re.findall(r"create policy .*?;", text)
    for policy in dict.fromkeys(policies):
        tables.sql(policy)
    again = ROWS if resolution == "none" else ROWS * 2
    loaded = await tables.load(again, table="policed", resolution=resolution, fresh=True)

    assert {"merge-duplicates": 3, "ignore-duplicates": 2, "none": 1}[resolution] == len(set(policies))
    assert 0 == loaded.report.exit_code
    assert [(1,), (2,)] == tables.sql("select id from api.policed order by id")


async def test_statement_timeout_of_the_role(tables: Target) -> None:
    """More time for the role of the token, which PostgREST learns by the notification in the same line."""
    stopped = await tables.load(ROWS[:1], table="slow", role="hurried")
    assert ["alter role hurried set statement_timeout = '60s'; notify pgrst, 'reload config';"] == told(
        stopped
    )
    tables.sql(told(stopped)[0])
    tables.reload()  # PostgREST reads what it is notified of in order
    loaded = await tables.load(ROWS[:1], table="slow", role="hurried")

    assert (4, 0) == (stopped.report.exit_code, loaded.report.exit_code)
    assert (1, 0, 0, 0) == loaded.counts
