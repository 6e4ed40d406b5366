"""How large batches are, how fast they go, and how long to wait after a failure. No I/O."""

from __future__ import annotations

import random
from dataclasses import dataclass

BATCH_ROWS = 5000  # with columns=, larger batches are no faster (benchmarks)
_FIRST_WAIT, _LONGEST_WAIT = 0.25, 30.0  # seconds
_WELL = 50  # requests in time, until twice as many rows are tried again


@dataclass(slots=True)
class Limits:
    """Upper bounds of a batch; ``size`` is that of a request's body, in bytes."""

    rows: int
    size: int


class Pacing:
    """The limits in force. What the server refuses as too much is not tried again; what was only slow is.

    Args:
        batch_rows: most rows of a batch.
        batch_bytes: most bytes of a request's body.
        max_rate: rows a second; None: as fast as it goes.
    """

    def __init__(self, *, batch_rows: int | None, batch_bytes: int, max_rate: float | None) -> None:
        self.limits = Limits(batch_rows or BATCH_ROWS, batch_bytes)
        self._most = self.limits.rows
        self._since_slow = 0  # requests that went well
        self._went_well = (0.0, 0)  # when one last did, and its rows
        self._max_rate = max_rate
        self._next_start = 0.0

    def too_long(self, rows: int) -> None:
        """The server refused a request of so many rows for its time: none with as many is sent again."""
        self.limits.rows = self._most = max(1, min(self.limits.rows, rows // 2))

    def too_large(self, size: int) -> None:
        """A request's body of this many bytes was refused: none as large is sent again."""
        self.limits.size = min(self.limits.size, size // 2)

    def too_slow(self, rows: int, since: float) -> bool:
        """A request of so many rows, sent at ``since``, had no answer in time: is it for its size?

        Not where another of that size has gone through meanwhile.
        """
        when, others = self._went_well
        if when >= since and others >= rows:
            return False
        self.limits.rows = max(1, min(self.limits.rows, rows // 2))
        self._since_slow = 0
        return True

    def went_well(self, rows: int, now: float) -> None:
        """A request was answered in time."""
        self._went_well = (now, rows)
        self._since_slow += 1
        if self.limits.rows < self._most and self._since_slow >= _WELL:
            self.limits.rows = min(self._most, self.limits.rows * 2)
            self._since_slow = 0

    def reserve(self, rows: int, now: float) -> float:
        """Take a place for this many rows under --max-rate; gives the seconds to wait for it."""
        if self._max_rate is None:
            return 0.0
        start = max(now, self._next_start)
        self._next_start = start + rows / self._max_rate
        return start - now


def backoff(tries: int, after: float | None, *, chance: float | None = None) -> float:
    """Seconds to wait before a request is tried again: full jitter under a growing, capped bound.

    Args:
        tries: how often it has failed so far, from 1.
        after: seconds that the server asked for; it may be stale or 0, so it is only a lower bound.
        chance: a number from 0 to 1 in place of a random one.
    """
    bound = min(_LONGEST_WAIT, _FIRST_WAIT * 2.0 ** min(tries - 1, 10))
    share = random.random() if chance is None else chance  # noqa: S311 - jitter, no secret
    return max(bound * share, min(after or 0.0, 10 * _LONGEST_WAIT))
