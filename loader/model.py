"""The vocabulary of a load: values that the stages hand to each other."""

from __future__ import annotations

from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from enum import Enum, auto
from typing import NamedTuple, Protocol

# One column's value as text, as PostgreSQL's `->>` would give it; a tuple for several key columns.
# None stands for SQL null, and for a row whose key is not looked at.
Key = str | tuple[str | None, ...] | None


# Which source, counted from 0, and which of its rows, counted from 1.
RowId = tuple[int, int]


class Place(NamedTuple):
    """Where a row begins.

    Attributes:
        source: which source, counted from 0.
        number: which of its rows, counted from 1. The rows of JSON Lines are its lines.
        offset: of its first byte in the (decompressed) source; 0 in a database, which has no order of bytes.
        line: its first line, counted from 1; in a database the row's number.
    """

    source: int
    number: int
    offset: int
    line: int

    @property
    def row_id(self) -> RowId:
        """Source and number, which are enough to tell rows apart."""
        return self.source, self.number


BEGIN = Place(0, 1, 0, 1)


class Origin(Protocol):
    """Knows neighbouring rows as their source has them, where they are sent in another form."""

    def data(self, index: int) -> bytes:
        """Return a row as the source has it; it may be several lines."""

    def line(self, index: int) -> int:
        """Return the line of the source on which a row begins."""

    def offset(self, index: int) -> int:
        """Return the offset of a row in bytes; 0 in a database."""


def _resolve(counted: Place, origin: Origin | None, at: int) -> Place:
    if origin is None:
        return counted
    return counted._replace(line=origin.line(at), offset=origin.offset(at))


@dataclass(frozen=True, slots=True)
class RowRange:
    """All rows of one shape between two rows, both included."""

    columns: tuple[str, ...]
    first: RowId
    last: RowId


@dataclass(frozen=True, slots=True)
class Shape:
    """The columns that a row writes; rows of one shape can share a request."""

    columns: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Block:
    """Neighbouring rows of one source, each on a line: lines of the source, or rows made from its records.

    Attributes:
        start: where the first row begins.
        data: the lines, joined by newlines, without the last newline.
        lines: the same lines one by one, each with its newline.
        origin: what the rows were made from; None if the lines are the source's own.
        at: index of the first row in ``origin``.
    """

    start: Place
    data: bytes
    lines: list[bytes]
    origin: Origin | None = None
    at: int = 0

    @property
    def end(self) -> Place:
        """Where the next row begins, if the lines are the source's own."""
        source, number, offset, line = self.start
        count = len(self.lines)
        return Place(source, number + count, offset + len(self.data) + 1, line + count)


@dataclass(frozen=True, slots=True)
class Chunk:
    """Neighbouring rows of one shape, checked: each line of ``data`` is one row.

    Attributes:
        shape: the columns of each row.
        counted: the place of the first row, with line and offset counted in ``data``. These are right
            only without an origin: ``start`` is right in any case.
        data: the rows, joined by newlines.
        keys: the key of each row.
        origin: what the rows were made from; None if they stand in the source as they are sent.
        at: index of the first row in ``origin``.
    """

    shape: Shape
    counted: Place
    data: bytes
    keys: list[Key]
    origin: Origin | None = None
    at: int = 0

    @property
    def start(self) -> Place:
        """Where the first row begins."""
        return _resolve(self.counted, self.origin, self.at)

    @property
    def first(self) -> RowId:
        """The first row."""
        return self.counted.row_id

    @property
    def last(self) -> RowId:
        """The last row."""
        return self.counted.source, self.counted.number + len(self.keys) - 1


@dataclass(frozen=True, slots=True)
class Row:
    """One row of a chunk. ``data`` is what is sent; the other attributes are those of Chunk."""

    data: bytes
    key: Key
    counted: Place
    origin: Origin | None = None
    at: int = 0

    @property
    def id(self) -> RowId:
        """Tells it from all other rows."""
        return self.counted.row_id

    @property
    def place(self) -> Place:
        """Where it begins."""
        return _resolve(self.counted, self.origin, self.at)

    def reject(self, reason: Reason) -> Reject:
        """Return the row as its source has it, with the reason why it did not get in."""
        data = self.data if self.origin is None else self.origin.data(self.at)
        return Reject(data, self.place, reason)


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
        gapless: whether all rows of its shape between its first and its last are its own, or settled.
    """

    shape: Shape
    chunks: tuple[Chunk, ...]
    rows: int
    size: int
    repeats: bool
    keys: AbstractSet[Key]
    gapless: bool = True


@dataclass(frozen=True, slots=True)
class Reason:
    """Why a request or a row was refused: the server's words, or ours in the same form.

    ``code`` is an SQLSTATE, a PGRST code, an HTTP status as ``HTTP 502``, or one of the local
    checks' names (``not-json``). ``column`` is the one that a row was refused for, as far as that is known.
    """

    code: str
    message: str
    details: str | None = None
    hint: str | None = None
    column: str | None = None


@dataclass(frozen=True, slots=True)
class Reject:
    """A row that did not get in: as its source has it, where it stands there, and why."""

    data: bytes
    place: Place
    reason: Reason


@dataclass(frozen=True, slots=True)
class HeldBack:
    """A row that another row of the load may still let in: it is tried again at the end of the load.

    Attributes:
        row: as it is sent.
        shape: its columns.
        key: its key, as the columns' types compare it.
        reason: why it was refused, alone or among others; None: it only waits behind an earlier row of
            its key.
        alone: whether it was refused alone, so that the reason is its own.
    """

    row: Row
    shape: Shape
    key: Key
    reason: Reason | None = None
    alone: bool = False


@dataclass(frozen=True, slots=True)
class Reply:
    """What came back for one request.

    Attributes:
        status: the HTTP status.
        reason: the error that the body names; None where it names none.
        body: the start of the body; of a refusal, of what it says, without the markup of a web page.
        count: N of ``Content-Range: */N``; None where it is absent.
        applied: ``Preference-Applied``.
        retry_after: ``Retry-After`` in seconds; None where it is absent or a date.
        location: ``Location`` of a redirect.
        token: the bearer token that the request carried.
        proxy: that has read the request on its way, and may have answered in place of the server.
        is_page: whether the body is a web page.
    """

    status: int
    reason: Reason | None = None
    body: str = ""
    count: int | None = None
    applied: str = ""
    retry_after: float | None = None
    location: str = ""
    token: str | None = field(default=None, repr=False)
    proxy: str = ""
    is_page: bool = False


@dataclass(frozen=True, slots=True)
class NoReply:
    """No reply: the connection failed, broke, or took too long.

    Attributes:
        message: the network's words.
        sent: whether the request may have reached the server, and so may have been carried out.
        hopeless: whether trying again is of no use (the host's name does not exist).
        slow: whether it took too long.
        advice: what the user can do about it; empty: look whether the URL is right.
    """

    message: str
    sent: bool = True
    hopeless: bool = False
    slow: bool = False
    advice: str = ""


class Decision(Enum):
    """What one reply means for what was sent."""

    DONE = auto()  # it is in
    RETRY = auto()  # the same again, after a while
    RENEW = auto()  # the same again, with a new token
    SPLIT = auto()  # at least one row is bad, and the rest is not in
    KEYS = auto()  # two rows have keys that the database holds equal: apart they may be fine
    SHRINK = auto()  # too much for one request
    COLUMNS = auto()  # these columns cannot be written, whatever the rows hold
    STOP = auto()  # the target cannot be used


class Overload(Enum):
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
        decision: what the answer means.
        overload: what it was refused for.
    """

    rows: int
    size: int
    since: float
    now: float
    decision: Decision
    overload: Overload = Overload.NONE


@dataclass(slots=True)
class Limits:
    """Upper bounds of a batch; ``size`` is that of a request's body, in bytes."""

    rows: int
    size: int


@dataclass(slots=True, eq=False)
class Insert:
    """A plain insert without an answer: either all of its rows are in or none.

    ``number`` is that under which the journal knows it, ``is_in`` whether it was found to be in.
    """

    number: int
    rows: Sequence[Row]
    is_in: bool = False


@dataclass(slots=True)
class Outcome:
    """What became of a batch's rows so far; it grows while the batch is settled.

    ``settled`` are the settled rows, where the batch had to be taken apart: those that are held back
    too, as the batch is done with them. ``sent`` are the numbers under which the journal knows the plain
    inserts that got in, ``open`` the inserts that may be in, or may still get in.
    """

    loaded: int = 0
    superseded: int = 0
    ignored: int = 0
    rejects: list[Reject] = field(default_factory=list)
    held_back: list[HeldBack] = field(default_factory=list)
    settled: set[RowId] = field(default_factory=set)
    sent: list[int] = field(default_factory=list)
    open: list[Insert] = field(default_factory=list)

    @property
    def rows(self) -> int:
        """Rows that the batch is done with."""
        return self.loaded + self.superseded + self.ignored + len(self.rejects) + len(self.held_back)

    def accept(self, stored: int, *, sent: int, rows: int) -> None:
        """Count rows that were accepted.

        Args:
            stored: how many the server has stored.
            sent: how many were sent: the others were there already, and are ignored.
            rows: how many they stand for: the others are superseded by those that were sent.
        """
        self.loaded += stored
        self.ignored += sent - stored
        self.superseded += rows - sent

    def reject(self, reject: Reject) -> None:
        """Count a row that will not get in."""
        self.rejects.append(reject)
        self.settled.add(reject.place.row_id)

    def hold_back(self, held_back: HeldBack) -> None:
        """Keep a row for the end of the load."""
        self.held_back.append(held_back)
        self.settled.add(held_back.row.id)
