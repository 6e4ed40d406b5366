"""Decide how large batches are, how fast they are sent, and how long to wait after a failure. No I/O."""

from __future__ import annotations

import random

from loader.model import Answered, Decision, Limits, Overload
from loader.throttle.batch_size import BatchSize
from loader.throttle.concurrency import Concurrency

BATCH_ROWS = 5000  # with columns=, larger batches are no faster (benchmarks)
_FIRST_ROWS = 500  # the first answers come soon, also under a short statement_timeout
_FIRST_WAIT, _LONGEST_WAIT = 0.25, 30.0  # seconds
# Requests are to be answered within a second: then the progress shows, and a statement_timeout of 3 s
# (Supabase's shortest) is far. Where a round trip takes long: within 8 of them. Under a short timeout: at 0.6
# of the way from the quickest answer to it.
_GOAL, _GOAL_TRIPS, _GOAL_OF_TIMEOUT = 1.0, 8, 0.6
_LONG_TRIP = 0.04  # seconds that the preflight takes; the start makes up for it
_SLOW = 1.5  # times the goal is too long
_TIMEOUT = 0.1  # seconds: what is refused sooner was not refused for its time


class Throttle:
    """Adapts batches and requests in flight to what the server can take.

    `Concurrency` finds the requests in flight, `BatchSize` the rows and the bytes of a request.

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
        self._concurrency = Concurrency(concurrency)
        self.limits = Limits(self._rows.limit, self._size.limit)
        self._quickest = float("inf")  # answer, in seconds
        self._timeout = float("inf")  # of the server
        self._last_accepted = (float("-inf"), 0)  # when a request last did, and its rows
        self._max_rate = max_rate
        self._next_start = 0.0

    @property
    def in_flight(self) -> int:
        """How many requests may be in flight."""
        return self._concurrency.limit

    def takes(self, rows: int, size: int) -> bool:
        """Whether so many rows and bytes may go into one request; a single row always may."""
        return rows <= 1 or (self._rows.takes(rows) and self._size.takes(size))

    def made(self, rows: int, size: int) -> None:
        """Note a batch that was made. The limits may change: a larger batch than usual is tried alone."""
        self._rows.made(rows)
        self._size.made(size)
        self._set_limits()

    def started(self, rows: int, size: int, now: float) -> None:
        """Count a request that is sent."""
        self._concurrency.started(now)
        self._rows.started(rows)
        self._size.started(size)

    def answered(self, answer: Answered) -> None:
        """Learn from a request that came to an end."""
        self._concurrency.answered(answer, steady=not self._rows.growing)
        if not answer.rows and answer.decision is Decision.DONE and self._quickest == float("inf"):
            self._learn_round_trip(answer.now - answer.since)
        if answer.decision is Decision.DONE:
            self._quickest = min(self._quickest, answer.now - answer.since)
        if answer.rows:
            if answer.decision is Decision.DONE:
                self._accepted(answer)
            elif answer.rows > 1:
                self._refused(answer)
            self._rows.ended(answer.rows)
            self._size.ended(answer.size)
            self._set_limits()

    def _learn_round_trip(self, seconds: float) -> None:
        if seconds > _LONG_TRIP:
            self._concurrency.start_larger()
            self._rows.start_larger()
            self._set_limits()

    def _accepted(self, answer: Answered) -> None:
        self._last_accepted = (answer.now, answer.rows)
        seconds = answer.now - answer.since
        within = self._quickest + _GOAL_OF_TIMEOUT * max(0.0, self._timeout - self._quickest)
        goal = min(max(_GOAL, _GOAL_TRIPS * self._quickest), within)
        if seconds > _SLOW * goal and 2 * answer.rows > self._rows.limit:
            self._rows.shrink(answer.rows, at_once=False)
            return
        for_rows = max(seconds - self._quickest, 1e-3)
        self._rows.accepted(answer.rows, answer.rows * (goal - self._quickest) / for_rows, answer.now)
        self._size.accepted(answer.size, float("inf"), answer.now)

    def _refused(self, answer: Answered) -> None:
        seconds = answer.now - answer.since
        cost = seconds / self.in_flight
        if answer.overload is Overload.LONG:
            if seconds > _TIMEOUT:
                self._timeout = min(self._timeout, seconds)
            self._rows.refused(answer.rows, cost, answer.now)
        elif answer.overload is Overload.LARGE:
            self._size.refused(answer.size, cost, answer.now)

    def too_slow(self, rows: int, since: float) -> bool:
        """Whether a request had no answer in time because of its size; then batches become smaller.

        It is not the size where another request of that size has got in meanwhile.

        Args:
            rows: of the request.
            since: when it was sent, in seconds.
        """
        when, others = self._last_accepted
        if when >= since and others >= rows:
            return False
        self._rows.shrink(rows, at_once=True)
        self._set_limits()
        return True

    def _set_limits(self) -> None:
        self.limits.rows, self.limits.size = self._rows.limit, self._size.limit

    def reserve(self, rows: int, now: float) -> float:
        """Reserve time for this many rows under --max-rate, and return the seconds to wait for it."""
        if self._max_rate is None:
            return 0.0
        start = max(now, self._next_start)
        self._next_start = start + rows / self._max_rate
        return start - now


def backoff(tries: int, after: float | None, *, chance: float | None = None) -> float:
    """Return the seconds to wait before a request is tried again: full jitter under a growing, capped bound.

    Args:
        tries: how often it has failed so far, from 1.
        after: seconds that the server asked for; it may be stale or 0, so it is only a lower bound.
        chance: a number from 0 to 1 in place of a random answer.
    """
    bound = min(_LONGEST_WAIT, _FIRST_WAIT * 2.0 ** min(tries - 1, 10))
    share = random.random() if chance is None else chance  # noqa: S311 - jitter, no secret
    return max(bound * share, min(after or 0.0, 10 * _LONGEST_WAIT))
