"""What a real OpenID provider gives without a load: refresh tokens that rotate, and discovery documents."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import anyio
import pytest

from loader.credentials.choose import token_source
from loader.credentials.oauth import OAuth
from loader.credentials.session import Forgetful, SessionStore
from loader.credentials.token_source import TokensUnavailable
from loader.errors import TargetError
from loader.settings import Settings
from tests.support.oauth_loads import client
from tests.support.oauth_provider import AUDIENCE, OAuthProvider, oauth_provider
from tests.support.web_server import Web, web_server


@pytest.fixture(scope="module")
def provider() -> Iterator[OAuthProvider]:
    """Start a provider."""
    with oauth_provider() as up:
        yield up


def made(settings: dict[str, Any], store: SessionStore | None) -> OAuth:
    """Return the source of tokens of these settings."""
    source = token_source(Settings(url="http://localhost:3000", **settings), store=store)
    assert isinstance(source, OAuth)
    return source


async def test_the_newest_is_used_and_kept_for_a_resume(provider: OAuthProvider) -> None:
    """The one that the settings have is used up after the first token."""
    provider.asked.clear()
    settings = client("public", provider, oauth_refresh_token=provider.signed_in())
    store = Forgetful()

    first = made(settings, store)
    tokens = [(await first.fetch()).text for _ in range(3)]
    tokens.append((await made(settings, store).fetch()).text)

    assert (4, [200] * 4) == (len(set(tokens)), [asked["status"] for asked in provider.asked])
    assert {AUDIENCE} == {asked["audience"] for asked in provider.asked}


async def test_what_is_kept_counts_for_its_own_session_alone(provider: OAuthProvider) -> None:
    """Where the settings name another refresh token, client or provider, theirs is sent."""
    store = Forgetful()
    settings = client("public", provider, oauth_refresh_token=provider.signed_in())
    await made(settings, store).fetch()
    kept = store.load() or ""

    for changes in (
        {"oauth_refresh_token": provider.signed_in()},
        {"oauth_client_id": "another"},
        {"oauth_issuer": None, "oauth_token_url": f"{provider.token_url}?"},
    ):
        provider.asked.clear()
        other = settings | changes
        store.save(kept)
        with suppress(TargetError):
            await made(other, store).fetch()
        assert [other["oauth_refresh_token"]] == [asked["refresh_token"] for asked in provider.asked]


async def test_a_text_that_is_none_of_ours_is_not_used(provider: OAuthProvider) -> None:
    """The store may hold what another kind of credential has kept."""
    store = Forgetful()
    store.save("v1.another-kind")
    settings = client("public", provider, oauth_refresh_token=provider.signed_in())

    assert (await made(settings, store).fetch()).text


@pytest.mark.parametrize(
    ("store", "words"), [(None, "nothing keeps the new one"), (Forgetful(), "this load keeps the newest")]
)
async def test_the_user_is_told_once_that_a_refresh_token_is_used_up(
    provider: OAuthProvider, store: SessionStore | None, words: str
) -> None:
    """The next load needs another one."""
    told: list[str] = []
    settings = client("public", provider, oauth_refresh_token=provider.signed_in())
    source = token_source(Settings(url="http://localhost:3000", **settings), store=store, notice=told.append)

    await source.fetch()
    await source.fetch()

    assert (1, True) == (len(told), words in told[0])
    with pytest.raises(TargetError, match="invalid_grant") as raised:
        await made(settings, None).fetch()
    assert "Sign in again" in raised.value.advice


async def test_a_cancelled_renewal_loses_nothing(provider: OAuthProvider) -> None:
    """The request is ended and its refresh token kept before the load stops."""
    provider.asked.clear()
    store = Forgetful()
    settings = client("public", provider, oauth_refresh_token=provider.signed_in())
    oauth = made(settings, store)
    await oauth.fetch()
    before = store.load()

    with anyio.move_on_after(0):
        await oauth.fetch()

    assert before != store.load()
    assert (await made(settings, store).fetch()).text


def document(web: Web, provider: OAuthProvider) -> bytes:
    """Return the document of the issuer `web.url("/tenant")`, whose tokens the provider gives."""
    told = {"issuer": web.url("/tenant"), "token_endpoint": provider.token_url}
    return json.dumps(told).encode()


async def test_a_provider_without_openid(provider: OAuthProvider) -> None:
    """Its document stands where RFC 8414 has it."""
    with web_server() as web:
        web.files["/.well-known/oauth-authorization-server/tenant"] = document(web, provider)
        settings = client("basic", provider, oauth_issuer=web.url("/tenant"))

        assert (await token_source(Settings(url="http://localhost:3000", **settings)).fetch()) is not None


async def test_redirects_are_not_followed(provider: OAuthProvider) -> None:
    """Who moves the document could name a place for the secret."""
    with web_server() as web:
        path = "/tenant/.well-known/openid-configuration"
        web.files["/moved"] = document(web, provider)
        web.moved[path] = web.url("/moved")
        settings = client("basic", provider, oauth_issuer=web.url("/tenant"))

        with pytest.raises(TargetError, match=r"302 \(redirects are not followed\)"):
            await token_source(Settings(url="http://localhost:3000", **settings)).fetch()

        assert "/moved" not in [asked.path for asked in web.asked]


async def test_an_issuer_that_is_overloaded_is_asked_again_later(provider: OAuthProvider) -> None:
    """That is no answer about the document."""
    with web_server() as web:
        web.statuses = [503]
        settings = client("basic", provider, oauth_issuer=web.url("/tenant"))

        with pytest.raises(TokensUnavailable, match="answers 503"):
            await token_source(Settings(url="http://localhost:3000", **settings)).fetch()
