"""How many requests are in flight: the number is found by trying others, and follows the server. No I/O.

The best number known is home. Now and then the next smaller or larger one is tried for as long as it takes
to see whether more comes through, and is the new home if so. What comes through is told by Little's law:
the rows in flight over the seconds that a request takes. That needs few requests, and none of those that
were sent before the number had changed.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from loader.model import Answered, Decision, Overload

_FIRST = 4  # in flight at first: two cores and more are at work then, and few servers mind
_FIRST_OF_LONG = 8  # likewise where a round trip takes long
_LEAST = 2  # a single one leaves the server idle between two requests: only a refusal goes so low
_STEADY = 0.8  # of the number were in flight all the while: else it does not matter, and tells nothing
_FEW, _MANY = 1, 4  # requests for each in flight, to see the clear and the less clear

# Of the throughput at home: below the first it is clearly worse, from the last on clearly better, and from
# the middle on it is better where many requests were seen. A smaller number may do as well as home.
_LARGER = (1.0, 1.02, 1.12)
_SMALLER = (0.95, 1.0, 1.1)
_MUCH_WORSE = 0.85  # a smaller number that was, is not tried again for a while
_CHANGED = 1.25  # times as much or as little at home: the server has changed, or what is sent

_SOON = 1.0  # seconds until a number that was no better is tried again; twice as long each time, up to:
_LARGER_LATEST, _SMALLER_LATEST = 4.0, 8.0
_WORSE_LATEST = 16.0
_COST = 10  # times as long as it took to try, at least
_CEILING, _CEILING_LATEST = 5.0, 120.0  # seconds until a number that was refused is tried again; likewise


@dataclass(slots=True)
class _Way:
    """Numbers above home, or below it. ``due`` is when the next is tried."""

    latest: float
    due: float = 0.0
    wait: float = _SOON

    def soon(self, now: float) -> None:
        self.due, self.wait = now, _SOON

    def later(self, now: float, took: float) -> None:
        self.due = now + max(self.wait, _COST * took)
        self.wait = min(self.latest, 2 * self.wait)


@dataclass(slots=True)
class _Round:
    """What was answered since a number has its way. ``area`` is request-seconds in flight."""

    begun: float = 0.0
    area: float = 0.0
    count: int = 0
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
    _known: dict[int, float] = field(init=False, default_factory=dict)  # rows a second
    _round: _Round = field(init=False, default_factory=_Round)
    _larger: _Way = field(init=False, default_factory=lambda: _Way(_LARGER_LATEST))
    _smaller: _Way = field(init=False, default_factory=lambda: _Way(_SMALLER_LATEST))
    _prefer_smaller: bool = field(init=False, default=True)  # they take turns
    _leaping: bool = field(init=False, default=False)  # the last larger one was clearly better
    _in_flight: int = field(init=False, default=0)
    _clock: float = field(init=False, default=0.0)
    _usual: float = field(init=False, default=0.0)  # rows of a large request
    _ceiling: int = field(init=False)  # refused, and not tried again before:
    _ceiling_until: float = field(init=False, default=0.0)
    _ceiling_wait: float = field(init=False, default=_CEILING)
    _cut_at: float = field(init=False, default=float("-inf"))
    _accepted: bool = field(init=False, default=True)  # anything, since the last cut

    def __post_init__(self) -> None:
        self.limit = self._home = min(_FIRST, self.most)
        self._ceiling = self.most + 1

    def started(self, now: float) -> None:
        """A request is sent."""
        self._pass(now)
        self._in_flight += 1

    def answered(self, one: Answered, *, steady: bool) -> None:
        """A request came to an end. ``steady``: requests are not about to become larger."""
        self._pass(one.now)
        self._in_flight -= 1
        if one.overload is Overload.BUSY:
            self._cut(one)
        elif one.decision is Decision.DONE:
            self._accepted = True
            if one.rows:
                self._count(one, steady=steady)

    def hurry(self) -> None:
        """A round trip takes long: more are in flight at first."""
        self.limit = self._home = min(self.most, _FIRST_OF_LONG)
        self._prefer_smaller = False

    def _pass(self, now: float) -> None:
        self._round.area += self._in_flight * (now - self._clock)
        self._clock = now

    def _cut(self, one: Answered) -> None:
        """Too many, or too busy a server: go down, once for all that were in flight together."""
        if one.since <= self._cut_at:
            return
        self._cut_at = one.now
        # Where nothing gets through it is not for their number: that is an outage.
        if self._accepted and self.limit > 1:
            self._ceiling = self.limit
            self._ceiling_until = one.now + self._ceiling_wait
            self._ceiling_wait = min(_CEILING_LATEST, 2 * self._ceiling_wait)
        self._accepted = False
        if self.limit <= self._home:
            self._home = max(1, self.limit // 2)
        self.limit = self._home
        self._round = _Round(one.now)

    def _count(self, one: Answered, *, steady: bool) -> None:
        if self._in_flight >= self.limit or not steady:
            self._round = _Round(one.now)  # the number has yet to get its way
            return
        large = one.rows >= self._usual / 2
        self._usual = max(0.95 * self._usual, one.rows if large else 0.0)
        round_ = self._round
        if not large or one.since < round_.begun:
            return
        round_.count += 1
        round_.rows += one.rows
        round_.seconds += one.now - one.since
        elapsed = one.now - round_.begun
        if round_.count < max(3, _FEW * self.limit) or elapsed <= 0 or round_.seconds <= 0:
            return
        mean = round_.area / elapsed
        if mean < _STEADY * self.limit or self._judge(mean * round_.rows / round_.seconds, one.now):
            self._round = _Round(one.now)

    def _judge(self, found: float, now: float) -> bool:
        """Go by what came through, in rows a second; False: that is too little to go by."""
        if self.limit == self._home:
            if self._home not in self._known and self._round.count < 2 * self.limit:
                return False
            self._note(found, now)
            self._try_another(now)
            return True
        larger = self.limit > self._home
        no, perhaps, yes = _LARGER if larger else _SMALLER
        ratio = found / self._known[self._home]
        if no < ratio < yes and self._round.count < _MANY * self.limit:
            return False
        self._known[self.limit] = found
        way, other = (self._larger, self._smaller) if larger else (self._smaller, self._larger)
        if ratio <= perhaps:
            way.later(now, now - self._round.begun)
            self._leaping = False
            self.limit = self._home
            return True
        self._home = self.limit
        self._leaping = larger and ratio >= yes
        way.soon(now)
        other.due = now + other.wait
        if self._home >= self._ceiling:
            self._ceiling, self._ceiling_wait = self.most + 1, _CEILING
        self._try_another(now)
        return True

    def _note(self, found: float, now: float) -> None:
        """What comes through at home; what does elsewhere is taken to have changed by as much."""
        old = self._known.get(self._home, found)
        new = (2 * old + found) / 3
        if not 1 / _CHANGED < found / old < _CHANGED:
            new = found
            self._known.clear()  # what was worse may be better now
            self._larger.soon(now)
            self._smaller.soon(now)
        self._known = {number: known * new / old for number, known in self._known.items()}
        self._known[self._home] = new

    def _try_another(self, now: float) -> None:
        home = self._home
        top = self.most if now > self._ceiling_until else self._ceiling - 1
        larger = min(top, home + max(1, (home if self._leaping else home // 2) if home >= _FIRST else 1))
        smaller = max(min(_LEAST, home), home - max(1, home // 4))
        worse = self._known.get(smaller, float("inf")) < _MUCH_WORSE * self._known[home]
        may_larger = larger > home and now >= self._larger.due
        may_smaller = smaller < home and now >= self._smaller.due + (_WORSE_LATEST if worse else 0.0)
        if may_smaller and (self._prefer_smaller or not may_larger):
            self.limit, self._prefer_smaller = smaller, False
        elif may_larger:
            self.limit, self._prefer_smaller = larger, True
