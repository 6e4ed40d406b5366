"""Loads with tokens of a real OpenID provider, which PostgREST checks through its JWKS."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from loader.errors import Exit
from tests.support.harness import Loaded, trade
from tests.support.oauth_loads import OAuthLoads, client
from tests.support.oauth_provider import AUDIENCE, SECRET, OAuthProvider, oauth_provider
from tests.support.outcome import as_dict, check
from tests.support.servers import Servers
from tests.support.sources import source

TRADES = [trade(f"t{number}") for number in range(3)]


@pytest.fixture(scope="module")
def provider() -> Iterator[OAuthProvider]:
    """Start a provider."""
    with oauth_provider() as up:
        yield up


@pytest.fixture(scope="module")
def trusted(servers: Servers, provider: OAuthProvider) -> Iterator[None]:
    """Have PostgREST check tokens by the provider's keys."""
    servers.replace_postgrest(provider.jwks)
    yield
    servers.restore_postgrest()


@pytest.fixture
def trusting(target: Servers, trusted: None, provider: OAuthProvider) -> Servers:
    """Return the servers, where PostgREST checks tokens by the provider's keys."""
    del trusted
    provider.asked.clear()
    return target


def ended(loaded: Loaded) -> tuple[int, str | None]:
    """Return how a load has ended."""
    return loaded.report.rows_loaded, loaded.report.error


@pytest.mark.parametrize(
    ("name", "changes", "proof"),
    [
        ("basic", {}, "basic"),
        ("basic", {"oauth_issuer": None, "oauth_token_url": "{}/token"}, "basic"),
        ("keyed", {}, "key"),
        ("keyed", {"oauth_issuer": None, "oauth_token_url": "{}/token"}, "key"),
    ],
    ids=["secret", "secret at a token URL", "key", "key at a token URL"],
)
async def test_client_credentials(
    trusting: Servers, provider: OAuthProvider, name: str, changes: dict[str, Any], proof: str
) -> None:
    """The client proves itself by its secret or its key, and the request names scope and audience."""
    changes = {option: value and value.format(provider.issuer) for option, value in changes.items()}

    loaded = await trusting.load(TRADES, **client(name, provider, **changes))

    assert (3, None) == ended(loaded)
    asked = {"grant": "client_credentials", "audience": AUDIENCE, "scope": "write", "proof": proof}
    assert [asked | {"refresh_token": None, "status": 200}] == provider.asked


async def test_a_provider_that_takes_secrets_in_the_body_alone(
    trusting: Servers, provider: OAuthProvider
) -> None:
    """Its discovery says so, and the secret goes there."""
    with oauth_provider(key=provider.key, methods=["client_secret_post"]) as strict:
        loaded = await trusting.load(TRADES, **client("post", strict))

    assert (3, None) == ended(loaded)
    assert [("post", 200)] == [(asked["proof"], asked["status"]) for asked in strict.asked]


@pytest.mark.parametrize("use", ["access_token", "id_token"])
async def test_a_refresh_token(trusting: Servers, provider: OAuthProvider, use: str) -> None:
    """It brings either token of the user who has signed in, for a client without a secret."""
    settings = client("public", provider, oauth_refresh_token=provider.signed_in(), oauth_use=use)
    if use == "id_token":
        settings["oauth_scope"] = "openid"

    loaded = await trusting.load(TRADES, **settings)

    assert (3, None) == ended(loaded)
    assert [("refresh_token", AUDIENCE, 200)] == [
        (asked["grant"], asked["audience"], asked["status"]) for asked in provider.asked
    ]


async def test_a_load_of_several_token_lives(trusting: Servers, provider: OAuthProvider) -> None:
    """Tokens of 5 s are renewed in time, and the audience stands in each request for one."""
    made = source(1500)

    loaded = await trusting.load(
        made.data, table="faults", batch_rows=50, max_rate=170.0, **client("basic", provider)
    )

    check(trusting, made, as_dict(loaded.report))
    assert loaded.report.token_refreshes >= 2
    assert loaded.report.token_refreshes + 1 == provider.granted == len(provider.asked)
    assert {AUDIENCE} == {asked["audience"] for asked in provider.asked}


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"oauth_client_secret": SECRET[:-1]}, "invalid_client (401)"),
        ({"oauth_client_id": "nobody"}, "invalid_client (401)"),
        ({"oauth_scope": "read"}, "invalid_scope (400)"),
        ({"oauth_audience": "urn:another"}, "invalid_target (400)"),
        ({"oauth_use": "id_token"}, "gives no id_token, but access_token, expires_in, scope, token_type"),
        ({"oauth_refresh_token": "used up long ago"}, "invalid_grant (400)"),
        ({"oauth_token_url": "{}/jwks"}, "answers 404"),
        ({"oauth_issuer": "{}/elsewhere"}, "has no discovery document"),
    ],
    ids=["secret", "client", "scope", "audience", "id_token", "refresh token", "token URL", "issuer"],
)
async def test_what_the_provider_refuses(
    trusting: Servers, provider: OAuthProvider, changes: dict[str, Any], said: str
) -> None:
    """It is asked once, nothing is sent to PostgREST, and the error says what to do."""
    changes = {option: value.replace("{}", provider.issuer) for option, value in changes.items()}

    loaded = await trusting.load(TRADES, **client("basic", provider, **changes))

    error = loaded.report.error or ""
    assert (Exit.STOPPED, 0) == (loaded.report.exit_code, loaded.report.requests)
    assert said in error
    assert len(provider.asked) <= 1
    assert not any(secret in error for secret in (SECRET[:-1], "used up long ago"))


def test_the_error_stands_on_the_terminal_once(
    trusting: Servers, provider: OAuthProvider, tmp_path: Path
) -> None:
    """With the provider's words, and without the secret."""
    (tmp_path / "rows.jsonl").write_text('{"id":"a","a":1}\n')
    loads = OAuthLoads(tmp_path, trusting.url, provider)
    loads.variables["BULKLOAD_OAUTH_CLIENT_SECRET"] = "not-the-secret"

    run = loads.run("rows.jsonl")

    assert (4, 1) == (run.code, run.err.count("invalid_client"))
    assert "client authentication failed" in run.err
    assert "not-the-secret" not in run.err
