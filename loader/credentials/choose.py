"""Make the source of tokens that the settings name."""

from __future__ import annotations

from collections.abc import Callable

from loader.credentials.anonymous import Anonymous
from loader.credentials.fixed import Fixed
from loader.credentials.headers import is_public_key, key_as_token
from loader.credentials.login import Login
from loader.credentials.minted import Minted
from loader.credentials.session import SessionStore
from loader.credentials.token_source import TokenSource
from loader.settings import Settings
from loader.transport import Transport


def token_source(
    settings: Settings,
    *,
    transport: Transport | None = None,
    store: SessionStore | None = None,
    tell: Callable[[str], None] = lambda _: None,
) -> TokenSource:
    """Return the source of bearer tokens. Settings has checked that at most one is named.

    Args:
        settings: name it.
        transport: connects to whoever gives tokens; None: as the settings say.
        store: keeps a refresh token for a resume; None: nothing is kept.
        tell: given what the user should know, and each line that a helper program writes for its user. It
            is not to be logged.
    """
    if (minted := Minted.of(settings)) is not None:
        return minted
    if settings.oauth_issuer is not None or settings.oauth_token_url is not None:
        from loader.credentials.oauth import OAuth, OAuthClient

        return OAuth(OAuthClient.of(settings), transport or Transport.of(settings), store, tell)
    if settings.token is not None:
        return Fixed(settings.token, "BULKLOAD_TOKEN")
    if settings.login is not None:
        return Login(
            settings.endpoint,
            settings.login,
            settings.password,
            settings.apikey or "",
            transport=transport or Transport.of(settings),
            store=store,
            tell=tell,
        )
    if is_public_key(settings.apikey):
        tell("requests go out as the role anon, that of the API key: rows need policies that let anon write")
    if (key := key_as_token(settings.apikey)) is not None:
        return Fixed(key, "the API key")
    return Anonymous(has_key=settings.apikey is not None)
