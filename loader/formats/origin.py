"""The origins of rows that are not sent as they are in their source. No I/O.

Each class is an Origin (model.Origin): it gives neighbouring records as they are in their source, for the
rejects, and their lines and offsets, for messages.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import msgspec

from loader.model import Place, Reason

Cell = str | int | float | bytes | None

_STRING = re.compile(rb'"(?:[^"\\]|\\.)*+"', re.DOTALL)


@dataclass(frozen=True, slots=True)
class LineOrigin:
    """The origin of records that are whole lines of a text, one or more each.

    Attributes:
        lines: each with its newline.
        first: where the first line begins.
        ends: for each record, how many lines there are up to its end; None: each record is one line.
        stripped: the records without what is around them on their lines; None: there is nothing around them.
    """

    lines: Sequence[bytes]
    first: Place
    ends: Sequence[int] | None = None
    stripped: Sequence[bytes] | None = None
    # Lines that were counted last, and their bytes: to ask for each record in turn counts each line once.
    _counted: list[tuple[int, int]] = field(default_factory=lambda: [(0, 0)], compare=False, repr=False)

    def data(self, index: int) -> bytes:
        """Return a record as it is in the source, without its last newline."""
        if self.stripped is not None:
            return self.stripped[index]
        return b"".join(self.lines[self._begin(index) : self._end(index)]).removesuffix(b"\n")

    def line(self, index: int) -> int:
        """Return the line of the source on which a record begins."""
        return self.first.line + self._begin(index)

    def offset(self, index: int) -> int:
        """Return the offset of a record in bytes."""
        begin = self._begin(index)
        lines, size = self._counted[0]
        if lines > begin:
            lines = size = 0
        size += sum(map(len, self.lines[lines:begin]))
        self._counted[0] = (begin, size)
        return self.first.offset + size

    def _begin(self, index: int) -> int:
        return self._end(index - 1) if index else 0

    def _end(self, index: int) -> int:
        return index + 1 if self.ends is None else self.ends[index]


@dataclass(frozen=True, slots=True)
class TextOrigin:
    """The origin of records of very many lines. It holds each record as one text, to need less memory.

    Attributes:
        texts: the records, each with the newline after it.
        first: where the first record begins.
        ends: for each record, how many lines there are up to its end.
    """

    texts: Sequence[bytes]
    first: Place
    ends: Sequence[int]

    def data(self, index: int) -> bytes:
        """Return a record as it is in the source, without its last newline."""
        return self.texts[index].removesuffix(b"\n")

    def line(self, index: int) -> int:
        """Return the line of the source on which a record begins."""
        return self.first.line + (self.ends[index - 1] if index else 0)

    def offset(self, index: int) -> int:
        """Return the offset of a record in bytes."""
        return self.first.offset + sum(map(len, self.texts[:index]))


@dataclass(frozen=True, slots=True)
class ElementOrigin:
    """The origin of records that may be anywhere in a text: the elements of a JSON array.

    Attributes:
        texts: the elements as they are in the source.
        lines: on which line each begins.
        offsets: of each, in bytes.
    """

    texts: Sequence[bytes]
    lines: Sequence[int]
    offsets: Sequence[int]

    def data(self, index: int) -> bytes:
        """Return an element as it is in the source, but on one line."""
        return on_one_line(self.texts[index])

    def line(self, index: int) -> int:
        """Return the line of the source on which an element begins."""
        return self.lines[index]

    def offset(self, index: int) -> int:
        """Return the offset of an element in bytes."""
        return self.offsets[index]


class DatabaseOrigin:
    """The origin of the rows of a database: their numbers, and the rows as JSON.

    Args:
        first: the number of the first row.
        columns: the names of the columns.
        records: the cells of each row.

    Attributes:
        written: writes the cells of some columns as they are sent; a Reason if they cannot be.
    """

    def __init__(self, first: int, columns: Sequence[str], records: Sequence[Sequence[Cell]]) -> None:
        self._first = first
        self._columns = columns
        self._records = records
        self.written: Mapping[str, Callable[[Cell], object]] = {}

    def data(self, index: int) -> bytes:
        """Return a row as a JSON object, so that a file of rejected rows can be loaded again."""
        row: dict[str, object] = dict(zip(self._columns, map(_as_json, self._records[index]), strict=True))
        for column, write in self.written.items():
            # As JSON Lines, a row passes untouched: its values must be as their types take them.
            value = write(self._records[index][self._columns.index(column)])
            if not isinstance(value, Reason):
                row[column] = value
        try:
            return msgspec.json.encode(row)
        except UnicodeEncodeError:
            return json.dumps(row).encode()  # escapes what is not UTF-8

    def line(self, index: int) -> int:
        """Return the number of a row, counted from 1."""
        return self._first + index

    def offset(self, _index: int) -> int:
        """Return 0: the rows of a database have no offsets."""
        return 0


def _as_json(cell: Cell) -> Cell:
    if isinstance(cell, bytes):
        return f"\\x{cell.hex()}"
    # JSON cannot express an infinity, and null would be another value.
    return str(cell) if isinstance(cell, float) and not math.isfinite(cell) else cell


def on_one_line(text: bytes) -> bytes:
    """Return JSON without newlines: a newline between two tokens becomes a blank.

    A newline within a string, where JSON allows none, becomes a carriage return, which JSON does not allow
    there either. So a text that is not valid JSON does not become valid.
    """
    if b"\n" not in text:
        return text
    return _STRING.sub(lambda string: string[0].replace(b"\n", b"\r"), text).replace(b"\n", b" ")
