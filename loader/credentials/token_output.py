"""What a helper program prints, or a token file holds -> a token, and when it expires. No I/O.

It is the token alone, or JSON of one of these forms, as their docs and replies show them:

- OAuth 2 (RFC 6749, 5.1): ``access_token``, ``expires_in``; also ``id_token`` (OpenID Connect Core, 3.1.3.3);
- kubectl's ExecCredential, as of ``aws eks get-token``: ``status.token``, ``status.expirationTimestamp``;
- ``gcloud config config-helper --format=json``: in ``credential`` ``access_token``, ``id_token`` and
  ``token_expiry``;
- ``az account get-access-token``: ``accessToken``, ``expires_on`` (seconds since 1970, since 2.54) and
  ``expiresOn`` (local time);
- ``aws cognito-idp initiate-auth``: ``AuthenticationResult.AccessToken``, ``.IdToken``, ``.ExpiresIn``;
- ``aws sts get-web-identity-token``: ``WebIdentityToken``, ``Expiration``;
- ``aws codeartifact get-authorization-token``: ``authorizationToken``, ``expiration``;
- ``token``, with ``expires_in``, ``expiry`` or ``expiration``;
- a text alone, as ``--query`` of az and aws leaves it.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import orjson

from loader.credentials.claims import expiry, is_jwt
from loader.settings.checks import bare_token, is_header_token

_WITHIN = ("status", "credential", "AuthenticationResult")  # objects that hold the token
# The first that is there is taken; but a JWT of the second row goes before something else of the first:
# PostgREST takes nothing else (access tokens of Google are no JWTs).
_TOKENS = ("access_token", "accessToken", "AccessToken", "token", "WebIdentityToken", "authorizationToken")
_ID_TOKENS = ("id_token", "idToken", "IdToken")
_LIFETIMES = ("expires_in", "expiresIn", "ExpiresIn")  # in seconds
_MOMENTS = (
    "expires_on",  # before expiresOn: that is ambiguous in the hour when summer time ends
    "expiresOn",
    "expirationTimestamp",
    "token_expiry",
    "expiry",
    "expiration",
    "Expiration",
    "expires_at",
)
_NOTHING = frozenset({"none", "null", "undefined"})  # what a query for a field that is not there leaves


@dataclass(frozen=True, slots=True)
class Given:
    """A token that was given.

    Attributes:
        token: as it is sent.
        expires: when, in seconds since 1970: what the token says itself, else what was told beside it; None:
            neither.
    """

    token: str = field(repr=False)
    expires: float | None


class NoTokenError(ValueError):
    """There is no token in it. The text says why, as in ``is empty``, and quotes nothing of it."""


def read(output: bytes, now: float) -> Given:
    """Read a token.

    Args:
        output: what was printed, or stands in a file.
        now: when that was, in seconds since 1970.

    Raises:
        NoTokenError: there is none in it.
    """
    try:
        text = output.decode("utf-8-sig").strip()
    except UnicodeDecodeError:
        raise NoTokenError("is not UTF-8") from None
    if not text:
        raise NoTokenError("is empty")
    if text.startswith("<"):
        raise NoTokenError("is a page of HTML or XML, and no token")
    if text[0] not in '{["':
        return _given(text, None)
    try:
        value = orjson.loads(text)
    except orjson.JSONDecodeError:
        raise NoTokenError("begins like JSON, and is none") from None
    if isinstance(value, str):
        return _given(value, None)
    if not isinstance(value, dict):
        raise NoTokenError("is JSON, but neither an object nor a text")
    return _from_json(value, now)


def _from_json(value: Mapping[str, Any], now: float) -> Given:
    parts = [value, *(part for name in _WITHIN if isinstance(part := value.get(name), dict))]
    access, identity = _first(parts, _TOKENS), _first(parts, _ID_TOKENS)
    takes_identity = identity is not None and (access is None or (is_jwt(identity) and not is_jwt(access)))
    token = identity if takes_identity else access
    if token is None:
        if "error" in value or "ChallengeName" in value:
            raise NoTokenError("is JSON that says why there is no token")
        raise NoTokenError("is JSON in which no field is known to hold a token")
    return _given(token, _told_expiry(parts, now))


def _first(parts: list[Mapping[str, Any]], names: tuple[str, ...]) -> str | None:
    """Return the first text that stands under one of these names."""
    texts = (part.get(name) for part in parts for name in names)
    return next((text for text in texts if isinstance(text, str) and text.strip()), None)


def _given(text: str, told: float | None) -> Given:
    if len(text.strip().splitlines()) > 1:
        raise NoTokenError("has several lines, and a token has one")
    token = bare_token(text)
    if not token or token.lower() in _NOTHING:
        raise NoTokenError("says that there is no token")
    if not is_header_token(token):
        raise NoTokenError("is a text with blanks, or with characters that no token has")
    own = expiry(token)
    return Given(token, told if own is None else own)


def _told_expiry(parts: list[Mapping[str, Any]], now: float) -> float | None:
    """Return when the token expires by what stands beside it; None: that is not told."""
    for part in parts:
        for name in _LIFETIMES:
            if (seconds := number(part.get(name))) is not None:
                return now + seconds
        for name in _MOMENTS:
            if (moment := _moment(part.get(name))) is not None:
                return moment
    return None


def _moment(value: object) -> float | None:
    """Return a moment: seconds since 1970, or ISO 8601. Without an offset it is local time, as of az."""
    if (seconds := number(value)) is not None:
        return seconds
    try:
        return datetime.fromisoformat(value).timestamp() if isinstance(value, str) else None
    except (ValueError, OverflowError, OSError):
        return None


def number(value: object) -> float | None:
    """Return a number, or a text that is one, as some providers put it in quotes; None: it is neither."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        told = float(value)
    except (ValueError, OverflowError):
        return None
    return told if math.isfinite(told) else None
