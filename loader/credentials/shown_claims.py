"""The claims of a token as they may be shown: short, on one line, and never the token. No I/O."""

from __future__ import annotations

from typing import Any

from loader.credentials.claims import claims, header
from loader.credentials.moments import distance, moment

_SHOWN = 80  # characters of a claim


def what_it_says(token: str, now: float) -> str:
    """Return the claims of a token that a server decides on, for people; empty if it is not a JWT.

    Args:
        token: it.
        now: seconds since 1970.
    """
    said, head = claims(token), header(token)
    if not head:
        return ""
    parts = [f"role {shown(said['role'])}" if "role" in said else "no role"]
    parts.append(f"aud {shown(said['aud'])}" if "aud" in said else "no aud")
    parts += [f"{name} {_time(said[name], now)}" for name in ("exp", "nbf", "iat") if name in said]
    if "exp" not in said:
        parts.append("no exp")
    parts += [f"{name} {shown(head[name])}" for name in ("alg", "kid") if name in head]
    return f"The token says: {', '.join(parts)}."


def _time(value: Any, now: float) -> str:
    seconds = number(value)
    return shown(value) if seconds is None else f"{moment(seconds)} ({distance(seconds, now)})"


def number(value: Any) -> float | None:
    """Return a claim that is a time, in seconds since 1970; None: it is none."""
    if isinstance(value, bool) or not isinstance(value, int | float) or abs(value) > 1e15:
        return None
    return float(value)


def shown(value: Any) -> str:
    """Return a claim as it may be shown: short, and on one line."""
    text = value if isinstance(value, str) and value.isprintable() and value else repr(value)
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}..."
