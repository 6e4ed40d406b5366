"""What lines and gateways do to requests: the table ends as the file has it, and the counts tell the same."""

from __future__ import annotations

import time
from collections import Counter
from pathlib import Path
from signal import SIGINT
from typing import Any

import pytest

import loader
from loader.errors import Interrupted
from loader.events import Event, Retrying
from loader.halt import Halt
from loader.throttle import throttle as pacing
from tests.support.harness import Loaded, Target
from tests.support.line_faults import (
    Act,
    Answer,
    Cut,
    Delay,
    Fault,
    Seen,
    Stall,
    Swallow,
    every,
    expired,
    passing,
    reply,
)
from tests.support.outcome import as_dict, check, contents
from tests.support.proxy import Proxy
from tests.support.sources import Source, source

ROWS = 3000
BATCH_ROWS = 100


@pytest.fixture(autouse=True)
def short_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    """Wait 20 ms before the first new try, so that a load through many faults takes seconds."""
    monkeypatch.setattr(pacing, "_FIRST_WAIT", 0.02)


async def load(target: Target, made: Source, proxy: Proxy, **changes: Any) -> Loaded:
    """Load a source through the proxy."""
    options = {"table": "faults", "batch_rows": BATCH_ROWS, "timeout": 30.0, "concurrency": 4} | changes
    return await target.load(made.lines, url=proxy.url, **options)


def postgrest(status: str, code: str, message: str = "", *headers: str) -> Answer:
    """An answer of PostgREST's."""
    body = f'{{"code":"{code}","details":null,"hint":null,"message":"{message or code}"}}'
    return Answer(reply(status, body, *headers))


def html(status: str, *headers: str) -> Answer:
    """An answer of a gateway's."""
    page = f"<html><head><title>{status}</title></head><body><h1>{status}</h1></body></html>"
    return Answer(reply(status, page, *headers, kind="text/html"))


GATEWAY = {
    "429 at once": html("429 Too Many Requests", "Retry-After: 0"),
    "429 in 1 s": html("429 Too Many Requests", "Retry-After: 1"),
    "503 at once": html("503 Service Unavailable", "Retry-After: 0"),
    "503 in 1 s": html("503 Service Unavailable", "Retry-After: 1"),
    "503 before the body": Answer(html("503 Service Unavailable").reply, early=True),
    "502": html("502 Bad Gateway"),
    "504 of the pool": postgrest("504 Gateway Timeout", "PGRST003"),
    "520": html("520 Web server returned an unknown error"),
    "544": Answer(reply("544 Gateway Timeout", '{"message":"upstream timed out"}')),
    "deadlock": postgrest("500 Internal Server Error", "40P01", "deadlock detected"),
    "serialization": postgrest("500 Internal Server Error", "40001", "could not serialize access"),
    "disk full": postgrest("503 Service Unavailable", "53100", "No space left on device", "Retry-After: 0"),
    # What PostgREST 12.0.2 says, now and then, of a statement that was at work when PostgreSQL was shut down.
    "the database went without a word": postgrest("400 Bad Request", ""),
    "the database went": postgrest("503 Service Unavailable", "PGRST001", "Database client error."),
}


@pytest.mark.parametrize("answer", GATEWAY.values(), ids=GATEWAY.keys())
async def test_a_refusal_that_passes_only_costs_time(target: Target, answer: Answer) -> None:
    """One request in seven is answered by somebody in between; each is sent again."""
    made = source(ROWS, seed=1)
    with Proxy(target.url, every(7, answer)) as proxy:
        loaded = await load(target, made, proxy)

    check(target, made, as_dict(loaded.report))
    refused = sum(seen.status >= 429 and seen.status == proxy.posts[0].status for seen in proxy.posts)
    assert max(1, refused) <= loaded.report.retries
    assert made.rejects == [row.decode() for row in loaded.rejects]


BROKEN: dict[str, Fault] = {
    "cut in mid-request": every(9, Cut()),
    "reset in mid-request": every(9, Cut(reset=True)),
    "cut before the reply came": every(9, Swallow()),
    "a reset in twenty": every(20, Cut(reset=True), first=7),
}


@pytest.mark.parametrize("resolution", ["merge-duplicates", "ignore-duplicates"])
@pytest.mark.parametrize("fault", BROKEN.values(), ids=BROKEN.keys())
async def test_a_line_that_breaks(target: Target, fault: Fault, resolution: str) -> None:
    """What was sent is sent again, whether or not the server had committed it."""
    made = source(ROWS, seed=2)
    with Proxy(target.url, fault) as proxy:
        loaded = await load(target, made, proxy, resolution=resolution)

    check(target, made, as_dict(loaded.report), resolution=resolution.partition("-")[0])
    assert loaded.report.retries > 0


async def test_a_lost_reply_to_a_plain_insert(target: Target) -> None:
    """Under --resolution none the rows of a batch that was committed are not taken for duplicates."""
    made = source(1000, seed=3, repeats=0, shapes=False)
    with Proxy(target.url, every(4, Swallow(), first=2)) as proxy:
        loaded = await load(target, made, proxy, resolution="none")

    assert any(seen.stored and not seen.status for seen in proxy.posts)
    check(target, made, as_dict(loaded.report))
    assert made.rejects == [row.decode() for row in loaded.rejects]


async def test_a_count_without_rows_is_no_proof_of_a_plain_insert(target: Target) -> None:
    """Under --resolution none, where the insert was cut off and the table is asked for its rows."""
    made = source(1000, seed=3, repeats=0, shapes=False, bad=0)
    asked: list[str] = []

    def lies(seen: Seen) -> Act | None:
        if seen.number:
            return Cut() if seen.number == 2 else None
        if "in.(" not in seen.path:
            return None
        asked.append(seen.path)
        return Answer(reply("200 OK", "[]", "Content-Range: */4000000"))

    with Proxy(target.url, lies) as proxy:
        loaded = await load(target, made, proxy, resolution="none")

    assert asked
    check(target, made, as_dict(loaded.report))


async def test_a_lost_reply_to_a_plain_insert_and_rows_that_were_there(target: Target) -> None:
    """Under --resolution none a row that another has written is rejected, also where a reply was lost."""
    made = source(1000, seed=3, repeats=0, shapes=False, bad=0)
    target.sql("insert into api.faults (id, a) values ('k0000150', -1), ('k0000777', -1)")
    with Proxy(target.url, every(3, Swallow())) as proxy:
        loaded = await load(target, made, proxy, resolution="none")

    assert [(151, "23505"), (778, "23505")] == loaded.codes
    assert (998, 0, 0, 2) == loaded.counts
    wanted = made.stored | dict.fromkeys(["k0000150", "k0000777"], ("-1", None, None))
    assert wanted == contents(target)


OTHERS = {
    "a bigint": "insert into api.faults select id, -1 - a, b, c from mine",
    "the last digit of a numeric": "insert into api.faults select id, a, b + 1e-18, c from mine",
    "a text": "insert into api.faults select id, a, b, c || '!' from mine",
    "a null": "insert into api.faults select id, a, b, null from mine",
}


@pytest.mark.parametrize("others", OTHERS.values(), ids=OTHERS.keys())
async def test_a_lost_reply_where_all_keys_are_another_writers(target: Target, others: str) -> None:
    """A key that is there with other values is no proof that the row is in: all rows are rejected."""
    made = source(200, seed=3, repeats=0, shapes=False, bad=0)
    await target.load(made.lines, table="faults")
    target.sql("create temporary table mine as select * from api.faults; truncate api.faults")
    target.sql(others.encode())
    target.sql("drop table mine")
    before = contents(target)
    with Proxy(target.url, every(2, Swallow())) as proxy:
        loaded = await load(
            target, made, proxy, resolution="none", batch_rows=40, max_errors=loader.MaxErrors(number=200)
        )

    assert any(not seen.status for seen in proxy.posts)
    assert (0, 0, 0, 200) == loaded.counts
    assert {"23505"} == {code for _, code in loaded.codes}
    assert before == contents(target)


async def test_a_lost_reply_where_a_trigger_changes_what_is_inserted(target: Target) -> None:
    """What the table holds then differs from what was sent: rows of ours are not rejected for that."""
    made = source(1000, seed=3, repeats=0, shapes=False, bad=0)
    target.sql("""
        create function api.shout() returns trigger language plpgsql as $$
        begin new.c = upper(new.c); return new; end $$;
        create trigger shout before insert on api.faults for each row execute function api.shout();
    """)
    try:
        with Proxy(target.url, every(3, Swallow(), first=2)) as proxy:
            loaded = await load(target, made, proxy, resolution="none", concurrency=1)
    finally:
        target.sql("drop trigger shout on api.faults; drop function api.shout")

    assert (1000, 0, 0, 0) == loaded.counts
    assert {key: (a, b, str(c).upper()) for key, (a, b, c) in made.stored.items()} == contents(target)


async def test_a_plain_insert_that_is_committed_after_it_was_given_up(target: Target) -> None:
    """Its rows are sent again meanwhile, in parts, and meet those of the late one: none is rejected."""
    made = source(1000, seed=3, repeats=0, shapes=False)
    late = every(4, Stall(late=True), first=2)
    with Proxy(target.url, late) as proxy:
        loaded = await load(target, made, proxy, resolution="none", timeout=0.7)

    assert any(seen.stored and not seen.status for seen in proxy.posts)
    check(target, made, as_dict(loaded.report))
    assert made.rejects == [row.decode() for row in loaded.rejects]


async def test_a_server_that_never_answers_some_requests(target: Target) -> None:
    """--timeout gives them up; the others go on meanwhile."""
    made = source(ROWS, seed=4)
    with Proxy(target.url, every(11, Stall())) as proxy:
        loaded = await load(target, made, proxy, timeout=1.0)

    check(target, made, as_dict(loaded.report))
    assert loaded.report.retries >= 3


async def test_a_slow_line(target: Target) -> None:
    """50 kB/s are enough."""
    made = source(1500, seed=5)
    with Proxy(target.url, rate=50_000) as proxy:
        loaded = await load(target, made, proxy)

    check(target, made, as_dict(loaded.report))
    assert loaded.report.bytes_sent / loaded.report.seconds < 51_000


async def test_a_line_too_slow_for_all_that_is_in_flight(target: Target) -> None:
    """Where all requests together take longer than --timeout, fewer or smaller ones are sent.

    The defaults at 50 kB/s, made small: eight bodies of 1 MiB take 168 s there, and --timeout is 120 s.
    """
    made = source(8000, seed=6, shapes=False, repeats=0)
    with Proxy(target.url, rate=200_000) as proxy:
        loaded = await load(
            target, made, proxy, batch_rows=None, batch_bytes=52_000, concurrency=8, timeout=1.5
        )

    check(target, made, as_dict(loaded.report))
    assert loaded.report.bytes_sent < 3 * sum(len(line) + 1 for line in made.lines)


async def test_a_gateway_with_a_limit_of_size(target: Target) -> None:
    """413 above 4 kB: batches shrink, and what was too large once is not sent again."""
    made = source(ROWS, seed=7)
    limit = 4000

    def fault(seen: Seen) -> Act | None:
        return html("413 Request Entity Too Large") if seen.size > limit else None

    with Proxy(target.url, fault) as proxy:
        loaded = await load(target, made, proxy, concurrency=1)

    check(target, made, as_dict(loaded.report))
    refused = [seen.size for seen in proxy.posts if seen.status == 413]
    assert 0 < len(refused) <= 8


async def test_a_statement_timeout_above_a_number_of_rows(target: Target) -> None:
    """57014 above 30 rows: batches shrink, and what was too large once is not sent again."""
    made = source(ROWS, seed=8)
    timeout = postgrest("500 Internal Server Error", "57014", "canceling statement due to statement timeout")

    def fault(seen: Seen) -> Act | None:
        return timeout if len(seen.ids) > 30 else None

    with Proxy(target.url, fault, reads_bodies=True) as proxy:
        loaded = await load(target, made, proxy, concurrency=1)

    check(target, made, as_dict(loaded.report))
    refused = [len(seen.ids) for seen in proxy.posts if seen.status == 500 and len(seen.ids) > 30]
    assert sorted(set(refused), reverse=True) == refused
    assert 0 < len(refused) <= 3


async def test_a_gateway_with_a_limit_of_requests_in_flight(target: Target) -> None:
    """429 above two: the load keeps below it, and tries more only now and then."""
    made = source(ROWS, seed=18)

    def fault(_seen: Seen) -> Act | None:
        in_flight = sum(not seen.status for seen in proxy.posts)
        return html("429 Too Many Requests") if in_flight > 2 else Delay(0.02)

    with Proxy(target.url, fault) as proxy:
        loaded = await load(target, made, proxy, concurrency=8)

    check(target, made, as_dict(loaded.report))
    assert 0 < sum(seen.status == 429 for seen in proxy.posts) <= 10


async def test_latency(target: Target) -> None:
    """Each request takes 50 ms longer to arrive."""
    made = source(ROWS, seed=9)
    with Proxy(target.url, lambda _seen: Delay(0.05)) as proxy:
        loaded = await load(target, made, proxy)

    check(target, made, as_dict(loaded.report))
    assert 0 == loaded.report.retries


async def test_what_one_batch_has_to_wait_others_need_not(target: Target) -> None:
    """A batch with a certain row is refused till its budget is spent; by then all others are in."""
    made = source(ROWS, seed=10, shapes=False, repeats=0, bad=0)
    held = "k0000333"

    def fault(seen: Seen) -> Act | None:
        return html("503 Service Unavailable") if held in seen.ids else None

    with Proxy(target.url, fault, reads_bodies=True) as proxy:
        stopped = await load(target, made, proxy, retry_for=4.0)
        found = contents(target)
        begun = len(proxy.posts)
        proxy.fault = passing
        path = stopped.folder / "source.jsonl"
        resumed = await target.load(
            path, url=proxy.url, run_dir=stopped.folder, table="faults", batch_rows=BATCH_ROWS
        )

    assert (5, "stopped") == (stopped.report.exit_code, stopped.report.status)
    assert "503" in (stopped.report.error or "")
    assert ROWS - BATCH_ROWS == len(found) == stopped.report.rows_read
    assert held not in found
    assert 1 == len(proxy.posts) - begun
    check(target, made, as_dict(resumed.report))
    assert resumed.report.resumed


async def test_a_budget_that_is_spent_stops_a_load_that_can_be_resumed(target: Target) -> None:
    """When nothing gets through for --retry-for: exit 5 soon after, with the server's words."""
    made = source(ROWS, seed=11)
    begun: list[float] = []

    def fault(seen: Seen) -> Act | None:
        if seen.number <= 10:
            return None
        begun.append(seen.at)
        return html("502 Bad Gateway")

    with Proxy(target.url, fault) as proxy:
        stopped = await load(target, made, proxy, retry_for=2.0)
        waited = time.monotonic() - begun[0]
        proxy.fault = passing
        path = stopped.folder / "source.jsonl"
        resumed = await target.load(path, url=proxy.url, run_dir=stopped.folder, table="faults")

    assert 5 == stopped.report.exit_code
    assert "502" in (stopped.report.error or "")
    assert waited < 4
    check(target, made, as_dict(resumed.report))


@pytest.mark.parametrize("retry_for", [0.0, 20.0])
async def test_a_single_row_that_takes_longer_than_the_server_allows(
    target: Target, retry_for: float
) -> None:
    """No waiting makes statement_timeout longer: exit 4, also where --retry-for is spent first."""
    made = source(200, seed=19, shapes=False, repeats=0, bad=0)
    timeout = postgrest("500 Internal Server Error", "57014", "canceling statement due to statement timeout")

    def fault(seen: Seen) -> Act | None:
        return timeout if "k0000150" in seen.ids else None

    with Proxy(target.url, fault, reads_bodies=True) as proxy:
        stopped = await load(target, made, proxy, concurrency=1, retry_for=retry_for)

    assert (4, "stopped") == (stopped.report.exit_code, stopped.report.status)
    assert "a single row takes longer than the server allows" in (stopped.report.error or "")
    assert "statement_timeout" in (stopped.report.error or "")
    assert "k0000150" not in contents(target)


async def test_retry_after_is_waited_for(target: Target) -> None:
    """After `Retry-After: 1` the same request comes no sooner than in a second."""
    made = source(500, seed=12, bad=0)
    refuses = html("503 Service Unavailable", "Retry-After: 1")
    with Proxy(target.url, lambda seen: refuses if seen.number == 2 else None, reads_bodies=True) as proxy:
        loaded = await load(target, made, proxy)

    check(target, made, as_dict(loaded.report))
    refused = proxy.posts[1]
    again = next(seen for seen in proxy.posts[2:] if seen.body == refused.body)
    assert again.at - refused.at >= 1.0


def expiring(life: float) -> Fault:
    """Answers 401 to a token from ``life`` seconds after it was seen first, as if it had expired."""
    firsts: dict[str, float] = {}
    refusal = Answer(reply("401 Unauthorized", expired(), "WWW-Authenticate: Bearer"), early=True)

    def fault(seen: Seen) -> Act | None:
        first = firsts.setdefault(seen.token, seen.at)
        return refusal if seen.at - first > life else Delay(0.1)

    return fault


async def test_tokens_that_expire_are_renewed_one_at_a_time(target: Target) -> None:
    """With eight requests in flight, each refused token is replaced by just one."""
    made = source(6000, seed=13)
    with Proxy(target.url, expiring(1.1)) as proxy:
        loaded = await load(target, made, proxy, concurrency=8, max_rate=1500)

    check(target, made, as_dict(loaded.report))
    tokens = {seen.token for seen in proxy.seen}
    assert loaded.report.token_refreshes == len(tokens) - 1 >= 2
    refused = Counter(seen.token for seen in proxy.seen if seen.status == 401)
    assert max(refused.values()) <= 8


@pytest.mark.parametrize("concurrency", [1, 4])
async def test_a_token_that_the_server_goes_on_refusing_stops_the_load(
    target: Target, concurrency: int
) -> None:
    """A 401 never loops: one renewal a request, then exit 4 with the server's words; it can be resumed."""
    made = source(ROWS, seed=14)
    refusal = Answer(reply("401 Unauthorized", expired()), early=True)
    with Proxy(target.url, lambda seen: refusal if seen.number > 8 else None) as proxy:
        stopped = await load(target, made, proxy, concurrency=concurrency)
        refused = sum(seen.status == 401 for seen in proxy.seen)
        proxy.fault = passing
        path = stopped.folder / "source.jsonl"
        resumed = await target.load(path, url=proxy.url, run_dir=stopped.folder, table="faults")

    assert 4 == stopped.report.exit_code
    assert "PGRST301 JWT expired" in (stopped.report.error or "")
    assert 1 <= stopped.report.token_refreshes <= concurrency
    assert 2 <= refused <= 2 * concurrency
    check(target, made, as_dict(resumed.report))


async def test_tokens_that_live_two_seconds(target: Target) -> None:
    """They are renewed before they expire, and never refused."""
    made = source(ROWS, seed=15)
    with Proxy(target.url) as proxy:
        loaded = await load(target, made, proxy, jwt_ttl=2.0, max_rate=900)

    check(target, made, as_dict(loaded.report))
    assert loaded.report.token_refreshes >= 2
    assert not [seen for seen in proxy.seen if seen.status == 401]


@pytest.mark.parametrize("ttl", [60.0, 300.0])
@pytest.mark.parametrize("ahead", [-300.0, 300.0], ids=["behind", "ahead"])
async def test_a_clock_that_is_five_minutes_wrong(
    target: Target, monkeypatch: pytest.MonkeyPatch, ahead: float, ttl: float
) -> None:
    """Tokens are good by the server's clock."""
    made = source(500, seed=16)
    now = time.time
    monkeypatch.setattr(time, "time", lambda: now() + ahead)
    with Proxy(target.url) as proxy:
        loaded = await load(target, made, proxy, jwt_ttl=ttl)

    check(target, made, as_dict(loaded.report))
    assert loaded.report.token_refreshes <= 1
    assert sum(seen.status == 401 for seen in proxy.seen) <= 1


class Stopper:
    """Stops a load at its first wait. An observer."""

    def __init__(self, halt: Halt) -> None:
        self._halt = halt

    def on(self, event: Event) -> None:
        if isinstance(event, Retrying):
            self._halt.stop(Interrupted(SIGINT))


async def test_a_stop_does_not_wait_for_a_batch_that_waits(target: Target, tmp_path: Path) -> None:
    """A stop ends waits between tries at once; what waited is resumed."""
    made = source(ROWS, seed=17)
    path = made.write(tmp_path / "source.jsonl")
    halt = Halt()
    refuses = html("503 Service Unavailable", "Retry-After: 20")
    with Proxy(target.url, lambda seen: refuses if seen.number > 5 else None) as proxy:
        settings = target.settings(
            url=proxy.url, table="faults", batch_rows=BATCH_ROWS, run_dir=tmp_path, concurrency=4
        )
        began = time.monotonic()
        stopped = await loader.load(settings, [str(path)], observer=Stopper(halt), halt=halt)
        took = time.monotonic() - began
        proxy.fault = passing
        resumed = await loader.load(settings, [str(path)])

    assert 130 == stopped.exit_code
    assert took < 5
    check(target, made, as_dict(resumed))
