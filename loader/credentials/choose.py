"""Make the source of tokens that the settings name. A load has one: only its module is imported."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext

from loader.credentials.anonymous import Anonymous
from loader.credentials.fixed import Fixed
from loader.credentials.headers import is_public_key, key_as_token
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
    notice: Callable[[str], None] = lambda _: None,
    tell: Callable[[str], None] = lambda _: None,
    helper_failed: Callable[[], None] = lambda: None,
    stoppable: Callable[[], AbstractContextManager[None]] = nullcontext,
) -> TokenSource:
    """Return the source of bearer tokens. Settings has checked that at most one is named.

    Args:
        settings: name it.
        transport: connects to whoever gives tokens; None: as the settings say.
        store: keeps a refresh token for a resume; None: nothing is kept.
        notice: given what the user should know.
        tell: given each line that a helper program writes for its user. It is not to be logged.
        helper_failed: called where that program gave no token.
        stoppable: what is awaited inside is left off when a load is to stop.
    """
    transport = transport or Transport.of(settings)
    if (minted := Minted.of(settings)) is not None:
        return minted
    if settings.token is not None:
        return Fixed(settings.token, "BULKLOAD_TOKEN")
    if settings.token_file is not None:
        from loader.credentials.token_file import TokenFile

        return TokenFile(settings.token_file)
    if settings.token_command is not None:
        from loader.credentials.token_command import TokenCommand

        return TokenCommand(settings.token_command, tell=tell, failed=helper_failed, stoppable=stoppable)
    if settings.oauth_issuer is not None or settings.oauth_token_url is not None:
        from loader.credentials.oauth import OAuth, OAuthClient

        return OAuth(OAuthClient.of(settings), transport, store, notice)
    if settings.login is not None:
        from loader.credentials.login import Login

        return Login(
            settings.endpoint,
            settings.login,
            settings.password,
            settings.apikey or "",
            transport=transport,
            store=store,
            tell=notice,
        )
    if is_public_key(settings.apikey):
        notice(
            "requests go out as the role anon, that of the API key: rows need policies that let anon write"
        )
    if (key := key_as_token(settings.apikey)) is not None:
        return Fixed(
            key, "the API key", "Take a new key from the project's settings, and run the same command."
        )
    return Anonymous(has_key=settings.apikey is not None)
