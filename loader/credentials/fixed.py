"""One bearer token, for as long as it lasts."""

from __future__ import annotations

from loader import mask
from loader.credentials.claims import expiry
from loader.credentials.moments import moment
from loader.credentials.server_clock import ServerClock
from loader.credentials.token_source import Token


class Fixed:
    """A token that was given and cannot be renewed (a GivenTokens).

    Args:
        token: as it is sent.
        origin: where it comes from, as in ``BULKLOAD_TOKEN``.
        mend: what the user can do for a new one; empty: put it there.
    """

    can_renew = False

    def __init__(self, token: str, origin: str, mend: str = "") -> None:
        mask.hide(token)
        self.origin = origin
        self.mend = mend or f"Put a new one into {origin}, and run the same command."
        self._token = token
        self._clock = ServerClock()

    async def fetch(self, refused: str | None = None) -> Token:
        """Return the token."""
        del refused
        return Token(self._token, self._clock.seconds_until(expiry(self._token)))

    def changed(self) -> bool:
        """Return False: it stays as it is."""
        return False

    def adjust_clock(self, server_time: float) -> None:
        """Learn the server's time, in seconds since 1970."""
        self._clock.adjust(server_time)

    def describe(self) -> str:
        """Return where it comes from, and when it expires."""
        expires = expiry(self._token)
        until = "" if expires is None else f", which expires at {moment(expires)}"
        return f"the token of {self.origin}{until}"
