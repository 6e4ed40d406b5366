"""What became of a body that was sent."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, auto

from loader.errors import TargetError
from loader.model import Reason
from loader.postgrest.error_codes import NO_REPLY


class Cause(Enum):
    """What a body was refused for."""

    ROW = auto()  # at least one row is bad, and the rest is not in
    KEYS = auto()  # two rows have keys that the database holds equal: apart they may be fine
    SIZE = auto()  # too much for one request
    COLUMNS = auto()  # these columns cannot be written, whatever the rows hold


@dataclass(frozen=True, slots=True)
class Accepted:
    """It is in.

    Attributes:
        count: rows that were stored.
        new: whether, as far as an upsert's reply tells, there were new rows among them.
    """

    count: int
    new: bool = False


@dataclass(frozen=True, slots=True)
class Refused:
    """None of it is in, and sent again as it is it would be refused again."""

    cause: Cause
    reason: Reason


@dataclass(frozen=True, slots=True)
class Unsure:
    """The reply to a plain insert was lost: its rows may be in, and must not be sent before that is known.

    Attributes:
        late: whether it was probably too large to be answered within --timeout.
    """

    late: bool


@dataclass(frozen=True, slots=True)
class Unusable:
    """The target takes no such request, whatever its rows hold."""

    error: TargetError
    reason: Reason


LATE = Refused(Cause.SIZE, Reason(NO_REPLY, "no answer in time"))
OVERSIZE = Refused(Cause.SIZE, Reason("", ""))  # not sent: the server has refused as much before
