"""How large batches are, how fast they go, and how long to wait after a failure. No I/O."""

from __future__ import annotations

import random

from loader.model import Answered, Decision, Limits, Overload
from loader.throttle.batch_size import BatchSize
from loader.throttle.concurrency import Concurrency

BATCH_ROWS = 5000  # with columns=, larger batches are no faster (benchmarks)
_FIRST_ROWS = 500  # the first answers come soon, also under a short statement_timeout
_FIRST_WAIT, _LONGEST_WAIT = 0.25, 30.0  # seconds
# An answer is to come within a second: a load then moves, and a statement_timeout of 3 s (Supabase's
# shortest) is far. Where a round trip takes long, within some of them; under a short timeout well within it.
_BRISK, _TRIPS, _WITHIN = 1.0, 8, 0.6
_LONG_TRIP = 0.04  # seconds that the preflight takes; the start makes up for it
_SLOW = 1.5  # times as long is too long
_TIMEOUT = 0.1  # seconds: what is refused sooner was not refused for its time


class Throttle:
    """What to send and how much of it at once, by how the server takes it.

    Requests in flight are looked after by `Concurrency`, rows and bytes of a request by `BatchSize`.

    Args:
        batch_rows: most rows of a batch; None: as many as are of use.
        batch_bytes: most bytes of a request's body.
        max_rate: rows a second; None: as fast as it goes.
        concurrency: most requests in flight.
    """

    def __init__(
        self,
        *,
        batch_rows: int | None,
        batch_bytes: int,
        max_rate: float | None,
        concurrency: int,
    ) -> None:
        most = batch_rows or BATCH_ROWS
        self._rows = BatchSize(min(_FIRST_ROWS, most), most)
        self._size = BatchSize(batch_bytes, batch_bytes)
        self._flow = Concurrency(concurrency)
        self.limits = Limits(self._rows.limit, self._size.limit)
        self._quickest = float("inf")  # answer, in seconds
        self._timeout = float("inf")  # of the server
        self._went_well = (float("-inf"), 0)  # when a request last did, and its rows
        self._max_rate = max_rate
        self._next_start = 0.0

    @property
    def in_flight(self) -> int:
        """How many requests may be in flight."""
        return self._flow.limit

    def takes(self, rows: int, size: int) -> bool:
        """Whether so many rows and bytes may go into one request; a single row always may."""
        return rows <= 1 or (self._rows.takes(rows) and self._size.takes(size))

    def made(self, rows: int, size: int) -> None:
        """A batch was made within the limits. They may change: what is more than usual is tried once."""
        self._rows.made(rows)
        self._size.made(size)
        self._set_limits()

    def started(self, rows: int, size: int, now: float) -> None:
        """A request is sent."""
        self._flow.started(now)
        self._rows.started(rows)
        self._size.started(size)

    def answered(self, one: Answered) -> None:
        """A request came to an end."""
        self._flow.answered(one, steady=not self._rows.growing)
        if not one.rows and one.decision is Decision.DONE and self._quickest == float("inf"):
            self._preflown(one.now - one.since)
        if one.decision is Decision.DONE:
            self._quickest = min(self._quickest, one.now - one.since)
        if one.rows:
            if one.decision is Decision.DONE:
                self._accepted(one)
            elif one.rows > 1:
                self._refused(one)
            self._rows.ended(one.rows)
            self._size.ended(one.size)
            self._set_limits()

    def _preflown(self, seconds: float) -> None:
        if seconds > _LONG_TRIP:
            self._flow.hurry()
            self._rows.hurry()
            self._set_limits()

    def _accepted(self, one: Answered) -> None:
        self._went_well = (one.now, one.rows)
        seconds = one.now - one.since
        within = self._quickest + _WITHIN * max(0.0, self._timeout - self._quickest)
        goal = min(max(_BRISK, _TRIPS * self._quickest), within)
        if seconds > _SLOW * goal and 2 * one.rows > self._rows.limit:
            self._rows.shrink(one.rows, at_once=False)
            return
        for_rows = max(seconds - self._quickest, 1e-3)
        self._rows.accepted(one.rows, one.rows * (goal - self._quickest) / for_rows, one.now)
        self._size.accepted(one.size, float("inf"), one.now)

    def _refused(self, one: Answered) -> None:
        seconds = one.now - one.since
        cost = seconds / self.in_flight
        if one.overload is Overload.LONG:
            if seconds > _TIMEOUT:
                self._timeout = min(self._timeout, seconds)
            self._rows.refused(one.rows, cost, one.now)
        elif one.overload is Overload.LARGE:
            self._size.refused(one.size, cost, one.now)

    def too_slow(self, rows: int, since: float) -> bool:
        """A request of so many rows, sent at ``since``, had no answer in time: is it for its size?

        Not where another of that size has gone through meanwhile.
        """
        when, others = self._went_well
        if when >= since and others >= rows:
            return False
        self._rows.shrink(rows, at_once=True)
        self._set_limits()
        return True

    def _set_limits(self) -> None:
        self.limits.rows, self.limits.size = self._rows.limit, self._size.limit

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
