"""Take chunks apart into smaller ones and into rows, and join them to batches. No I/O."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from loader.batch.key_equality import ReadKey
from loader.model import Batch, Chunk, Place, Row


def advance(counted: Place, rows: int, size: int) -> Place:
    """Return the place ``rows`` rows, each on a line, and ``size`` bytes behind another."""
    source, number, offset, line = counted
    return Place(source, number + rows, offset + size, line + rows)


def rows_of(batch: Batch) -> Iterator[Row]:
    """Yield the rows of a batch one by one, in the order of the source."""
    for chunk in batch.chunks:
        size = 0
        for index, (data, key) in enumerate(zip(chunk.data.split(b"\n"), chunk.keys, strict=True)):
            yield Row(data, key, advance(chunk.counted, index, size), chunk.origin, chunk.at + index)
            size += len(data) + 1


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
        counted=advance(chunk.counted, taken, end + 1),
        at=chunk.at + taken,
        data=data[end + 1 :],
        keys=chunk.keys[taken:],
    )
    return head, tail


def batch_of(chunks: Sequence[Chunk], read_key: ReadKey | None) -> Batch:
    """Return a batch of these chunks, which need not be neighbours.

    Args:
        chunks: of one shape.
        read_key: how keys are compared (key_equality.py); None: by their texts.
    """
    keys = [key for chunk in chunks for key in chunk.keys]
    size = sum(len(chunk.data) + 1 for chunk in chunks) + 1
    compared = set(keys if read_key is None else read_key.all(keys)) - {None}
    return Batch(
        chunks[0].shape, tuple(chunks), len(keys), size, len(set(keys)) < len(keys), compared, gapless=False
    )
