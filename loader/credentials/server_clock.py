"""The server's clock, which decides whether a token has expired."""

from __future__ import annotations

import time

SKEW = 30.0  # seconds that PostgREST allows a token beyond its exp
_NOISE = SKEW / 3  # Date has a resolution of a second, and replies take time


class ServerClock:
    """Tells the server's time, as far as its replies have told it; before, the time of this machine."""

    def __init__(self) -> None:
        self._ahead = 0.0  # the server's clock less ours

    def adjust(self, server_time: float) -> None:
        """Learn the server's time, in seconds since 1970."""
        ahead = server_time - time.time()
        self._ahead = ahead if abs(ahead) > _NOISE else 0.0

    def now(self) -> float:
        """Return the time, in seconds since 1970."""
        return time.time() + self._ahead

    def seconds_until(self, moment: float | None) -> float:
        """Return how far a moment is, in seconds; infinite where it is not known."""
        return float("inf") if moment is None else moment - self.now()
