"""What Supabase's gateway and its limits do to a load."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from loader.events import Event, Notice, Requested, Retrying
from loader.model import Decision
from loader.sandbox import PostgREST
from tests.support.harness import Loaded, line
from tests.support.servers import Servers
from tests.support.supabase import PUBLISHABLE_KEY, SECRET_KEY, USER, Supabase

COUNT = "select count(*), count(distinct a) from public.faults"


class Watch:
    """Keeps the events of a load."""

    def __init__(self) -> None:
        self.events: list[Event] = []

    def on(self, event: Event) -> None:
        self.events.append(event)

    @property
    def notices(self) -> str:
        """What the user was told."""
        return "\n".join(event.message for event in self.events if isinstance(event, Notice))


def rows(count: int, prefix: str = "r") -> list[str]:
    """Return rows of the table."""
    return [line({"id": f"{prefix}{number}", "a": number}) for number in range(count)]


async def load(
    target: Servers, supabase: Supabase, source: list[str], watch: Watch | None = None, **changes: Any
) -> Loaded:
    """Load rows with the secret key."""
    given = {"url": supabase.url, "jwt_secret": None, "apikey": SECRET_KEY, "table": "faults"} | changes
    return await target.load(source, observer=watch, **given)


AS_USER = {"apikey": PUBLISHABLE_KEY, "login": USER.email, "password": USER.password}


@pytest.mark.parametrize("user", [{}, AS_USER])
async def test_pages_in_place_of_replies(target: Servers, supabase: Supabase, user: dict[str, Any]) -> None:
    """Every third request gets an HTML page with 502, some of them although its rows are in: all is exact."""
    faults = {0: "page", 3: "late page"}
    supabase.fault = lambda number: faults.get(number % 6, "")

    loaded = await load(target, supabase, rows(2000), batch_rows=100, **user)

    assert ("complete", 0) == (loaded.report.status, loaded.report.rows_rejected)
    assert (2000, [(2000, 2000)]) == (sum(loaded.counts), target.sql(COUNT))


@pytest.fixture
def statement_timeout(target: Servers, rest: PostgREST) -> Iterator[None]:
    """Let the statements of service_role take 0.3 s, in the way in which projects let them take 3 or 8."""
    del rest
    target.sql("alter role service_role set statement_timeout = '300ms'; notify pgrst, 'reload config'")
    yield
    target.sql("alter role service_role reset statement_timeout; notify pgrst, 'reload config'")


@pytest.mark.usefixtures("statement_timeout")
async def test_a_statement_timeout_makes_batches_smaller(target: Servers, supabase: Supabase) -> None:
    """A row takes a millisecond, so a thousand take too long: the load finds what fits, and is completed."""
    watch = Watch()

    loaded = await load(target, supabase, rows(2000), watch, table="slow", batch_rows=1000)

    shrunk = [
        each for each in watch.events if isinstance(each, Requested) and each.decision is Decision.SHRINK
    ]
    assert ("complete", (2000, 0, 0, 0)) == (loaded.report.status, loaded.counts)
    assert [(2000,)] == target.sql("select count(*) from public.slow")
    assert shrunk


async def test_a_gateway_whose_clock_is_ahead_is_waited_for(target: Servers, supabase: Supabase) -> None:
    """PostgREST refuses its tokens as issued at a future time, where the load holds none: that passes."""
    supabase.clock = [120.0]
    watch = Watch()

    loaded = await load(target, supabase, rows(1), watch)

    retries = [event.why for event in watch.events if isinstance(event, Retrying)]
    assert ("complete", 1) == (loaded.report.status, len(retries))
    assert "JWTIssuedAtFuture" in retries[0]


@pytest.mark.parametrize("key", ["publishable", "anon"])
async def test_a_public_key_needs_policies(target: Servers, supabase: Supabase, key: str) -> None:
    """The user is told so at once, and each row that no policy allows is rejected with PostgreSQL's words."""
    apikey = PUBLISHABLE_KEY if key == "publishable" else supabase.anon
    watch = Watch()

    loaded = await load(target, supabase, rows(2) + rows(2, "public"), watch, apikey=apikey)

    assert (2, 2) == (loaded.report.rows_loaded, loaded.report.rows_rejected)
    assert {"42501"} == {error["code"] for error in loaded.errors}
    assert "role anon" in watch.notices


async def test_only_a_secret_key_learns_the_types(target: Servers, supabase: Supabase) -> None:
    """The API's description is closed to others: their loads do without it."""
    secret = await load(target, supabase, rows(1, "public"))
    public = await load(target, supabase, rows(1, "public"), apikey=PUBLISHABLE_KEY)

    assert ("complete", "complete") == (secret.report.status, public.report.status)
    assert 2 == len([seen for seen in supabase.seen if seen.path == "/rest/v1/"])


async def test_rows_that_are_there_are_counted_beyond_a_thousand(target: Servers, supabase: Supabase) -> None:
    """A reply has a thousand rows at most, and says how many there are."""
    supabase.fault = lambda number: "late page" if number == 1 else ""

    loaded = await load(target, supabase, rows(3000), batch_rows=3000, concurrency=1)

    assert ("complete", 3000, [(3000, 3000)]) == (
        loaded.report.status,
        sum(loaded.counts) - loaded.report.rows_rejected,
        target.sql(COUNT),
    )


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("", ["/rest/v1 refuses the load", "404", "--table", "/rest/v1 was added"]),
        ("/rest/v1/", ["/rest/v1 refuses the load", "404", "--table"]),
        ("/nowhere", ["/nowhere refuses the load", "404", "Check --url", "/rest/v1 is added"]),
    ],
)
async def test_what_is_not_there_is_told(
    target: Servers, supabase: Supabase, path: str, words: list[str]
) -> None:
    """The message has the whole URL that was tried, and what to check."""
    loaded = await load(target, supabase, rows(1), url=f"{supabase.url}{path}", table="missing")

    error = loaded.report.error or ""
    assert 4 == loaded.report.exit_code
    assert [] == [word for word in words if word not in error], error


@pytest.mark.parametrize("key", ["sb_secret_of_another_project", None])
async def test_a_wrong_key_or_none_is_told(target: Servers, supabase: Supabase, key: str | None) -> None:
    """In the gateway's words, with what to check, after one request."""
    loaded = await load(target, supabase, rows(1), url=f"{supabase.url}/rest/v1", schema="public", apikey=key)

    error = loaded.report.error or ""
    assert (4, 1) == (loaded.report.exit_code, len(supabase.seen))
    assert "API key" in error
    assert "BULKLOAD_APIKEY" in error
    assert "sb_secret_of" not in error
