"""Tell the user in time that a load will outlive a token that cannot be renewed. No I/O."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from typing import Protocol

from loader.credentials.moments import duration
from loader.events import Event, Opened, Read, Requested, Resumed, Settled, Skipped

_SOON = 60.0  # seconds: with less left, most loads do not end in time
_FAST = 20e6  # bytes of sources a second that few loads reach
_MEASURED = 5.0  # seconds until a rate is believed


def at_start(seconds_left: float, size: int | None) -> str:
    """Return what can be said before anything is loaded; empty where that is nothing.

    Args:
        seconds_left: until the token expires.
        size: bytes of sources that are left; None: it is not known.
    """
    if seconds_left <= 0:
        return "the server may refuse it at any moment"
    if size is not None and size / _FAST > seconds_left:
        return f"even at {_rate(_FAST)} the {_size(size)} to load take {duration(size / _FAST)}"
    return "the load must end before that" if seconds_left < _SOON else ""


def on_the_way(seconds_left: float, size: int, rate: float) -> str:
    """Return what follows from the rate so far; empty where the load ends before the token, or after its end.

    Args:
        seconds_left: until the token expires.
        size: bytes of sources that are left.
        rate: bytes a second.
    """
    if seconds_left <= 0 or rate <= 0 or size / rate <= seconds_left:
        return ""
    return f"at {_rate(rate)} the remaining {_size(size)} take {duration(size / rate)}"


class TokenInUse(Protocol):
    """What Tokens tells of the token in use."""

    @property
    def name(self) -> str:
        """What messages call it, as in ``the token of BULKLOAD_TOKEN``."""

    @property
    def can_renew(self) -> bool:
        """Whether another may follow."""

    @property
    def seconds_left(self) -> float:
        """For how long it is good; infinite where that is not known."""


class OutlastWatch:
    """Notices that a load will outlive its token: at the start, and once its rate is known. An observer.

    Args:
        token: the one in use.
        notice: given what the user should know.
        clock: tells the time in seconds, from any moment on.
    """

    def __init__(
        self,
        token: TokenInUse,
        notice: Callable[[str], None],
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._token = token
        self._notice = notice
        self._clock = clock
        self._size: int | None = None
        self._done = 0  # bytes of sources, those of earlier runs too
        self._has_begun = False  # whether a request was answered: the load has a token
        self._has_told = False  # whether the user knows what to do
        # When the first batch was settled: what is read before that is for want of requests to wait for.
        self._since: float | None = None
        self._read = 0  # bytes since then
        self._is_over = False  # whether nothing is left to say

    def on(self, event: Event) -> None:
        """Count what is read, and look at the token after each request."""
        match event:
            case Opened(size):
                self._size = size
            case Resumed():
                self._done = event.bytes
            case Skipped(size):
                self._done += size
            case Read(size):
                self._done += size
                self._read += size
            case Settled() if self._since is None:
                self._since, self._read = self._clock(), 0
            case Requested() if not self._is_over:
                self._look()
            case _:
                pass

    def _look(self) -> None:
        left = self._token.seconds_left
        if self._token.can_renew or math.isinf(left):
            self._is_over = True
            return
        size = None if self._size is None else max(self._size - self._done, 0)
        seconds = 0.0 if self._since is None else self._clock() - self._since
        if not self._has_begun:
            self._has_begun = True
            self._tell(left, at_start(left, size))
        elif (
            size is not None
            and seconds >= _MEASURED
            and (why := on_the_way(left, size, self._read / seconds))
        ):
            self._is_over = True
            self._tell(left, why)

    def _tell(self, left: float, why: str) -> None:
        if not why:
            return
        to_do = "" if self._has_told else f": {_ADVICE}"
        self._has_told = True
        self._notice(f"{self._token.name} {_end(left)} and cannot be renewed; {why}{to_do}")


_ADVICE = (
    "give a --token-command or a longer token, or run the same command again with a new token when it stops"
)


def _end(seconds_left: float) -> str:
    if seconds_left <= 0:
        return "has expired"
    return f"expires in {duration(seconds_left)}"


def _size(count: float) -> str:
    length, unit = next(
        ((size, name) for size, name in ((1e9, "GB"), (1e6, "MB")) if count >= size), (1e3, "KB")
    )
    return f"{count / length:,.1f} {unit}"


def _rate(rate: float) -> str:
    return f"{_size(rate)}/s"
