"""Questions for stored rows where the server shows few at once (db-max-rows), and where URLs are short."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from loader.credentials.choose import token_source
from loader.credentials.tokens import Tokens
from loader.events import Observers
from loader.halt import Halt
from loader.model import BEGIN, Row, Shape
from loader.postgrest.client import PostgREST
from loader.sandbox import PostgREST as Server
from loader.sandbox import find_postgrest
from loader.send.lookup import Lookup
from loader.send.relation import ask
from loader.send.retry import Requests
from loader.throttle.throttle import Throttle
from tests.support.harness import Target
from tests.support.line_faults import Act, Answer, Seen, Swallow, reply
from tests.support.proxy import Proxy
from tests.support.servers import SECRET

COLUMNS = [f"measurement_with_a_rather_long_name_{number:04}" for number in range(400)]
KEY = ["the_first_column_of_a_key_with_long_names", "the_second_column_of_a_key_with_long_names"]
SETUP = f"""
create table api.shown (id int primary key, n int);
create table api.wide_key ({KEY[0]} text, {KEY[1]} text, {", ".join(f"{name} text" for name in COLUMNS)},
    primary key ({", ".join(KEY)}));
grant select, insert, update on api.shown, api.wide_key to api_data_producer;
"""
ROWS = [json.dumps({"id": number, "n": number}) for number in range(200)]


@pytest.fixture(scope="module")
def tables(servers: Target) -> Iterator[Target]:
    servers.sql(SETUP.encode())
    servers.reload()
    yield servers
    servers.sql("drop table api.shown, api.wide_key")
    servers.reload()


@pytest.fixture(scope="module", params=[2, 1000])
def limited(tables: Target, request: pytest.FixtureRequest) -> Iterator[str]:
    """The URL of a PostgREST that shows so many rows at once."""
    settings = {"PGRST_DB_MAX_ROWS": str(request.param)}
    server = Server(find_postgrest(), tables.box.authenticator, SECRET, settings=settings)
    server.start()
    yield server.url
    server.stop()


def lost(seen: Seen) -> Act | None:
    """Lose the reply to each second request with rows."""
    return Swallow() if seen.number and seen.number % 2 == 0 else None


async def test_rows_that_are_in(tables: Target, limited: str) -> None:
    """They are found, however few the server shows at once, and none is rejected or stored twice."""
    tables.sql("truncate api.shown")

    with Proxy(limited, lost) as proxy:
        loaded = await tables.load(
            ROWS,
            url=proxy.url,
            jwt_aud=limited,
            table="shown",
            resolution="none",
            batch_rows=40,
            concurrency=1,
        )

    assert any("in.(" in seen.path for seen in proxy.seen)
    assert (200, 0, 0, 0) == loaded.counts
    assert [(200, 200)] == tables.sql("select count(*), count(distinct id) from api.shown")


@pytest.mark.parametrize(("changed", "expected"), [(None, True), (0, False), (39, False)])
async def test_values_of_all_rows_are_compared(
    tables: Target, limited: str, changed: int | None, expected: bool
) -> None:
    """One row of forty has the value of another writer, and the server may show others first."""
    tables.sql("truncate api.shown")
    tables.sql("insert into api.shown select n, n from generate_series(0, 39) n")
    tables.sql("update api.shown set n = -1 where id = %s", changed)
    settings = tables.settings(url=limited, table="shown", resolution="none")
    tokens = Tokens(token_source(settings), lambda: None)
    throttle = Throttle(batch_rows=None, batch_bytes=2**20, max_rate=None, concurrency=1)
    rows = [Row(line.encode(), str(number), BEGIN) for number, line in enumerate(ROWS[:40])]

    async with PostgREST(settings, tokens) as client:
        requests = Requests(
            client, tokens, settings=settings, throttle=throttle, halt=Halt(), observer=Observers()
        )
        relation = await ask(requests, settings, Shape(("id", "n")), {})
        lookup = Lookup(requests, relation)
        are_in = await lookup.are_in(relation.first, rows, "rows.jsonl:1")

    assert expected is are_in


@pytest.mark.parametrize("longest", [8192, 5000])
async def test_length_of_questions(tables: Target, longest: int) -> None:
    """400 columns, and keys that a URL writes with nine characters each: no question is refused."""
    tables.sql("truncate api.wide_key")
    rows = [
        json.dumps({KEY[0]: "\u4ef7\u683c" * 10, KEY[1]: f"{number}"} | dict.fromkeys(COLUMNS, "x"))
        for number in range(60)
    ]
    refusal = Answer(reply("414 URI Too Long", "<html>414 Request-URI Too Large</html>", kind="text/html"))

    def fault(seen: Seen) -> Act | None:
        return refusal if len(seen.path) > longest else lost(seen)

    with Proxy(tables.url, fault) as proxy:
        loaded = await tables.load(
            rows,
            url=proxy.url,
            jwt_aud=tables.url,
            table="wide_key",
            on_conflict=tuple(KEY),
            resolution="none",
            batch_rows=20,
            concurrency=1,
        )

    assert (None, (60, 0, 0, 0)) == (loaded.report.error, loaded.counts)
    questions = [len(seen.path) for seen in proxy.seen if "or=(" in seen.path]
    assert questions
    assert max(questions) <= longest


async def test_values_of_types_that_nobody_tells(tables: Target) -> None:
    """Numbers are compared also where the server describes no tables: another writer's rows are not ours."""
    tables.sql("truncate api.shown; insert into api.shown select n, -1 - n from generate_series(0, 39) n")
    closed = Answer(reply("403 Forbidden", '{"message":"no"}'))

    def fault(seen: Seen) -> Act | None:
        return closed if seen.path == "/" else lost(seen)

    with Proxy(tables.url, fault) as proxy:
        loaded = await tables.load(
            ROWS[:40],
            url=proxy.url,
            jwt_aud=tables.url,
            table="shown",
            resolution="none",
            batch_rows=20,
            concurrency=1,
        )

    assert (0, 0, 0, 40) == loaded.counts
    assert {"23505"} == {code for _, code in loaded.codes}
