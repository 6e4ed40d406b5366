"""What stands in a token: its claims, not verified. No I/O."""

from __future__ import annotations

import base64
import binascii
import math
from typing import Any

from loader.credentials.json_object import json_object


def claims(token: str) -> dict[str, Any]:
    """Return the claims of a token; none if it is not a JWT (RFC 7519)."""
    return _part(token, 1)


def header(token: str) -> dict[str, Any]:
    """Return the header of a token, with ``alg`` and ``kid``; nothing if it is not a JWT."""
    return _part(token, 0)


def payload(token: str) -> bytes:
    """Return the JSON of a token's claims, as it stands in the token."""
    return _raw(token, 1)


def is_jwt(text: str) -> bool:
    """Return whether a text has the form of a JWT: three parts, of which the first two are JSON objects."""
    return text.count(".") == 2 and bool(header(text)) and bool(claims(text))


def expiry(token: str) -> float | None:
    """Return when a token expires, in seconds since 1970; None if it does not tell."""
    value = claims(token).get("exp")
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        moment = float(value)
    except OverflowError:
        return None
    return moment if math.isfinite(moment) else None


def _part(token: str, number: int) -> dict[str, Any]:
    return json_object(_raw(token, number))


def _raw(token: str, number: int) -> bytes:
    """Return a part of a token, decoded; nothing if it is not a JWT."""
    parts = token.split(".")
    if len(parts) != 3:
        return b""
    try:
        return base64.urlsafe_b64decode(parts[number] + "=" * (-len(parts[number]) % 4))
    except (ValueError, binascii.Error):
        return b""
