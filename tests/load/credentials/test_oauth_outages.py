"""Loads whose OAuth 2 provider goes away on the way."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.support.harness import Target
from tests.support.oauth_loads import OAuthLoads
from tests.support.oauth_provider import OAuthProvider, oauth_provider
from tests.support.outcome import check
from tests.support.processes import Process, await_that
from tests.support.servers import Servers
from tests.support.sources import Source, source

LIFETIME = 1  # second: of a token
STILL = 1.2  # seconds without a new row after which a load waits: a renewal was due in that time


@pytest.fixture(scope="module")
def provider() -> Iterator[OAuthProvider]:
    """Start a provider of tokens that do not live long."""
    with oauth_provider(lifetime=LIFETIME) as up:
        yield up


@pytest.fixture(scope="module")
def trusted(servers: Servers, provider: OAuthProvider) -> Iterator[None]:
    """Have PostgREST check tokens by the provider's keys."""
    servers.replace_postgrest(provider.jwks)
    yield
    servers.restore_postgrest()


@pytest.fixture
def trusting(target: Servers, trusted: None) -> Servers:
    """Return the servers, where PostgREST checks tokens by the provider's keys."""
    del trusted
    return target


@pytest.fixture
def made(tmp_path: Path) -> Source:
    """Write a source."""
    made = source(1500)
    made.write(tmp_path / "rows.jsonl")
    return made


def rows(target: Target) -> int:
    """Return how many rows the table has."""
    count: int = target.sql("select count(*) from api.faults")[0][0]
    return count


def stands_still(target: Target) -> Callable[[], bool]:
    """Return a function that tells whether no row has come for a while."""
    seen, since = -1, time.monotonic()

    def still() -> bool:
        nonlocal seen, since
        if (count := rows(target)) != seen:
            seen, since = count, time.monotonic()
        return time.monotonic() - since > STILL

    return still


def begun(loads: OAuthLoads, target: Target) -> Process:
    """Return a load that has written some rows."""
    process = loads.start("--batch-rows=50", "--max-rate=400", "rows.jsonl")
    await_that(lambda: rows(target) > 100, process)
    return process


def test_a_provider_that_is_away_for_longer_than_a_token_lives(
    trusting: Servers, provider: OAuthProvider, made: Source, tmp_path: Path
) -> None:
    """The load goes on with the token in use, waits when that has expired, and then completes."""
    process = begun(OAuthLoads(tmp_path, trusting.url, provider), trusting)

    provider.stop()
    await_that(stands_still(trusting), process)
    waiting = rows(trusting)
    provider.start()
    run = process.wait()

    assert waiting < len(made.stored)
    check(trusting, made, run.report)
    assert run.report["token_refreshes"] >= 2
    assert "no new token, and the one in use is good for" in run.err


def test_a_provider_that_does_not_come_back(
    trusting: Servers, provider: OAuthProvider, made: Source, tmp_path: Path
) -> None:
    """The load stops with exit 5 after --retry-for; the same command resumes it later."""
    loads = OAuthLoads(tmp_path, trusting.url, provider, "--retry-for=2")
    process = begun(loads, trusting)

    provider.stop()
    stopped = process.wait()
    provider.start()

    assert 5 == stopped.code
    assert "no token for" in stopped.err
    assert f"127.0.0.1:{provider.port}" in stopped.err
    assert 0 < stopped.report["rows_loaded"] < len(made.lines)
    check(trusting, made, loads.run("rows.jsonl").report)


def test_a_provider_that_was_never_there(trusting: Servers, tmp_path: Path, made: Source) -> None:
    """The load stops with exit 5 before it has sent anything."""
    del made
    loads = OAuthLoads(tmp_path, trusting.url, OAuthProvider(), "--retry-for=1")

    run = loads.run("rows.jsonl")

    assert (5, 0) == (run.code, run.report["requests"])
    assert "no token for" in run.err
    assert "See that the provider is up" in run.err
