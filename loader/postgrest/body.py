"""Rows -> the body of a request: a JSON array of the rows' own bytes. No I/O."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import msgspec

from loader.formats.json_fields import decode
from loader.model import Batch, Key, Row

_NULL = msgspec.Raw(b"null")
_WORTH_A_WRITE = 64 * 1024  # bytes


@dataclass(frozen=True, slots=True)
class Body:
    """The rows of a request: lines in pieces, which become a JSON array as they are written.

    So a body is never in memory as a whole, besides the rows themselves.

    Attributes:
        lines: the rows, joined by newlines within a piece.
        rows: how many they are.
    """

    lines: tuple[bytes, ...]
    rows: int

    @property
    def size(self) -> int:
        """Length of the array, in bytes."""
        return max(2, sum(map(len, self.lines)) + len(self.lines) + 1)

    def pieces(self) -> Iterator[bytes]:
        """Yield the array, piece by piece: each is written alone, so small ones are joined."""
        joined, size = [b"["], 0
        for number, piece in enumerate(self.lines):
            if number:
                joined.append(b",")
            # A JSON text holds no raw newline within a string, so each one stands between two rows.
            joined.append(piece.replace(b"\n", b","))
            size += len(piece)
            if size >= _WORTH_A_WRITE:
                yield b"".join(joined)
                joined, size = [], 0
        yield b"".join([*joined, b"]"])

    def uniform(self, columns: Sequence[str]) -> Body:
        """Return the body with just these columns in each row, for a request whose URL does not name them.

        PostgREST then takes the columns from the rows, which must all have the same keys. As with
        ``columns=`` a row's other keys are left out, and those that it lacks are null. The bytes of the
        values stay.
        """
        names = frozenset(columns)
        return Body(tuple(_uniform_lines(piece, columns, names) for piece in self.lines), self.rows)

    def __bytes__(self) -> bytes:
        return b"".join(self.pieces())


EMPTY = Body((), 0)


def _uniform_lines(piece: bytes, columns: Sequence[str], names: frozenset[str]) -> bytes:
    lines = piece.split(b"\n")
    changed = False
    for index, line in enumerate(lines):
        row = decode(line)
        if row.keys() != names:
            fields = (b"%b:%b" % (msgspec.json.encode(name), row.get(name, _NULL)) for name in columns)
            lines[index] = b"{" + b",".join(fields) + b"}"
            changed = True
    return b"\n".join(lines) if changed else piece


def of_batch(batch: Batch) -> Body:
    """Return the body that sends each row of a batch in which no key stands twice."""
    return Body(tuple(chunk.data for chunk in batch.chunks), batch.rows)


def of_rows(rows: Sequence[Row]) -> Body:
    """Return the body that sends just these rows, in this order."""
    return Body((b"\n".join([row.data for row in rows]),), len(rows))


def last_of_each_key(rows: Sequence[Row]) -> list[Row]:
    """Leave out the rows that a later row of the same key overwrites, column for column.

    A key with a null in it is not equal to any other, as for PostgreSQL's unique constraints.
    """
    last = {row.key: place for place, row in enumerate(rows)}
    return [row for place, row in enumerate(rows) if has_null(row.key) or last[row.key] == place]


def has_null(key: Key) -> bool:
    """Return whether a key, or a part of it, is null."""
    return key is None or (isinstance(key, tuple) and None in key)
