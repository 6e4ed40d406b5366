"""Where rows come from that do not stand in their source as they are sent. No I/O.

Each class is an Origin (model.Origin): it knows neighbouring rows as their source has them.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass

import msgspec

from loader.model import Place

Cell = str | int | float | bytes | None

_decode = msgspec.json.Decoder(msgspec.Raw).decode
_STRING = re.compile(rb'"(?:[^"\\]|\\.)*+"', re.DOTALL)


@dataclass(frozen=True, slots=True)
class LineOrigin:
    """The origin of records that stand in a text: whole lines of it, one or more for each.

    Attributes:
        lines: each with its newline.
        first: where the first of them begins.
        ends: for each record how many lines there are up to its end; None: each is one line.
        bare: the records without what stands around them on their lines; None: nothing does.
    """

    lines: Sequence[bytes]
    first: Place
    ends: Sequence[int] | None = None
    bare: Sequence[bytes] | None = None

    def data(self, index: int) -> bytes:
        """A record as the source has it, without its last newline."""
        if self.bare is not None:
            return self.bare[index]
        return b"".join(self.lines[self._begin(index) : self._end(index)]).removesuffix(b"\n")

    def line(self, index: int) -> int:
        """On which line of the source it begins."""
        return self.first.line + self._begin(index)

    def offset(self, index: int) -> int:
        """Where it begins, in bytes."""
        return self.first.offset + sum(map(len, self.lines[: self._begin(index)]))

    def _begin(self, index: int) -> int:
        return self._end(index - 1) if index else 0

    def _end(self, index: int) -> int:
        return index + 1 if self.ends is None else self.ends[index]


@dataclass(frozen=True, slots=True)
class TextOrigin:
    """The origin of records of so many lines that these are better not held each for itself.

    Attributes:
        texts: of each, with the newline behind it.
        first: where the first of them begins.
        ends: for each how many lines there are up to its end.
    """

    texts: Sequence[bytes]
    first: Place
    ends: Sequence[int]

    def data(self, index: int) -> bytes:
        """A record as the source has it, without its last newline."""
        return self.texts[index].removesuffix(b"\n")

    def line(self, index: int) -> int:
        """On which line of the source it begins."""
        return self.first.line + (self.ends[index - 1] if index else 0)

    def offset(self, index: int) -> int:
        """Where it begins, in bytes."""
        return self.first.offset + sum(map(len, self.texts[:index]))


@dataclass(frozen=True, slots=True)
class ElementOrigin:
    """The origin of records that stand anywhere in a text.

    Attributes:
        texts: each as it stands there.
        lines: on which line each begins.
        offsets: where each begins, in bytes.
    """

    texts: Sequence[bytes]
    lines: Sequence[int]
    offsets: Sequence[int]

    def data(self, index: int) -> bytes:
        """A record as the source has it, on one line."""
        return on_one_line(self.texts[index])

    def line(self, index: int) -> int:
        """On which line of the source it begins."""
        return self.lines[index]

    def offset(self, index: int) -> int:
        """Where it begins, in bytes."""
        return self.offsets[index]


class DatabaseOrigin:
    """The origin of a database's rows: their numbers, and the rows themselves as JSON.

    Args:
        first: the number of the first.
        columns: their names.
        records: their cells.
    """

    def __init__(self, first: int, columns: Sequence[str], records: Sequence[Sequence[Cell]]) -> None:
        self._first = first
        self._columns = columns
        self._records = records
        self.json: frozenset[str] = frozenset()  # the columns whose texts are JSON

    def data(self, index: int) -> bytes:
        """A row as a JSON object: a reject file of them is a source in its turn."""
        row: dict[str, object] = dict(zip(self._columns, map(_as_json, self._records[index]), strict=True))
        for column in self.json:
            with suppress(msgspec.DecodeError, UnicodeEncodeError):
                row[column] = _decode(text) if isinstance(text := row[column], str) else text
        try:
            return msgspec.json.encode(row)
        except UnicodeEncodeError:
            return json.dumps(row).encode()  # what is no UTF-8 is escaped

    def line(self, index: int) -> int:
        """Its number, from 1."""
        return self._first + index

    def offset(self, _index: int) -> int:
        """Return 0: a database has no order of bytes."""
        return 0


def _as_json(cell: Cell) -> Cell:
    if isinstance(cell, bytes):
        return f"\\x{cell.hex()}"
    # JSON has no word for an infinity, and null would be another value.
    return str(cell) if isinstance(cell, float) and not math.isfinite(cell) else cell


def on_one_line(text: bytes) -> bytes:
    """JSON without newlines: between two tokens a blank stands for them.

    In a string, where none may be, a carriage return does, which may be there no more: what is no JSON never
    becomes JSON on one line.
    """
    if b"\n" not in text:
        return text
    return _STRING.sub(lambda found: found[0].replace(b"\n", b"\r"), text).replace(b"\n", b" ")
