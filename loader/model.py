"""The vocabulary of a load: values that stages hand to each other. Frozen, no behaviour."""

from __future__ import annotations

from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from enum import Enum, auto
from typing import NamedTuple

# One column's value as text, as PostgreSQL's `->>` would give it; a tuple for several key columns.
# None stands for SQL null, and for a row whose key is not looked at.
Key = str | tuple[str | None, ...] | None


# Which source, counted from 0, and which line of it, counted from 1.
Place = tuple[int, int]


class Position(NamedTuple):
    """Where a line begins: its place, and the offset of its first byte in the (decompressed) source."""

    source: int
    line: int
    offset: int


@dataclass(frozen=True, slots=True)
class Settlement:
    """All rows that write just these columns, from one place to another, have their fate."""

    columns: tuple[str, ...]
    first: Place
    last: Place


@dataclass(frozen=True, slots=True)
class Shape:
    """The columns that a row writes; rows of one shape can share a request."""

    columns: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Block:
    """Whole neighbouring lines of one source, as they stand there.

    Attributes:
        source: which source, counted from 0.
        line: number of its first line, counted from 1.
        offset: where its first byte stands in the (decompressed) source, in bytes.
        data: the lines, joined by newlines, without the last newline.
        lines: how many they are.
    """

    source: int
    line: int
    offset: int
    data: bytes
    lines: int


@dataclass(frozen=True, slots=True)
class Chunk:
    """Neighbouring rows of one shape, checked: each line of ``data`` is one row.

    ``keys`` has one entry a row. ``source``, ``line`` and ``offset`` are those of the first row.
    """

    shape: Shape
    source: int
    line: int
    offset: int
    data: bytes
    keys: list[Key]


@dataclass(frozen=True, slots=True)
class Row:
    """One row, when a batch has to be taken apart. ``data`` holds the source's own bytes."""

    data: bytes
    key: Key
    source: int
    line: int
    offset: int


@dataclass(frozen=True, slots=True, eq=False)
class Batch:
    """What goes out in one request if all is well.

    Attributes:
        shape: the columns of each of its rows.
        chunks: its rows, in the order of the source.
        rows: how many they are.
        size: the length of the request's body, in bytes.
        repeats: whether a key stands in it more than once.
        keys: its keys without nulls, as their columns' types compare them.
    """

    shape: Shape
    chunks: tuple[Chunk, ...]
    rows: int
    size: int
    repeats: bool
    keys: AbstractSet[Key]


@dataclass(frozen=True, slots=True)
class Reason:
    """Why a request or a row was refused: the server's words, or ours in the same form.

    ``code`` is an SQLSTATE, a PGRST code, an HTTP status as ``HTTP 502``, or one of the local
    checks' names (``not-json``).
    """

    code: str
    message: str
    details: str | None = None
    hint: str | None = None


WORDLESS = "wordless"  # the code of a reason for which PostgREST gave neither code nor message


@dataclass(frozen=True, slots=True)
class Reject:
    """A row that did not get in, where it stands in its source, and why."""

    data: bytes
    source: int
    line: int
    offset: int
    reason: Reason


@dataclass(frozen=True, slots=True)
class Reply:
    """What came back for one request.

    Attributes:
        status: the HTTP status.
        reason: the error that the body names; None where it names none.
        body: the start of a body that is not PostgREST's, for messages.
        count: N of ``Content-Range: */N``; None where it is absent.
        applied: ``Preference-Applied``.
        retry_after: ``Retry-After`` in seconds; None where it is absent or a date.
        location: ``Location`` of a redirect.
        token: the bearer token that the request carried.
    """

    status: int
    reason: Reason | None = None
    body: str = ""
    count: int | None = None
    applied: str = ""
    retry_after: float | None = None
    location: str = ""
    token: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Lost:
    """No reply: the connection failed, broke, or took too long.

    Attributes:
        message: the network's words.
        sent: whether the request may have reached the server, and so may have been carried out.
        hopeless: whether trying again is of no use (the host's name does not exist).
        slow: whether it took too long.
    """

    message: str
    sent: bool = True
    hopeless: bool = False
    slow: bool = False


class Kind(Enum):
    """What a reply means for what was sent."""

    DONE = auto()  # it is in
    RETRY = auto()  # the same again, after a while
    RENEW = auto()  # the same again, with a new token
    SPLIT = auto()  # at least one row is bad, and the rest is not in
    KEYS = auto()  # two rows have keys that the database holds equal: apart they may be fine
    SHRINK = auto()  # too much for one request
    COLUMNS = auto()  # these columns cannot be written, whatever the rows hold
    UNSURE = auto()  # it may be in, and must not be sent again before that is known
    STOP = auto()  # the target cannot be used


class Strain(Enum):
    """What a request was refused for, where that is no fault of what it holds."""

    NONE = auto()  # it was not
    BUSY = auto()  # too many at once, or too busy a server
    LONG = auto()  # its rows take longer than the server allows
    LARGE = auto()  # its bytes are too many


@dataclass(frozen=True, slots=True)
class Answered:
    """A request that came to an end.

    Attributes:
        rows: how many it carried; 0 for a preflight.
        size: of its body, in bytes.
        since: when it was sent, in seconds on any clock.
        now: when it came to its end, on the same.
        kind: what the answer means.
        strain: what it was refused for.
    """

    rows: int
    size: int
    since: float
    now: float
    kind: Kind
    strain: Strain = Strain.NONE


@dataclass(frozen=True, slots=True)
class Verdict:
    """What to do after a reply.

    Attributes:
        kind: see Kind.
        reason: why, in the server's words or ours.
        count: rows that were stored, for DONE.
        after: seconds that the server asked to wait, for RETRY.
        tries: after how many RETRYs a batch is split instead; None: never.
        advice: what the user can do, for STOP and COLUMNS.
    """

    kind: Kind
    reason: Reason = Reason("", "")
    count: int = 0
    after: float | None = None
    tries: int | None = None
    advice: str = ""


@dataclass(slots=True)
class Outcome:
    """What became of a batch's rows so far; it grows while the batch is settled.

    ``places`` are those of the settled rows, where the batch had to be taken apart. ``sent`` are the
    numbers under which the journal knows the plain inserts that got in.
    """

    loaded: int = 0
    superseded: int = 0
    ignored: int = 0
    rejects: list[Reject] = field(default_factory=list)
    places: set[Place] = field(default_factory=set)
    sent: list[int] = field(default_factory=list)

    @property
    def rows(self) -> int:
        """Rows whose fate is known."""
        return self.loaded + self.superseded + self.ignored + len(self.rejects)
