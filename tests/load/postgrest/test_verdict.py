"""Verdicts on what PostgREST 12.0.2 over a real PostgreSQL answers to a write.

Each test has one table: the cause, the HTTP status, the code, and the verdict. Statuses and codes are those of
PostgREST's reference, https://postgrest.org/en/v12/references/errors.html. Answers that this PostgREST cannot be
made to give are replayed in tests/unit/postgrest/test_verdict_replayed.py; servers that go away are in
tests/faults/test_outages.py.
"""

# ruff: noqa: E501 - a row of a table is a line

from __future__ import annotations

import asyncio
import gzip
import json
import random
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Any

import jwt
import psycopg
import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from loader.model import Decision, Reply
from loader.sandbox import PostgREST, find_postgrest
from tests.support.harness import Target
from tests.support.replay import SECRET, Request, ask, signed, until

DONE, RETRY, RENEW, SPLIT = Decision.DONE, Decision.RETRY, Decision.RENEW, Decision.SPLIT
KEYS, SHRINK, COLUMNS, STOP = Decision.KEYS, Decision.SHRINK, Decision.COLUMNS, Decision.STOP

SETUP = """
drop schema if exists verdicts, shut, hidden cascade;
create schema verdicts; create schema shut; create schema hidden;
grant usage on schema verdicts to api_data_producer, api_anon;

create role verdict_slow; create role verdict_locked; create role verdict_owner;
grant verdict_slow, verdict_locked to authenticator;
grant api_data_producer to verdict_slow, verdict_locked;
alter role verdict_slow set statement_timeout = '100ms';
alter role verdict_locked set lock_timeout = '100ms';

set search_path = verdicts;

create table cells (
    id text primary key, other text unique, parent text, unindexed text,
    amount numeric(48, 18) check (amount >= 0), whole integer, big bigint, float double precision,
    flag boolean, uid uuid, short varchar(5), at timestamptz, raw bytea, document jsonb, market core.market_enum,
    needed text not null default '', span int4range, exclude using gist (span with &&)
);
create table parents (id text primary key);
alter table cells add foreign key (parent) references parents;
create table promises (id text primary key references parents deferrable initially deferred);
create index on cells (needed);

create table generated (
    id text primary key, twice integer generated always as (2) stored, serial integer generated always as identity
);
create view computed as select id, 1 as one from generated;
create view fixed as select distinct id from generated;
create view checked as select id from generated where id < 'n' with check option;
create table keyless (id text);
create table shy (id text primary key, counter serial);
create table shut.cells (id text primary key);
create type hidden.mood as enum ('fine');
create table moody (id text primary key, mood hidden.mood);
create table policed (id text primary key, mine boolean);
alter table policed enable row level security;
create policy look on policed for select using (true);
create policy write on policed for insert with check (mine);

create table raising (id text primary key, code text, message text default 'refused', detail text);
create function raise() returns trigger language plpgsql as $$
begin
    raise exception using errcode = new.code, message = new.message, detail = coalesce(new.detail, '');
end $$;
create trigger raise before insert on raising for each row execute function raise();

create table closed (id text primary key);
create function close() returns trigger language plpgsql as $$ begin raise 'closed for maintenance'; end $$;
create trigger close before insert on closed for each statement execute function close();

create table dropping (id text primary key);
create function drop_row() returns trigger language plpgsql as $$ begin return null; end $$;
create trigger drop_row before insert on dropping for each row when (new.id = 'b') execute function drop_row();

create table waiting (id text primary key);
create function wait() returns trigger language plpgsql as $$
begin perform pg_advisory_xact_lock(4711); return new; end $$;
create trigger wait before insert on waiting for each row execute function wait();

grant select, insert, update on all tables in schema verdicts to api_data_producer;
create table denied (id text primary key);
revoke all on shy_counter_seq from api_data_producer;
"""
CLEANUP = """
drop schema verdicts, shut, hidden cascade;
drop role verdict_slow, verdict_locked, verdict_owner;
reset search_path;
"""


@pytest.fixture(scope="module")
def start(servers: Target) -> Iterator[Callable[[dict[str, str]], str]]:
    """Starts PostgRESTs that expose tables of our own; each call gives a URL."""
    servers.sql(SETUP)
    started: list[PostgREST] = []

    def one_more(settings: dict[str, str]) -> str:
        settings = {"PGRST_DB_SCHEMAS": "verdicts, shut"} | settings
        started.append(PostgREST(find_postgrest(), servers.box.authenticator, SECRET, settings=settings))
        started[-1].start()
        return started[-1].url

    try:
        yield one_more
    finally:
        for server in started:
            server.stop()
        servers.sql(CLEANUP)


@pytest.fixture(scope="module")
def url(start: Callable[[dict[str, str]], str]) -> str:
    """A PostgREST with an anonymous role."""
    return start({})


def cell(column: str, value: str) -> Request:
    """One row with a value, as raw JSON, in a column of `cells`."""
    return Request(columns=("id", column), body=f'[{{"id":"a","{column}":{value}}}]')


def raising(code: str, **fields: str) -> Request:
    """One row over which a trigger raises an error with this SQLSTATE."""
    row = {"id": "a", "code": code} | fields
    return Request("raising", tuple(row), json.dumps([row]))


def incompressible(length: int) -> str:
    return random.Random(1).randbytes(length // 2).hex()


# The loader always names columns; PostgREST then leaves the body to PostgreSQL.
NO_COLUMNS = "?on_conflict=id"

# fmt: off
ERRORS = [
    # cause                                HTTP  code        words                             verdict  request
    ("keys differ, no columns=",           400, "PGRST102", "All object keys must match",      STOP,    Request(body='[{"id":"a"},{"id":"b","flag":true}]', query=NO_COLUMNS)),
    ("invalid JSON, no columns=",          400, "PGRST102", "Empty or invalid json",           SPLIT,   Request(body='[{"id":}]', query=NO_COLUMNS)),
    ("invalid JSON",                       400, "22P02",    "type json",                       SPLIT,   Request(body='[{"id":}]')),
    ("NaN",                                400, "22P02",    "type json",                       SPLIT,   cell("amount", "NaN")),
    ("Infinity",                           400, "22P02",    "type json",                       SPLIT,   cell("amount", "Infinity")),
    ("lone surrogate",                     400, "22P02",    "type json",                       SPLIT,   cell("other", r'"\ud800"')),
    ("control character",                  400, "22P02",    "type json",                       SPLIT,   cell("other", '"\x01"')),
    ("byte order mark",                    400, "22P02",    "type json",                       SPLIT,   Request(body='\ufeff[{"id":"a"}]')),
    ("invalid UTF-8",                      400, "22021",    'encoding "UTF8": 0xff',           SPLIT,   Request(body=b'[{"id":"\xff"}]')),
    ("raw NUL",                            400, "22021",    'encoding "UTF8": 0x00',           SPLIT,   Request(body=b'[{"id":"\x00"}]')),
    ("gzip body",                          400, "22021",    'encoding "UTF8": 0x8b',           SPLIT,   Request(body=gzip.compress(b"[]"))),
    ("\\u0000",                            400, "22P05",    "Unicode",                         SPLIT,   cell("other", r'"\u0000"')),
    ("\\u0000 in a key not in columns",    400, "22P05",    "Unicode",                         SPLIT,   Request(body=r'[{"id":"a","\u0000":1}]')),
    ("a non-object in the array",          400, "22023",    "json",                            STOP,    Request(body="[1]")),
    ("wrong Content-Type",                 400, "PGRST102", "Content-Type not acceptable",     STOP,    Request(headers={"Content-Type": "Application/JSON"})),
    ("unknown column",                     400, "PGRST204", "nope",                            COLUMNS, Request(columns=("id", "nope"))),
    ("unknown relation",                   404, None,       "",                                STOP,    Request("nowhere")),
    ("wrong path",                         404, None,       "",                                STOP,    Request(query="/?columns=id")),
    ("schema not exposed",                 406, "PGRST106", "schema",                          STOP,    Request("trades", schema="core")),
    ("bad Accept",                         415, "PGRST107", "media types",                     STOP,    Request(headers={"Accept": "text/nonsense"})),
    ("strict preference",                  400, "PGRST122", "Invalid preferences",             STOP,    Request(headers={"Prefer": "handling=strict,return=little"})),
    ("query string",                       400, "PGRST100", "failed to parse",                 STOP,    Request(query="?columns=id&foo=bar")),
    ("bad enum",                           400, "22P02",    "binance",                         SPLIT,   cell("market", '"binance"')),
    ("bad number",                         400, "22P02",    "12,5",                            SPLIT,   cell("amount", '"12,5"')),
    ("empty text for a number",            400, "22P02",    "numeric",                         SPLIT,   cell("amount", '""')),
    ("1.0 for a bigint",                   400, "22P02",    "1.0",                             SPLIT,   cell("big", "1.0")),
    ("1.65e12 for a bigint",               400, "22P02",    "1.65e12",                         SPLIT,   cell("big", "1.65e12")),
    ("1__000",                             400, "22P02",    "1__000",                          SPLIT,   cell("big", '"1__000"')),
    ("bad boolean",                        400, "22P02",    "perhaps",                         SPLIT,   cell("flag", '"perhaps"')),
    ("bad uuid",                           400, "22P02",    "uuid",                            SPLIT,   cell("uid", '"1234"')),
    ("a message of 200 kB",                400, "22P02",    "numeric",                         SPLIT,   cell("amount", f'"{"x" * 200_000}"')),
    ("numeric overflow",                   400, "22003",    "overflow",                        SPLIT,   cell("amount", "1e30")),
    ("Infinity for a numeric(48,18)",      400, "22003",    "overflow",                        SPLIT,   cell("amount", '"Infinity"')),
    ("integer out of range",               400, "22003",    "out of range",                    SPLIT,   cell("whole", "2147483648")),
    ("bigint out of range",                400, "22003",    "out of range",                    SPLIT,   cell("big", "9223372036854775808")),
    ("double out of range",                400, "22003",    "out of range",                    SPLIT,   cell("float", "1e400")),
    ("varchar(5) too long",                400, "22001",    "too long",                        SPLIT,   cell("short", '"123456"')),
    ("bad date",                           400, "22007",    "timestamp",                       SPLIT,   cell("at", '"soon"')),
    ("date out of range",                  400, "22008",    "out of range",                    SPLIT,   cell("at", "1650000000000")),
    ("bad bytea",                          400, "22023",    "hexadecimal",                     SPLIT,   cell("raw", r'"\\xzz"')),
    ("null in NOT NULL",                   400, "23502",    "needed",                          SPLIT,   cell("needed", "null")),
    ("check",                              400, "23514",    "check",                           SPLIT,   cell("amount", "-1")),
    ("foreign key",                        409, "23503",    "foreign key",                     SPLIT,   cell("parent", '"nobody"')),
    ("foreign key, checked at commit",     409, "23503",    "foreign key",                     SPLIT,   Request("promises", body='[{"id":"nobody"}]')),
    ("unique, no resolution",              409, "23505",    "duplicate key",                   SPLIT,   Request(body='[{"id":"a"},{"id":"a"}]', rows=2, resolution="none")),
    ("unique, another key",                409, "23505",    "duplicate key",                   SPLIT,   Request(columns=("id", "other"), body='[{"id":"a","other":"x"},{"id":"b","other":"x"}]', rows=2)),
    ("exclusion constraint",               400, "23P01",    "exclusion",                       SPLIT,   Request(columns=("id", "span"), body='[{"id":"a","span":"[1,3)"},{"id":"b","span":"[2,4)"}]', rows=2)),
    ("same key twice in a batch",          400, "21000",    "second time",                     KEYS,    Request(body='[{"id":"a"},{"id":"a"}]', rows=2)),
    ("RLS WITH CHECK",                     403, "42501",    "row-level security",              SPLIT,   Request("policed", ("id", "mine"), '[{"id":"a","mine":false}]')),
    ("WITH CHECK OPTION of a view",        400, "44000",    "check option",                    SPLIT,   Request("checked", body='[{"id":"z"}]')),
    ("no privilege: table",                403, "42501",    "permission denied for table",     STOP,    Request("denied")),
    ("no privilege: schema",               403, "42501",    "permission denied for schema",    STOP,    Request(schema="shut")),
    ("no privilege: sequence",             403, "42501",    "permission denied for sequence",  STOP,    Request("shy")),
    ("no privilege: type's schema",        403, "42501",    "permission denied for schema",    STOP,    Request("moody", ("id", "mood"), '[{"id":"a","mood":"fine"}]')),
    ("generated column",                   400, "428C9",    "twice",                           COLUMNS, Request("generated", ("id", "twice"), '[{"id":"a","twice":1}]')),
    ("identity always column",             400, "428C9",    "serial",                          COLUMNS, Request("generated", ("id", "serial"), '[{"id":"a","serial":1}]')),
    ("computed view column",               400, "0A000",    "one",                             COLUMNS, Request("computed", ("id", "one"), '[{"id":"a","one":1}]')),
    ("non-updatable view",                 500, "55000",    "view",                            STOP,    Request("fixed", resolution="none")),
    ("on_conflict target: not unique",     400, "42P10",    "ON CONFLICT",                     STOP,    Request(columns=("id", "unindexed"), on_conflict=("unindexed",))),
    ("on_conflict target: no such column", 400, "42703",    "nope",                            COLUMNS, Request(on_conflict=("nope",))),
    ("on_conflict target: empty",          400, "PGRST100", "failed to parse",                 STOP,    Request(query="?on_conflict=&columns=id")),
    ("index row too large",                413, "54000",    "index row",                       SPLIT,   cell("needed", f'"{incompressible(12_000)}"')),
    ("JSON nested too deep",               413, "54001",    "stack depth",                     SPLIT,   cell("document", "[" * 20_000 + "]" * 20_000)),
    ("trigger: P0001",                     400, "P0001",    "refused",                         SPLIT,   raising("P0001")),
    ("trigger: PT422",                     422, "PT422",    "refused",                         SPLIT,   raising("PT422")),
    ("trigger: PT429",                     429, "PT429",    "refused",                         RETRY,   raising("PT429")),
    ("trigger: PT503",                     503, "PT503",    "refused",                         RETRY,   raising("PT503")),
    ("trigger: 45000",                     400, "45000",    "refused",                         SPLIT,   raising("45000")),
    ("trigger: ABCDE",                     400, "ABCDE",    "refused",                         SPLIT,   raising("ABCDE")),
    ("disk full",                          503, "53100",    "refused",                         RETRY,   raising("53100")),
    ("out of memory",                      503, "53200",    "refused",                         RETRY,   raising("53200")),
    ("too many connections",               503, "53300",    "refused",                         RETRY,   raising("53300")),
    ("configuration limit",                503, "53400",    "refused",                         RETRY,   raising("53400")),
    ("internal error",                     500, "XX000",    "refused",                         RETRY,   raising("XX000")),
    ("I/O error",                          500, "58030",    "refused",                         RETRY,   raising("58030")),
    ("read-only transaction",              405, "25006",    "refused",                         STOP,    raising("25006")),
    ("text/csv with bad UTF-8",            500, None,       "",                                SPLIT,   Request(body=b"id\n\xff", headers={"Content-Type": "text/csv"})),
]
# fmt: on


def rows_of(table: Sequence[tuple[Any, ...]]) -> list[Any]:
    """A table's rows as parameters, with the first cell as the name."""
    return [pytest.param(*row[1:], id=row[0]) for row in table]


@pytest.mark.parametrize(("status", "code", "words", "kind", "request_"), rows_of(ERRORS))
async def test_error(
    url: str, status: int, code: str | None, words: str, kind: Decision, request_: Request
) -> None:
    """The server answers with this status, code and words, and they are judged so."""
    answer = await ask(url, signed(), request_)

    assert (status, code, kind) == answer.said
    assert words in answer.verdict.reason.message


@pytest.mark.parametrize(
    "cause",
    [
        "no privilege: table",
        "no privilege: schema",
        "no privilege: type's schema",
        "unknown column",
        "unknown relation",
        "on_conflict target: not unique",
        "generated column",
        "identity always column",
        "computed view column",
        "non-updatable view",
        "strict preference",
        "schema not exposed",
    ],
)
async def test_preflight_finds(url: str, cause: str) -> None:
    """A request without rows is refused for the same reason, and that is judged alike."""
    status, code, _, kind, request = next(row[1:] for row in ERRORS if row[0] == cause)

    answer = await ask(url, signed(), replace(request, body="[]", rows=0))

    assert (status, code, kind) == answer.said


@pytest.mark.parametrize("cause", ["no privilege: sequence", "RLS WITH CHECK", "null in NOT NULL"])
async def test_preflight_cannot_find(url: str, cause: str) -> None:
    """What depends on a row is not found by a request without rows."""
    request = next(row[5] for row in ERRORS if row[0] == cause)

    answer = await ask(url, signed(), replace(request, body="[]", rows=0))

    assert (DONE, 0) == (answer.verdict.decision, answer.verdict.count)


async def test_no_row_is_to_blame_for_a_preflight(url: str) -> None:
    """What would be a row's fault stops the load where no row was sent."""
    with_row = await ask(url, signed(), Request("closed"))
    without = await ask(url, signed(), Request("closed", body="[]", rows=0))

    assert (400, "P0001", SPLIT) == with_row.said
    assert (400, "P0001", STOP) == without.said


# fmt: off
STALE = [
    # cause                             HTTP  code     words      verdict  DDL                                       request
    ("table dropped after cache load",  404, "42P01", "outdated", STOP,    "drop table api.outdated",                Request("outdated", schema="api")),
    ("column dropped after cache load", 400, "42703", "gone",     COLUMNS, "alter table api.outdated drop gone",     Request("outdated", ("id", "gone"), schema="api")),
]
# fmt: on


@pytest.mark.parametrize(("status", "code", "words", "kind", "ddl", "request_"), rows_of(STALE))
async def test_schema_changed(
    servers: Target, status: int, code: str, words: str, kind: Decision, ddl: str, request_: Request
) -> None:
    """PostgREST does not know yet that the schema has changed."""
    servers.sql("create table api.outdated (id text primary key, gone text)")
    servers.sql("grant all on api.outdated to api_data_producer")
    servers.reload()
    try:
        servers.sql(ddl)
        answer = await ask(servers.url, signed(servers.secret), request_)
    finally:
        servers.sql("drop table if exists api.outdated")
        servers.reload()

    assert (status, code, kind) == answer.said
    assert words in answer.verdict.reason.message


@pytest.fixture
def held(servers: Target) -> Iterator[psycopg.Connection]:
    """A transaction that holds what rows of `waiting` wait for."""
    with psycopg.connect(servers.box.database) as connection:
        connection.execute("select pg_advisory_xact_lock(4711)")
        yield connection


# fmt: off
LATE = [
    # cause                HTTP  code     words                verdict  role
    ("statement_timeout",  500, "57014", "statement timeout", SHRINK,  "verdict_slow"),
    ("lock_timeout",       500, "55P03", "lock timeout",      RETRY,   "verdict_locked"),
]
# fmt: on


@pytest.mark.usefixtures("held")
@pytest.mark.parametrize(("status", "code", "words", "kind", "role"), rows_of(LATE))
async def test_timeout(url: str, status: int, code: str, words: str, kind: Decision, role: str) -> None:
    """The database gives up; the limit is a setting of the token's role."""
    answer = await ask(url, signed(role=role), Request("waiting"))

    assert (status, code, kind) == answer.said
    assert words in answer.verdict.reason.message


@pytest.mark.usefixtures("held")
async def test_cancelled_by_an_operator(url: str, servers: Target) -> None:
    """A statement that somebody cancels has the code of a timeout, and is just sent again."""
    asked = asyncio.create_task(ask(url, signed(), Request("waiting")))
    cancel = "select pg_cancel_backend(pid) from pg_locks where locktype = 'advisory' and not granted"
    await until(lambda: servers.sql(cancel))

    answer = await asked

    assert (500, "57014", RETRY) == answer.said
    assert "user request" in answer.verdict.reason.message


async def test_deadlock(url: str, servers: Target) -> None:
    """One of two transactions that wait for each other is given up, and sent again."""
    servers.sql("truncate verdicts.cells; insert into verdicts.cells (id) values ('a'), ('b')")
    blocked = "select 1 from pg_stat_activity where usename = 'authenticator' and wait_event_type = 'Lock'"
    lock = "select from verdicts.cells where id = %s for update"
    with psycopg.connect(servers.box.database) as other:
        other.execute("set deadlock_timeout = '5s'")  # so that PostgREST's transaction looks first, after 1 s
        other.execute(lock, ["b"])
        asked = asyncio.create_task(ask(url, signed(), Request(body='[{"id":"a"},{"id":"b"}]', rows=2)))
        await until(lambda: servers.sql(blocked))
        await asyncio.to_thread(other.execute, lock, ["a"])

        answer = await asked

    assert (500, "40P01", RETRY) == answer.said


# fmt: off
CUSTOM = [
    # the reply that a trigger makes       HTTP  code        verdict  MESSAGE and DETAIL of RAISE SQLSTATE 'PGRST'
    ("about the row",                      422, "TOO_OLD",  SPLIT,   '{"code":"TOO_OLD","message":"refused"}', '{"status":422,"headers":{}}'),
    ("a code like an SQLSTATE",            402, "QUOTA",    SPLIT,   '{"code":"QUOTA","message":"refused"}', '{"status":402,"headers":{}}'),
    ("about the request",                  402, "MY_QUOTA", STOP,    '{"code":"MY_QUOTA","message":"refused"}', '{"status":402,"headers":{}}'),
    ("come back later",                    429, "MY_QUOTA", RETRY,   '{"code":"MY_QUOTA","message":"refused"}', '{"status":429,"headers":{"Retry-After":"7"}}'),
    ("not JSON",                           500, "PGRST121", SPLIT,   "refused", "refused"),
]
# fmt: on


@pytest.mark.parametrize(("status", "code", "kind", "message", "detail"), rows_of(CUSTOM))
async def test_custom_error(
    url: str, status: int, code: str, kind: Decision, message: str, detail: str
) -> None:
    """A trigger that makes the whole reply is judged by its status, where its code is none of PostgreSQL's."""
    answer = await ask(url, signed(), raising("PGRST", message=message, detail=detail))

    assert (status, code, kind) == answer.said


# fmt: off
CLASSES = [
    # a cause that the tables above do not list       HTTP  code     verdict
    ("deadlock's relative: serialization, as 40002",  500, "40002", RETRY),
    ("connection failure",                            503, "08006", RETRY),
    ("prepared statement lost by a pooler",           400, "26000", RETRY),
    ("prepared statement there twice, by a pooler",   400, "42P05", RETRY),
    ("idle_in_transaction_session_timeout",           500, "25P03", RETRY),
    ("transaction_timeout",                           500, "25P04", SHRINK),
    ("shutting down",                                 503, "57P01", RETRY),
    ("starting up",                                   500, "57P03", RETRY),
    ("statement_timeout in other words",              500, "57014", SHRINK),
    ("sequence exhausted",                            400, "2200H", STOP),
    ("division by zero",                              400, "22012", SPLIT),
    ("restricted",                                    400, "23001", SPLIT),
    ("CASE without ELSE",                             400, "20000", SPLIT),
    ("ASSERT",                                        500, "P0004", SPLIT),
    ("row changed by its trigger",                    400, "27000", SPLIT),
    ("external routine",                              500, "38000", SPLIT),
    ("42501 by a trigger",                            403, "42501", SPLIT),
    ("undefined function",                            404, "42883", STOP),
    ("ambiguous column",                              400, "42702", STOP),
    ("foreign data wrapper",                          500, "HV000", STOP),
    ("invalid authorization",                         403, "28000", STOP),
    ("PT with a status of its own",                   403, "PT403", SPLIT),
    ("PT with no status",                             500, "PTABC", SPLIT),
]
# fmt: on


@pytest.mark.parametrize(("status", "code", "kind"), rows_of(CLASSES))
async def test_other_sqlstate(url: str, status: int, code: str, kind: Decision) -> None:
    """An SQLSTATE that no table lists is judged by its class; raised by a trigger here."""
    answer = await ask(url, signed(), raising(code))

    assert (status, code, kind) == answer.said


def foreign_key() -> str:
    """A token signed with an algorithm that has nothing to do with the server's secret."""
    return jwt.encode({"role": "api_data_producer"}, ec.generate_private_key(ec.SECP256R1()), "ES256")


def now(seconds: float = 0) -> int:
    return int(time.time() + seconds)


# fmt: off
AUTH = [
    # case                                server     HTTP  code       words                      verdict  token
    ("expired > 30 s ago",                "usual",   401, "PGRST301", "JWT expired",             RENEW,  lambda: signed(exp=now(-40))),
    ("expired 20 s ago",                  "usual",   201, None,       "",                        DONE,   lambda: signed(exp=now(-20))),
    ("nbf > 30 s ahead",                  "usual",   401, "PGRST301", "JWTNotYetValid",          RETRY,  lambda: signed(nbf=now(60))),
    ("iat > 30 s ahead",                  "usual",   401, "PGRST301", "JWTIssuedAtFuture",       RETRY,  lambda: signed(iat=now(60))),
    ("wrong signature",                   "usual",   401, "PGRST301", "JWSInvalidSignature",     RENEW,  lambda: signed("another secret, of 32 characters or more")),
    ("alg mismatch",                      "usual",   401, "PGRST301", "JWSInvalidSignature",     RENEW,  foreign_key),
    ("alg none",                          "usual",   401, "PGRST301", "JWSNoSignatures",         STOP,   lambda: jwt.encode({"role": "api_data_producer"}, "", "none")),
    ("garbage token",                     "usual",   401, "PGRST301", "CompactDecodeError",      STOP,   lambda: "garbage"),
    ("exp not a number",                  "usual",   401, "PGRST301", "JWTClaimsSetDecodeError", STOP,   lambda: signed(exp="soon")),
    ("aud mismatch",                      "strict",  401, "PGRST301", "JWTNotInAudience",        STOP,   lambda: signed(aud="others")),
    ("aud missing",                       "strict",  201, None,       "",                        DONE,   signed),
    ("no token, anon role",               "usual",   401, "42501",    "permission denied",       STOP,   lambda: None),
    ("empty bearer, anon role",           "usual",   401, "42501",    "permission denied",       STOP,   lambda: ""),
    ("no token, no anon role",            "strict",  401, "PGRST302", "Anonymous access",        STOP,   lambda: None),
    ("no role claim, no anon role",       "strict",  401, "PGRST302", "Anonymous access",        STOP,   lambda: signed(role=None)),
    ("no role claim, anon role",          "usual",   401, "42501",    "permission denied",       STOP,   lambda: signed(role=None)),
    ("role does not exist",               "usual",   400, "22023",    'role "nobody_here"',      STOP,   lambda: signed(role="nobody_here")),
    ("role not granted to authenticator", "usual",   403, "42501",    "to set role",             STOP,   lambda: signed(role="verdict_owner")),
    ("server without secret",             "no key",  500, "PGRST300", "secret",                  STOP,   signed),
    ("exp is a float",                    "usual",   201, None,       "",                        DONE,   lambda: signed(exp=now(60) + 0.5)),
]
# fmt: on


@pytest.fixture(scope="module")
def sites(url: str, start: Callable[[dict[str, str]], str]) -> dict[str, str]:
    """PostgRESTs that differ in how they check tokens."""
    return {
        "usual": url,
        "strict": start({"PGRST_JWT_AUD": "verdicts", "PGRST_DB_ANON_ROLE": ""}),
        "no key": start({"PGRST_JWT_SECRET": ""}),
    }


@pytest.mark.parametrize(("site", "status", "code", "words", "kind", "token"), rows_of(AUTH))
async def test_auth(
    servers: Target,
    sites: dict[str, str],
    site: str,
    status: int,
    code: str | None,
    words: str,
    kind: Decision,
    token: Callable[[], str | None],
) -> None:
    """The server answers to a token with this status, code and words, and they are judged so."""
    servers.sql("truncate verdicts.cells")

    answer = await ask(sites[site], token())

    assert (status, code, kind) == answer.said
    assert words in answer.verdict.reason.message


async def test_basic_auth(url: str) -> None:
    """What is no bearer token counts as none."""
    answer = await ask(url, None, Request(headers={"Authorization": "Basic eDp5"}))

    assert (401, "42501", STOP) == answer.said


TWO = '[{"id":"a"},{"id":"b"}]'

# fmt: off
SUCCESS = [
    # request                              HTTP count verdict request; `cells` holds the row "old"
    ("plain insert",                       201, 1,    DONE,   Request(resolution="none")),
    ("merge, a row inserted",              201, 1,    DONE,   Request()),
    ("merge, mixed",                       201, 2,    DONE,   Request(body='[{"id":"old"},{"id":"new"}]', rows=2)),
    ("merge, all rows updated",            200, 1,    DONE,   Request(body='[{"id":"old"}]')),
    ("merge, []",                          200, 0,    DONE,   Request(body="[]", rows=0)),
    ("ignore, []",                         201, 0,    DONE,   Request(body="[]", rows=0, resolution="ignore-duplicates")),
    ("plain insert, []",                   201, 0,    DONE,   Request(body="[]", rows=0, resolution="none")),
    ("ignore, mixed",                      201, 1,    DONE,   Request(body='[{"id":"old"},{"id":"new"}]', rows=2, resolution="ignore-duplicates")),
    ("ignore, all rows already there",     201, 0,    DONE,   Request(body='[{"id":"old"}]', resolution="ignore-duplicates")),
    ("same key twice, ignore",             201, 1,    DONE,   Request(body='[{"id":"a"},{"id":"a"}]', rows=2, resolution="ignore-duplicates")),
    ("trigger drops a row, merge",         201, 1,    SPLIT,  Request("dropping", body=TWO, rows=2)),
    ("trigger drops the only row, merge",  201, 0,    SPLIT,  Request("dropping", body='[{"id":"b"}]')),
    ("trigger drops a row, insert",        201, 1,    STOP,   Request("dropping", body=TWO, rows=2, resolution="none")),
    ("trigger drops a row, ignore",        201, 1,    DONE,   Request("dropping", body=TWO, rows=2, resolution="ignore-duplicates")),
    ("no key and no on_conflict",          201, 1,    STOP,   Request("keyless", query="?columns=id")),
    ("resolution misspelt, not strict",    201, 1,    STOP,   Request(headers={"Prefer": "resolution=merge-dups,count=exact"})),
    ("no count asked for",                 201, None, STOP,   Request(headers={"Prefer": "resolution=merge-duplicates"})),
]
# fmt: on


@pytest.mark.parametrize(("status", "count", "kind", "request_"), rows_of(SUCCESS))
async def test_success(
    url: str, servers: Target, status: int, count: int | None, kind: Decision, request_: Request
) -> None:
    """Success is any 2xx that applied the resolution and stored each row."""
    servers.sql("truncate verdicts.cells, verdicts.dropping, verdicts.keyless")
    servers.sql("insert into verdicts.cells (id) values ('old')")

    answer = await ask(url, signed(), request_)

    assert (status, None, kind) == answer.said
    assert isinstance(answer.reply, Reply)
    assert count == answer.reply.count
    assert (count if kind is DONE else 0) == answer.verdict.count
