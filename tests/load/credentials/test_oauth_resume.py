"""Loads by a refresh token that rotates, killed and resumed."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from loader.run.own_files import SESSION
from tests.support.oauth_loads import OAuthLoads
from tests.support.oauth_provider import OAuthProvider, oauth_provider
from tests.support.outcome import check
from tests.support.processes import await_that
from tests.support.servers import Servers
from tests.support.sources import source


@pytest.fixture
def provider() -> Iterator[OAuthProvider]:
    """Start a provider of tokens that do not live long."""
    with oauth_provider(lifetime=1) as up:
        yield up


@pytest.fixture
def trusting(target: Servers, provider: OAuthProvider) -> Iterator[Servers]:
    """Have PostgREST check tokens by the provider's keys."""
    target.replace_postgrest(provider.jwks)
    yield target
    target.restore_postgrest()


def test_a_killed_load_resumes_with_the_newest_refresh_token(
    trusting: Servers, provider: OAuthProvider, tmp_path: Path
) -> None:
    """The one in the environment was used up by the first token."""
    made = source(1000)
    made.write(tmp_path / "rows.jsonl")
    loads = OAuthLoads(tmp_path, trusting.url, provider, "--batch-rows=50", "--max-rate=400")
    first = provider.signed_in("basic")
    loads.variables["BULKLOAD_OAUTH_REFRESH_TOKEN"] = first

    session = tmp_path / "rows.jsonl.bulkload" / SESSION
    kept = [b""]
    for _ in range(2):
        process = loads.start("rows.jsonl")
        # Killed between the provider's reply and the file, a load would need another sign-in.
        await_that(lambda: session.exists() and session.read_bytes() != kept[-1], process)
        kept.append(session.read_bytes())
        process.kill()
    run = loads.run("rows.jsonl")

    check(trusting, made, run.report)
    sent = [asked["refresh_token"] for asked in provider.asked]
    assert len(sent) == len(set(sent)) >= 3
    assert {200} == {asked["status"] for asked in provider.asked}
    assert first == sent[0]
    assert not session.exists()
