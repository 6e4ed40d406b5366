"""Loads with tokens of a real OpenID provider, which PostgREST checks through its JWKS."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from tests.support.harness import Loaded, trade
from tests.support.oauth_provider import AUDIENCE, SECRET, OAuthProvider, oauth_provider
from tests.support.servers import Servers

TRADES = [trade(f"t{number}") for number in range(3)]


@pytest.fixture(scope="module")
def provider() -> Iterator[OAuthProvider]:
    """Start a provider."""
    with oauth_provider() as up:
        yield up


@pytest.fixture
def trusting(target: Servers, provider: OAuthProvider) -> Iterator[Servers]:
    """Have PostgREST check tokens by the provider's keys."""
    target.replace_postgrest(provider.jwks)
    provider.asked.clear()
    yield target
    target.restore_postgrest()


def client(name: str, provider: OAuthProvider, **changes: Any) -> dict[str, Any]:
    """Return the settings of one of the provider's clients."""
    proof = {"keyed": {"oauth_client_key": json.dumps(provider.client_key)}, "public": {}}
    return {
        "jwt_secret": None,
        "oauth_issuer": provider.issuer,
        "oauth_client_id": name,
        "oauth_scope": "write",
        "oauth_audience": AUDIENCE,
        **proof.get(name, {"oauth_client_secret": SECRET}),
        **changes,
    }


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
    assert [asked | {"status": 200}] == provider.asked
