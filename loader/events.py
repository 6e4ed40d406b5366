"""The events of a load, and who may watch them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol

from loader.model import Decision, Outcome, Reject


@dataclass(frozen=True, slots=True)
class Opened:
    """The sources are there. ``size`` is bytes in all, as they are stored; None where it cannot be known."""

    size: int | None


@dataclass(frozen=True, slots=True)
class Resumed:
    """An earlier run's work is taken up: its counts, and the ``bytes`` of sources that it was done with."""

    counts: dict[str, int]
    bytes: int


@dataclass(frozen=True, slots=True)
class Skipped:
    """``size`` bytes of a source, as they are stored, are settled by an earlier run and passed over."""

    size: int


@dataclass(frozen=True, slots=True)
class Read:
    """``size`` bytes of a source, as they are stored, were read: of a compressed one compressed bytes."""

    size: int


@dataclass(frozen=True, slots=True)
class Requested:
    """A request was answered, or lost. ``rows`` is 0 for one that carried none; ``size`` is bytes."""

    rows: int
    size: int
    seconds: float
    decision: Decision


@dataclass(frozen=True, slots=True)
class Throttled:
    """How much may be sent has changed: requests in flight, and the ``rows`` and ``size`` (bytes) of each."""

    in_flight: int
    rows: int
    size: int


@dataclass(frozen=True, slots=True)
class Retrying:
    """A request will be sent again, in ``seconds``."""

    why: str
    seconds: float


@dataclass(frozen=True, slots=True)
class Renewed:
    """A new token replaced the one in use."""


@dataclass(frozen=True, slots=True)
class Rejected:
    """A row will not get in."""

    reject: Reject


@dataclass(frozen=True, slots=True)
class Settled:
    """A batch is done with, or left off in the middle by a stop."""

    outcome: Outcome


@dataclass(frozen=True, slots=True)
class FormatDetected:
    """What a look at a source has shown. ``usual``: it is what one would expect."""

    source: str
    text: str
    usual: bool = False


@dataclass(frozen=True, slots=True)
class Notice:
    """Something for the user to know."""

    message: str


@dataclass(frozen=True, slots=True)
class HelperOutput:
    """A line that --token-command has written for its user. It is shown, and must not be stored or logged."""

    line: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class HelperFailed:
    """--token-command gave no token: what it has written says why."""


Event = (
    Opened
    | Resumed
    | Skipped
    | Read
    | Requested
    | Throttled
    | Retrying
    | Renewed
    | Rejected
    | Settled
    | FormatDetected
    | Notice
    | HelperOutput
    | HelperFailed
)


class Observer(Protocol):
    """Watches a load. It must be quick, and must not raise."""

    def on(self, event: Event) -> None:
        """Something happened."""


class Observers:
    """Tells all of them."""

    def __init__(self, *observers: Observer) -> None:
        self._observers = list(observers)

    def add(self, observer: Observer) -> None:
        """Tell another one, too, from now on."""
        self._observers.append(observer)

    def on(self, event: Event) -> None:
        """Something happened."""
        for observer in self._observers:
            observer.on(event)
