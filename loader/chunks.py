"""Chunks of rows: where they begin, cutting them, and making a batch of them. No I/O."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from loader.equality import ReadKey
from loader.model import Batch, Chunk, Origin, Position, Reason, Reject, Row


def start_of(chunk: Chunk) -> Position:
    """Where a chunk begins."""
    line, offset = _where(chunk.origin, chunk.at, chunk.number, chunk.offset)
    return Position(chunk.source, chunk.number, offset or 0, line)


def line_of(row: Row) -> int:
    """The line of the source on which a row begins."""
    return _where(row.origin, row.at, row.number, row.offset)[0]


def reject(row: Row, reason: Reason) -> Reject:
    """A row that does not get in, as its source has it."""
    line, offset = _where(row.origin, row.at, row.number, row.offset)
    data = row.data if row.origin is None else row.origin.data(row.at)
    return Reject(data, row.source, row.number, line, offset, reason)


def _where(origin: Origin | None, at: int, number: int, offset: int) -> tuple[int, int | None]:
    """Line and offset of a row."""
    return (number, offset) if origin is None else (origin.line(at), origin.offset(at))


def cut(chunk: Chunk, rows: int, size: int) -> tuple[Chunk | None, Chunk | None]:
    """Cut a chunk into a head of at most ``rows`` rows and ``size`` bytes, and the rest.

    The head is None where not even one row fits, the rest where all do.
    """
    if len(chunk.keys) <= rows and len(chunk.data) <= size:
        return chunk, None
    data = chunk.data
    end, taken = -1, 0  # the newline behind the head
    while taken < min(rows, len(chunk.keys)):
        newline = data.find(b"\n", end + 1)
        newline = len(data) if newline < 0 else newline
        if newline > size:
            break
        end, taken = newline, taken + 1
    if taken == 0:
        return None, chunk
    if taken == len(chunk.keys):
        return chunk, None
    head = replace(chunk, data=data[:end], keys=chunk.keys[:taken])
    tail = replace(
        chunk,
        number=chunk.number + taken,
        offset=chunk.offset + end + 1,
        at=chunk.at + taken,
        data=data[end + 1 :],
        keys=chunk.keys[taken:],
    )
    return head, tail


def batch_of(chunks: Sequence[Chunk], read: ReadKey | None) -> Batch:
    """A batch of these chunks, which have one shape and may be any; ``read`` tells how keys are compared."""
    keys = [key for chunk in chunks for key in chunk.keys]
    size = sum(len(chunk.data) + 1 for chunk in chunks) + 1
    compared = set(keys if read is None else map(read, keys)) - {None}
    return Batch(
        chunks[0].shape, tuple(chunks), len(keys), size, len(set(keys)) < len(keys), compared, gapless=False
    )
