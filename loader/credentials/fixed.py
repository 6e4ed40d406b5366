"""One bearer token, for as long as it lasts."""

from __future__ import annotations

import time
from datetime import UTC, datetime

from loader import mask
from loader.credentials.claims import expiry
from loader.credentials.token_source import Token


class Fixed:
    """A token that was given and cannot be renewed (a TokenSource).

    Args:
        token: as it is sent.
        origin: where it comes from, as in ``BULKLOAD_TOKEN``.
    """

    can_renew = False

    def __init__(self, token: str, origin: str) -> None:
        mask.hide(token)
        self._token = token
        self._origin = origin
        self._ahead = 0.0

    async def fetch(self, refused: str | None = None) -> Token:
        """Return the token."""
        del refused
        expires = expiry(self._token)
        lifetime = float("inf") if expires is None else expires - time.time() - self._ahead
        return Token(self._token, lifetime)

    def adjust_clock(self, server_time: float) -> None:
        """Learn the server's time, in seconds since 1970."""
        self._ahead = server_time - time.time()

    def describe(self) -> str:
        """Return where it comes from, and when it expires."""
        expires = expiry(self._token)
        until = "" if expires is None else f", which expires at {_moment(expires)}"
        return f"the token of {self._origin}{until}"


def _moment(seconds: float) -> str:
    """Return a moment as people write it, in UTC."""
    try:
        return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
    except (ValueError, OverflowError, OSError):
        return f"{seconds:.0f} seconds since 1970"
