"""What a server can take, as it changes over time, and what came to it when."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager


class Log:
    """Each request with rows: when it came and was answered, its rows, and how many were in flight then."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._in_flight = 0
        self._requests: list[tuple[float, float, int, int]] = []

    @contextmanager
    def request(self, rows: int) -> Iterator[None]:
        """A request is at hand, until the end of the block."""
        if not rows:
            yield
            return
        came = time.monotonic()
        with self._lock:
            self._in_flight += 1
            in_flight = self._in_flight
        try:
            yield
        finally:
            with self._lock:
                self._in_flight -= 1
                self._requests.append((came, time.monotonic(), rows, in_flight))

    def as_json(self) -> bytes:
        """[[came, answered, rows, in flight], ...]; times are of the monotonic clock, which all share."""
        with self._lock:
            return json.dumps(self._requests).encode()


class Capacity:
    """So many workers, each of which takes so long for a row; both change at given times.

    Args:
        plan: (seconds since the first row, workers, microseconds of a worker for a row), by time.
    """

    def __init__(self, plan: Sequence[Sequence[float]]) -> None:
        self._plan = plan
        self._begin: float | None = None
        self._busy = 0
        self._freed = threading.Condition()

    def spend(self, rows: int) -> None:
        """Take the time of a worker that these rows need; waits until one is free."""
        with self._freed:
            self._begin = self._begin or time.monotonic()
            # Capacity that grows wakes nobody up: so look again from time to time.
            while self._busy >= self._now()[0]:
                self._freed.wait(0.01)
            self._busy += 1
            seconds = rows * self._now()[1] / 1e6
        time.sleep(seconds)
        with self._freed:
            self._busy -= 1
            self._freed.notify()

    def _now(self) -> tuple[float, float]:
        since = time.monotonic() - (self._begin or 0.0)
        _, workers, microseconds = [step for step in self._plan if step[0] <= since][-1]
        return workers, microseconds
