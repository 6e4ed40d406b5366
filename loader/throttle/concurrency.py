"""Find the number of requests in flight that gets the most rows through, and follow the server. No I/O.

Rule. The throughput of a number is measured by Little's law, from the requests that were sent since the
number was reached:

    throughput [rows/s] = mean requests in flight * rows answered / sum of the seconds that the requests took

This needs few requests, for it does not depend on when they happen to end. The best number known is *home*.

States.
    at home  ``limit == home``. Measure; then try the next larger or smaller number, in turns.
    trying   ``limit != home``. Measure; if that is better, the number becomes home. If not, go back home,
             and try that direction again after 1, 2, 4, then every 8 seconds.
    cut      A request was refused for being one too many: go home, or to half of it if that was home. The
             refused number is the *ceiling*: it is not tried again for 5, 10, ... 120 seconds.

Where nothing gets through between two refusals, that is an outage: it sets no ceiling.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from loader.model import Answered, Decision, Overload

# Requests in flight.
_FIRST = 4  # at first; twice as many where a round trip takes long. They keep the usual two cores at work
_LEAST = 2  # one leaves the server idle between two requests: only a refusal goes so low

# What is measured.
_STEADY = 0.8  # of the number must be in flight on average: with less, the source is slower than the server
_FEWEST = 3  # requests to measure by, or one for each in flight if those are more
_DOUBTFUL = 4  # for each in flight, where the gain is in doubt: throughput varies by some percent
_LARGE = 0.5  # of the rows of usual requests: smaller ones (parts of a batch) take longer for each row
_FADE = 0.95  # of the usual rows is left after each request

# Throughput, as a multiple of home's.
_ENOUGH = 1.02  # for a larger number to become home; a smaller one must only be no worse
_DOUBT = 0.05  # about as much: decided by few requests outside of it, by many within
_MUCH_WORSE = 0.85  # a smaller number like that is tried ever more rarely
_CHANGED = 1.25  # times as much or as little at home as before: the server has changed

# Seconds until a number is tried again: twice as many each time.
_SOON, _LATEST = 1.0, 8.0
_MUCH_WORSE_LATER = 16.0  # in addition
_CEILING, _CEILING_LATEST = 5.0, 120.0  # after a refusal, which costs a retry


@dataclass(slots=True)
class _Direction:
    """Numbers above home, or below it. ``due``: when the next is tried."""

    due: float = 0.0
    wait: float = _SOON

    def soon(self, now: float) -> None:
        self.due, self.wait = now, _SOON

    def later(self, now: float) -> None:
        self.due = now + self.wait
        self.wait = min(_LATEST, 2 * self.wait)


@dataclass(slots=True)
class _Measurement:
    """The requests that were sent and answered since a number was reached.

    Attributes:
        begun: when it was reached.
        in_flight_seconds: all requests in flight, summed up over time.
        requests, rows, seconds: of the requests that were answered, in all.
    """

    begun: float = 0.0
    in_flight_seconds: float = 0.0
    requests: int = 0
    rows: int = 0
    seconds: float = 0.0


@dataclass(slots=True)
class Concurrency:
    """The number of requests that may be in flight.

    Args:
        most: the largest number.

    Attributes:
        limit: the number now.
    """

    most: int
    limit: int = field(init=False)

    _home: int = field(init=False)
    _throughput: dict[int, float] = field(init=False, default_factory=dict)  # rows a second, by number
    _measured: _Measurement = field(init=False, default_factory=_Measurement)
    _larger: _Direction = field(init=False, default_factory=_Direction)
    _smaller: _Direction = field(init=False, default_factory=_Direction)
    _prefer_smaller: bool = field(init=False, default=True)  # they take turns
    _in_flight: int = field(init=False, default=0)
    _clock: float = field(init=False, default=0.0)
    _usual_rows: float = field(init=False, default=0.0)  # of a request
    _ceiling: int = field(init=False)  # refused, and not tried again before:
    _ceiling_until: float = field(init=False, default=0.0)
    _ceiling_wait: float = field(init=False, default=_CEILING)
    _cut_at: float = field(init=False, default=float("-inf"))
    _accepted: bool = field(init=False, default=True)  # any request, since the last cut

    def __post_init__(self) -> None:
        self.limit = self._home = min(_FIRST, self.most)
        self._ceiling = self.most + 1

    def start_larger(self) -> None:
        """Begin with more requests in flight: a round trip takes long."""
        self.limit = self._home = min(self.most, 2 * _FIRST)

    def started(self, now: float) -> None:
        """Count a request that is sent."""
        self._advance(now)
        self._in_flight += 1

    def answered(self, answer: Answered, *, steady: bool) -> None:
        """Learn from a request that came to an end.

        Args:
            answer: the request.
            steady: whether requests are not about to become larger.
        """
        self._advance(answer.now)
        self._in_flight -= 1
        if answer.overload is Overload.BUSY:
            self._cut(answer)
        elif answer.decision is Decision.DONE:
            self._accepted = True
            if answer.rows:
                self._measure(answer, steady=steady)

    def _advance(self, now: float) -> None:
        self._measured.in_flight_seconds += self._in_flight * (now - self._clock)
        self._clock = now

    def _cut(self, answer: Answered) -> None:
        """Go down, once for all requests that were in flight together."""
        if answer.since <= self._cut_at:
            return
        self._cut_at = answer.now
        if self._accepted and self.limit > 1:
            self._ceiling = self.limit
            self._ceiling_until = answer.now + self._ceiling_wait
            self._ceiling_wait = min(_CEILING_LATEST, 2 * self._ceiling_wait)
        self._accepted = False
        if self.limit <= self._home:
            self._home = max(1, self.limit // 2)
        self.limit = self._home
        self._measured = _Measurement(answer.now)

    def _measure(self, answer: Answered, *, steady: bool) -> None:
        """Add a request to the measurement, and go by it where it is long enough."""
        if self._in_flight >= self.limit or not steady:
            self._measured = _Measurement(answer.now)  # the number is yet to be reached
            return
        is_large = answer.rows >= _LARGE * self._usual_rows
        self._usual_rows = max(_FADE * self._usual_rows, answer.rows if is_large else 0.0)
        measured = self._measured
        if not is_large or answer.since < measured.begun:
            return
        measured.requests += 1
        measured.rows += answer.rows
        measured.seconds += answer.now - answer.since
        elapsed = answer.now - measured.begun
        if measured.requests < max(_FEWEST, self.limit) or elapsed <= 0 or measured.seconds <= 0:
            return
        mean_in_flight = measured.in_flight_seconds / elapsed
        throughput = mean_in_flight * measured.rows / measured.seconds
        if mean_in_flight < _STEADY * self.limit or self._judge(throughput, answer.now):
            self._measured = _Measurement(answer.now)

    def _judge(self, throughput: float, now: float) -> bool:
        """Decide which number is next; False: only after more requests."""
        if self.limit == self._home:
            if self._home not in self._throughput and self._measured.requests < 2 * self.limit:
                return False
            self._remember(throughput, now)
            self._try_another(now)
            return True
        is_larger = self.limit > self._home
        gain = throughput / self._throughput[self._home]
        enough = _ENOUGH if is_larger else 1.0
        is_better = gain > enough
        if abs(gain - enough) < _DOUBT and self._measured.requests < _DOUBTFUL * self.limit:
            return False
        self._throughput[self.limit] = throughput
        tried, other = (self._larger, self._smaller) if is_larger else (self._smaller, self._larger)
        if not is_better:
            tried.later(now)
            self.limit = self._home
            return True
        self._home = self.limit
        tried.soon(now)
        other.due = now + other.wait
        if self._home >= self._ceiling:
            self._ceiling, self._ceiling_wait = self.most + 1, _CEILING
        self._try_another(now)
        return True

    def _remember(self, throughput: float, now: float) -> None:
        """Note the throughput at home; that of other numbers is taken to have changed by as much."""
        before = self._throughput.get(self._home, throughput)
        smoothed = (2 * before + throughput) / 3
        if not 1 / _CHANGED < throughput / before < _CHANGED:
            smoothed = throughput
            self._throughput.clear()  # numbers that were worse may be better now
            self._larger.soon(now)
            self._smaller.soon(now)
        change = smoothed / before
        self._throughput = {number: known * change for number, known in self._throughput.items()}
        self._throughput[self._home] = smoothed

    def _try_another(self, now: float) -> None:
        """Leave home for the next number that is due; a quarter less or half as many more."""
        home = self._home
        top = self.most if now > self._ceiling_until else self._ceiling - 1
        larger = min(top, home + max(1, home // 2))
        smaller = max(min(_LEAST, home), home - max(1, home // 4))
        is_much_worse = self._throughput.get(smaller, float("inf")) < _MUCH_WORSE * self._throughput[home]
        smaller_due = self._smaller.due + (_MUCH_WORSE_LATER if is_much_worse else 0.0)
        may_smaller = smaller < home and now >= smaller_due
        may_larger = larger > home and now >= self._larger.due
        if may_smaller and (self._prefer_smaller or not may_larger):
            self.limit, self._prefer_smaller = smaller, False
        elif may_larger:
            self.limit, self._prefer_smaller = larger, True
