"""Make the source of tokens that the settings name."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext

from loader.credentials.anonymous import Anonymous
from loader.credentials.fixed import Fixed
from loader.credentials.headers import key_as_token
from loader.credentials.minted import Minted
from loader.credentials.session import SessionStore
from loader.credentials.token_command import TokenCommand
from loader.credentials.token_file import TokenFile
from loader.credentials.token_source import TokenSource
from loader.settings import Settings
from loader.transport import Transport


def token_source(
    settings: Settings,
    *,
    transport: Transport | None = None,
    store: SessionStore | None = None,
    tell: Callable[[str], None] = lambda _: None,
    helper_failed: Callable[[], None] = lambda: None,
    stoppable: Callable[[], AbstractContextManager[None]] = nullcontext,
) -> TokenSource:
    """Return the source of bearer tokens. Settings has checked that at most one is named.

    Args:
        settings: name it.
        transport: connects to whoever gives tokens; None: as the settings say.
        store: keeps a refresh token for a resume; None: nothing is kept.
        tell: given each line that a helper program writes for its user. It is not to be logged.
        helper_failed: called where that program gave no token.
        stoppable: what is awaited inside is left off when a load is to stop.
    """
    del transport, store  # of the kinds that are to come
    if settings.jwt_secret is not None:
        return Minted(
            settings.jwt_secret,
            role=settings.role,
            audience=settings.audience,
            lifetime=settings.jwt_ttl,
        )
    if settings.token is not None:
        return Fixed(settings.token, "BULKLOAD_TOKEN")
    if settings.token_file is not None:
        return TokenFile(settings.token_file)
    if settings.token_command is not None:
        return TokenCommand(settings.token_command, tell=tell, failed=helper_failed, stoppable=stoppable)
    if (key := key_as_token(settings.apikey)) is not None:
        return Fixed(
            key, "the API key", "Take a new key from the project's settings, and run the same command."
        )
    return Anonymous(has_key=settings.apikey is not None)
