"""A server, the line to it and a load, without any of them: events on a clock of their own, seeded chance.

Requests share ``workers`` evenly, as statements share the cores of a database; ``pool`` bounds how many
are at work at once, and the others wait their turn, as in PostgREST's pool.
"""

from __future__ import annotations

import random
from bisect import bisect_left
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from heapq import heappop, heappush
from typing import Protocol

from loader.model import Answered, Decision, Limits, Overload
from loader.throttle.throttle import backoff

ROW = 246  # bytes
FOREVER = 1e18  # seconds
_OVERLOADS = {Decision.DONE: Overload.NONE, Decision.RETRY: Overload.BUSY, Decision.SHRINK: Overload.LONG}


@dataclass(frozen=True)
class Model:
    """What a server can do. All times are seconds.

    Attributes:
        workers: requests that go at full speed, over time.
        request, row: what each of them costs one worker.
        trip: a request's way to the server, and its reply's way back, in all.
        noise: how far a request's cost is off, at most, as a share of it.
        crowding: what each request beyond the workers costs all of them, as a share of their speed.
        pool: most requests at work; ``pool_wait``: how long others wait before they are answered 504.
        most_in_flight: more than so many are answered 429, and are to come back ``after`` so long.
        most_rows: a request with more is refused for its time, ``statement_timeout`` after it came.
        statement_timeout: what takes longer at work is refused.
    """

    workers: Callable[[float], float]
    request: float = 0.0025
    row: float = 1 / 50_000
    trip: float = 0.0
    noise: float = 0.1
    crowding: float = 0.0
    pool: int = 1000
    pool_wait: float = 10.0
    most_in_flight: int = 1000
    after: float | None = None
    most_rows: int = 1_000_000
    statement_timeout: float = FOREVER


class Pacer(Protocol):
    """What `Throttle` is to a load; a `Fixed` one never changes its mind."""

    limits: Limits

    @property
    def in_flight(self) -> int: ...
    def made(self, rows: int, size: int) -> None: ...
    def takes(self, rows: int, size: int) -> bool: ...
    def started(self, rows: int, size: int, now: float) -> None: ...
    def answered(self, answer: Answered) -> None: ...


@dataclass
class Fixed:
    """So many requests of so many rows."""

    in_flight: int
    limits: Limits

    def takes(self, rows: int, size: int) -> bool:
        return rows <= self.limits.rows and size <= self.limits.size

    def made(self, rows: int, size: int) -> None: ...
    def started(self, rows: int, size: int, now: float) -> None: ...
    def answered(self, answer: Answered) -> None: ...


@dataclass(eq=False)
class _Request:
    rows: int
    rest: list[int]  # what else of its batch is to be sent
    tries: int = 0
    since: float = 0.0
    arrived: float = 0.0
    work: float = 0.0  # left, in seconds of a worker


@dataclass
class Loading:
    """A load of endless rows, by so many senders.

    Attributes:
        done: time and rows, both summed up, of each request that was accepted.
        paced: time, requests in flight and rows a batch, whenever either changed.
        refused: time, rows and kind of each that was not.
    """

    model: Model
    pacer: Pacer
    senders: int = 8
    seed: int = 1
    total: float = FOREVER
    now: float = 0.0
    done: list[tuple[float, int]] = field(default_factory=list)
    paced: list[tuple[float, int, int]] = field(default_factory=list)
    refused: list[tuple[float, int, str]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._chance = random.Random(self.seed)
        self._events: list[tuple[float, int, Callable[[], None]]] = []
        self._number = 0
        self._waiting: deque[_Request] = deque()  # at the gate
        self._flying = 0  # in flight
        self._served = 0  # of them, from the server's arrival to its answer
        self._queue: deque[_Request] = deque()  # for the pool
        self._working: list[_Request] = []
        self._worked = 0.0  # when the work left was last reckoned
        self._round = 0  # of reckonings: older plans are void
        self._waiting.append(_Request(0, []))  # the preflight
        self._at(0.0, lambda: None)

    def run(self, until: float) -> Loading:
        """Go on until then."""
        while self._events and self._events[0][0] <= until:
            self.now, _, act = heappop(self._events)
            act()
            self._open()
        self.now = until
        return self

    def rows(self, begin: float, end: float) -> int:
        """Rows accepted between two times."""
        last, first = bisect_left(self.done, (end, 0)), bisect_left(self.done, (begin, 0))
        return (self.done[last - 1][1] if last else 0) - (self.done[first - 1][1] if first else 0)

    def _at(self, when: float, act: Callable[[], None]) -> None:
        self._number += 1
        heappush(self._events, (when, self._number, act))

    def _next(self) -> None:
        """A sender takes a batch."""
        if self.total <= 0:
            return
        limits = self.pacer.limits
        rows = max(1, min(limits.rows, limits.size // ROW))
        rows = int(min(rows, self.total))
        self.total -= rows
        self.pacer.made(rows, rows * ROW)
        self._waiting.append(_Request(rows, []))
        self._at(self.now, lambda: None)

    def _open(self) -> None:
        while self._waiting and self._flying < self.pacer.in_flight:
            request = self._waiting.popleft()
            if (
                not request.tries
                and not self.pacer.takes(request.rows, request.rows * ROW)
                and request.rows > 1
            ):
                part = min(request.rows, self.pacer.limits.rows)
                request.rest.insert(0, request.rows - part)
                request.rows = part
            self._flying += 1
            request.since = self.now
            self.pacer.started(request.rows, request.rows * ROW, self.now)
            self._at(self.now + self.model.trip / 2, lambda request=request: self._arrive(request))  # type: ignore[misc]
        state = (self.pacer.in_flight, self.pacer.limits.rows)
        if not self.paced or self.paced[-1][1:] != state:
            self.paced.append((self.now, *state))

    def _arrive(self, request: _Request) -> None:
        model = self.model
        self._served += 1
        request.arrived = self.now
        request.work = (model.request + model.row * request.rows) * self._chance.uniform(
            1 - model.noise, 1 + model.noise
        )
        if self._served > model.most_in_flight:
            self._answer(request, Decision.RETRY)
        elif request.rows > model.most_rows:
            self._at(self.now + model.statement_timeout, lambda: self._answer(request, Decision.SHRINK))
        elif len(self._working) >= model.pool:
            self._queue.append(request)
            self._at(self.now + model.pool_wait, lambda: self._give_up(request))
        else:
            self._reckon()
            self._working.append(request)
            self._plan()

    def _give_up(self, request: _Request) -> None:
        if request in self._queue:
            self._queue.remove(request)
            self._answer(request, Decision.RETRY)

    def _speed(self) -> float:
        """Of each request at work."""
        count = len(self._working)
        workers = self.model.workers(self.now)
        return min(1.0, workers / count) / (1 + self.model.crowding * max(0.0, count - workers))

    def _reckon(self) -> None:
        if self._working:
            speed = self._speed()
            for request in self._working:
                request.work -= (self.now - self._worked) * speed
        self._worked = self.now

    def _plan(self) -> None:
        """Look again when the next is finished, or the server may have changed."""
        self._round += 1
        if not self._working:
            return
        speed = self._speed()
        first = min(self._working, key=lambda request: request.work)
        ready = max(0.0, first.work) / speed if speed else FOREVER
        oldest = min(request.arrived for request in self._working)
        until = min(self.now + min(ready, 0.05), max(self.now, oldest + self.model.statement_timeout))
        this = self._round
        self._at(until, lambda: self._look() if this == self._round else None)

    def _look(self) -> None:
        self._reckon()
        for request in list(self._working):
            late = self.now >= request.arrived + self.model.statement_timeout - 1e-9
            if request.work <= 1e-9 or late:
                self._working.remove(request)
                if self._queue:
                    other = self._queue.popleft()
                    self._working.append(other)
                self._answer(request, Decision.DONE if request.work <= 1e-9 else Decision.SHRINK)
        self._plan()

    def _answer(self, request: _Request, kind: Decision) -> None:
        self._served -= 1
        self._at(self.now + self.model.trip / 2, lambda: self._receive(request, kind))

    def _receive(self, request: _Request, kind: Decision) -> None:
        self._flying -= 1
        self.pacer.answered(
            Answered(request.rows, request.rows * ROW, request.since, self.now, kind, _OVERLOADS[kind])
        )
        if not request.rows:
            for _ in range(self.senders):
                self._next()
            return
        if kind is Decision.DONE:
            self.done.append((self.now, request.rows + (self.done[-1][1] if self.done else 0)))
            if request.rest:
                self._waiting.append(_Request(request.rest.pop(0), request.rest))
            else:
                self._next()
            return
        self.refused.append((self.now, request.rows, kind.name))
        if kind is Decision.SHRINK:
            half = request.rows // 2
            self._waiting.append(_Request(half, [request.rows - half, *request.rest]))
            return
        request.tries += 1
        wait = backoff(request.tries, self.model.after, chance=self._chance.random())
        self._at(self.now + wait, lambda: self._waiting.append(request))
