"""Rows that the server refuses: each is found, told and left out, and costs few requests."""

# ruff: noqa: E501, S608 - a table is read across; its SQL is a test's own

from __future__ import annotations

from collections.abc import Iterator
from math import log2
from typing import Any, LiteralString

import pytest

from loader.settings import MaxErrors
from loader.throttle import throttle
from tests.support.dirty.cases import ending, rejected_as, tables
from tests.support.harness import Target, trade

DDL: LiteralString = r"""
    create type api.colour as enum ('red', 'green');
    create domain api.even as int check (value % 2 = 0);
    create table api.parents (id text primary key);
    insert into api.parents values ('p1');
    create table api.strict (
        id text primary key, short varchar(5), fixed char(3), bits bit(3), day date, at timestamptz, clock time, span interval,
        u uuid, flag boolean, i integer, s smallint, r real, n numeric(5, 2), blob bytea, ip inet, jb jsonb, list int[],
        colour api.colour, even api.even, positive int check (positive > 0), needed int not null default 1,
        parent text references api.parents, email text unique, period int4range, exclude using gist (period with &&)
    );
    create table api.plain (id text primary key, t text, n int);
    create function api.watch() returns trigger language plpgsql as $$
    begin
        if new.t = 'swallow' then return null; end if;
        if new.t = 'raise' then raise exception 'no such row today'; end if;
        if new.t = 'own' then raise exception 'not mine' using errcode = 'ZX001'; end if;
        if new.t = 'postgrest' then raise sqlstate 'PT422' using message = 'unprocessable'; end if;
        return new;
    end $$;
    create trigger watch before insert on api.plain for each row execute function api.watch();
    create table api.guarded (id text primary key, owner text);
    alter table api.guarded enable row level security;
    create policy see on api.guarded for select to api_data_producer using (true);
    create policy add on api.guarded for insert to api_data_producer with check (owner = 'me');
    create policy edit on api.guarded for update to api_data_producer using (true) with check (owner = 'me');
    create view api.plain_view with (check_option = cascaded) as select id, t, n from api.plain where n < 100;
    grant usage on type api.colour to api_data_producer;
    grant select, insert, update on api.parents, api.strict, api.plain, api.guarded, api.plain_view to api_data_producer
"""
DROP: LiteralString = """
    drop view api.plain_view; drop table api.strict, api.parents, api.plain, api.guarded; drop function api.watch;
    drop domain api.even; drop type api.colour
"""
GOOD = 60
CLEAN = 3  # requests of a load of one batch: the preflight, the columns, the batch


@pytest.fixture(scope="module")
def made(servers: Target) -> Iterator[Target]:
    with tables(servers, DDL, DROP) as target:
        yield target


@pytest.fixture
def bad(made: Target) -> Target:
    """The servers, with empty tables."""
    made.sql("truncate api.strict, api.plain, api.guarded")
    made.sql("delete from api.parents where id <> 'p1'")
    return made


def numbered(column: str, value: bytes, count: int = GOOD) -> list[bytes]:
    return [b'{"id":"%d","%b":%b}' % (i, column.encode(), value) for i in range(count)]


def file(lines: list[bytes]) -> bytes:
    return b"".join(line + b"\n" for line in lines)


# Column, a value that is fine many times over, one that is not, and its SQLSTATE.
REFUSED = [
    ("short", b'"12345"', b'"123456"', "22001"),
    ("fixed", b'"abc"', b'"abcd"', "22001"),
    ("bits", b'"101"', b'"10"', "22026"),
    ("day", b'"2024-02-29"', b'"2023-02-29"', "22008"),
    ("day", b'"2024-02-29"', b'"yesterday or so"', "22007"),
    ("at", b'"2024-01-01T00:00:00Z"', b"1700000000000", "22008"),
    ("at", b'"2024-01-01T00:00:00Z"', b'"2024-01-01T25:00:00Z"', "22008"),
    ("at", b'"2024-01-01T00:00:00Z"', b'"2024-01-01 00:00 Mars/Olympus"', "22023"),
    ("clock", b'"12:00"', b'"noonish"', "22007"),
    ("span", b'"1 day"', b'"1 moon"', "22007"),
    ("u", b'"a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11"', b'"a0eebc99"', "22P02"),
    ("flag", b"true", b'"maybe"', "22P02"),
    ("flag", b"true", b"2", "22P02"),
    ("i", b"1", b"2147483648", "22003"),
    ("i", b"1", b'"one"', "22P02"),
    ("i", b"1", b"1.5", "22P02"),
    ("i", b"1", b'""', "22P02"),
    ("s", b"1", b"32768", "22003"),
    ("r", b"1", b"1e39", "22003"),
    ("n", b"1", b"1000", "22003"),
    ("n", b"1", b"999.995", "22003"),
    ("blob", rb'"\\x00"', rb'"\\x0g"', "22023"),
    ("blob", rb'"\\x00"', rb'"\\x000"', "22023"),
    ("ip", b'"10.0.0.1"', b'"10.0.0.256"', "22P02"),
    ("jb", b'{"a":1}', rb'{"a":1e200000}', "22003"),
    ("list", b"[1,2]", b'["x"]', "22P02"),
    ("list", b"[1,2]", b'"{1,2"', "22P02"),
    ("list", b"[[1],[2]]", b"[[1],[2,3]]", "22P02"),
    ("colour", b'"red"', b'"blue"', "22P02"),
    ("even", b"2", b"3", "23514"),
    ("positive", b"1", b"0", "23514"),
    ("needed", b"1", b"null", "23502"),
    ("parent", b'"p1"', b'"p2"', "23503"),
    ("period", b'"empty"', b'"(1"', "22P02"),
    ("period", b'"empty"', b'"[5,1]"', "22000"),
]


@pytest.mark.parametrize(("column", "fine", "refused", "code"), REFUSED)
async def test_refused(bad: Target, column: str, fine: bytes, refused: bytes, code: str) -> None:
    """Of rows that the server refuses, at the start, in the middle and at the end, all others are in."""
    lines = numbered(column, fine)
    places = [0, 30, GOOD - 1]
    for place in places:
        lines[place] = b' {"%b" : %b, "id":"%d"}' % (column.encode(), refused, place)
    source = file(lines)

    loaded = await bad.load(source, table="strict")

    assert None is loaded.report.error
    rejected_as(loaded, source, [(place + 1, code) for place in places])
    assert (GOOD - 3, 0, 0, 3) == loaded.counts
    assert {str(i) for i in range(GOOD)} - {str(place) for place in places} == {
        key for (key,) in bad.sql("select id from api.strict")
    }
    assert 1 == len(bad.sql(f"select distinct {column}::text from api.strict"))
    assert loaded.report.requests <= CLEAN + 3 * (2 + log2(GOOD))


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"market": "binance"}, "22P02"),
        ({"amount": b"1e30"}, "22003"),
        ({"timestamp": 2**63}, "22003"),
        ({"timestamp": b"1.65e12"}, "22P02"),
        ({"symbol": None}, "23502"),
        ({"is_buy": "perhaps"}, "22P02"),
        ({"price": ""}, "22P02"),
    ],
)
async def test_refused_trades(target: Target, fields: dict[str, Any], code: str) -> None:
    """Through a view, whose refusals say less, the one bad trade is found as well."""
    lines = [trade(f"t{i}", **(fields if i == 200 else {})) for i in range(400)]

    loaded = await target.load(lines)

    assert [(201, code)] == loaded.codes
    assert [lines[200].encode()] == loaded.rejects
    assert (399, 0, 0, 1) == loaded.counts
    assert [(399, 0)] == target.sql("select count(*), count(*) filter (where id = 't200') from core.trades")
    assert loaded.report.requests <= 3 + 2 + log2(400)


@pytest.mark.parametrize("told", ["raise", "own", "postgrest"])
async def test_refused_by_a_trigger(bad: Target, told: str) -> None:
    """A trigger's own words are a row's refusal, whatever code it chooses."""
    lines = numbered("t", b'"x"')
    lines[30] = b'{"id":"30","t":"%b"}' % told.encode()

    loaded = await bad.load(file(lines), table="plain")

    rejected_as(loaded, file(lines), [(31, {"raise": "P0001", "own": "ZX001", "postgrest": "PT422"}[told])])
    assert (GOOD - 1, 0, 0, 1) == loaded.counts


async def test_refused_by_a_view(bad: Target) -> None:
    """WITH CHECK OPTION refuses a row that the view would not show."""
    lines = numbered("n", b"1")
    lines[30] = b'{"id":"30","n":100}'

    loaded = await bad.load(file(lines), table="plain_view")

    rejected_as(loaded, file(lines), [(31, "44000")])


async def test_another_unique_key(bad: Target) -> None:
    """Under merge, a row that clashes with another in a second unique key is rejected; the first stays."""
    lines = [b'{"id":"%d","email":"%d@example.org"}' % (i, i % 50) for i in range(GOOD)]

    loaded = await bad.load(file(lines), table="strict")

    rejected_as(loaded, file(lines), [(i + 1, "23505") for i in range(50, GOOD)])
    assert [(str(i),) for i in range(50)] == bad.sql("select id from api.strict order by id::int")


async def test_bad_rows_of_all_kinds(bad: Target) -> None:
    """Bad rows of many kinds, local and the server's, strewn among good ones, each with its reason."""
    lines = [b'{"id":"g%d","i":1}' % i for i in range(300)]
    expected = []
    for i, (column, _, refused, code) in enumerate(REFUSED):
        lines[8 * i] = b'{"id":"bad%d","%b":%b}' % (i, column.encode(), refused)
        expected.append((8 * i + 1, code))
    for i, (line, code) in enumerate([(b"{", "not-json"), (b"{}", "no-key"), (b"[]", "not-an-object")]):
        lines[100 * i + 5] = line
        expected.append((100 * i + 6, code))
    source = file(lines)

    loaded = await bad.load(source, table="strict", batch_bytes=2048)

    rejected_as(loaded, source, sorted(expected))
    assert (300 - len(expected), 0, 0, len(expected)) == loaded.counts
    assert [(300 - len(expected),)] == bad.sql("select count(*) from api.strict where id like 'g%'")


async def test_rejects_are_a_source(bad: Target) -> None:
    """Once the cause is mended, loading rejects.jsonl completes the table."""
    lines = [b'{"id":"%d","parent":"p%d"}\r' % (i, i % 20) for i in range(200)]
    first = await bad.load(file(lines), table="strict", max_errors=MaxErrors(number=1000))
    assert 190 == first.report.rows_rejected
    assert {"23503"} == {code for _, code in first.codes}
    bad.sql("insert into api.parents select 'p' || i from generate_series(0, 19) i on conflict do nothing")

    second = await bad.load(first.folder / "rejects.jsonl", table="strict")

    assert (190, 0, 0, 0) == second.counts
    assert [(str(i), f"p{i % 20}") for i in range(200)] == bad.sql(
        "select id, parent from api.strict order by id::int"
    )


async def test_swallowed_rows(bad: Target) -> None:
    """Rows that a trigger drops without a word are rejected under merge, and all others are in."""
    lines = numbered("t", b'"x"', 500)
    places = [0, 1, 77, 250, 251, 252, 499]
    for place in places:
        lines[place] = b'{"id":"%d","t":"swallow"}' % place

    loaded = await bad.load(file(lines), table="plain")

    rejected_as(loaded, file(lines), [(place + 1, "not-stored") for place in places])
    assert (493, 0, 0, 7) == loaded.counts
    assert [(493,)] == bad.sql("select count(*) from api.plain where t = 'x'")


async def test_swallowed_rows_of_an_insert(bad: Target) -> None:
    """A plain insert cannot be repeated to find them: it stops, and says that rows were dropped."""
    lines = numbered("t", b'"x"', 50)
    lines[7] = b'{"id":"7","t":"swallow"}'

    loaded = await bad.load(file(lines), table="plain", resolution="none")

    assert (4, "stopped") == ending(loaded)
    assert "stored 49 of 50 rows" in (loaded.report.error or "")


@pytest.mark.parametrize("resolution", ["merge-duplicates", "ignore-duplicates", "none"])
async def test_policy_refuses_some(bad: Target, resolution: Any) -> None:
    """Rows that row-level security refuses are rejected where it lets others in."""
    lines = numbered("owner", b'"me"', 500)
    for place in (0, 250, 499):
        lines[place] = b'{"id":"%d","owner":"you"}' % place

    loaded = await bad.load(file(lines), table="guarded", resolution=resolution)

    rejected_as(loaded, file(lines), [(1, "42501"), (251, "42501"), (500, "42501")])
    assert (497, 0, 0, 3) == loaded.counts


async def test_policy_refuses_the_first_rows(bad: Target) -> None:
    """The same where the refused rows all stand at the start."""
    lines = numbered("owner", b'"you"', 10) + [b'{"id":"mine%d","owner":"me"}' % i for i in range(490)]

    loaded = await bad.load(file(lines), table="guarded")

    rejected_as(loaded, file(lines), [(i + 1, "42501") for i in range(10)])


async def test_policy_refuses_all(bad: Target) -> None:
    """Where row-level security refuses everything, no row is rejected: the load stops, after few requests."""
    loaded = await bad.load(file(numbered("owner", b'"you"', 5000)), table="guarded", batch_rows=500)

    assert (4, "stopped") == ending(loaded)
    assert (0, 0, 0, 0) == loaded.counts
    assert [] == loaded.rejects
    assert "row-level security" in (loaded.report.error or "")
    assert loaded.report.requests < 8 * (2 + log2(500))


PLACES = [0, 1, 1250, 2499, 2500, 4095, 4998, 4999]


@pytest.fixture
def whole(monkeypatch: pytest.MonkeyPatch) -> None:
    """5,000 rows go out in one batch, as they do once a load has found its pace."""
    monkeypatch.setattr(throttle, "_FIRST_ROWS", 5000)


@pytest.mark.usefixtures("whole")
@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("told", ["raise", "swallow"])
async def test_requests_for_a_bad_row_that_nothing_names(bad: Target, told: str, place: int) -> None:
    """One bad row among 5,000 costs at most 2 + log2(5000) further requests."""
    lines = numbered("t", b'"x"', 5000)
    lines[place] = b'{"id":"%d","t":"%b"}' % (place, told.encode())

    loaded = await bad.load(file(lines), table="plain")

    assert (4999, 0, 0, 1) == loaded.counts
    assert [lines[place]] == loaded.rejects
    assert loaded.report.requests - CLEAN <= 2 + log2(5000)


@pytest.mark.usefixtures("whole")
async def test_requests_of_a_clean_load(bad: Target) -> None:
    """One batch needs a request, after a preflight and a look at the columns."""
    loaded = await bad.load(file(numbered("t", b'"x"', 5000)), table="plain")

    assert CLEAN == loaded.report.requests


@pytest.mark.usefixtures("whole")
@pytest.mark.parametrize("place", PLACES)
async def test_requests_for_a_bad_row_that_is_hinted_at(bad: Target, place: int) -> None:
    """The same where the server names a value that half of the rows hold elsewhere."""
    lines = [b'{"id":"%d","t":"%b","n":1}' % (i, b"bad" if i % 2 else b"x") for i in range(5000)]
    lines[place] = b'{"id":"%d","t":"y","n":"bad"}' % place

    loaded = await bad.load(file(lines), table="plain")

    assert [(place + 1, "22P02")] == loaded.codes
    assert loaded.report.requests - CLEAN <= 2 + log2(5000)


@pytest.mark.usefixtures("whole")
@pytest.mark.parametrize("place", PLACES)
async def test_requests_for_a_key_that_is_named(bad: Target, place: int) -> None:
    """A plain insert of a key that is there costs one further request, for the others."""
    lines = numbered("t", b'"x"', 5000)
    bad.sql("insert into api.plain (id, t) values (%s, 'old')", str(place))

    loaded = await bad.load(file(lines), table="plain", resolution="none")

    assert [(place + 1, "23505")] == loaded.codes
    assert (4999, 0, 0, 1) == loaded.counts
    assert loaded.report.requests - CLEAN <= 1
    assert [("old",)] == bad.sql("select t from api.plain where id = %s", str(place))


# Rows that are all bad, and how many. Where the server names each one, 1,000 show whether each costs a request.
ALL_BAD = {
    "enum": ("strict", b'{"id":"%d","colour":"blue"}', 20_000),
    "enum, each another": ("strict", b'{"id":"%d","colour":"%d"}', 1000),
    "check": ("strict", b'{"id":"%d","positive":0}', 1000),
    "null": ("strict", b'{"id":"%d","needed":null}', 1000),
    "parent": ("strict", b'{"id":"%d","parent":"p9"}', 20_000),
    "parent, each another": ("strict", b'{"id":"%d","parent":"q%d"}', 1000),
    "trigger": ("plain", b'{"id":"%d","t":"raise"}', 20_000),
    "swallowed": ("plain", b'{"id":"%d","t":"swallow"}', 20_000),
}


@pytest.mark.parametrize("kind", ALL_BAD)
async def test_nothing_but_bad_rows(bad: Target, kind: str) -> None:
    """A file of nothing but bad rows stops at --max-errors, with no request for each of its rows."""
    table, row, rows = ALL_BAD[kind]

    loaded = await bad.load(file([row % ((i,) * row.count(b"%d")) for i in range(rows)]), table=table)

    assert (3, "stopped") == ending(loaded)
    assert 101 <= loaded.report.rows_rejected < 101 + 8
    assert "--max-errors 100" in (loaded.report.error or "")
    assert loaded.report.requests < 400
    assert [] == bad.sql(f"select id from api.{table}")


async def test_nothing_but_keys_that_are_there(bad: Target) -> None:
    """A plain insert of a file that is loaded already stops in the same way."""
    bad.sql("insert into api.plain (id) select i from generate_series(0, 999) i")

    loaded = await bad.load(file(numbered("t", b'"x"', 1000)), table="plain", resolution="none")

    assert (3, "stopped") == ending(loaded)
    assert loaded.report.requests < 400
    assert [(1000,)] == bad.sql("select count(*) from api.plain where t is null")


async def test_nothing_but_bad_lines(bad: Target) -> None:
    """A file of 20,000 lines that are no rows stops without a request."""
    loaded = await bad.load(b"nonsense\n" * 20_000, table="plain")

    assert (3, "stopped") == ending(loaded)
    assert (0, 0, 0, 101) == loaded.counts
    assert 0 == loaded.report.requests


@pytest.mark.parametrize(
    ("allowed", "bad_rows", "rows", "code"),
    [
        ("0", 0, 50, 0),
        ("0", 1, 50, 3),
        ("5", 5, 50, 1),
        ("5", 6, 50, 3),
        ("1%", 0, 5000, 0),
        ("1%", 900, 900, 1),  # fewer than 1,000 rows are not judged
        ("0%", 1, 999, 1),
        ("0%", 1, 3000, 3),
        ("1%", 50, 5000, 1),
        ("1%", 51, 5000, 3),
        ("100%", 2000, 2000, 1),
        ("0.5%", 60, 10_000, 3),
    ],
)
async def test_max_errors(bad: Target, allowed: str, bad_rows: int, rows: int, code: int) -> None:
    """--max-errors is the number or the share of rejects that a load may have; one more stops it."""
    lines = numbered("n", b"1", rows)
    for i in range(bad_rows):
        place = rows - 1 - i * (rows // bad_rows)
        lines[place] = b'{"id":"%d","n":"x"}' % place if bad_rows <= 60 else b"nonsense"

    loaded = await bad.load(file(lines), table="plain", max_errors=MaxErrors.parse(allowed), batch_rows=500)

    assert code == loaded.report.exit_code
    if code != 3:
        assert (rows - bad_rows, 0, 0, bad_rows) == loaded.counts
        assert [lines[line - 1] for line, _ in loaded.codes] == loaded.rejects
