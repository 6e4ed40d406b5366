"""Make the source of tokens that the settings name."""

from __future__ import annotations

from loader.credentials.anonymous import Anonymous
from loader.credentials.fixed import Fixed
from loader.credentials.headers import key_as_token
from loader.credentials.minted import Minted
from loader.credentials.token_source import TokenSource
from loader.settings import Settings


def token_source(settings: Settings) -> TokenSource:
    """Return the source of bearer tokens. Settings has checked that at most one is named."""
    if settings.jwt_secret is not None:
        return Minted(
            settings.jwt_secret,
            role=settings.role,
            audience=settings.audience,
            lifetime=settings.jwt_ttl,
        )
    if settings.token is not None:
        return Fixed(settings.token, "BULKLOAD_TOKEN")
    if (key := key_as_token(settings.apikey)) is not None:
        return Fixed(key, "the API key")
    return Anonymous(has_key=settings.apikey is not None)
