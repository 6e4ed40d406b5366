"""Loads with tokens that others make, through the life of many of them. The server is a real PostgREST."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from loader.credentials.claims import expiry
from loader.events import Event, HelperOutput, Notice, Requested, Settled
from tests.support.harness import Loaded, Target
from tests.support.helper_program import EVER, HelperProgram, signed
from tests.support.proxy import Proxy
from tests.support.servers import Servers

ROWS = 400


class Watch:
    """Keeps what is told, and does something when a batch is settled. An observer."""

    def __init__(self, then: Callable[[], object] = lambda: None) -> None:
        self.notices: list[str] = []
        self.lines: list[str] = []
        self.seconds: list[float] = []  # that requests took
        self._then = then

    def on(self, event: Event) -> None:
        match event:
            case Notice(message):
                self.notices.append(message)
            case HelperOutput(line):
                self.lines.append(line)
            case Requested(seconds=seconds):
                self.seconds.append(seconds)
            case Settled():
                self._then()


async def load(target: Target, proxy: Proxy | None = None, **options: Any) -> Loaded:
    """Load rows in batches of 20, eight at a time."""
    given: dict[str, Any] = {"table": "faults", "jwt_secret": None, "batch_rows": 20, "concurrency": 8}
    if proxy is not None:
        given["url"] = proxy.url
    rows = [f'{{"id":"{number}","a":{number}}}' for number in range(ROWS)]
    return await target.load(rows, **given | options)


def stored(target: Target) -> int:
    """Return how many rows are there, if they are the right ones."""
    count: int = target.sql("select count(*) from api.faults where id = a::text")[0][0]
    return count


def tokens_sent(proxy: Proxy) -> list[str]:
    """Return the tokens that were sent, each once; none had expired when its request came."""
    offset = time.time() - time.monotonic()
    assert [] == [seen for seen in proxy.seen if (expiry(seen.token) or 0.0) < seen.at + offset]
    return list(dict.fromkeys(seen.token for seen in proxy.seen))


async def test_a_given_token(target: Target, proxy: Proxy) -> None:
    """It is sent as it is, without what was copied along with it."""
    token = signed(target.secret)

    loaded = await load(target, proxy, token=f" Bearer {token}\n")

    assert (0, ROWS, [token]) == (loaded.report.exit_code, stored(target), tokens_sent(proxy))


async def test_a_token_file_that_is_replaced_all_the_time(
    target: Target, proxy: Proxy, tmp_path: Path
) -> None:
    """Tokens of 3 s through a load of 4 s: each new one is sent at once, and none after its end."""
    path = tmp_path / "token"

    def replace() -> None:
        fresh = tmp_path / "fresh"
        fresh.write_text(signed(target.secret, lifetime=3.0, jti=str(time.monotonic_ns())))
        fresh.chmod(0o600)
        fresh.replace(path)

    replace()
    loaded = await load(target, proxy, token_file=path, max_rate=100.0, observer=Watch(replace))

    sent = tokens_sent(proxy)
    assert (0, ROWS) == (loaded.report.exit_code, stored(target))
    assert (True, len(sent) - 1) == (len(sent) > 5, loaded.report.token_refreshes)


async def test_a_helper_through_the_life_of_many_tokens(target: Target, proxy: Proxy, tmp_path: Path) -> None:
    """Tokens of 3 s through a load of 4 s: it is run again before each expires, and not more often."""
    helper = HelperProgram(tmp_path / "helper", target.secret)
    helper.plan(target.secret, lifetime=3.0, says="hello\n")
    watch = Watch()

    loaded = await load(target, proxy, token_command=str(helper.path), max_rate=100.0, observer=watch)

    sent = tokens_sent(proxy)
    assert (0, ROWS, []) == (loaded.report.exit_code, stored(target), watch.notices)
    assert (helper.runs, helper.runs - 1) == (len(sent), loaded.report.token_refreshes)
    most = loaded.report.seconds / 1.5 + 1
    assert (True, ["hello"] * helper.runs) == (3 <= helper.runs <= most, watch.lines)


async def test_a_slow_helper_makes_no_slow_server(target: Target, tmp_path: Path) -> None:
    """Requests are timed without it: a server that is slow is sent smaller batches."""
    path = tmp_path / "token"
    path.write_text(signed(target.secret))
    watch = Watch()

    await load(target, token_command=f"sh -c 'sleep 2; cat {path}'", observer=watch)

    assert (True, True) == (len(watch.seconds) > 20, max(watch.seconds) < 2)


async def test_a_helper_that_fails_for_a_while(target: Target, tmp_path: Path) -> None:
    """The load goes on with the token in use, then waits for a new one, and is complete."""
    helper = HelperProgram(tmp_path / "helper", target.secret)
    helper.plan(target.secret, lifetime=1.5, fails=range(2, 4))
    watch = Watch()

    loaded = await load(target, token_command=str(helper.path), max_rate=200.0, observer=watch)

    report = loaded.report
    assert (0, ROWS, helper.runs - 3) == (report.exit_code, stored(target), report.token_refreshes)
    assert (True, True) == (helper.runs >= 4, "no new token" in "".join(watch.notices))


async def test_a_helper_that_fails_for_good(target: Target, tmp_path: Path) -> None:
    """The load stops with exit code 4, after a few runs, and is resumed once the helper works again."""
    helper = HelperProgram(tmp_path / "helper", target.secret)
    helper.plan(target.secret, lifetime=1.0, fails=EVER, says="hush, not logged in\n")
    options: dict[str, Any] = {"token_command": str(helper.path), "retry_for": 1.0}
    options["run_dir"] = tmp_path / "run"

    stopped = await load(target, max_rate=200.0, **options)

    error = stopped.report.error or ""
    settled, runs = stored(target), helper.runs
    assert (4, True, True) == (stopped.report.exit_code, 0 < settled < ROWS, 3 <= runs <= 5)
    assert "--token-command give-token ended with exit code 3" in error
    assert "hush" not in error + stopped.report.json().decode()

    helper.plan(target.secret)
    source = stopped.folder / "source.jsonl"
    resumed = await target.load(source, table="faults", jwt_secret=None, **options)
    assert (0, True, ROWS) == (resumed.report.exit_code, resumed.report.resumed, stored(target))


@pytest.mark.parametrize("knows", [True, False])
async def test_a_server_with_a_new_secret(target: Servers, tmp_path: Path, knows: bool) -> None:
    """On a 401 the helper is run once more, for all eight requests; if it gives nothing new, that is all."""
    helper = HelperProgram(tmp_path / "helper", target.secret)
    settled = 0

    def rotate() -> None:
        nonlocal settled
        settled += 1
        if settled == 3:
            target.replace_postgrest("another-secret-of-more-than-32-characters")
            if knows:
                helper.plan("another-secret-of-more-than-32-characters")
            else:
                replay = tmp_path / "same"
                replay.write_text(f"#!/bin/sh\necho run >> {helper.path.parent}/again\ncat {first}\n")
                replay.chmod(0o700)
                replay.replace(helper.path)

    first = tmp_path / "first"
    first.write_text(signed(target.secret))
    if not knows:
        helper.path.write_text(f"#!/bin/sh\ncat {first}\n")
    try:
        loaded = await load(target, token_command=str(helper.path), observer=Watch(rotate))
    finally:
        target.restore_postgrest()

    if knows:
        assert (0, ROWS, 2) == (loaded.report.exit_code, stored(target), helper.runs)
    else:
        runs = (helper.path.parent / "again").read_text().splitlines()
        assert (4, ["run"]) == (loaded.report.exit_code, runs)


@pytest.mark.parametrize("command", ["no-such-program", "sh -c 'exit 1'", "echo no token"])
async def test_a_helper_that_never_works(target: Target, proxy: Proxy, command: str) -> None:
    """One error, and nothing is sent."""
    loaded = await load(target, proxy, token_command=command)

    assert (True, []) == (loaded.report.exit_code in (2, 4), proxy.seen)
    assert "--token-command" in (loaded.report.error or "")


async def test_an_expired_token(target: Target, proxy: Proxy) -> None:
    """Exit code 2, and nothing is sent."""
    loaded = await load(target, proxy, token=signed(target.secret, lifetime=-3600.0))

    assert (2, []) == (loaded.report.exit_code, proxy.seen)
    assert "the token of BULKLOAD_TOKEN expired at" in (loaded.report.error or "")


async def test_a_token_that_expires_on_the_way(target: Target, tmp_path: Path) -> None:
    """It is told at the start and at the end, and a new one resumes the load.

    PostgREST forgives 30 s: the token is in its last two.
    """
    watch = Watch()
    run_dir = tmp_path / "run"
    old = signed(target.secret, lifetime=-28.0)

    stopped = await load(target, token=old, run_dir=run_dir, max_rate=80.0, concurrency=1, observer=watch)

    error, settled = stopped.report.error or "", stored(target)
    expected = "the token of BULKLOAD_TOKEN has expired and cannot be renewed; the server may refuse it"
    assert [expected] == [notice[: len(expected)] for notice in watch.notices]
    assert (4, True, True) == (stopped.report.exit_code, 0 < settled < ROWS, "JWT expired" in error)
    assert (
        "It came from BULKLOAD_TOKEN and cannot be renewed: put a new one there, then run the same" in error
    )

    source = stopped.folder / "source.jsonl"
    new = signed(target.secret)
    resumed = await target.load(source, table="faults", jwt_secret=None, token=new, run_dir=run_dir)
    assert (0, True, ROWS) == (resumed.report.exit_code, resumed.report.resumed, stored(target))
