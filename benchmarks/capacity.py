"""Model a server whose capacity changes, and log the requests that come to it."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager


class Log:
    """A log of requests with rows: arrival, answer, rows, and requests in flight on arrival."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._in_flight = 0
        self._requests: list[tuple[float, float, int, int]] = []

    @contextmanager
    def request(self, rows: int) -> Iterator[None]:
        """Log a request that lasts until the end of the block."""
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
        """Return [[came, answered, rows, in flight], ...]; times are those of the monotonic clock."""
        with self._lock:
            return json.dumps(self._requests).encode()


class Capacity:
    """Workers that need time for each row; their number and their speed change at given times.

    Args:
        plan: (seconds since the first row, workers, microseconds of a worker for a row), by time.
    """

    def __init__(self, plan: Sequence[Sequence[float]]) -> None:
        self._plan = plan
        self._begin: float | None = None
        self._busy = 0
        self._freed = threading.Condition()

    def spend(self, rows: int) -> None:
        """Wait for a free worker, then for the time that it needs for these rows."""
        with self._freed:
            self._begin = self._begin or time.monotonic()
            # A plan that adds workers notifies nobody, so check from time to time.
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
