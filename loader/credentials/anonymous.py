"""Requests without a bearer token."""

from __future__ import annotations


class Anonymous:
    """No token (a TokenSource): the server's anonymous role, or the role that a gateway gives an API key."""

    can_renew = False

    def __init__(self, *, has_key: bool = False) -> None:
        self._has_key = has_key

    async def fetch(self, refused: str | None = None) -> None:
        """Return None, for ever."""
        del refused

    def adjust_clock(self, server_time: float) -> None:
        """Ignore it: nothing expires."""

    def describe(self) -> str:
        """Return whose requests they are."""
        if self._has_key:
            return "none beside the API key: the gateway makes one for it"
        return "none: requests go out as the server's anonymous role"
