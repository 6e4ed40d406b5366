"""Which rows a resumed load passes over, and where its watermark is. No I/O."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator

from loader.batching import cut
from loader.model import Batch, Chunk, Place, Position, Settlement


class Passing:
    """Takes out of chunks the rows that an earlier run has settled.

    Args:
        settled: what the journal has beyond the watermark.
    """

    def __init__(self, settled: Iterable[Settlement]) -> None:
        self._settled: dict[frozenset[str], list[tuple[Place, Place]]] = defaultdict(list)
        for one in settled:
            self._settled[frozenset(one.columns)].append((one.first, one.last))

    def unsettled(self, chunk: Chunk) -> Iterator[Chunk]:
        """What is left of a chunk, in its order."""
        spans = self._settled.get(frozenset(chunk.shape.columns))
        rest: Chunk | None = chunk
        if spans is None:
            yield chunk
            return
        while rest is not None:
            first = (rest.source, rest.line)
            last = (rest.source, rest.line + len(rest.keys) - 1)
            covering = [end for begin, end in spans if begin <= first <= end]
            if covering:
                end = max(covering)
                if end >= last:
                    return
                _, rest = cut(rest, end[1] - rest.line + 1, len(rest.data))
                continue
            ahead = [begin for begin, _ in spans if first < begin <= last]
            if not ahead:
                yield rest
                return
            head, rest = cut(rest, min(ahead)[1] - first[1], len(rest.data))
            if head is not None:
                yield head


def start_of(chunk: Chunk) -> Position:
    """Where a chunk begins."""
    return Position(chunk.source, chunk.line, chunk.offset)


def end_of(chunk: Chunk) -> Position:
    """Where the line behind a chunk begins."""
    return Position(chunk.source, chunk.line + len(chunk.keys), chunk.offset + len(chunk.data) + 1)


def whole(batch: Batch) -> Settlement:
    """The settlement of all rows of a batch."""
    first, last = batch.chunks[0], batch.chunks[-1]
    return Settlement(
        batch.shape.columns, (first.source, first.line), (last.source, last.line + len(last.keys) - 1)
    )


def part(batch: Batch, settled: Collection[Place]) -> Iterator[Settlement]:
    """The settlements of some rows of a batch: those next to each other in it are one."""
    first: Place | None = None
    last: Place = (0, 0)
    for chunk in batch.chunks:
        for number in range(len(chunk.keys)):
            place = (chunk.source, chunk.line + number)
            if place in settled:
                first, last = first or place, place
            elif first is not None:
                yield Settlement(batch.shape.columns, first, last)
                first = None
    if first is not None:
        yield Settlement(batch.shape.columns, first, last)
