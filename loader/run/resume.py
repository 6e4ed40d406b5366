"""Which rows a resumed load passes over, and where its watermark is. No I/O."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

from loader.batch.chunks import cut
from loader.model import Batch, Chunk, Row, RowId, RowRange


class SkipSettled:
    """Takes out of chunks the rows that an earlier run has settled.

    Args:
        settled: what the journal has beyond the watermark.
    """

    def __init__(self, settled: Iterable[RowRange]) -> None:
        self._settled: dict[frozenset[str], list[tuple[RowId, RowId]]] = defaultdict(list)
        self.add(settled)

    def add(self, settled: Iterable[RowRange]) -> None:
        """Take these rows out too."""
        for one in settled:
            self._settled[frozenset(one.columns)].append((one.first, one.last))

    def unsettled(self, chunk: Chunk) -> Iterator[Chunk]:
        """What is left of a chunk, in its order."""
        if not self._settled:  # where shapes take turns, each row is a chunk: it must cost little
            return iter((chunk,))
        return (piece for piece, settled in self.split(chunk) if not settled)

    def settled(self, chunk: Chunk) -> Iterator[Chunk]:
        """What is taken out of a chunk, in its order."""
        return (piece for piece, settled in self.split(chunk) if settled)

    def split(self, chunk: Chunk) -> Iterator[tuple[Chunk, bool]]:
        """The chunk in pieces, each with whether its rows are settled."""
        spans = self._settled.get(frozenset(chunk.shape.columns), ())
        rest: Chunk | None = chunk
        while rest is not None:
            first, last, rows = rest.first, rest.last, len(rest.keys)
            covering = [end for begin, end in spans if begin <= first <= end]
            if covering:
                end = max(covering)
                rows = rows if end >= last else end[1] - first[1] + 1
            elif ahead := [begin for begin, _ in spans if first < begin <= last]:
                rows = min(ahead)[1] - first[1]
            piece, rest = cut(rest, rows, len(rest.data))
            if piece is not None:
                yield piece, bool(covering)


def overlapping(inserts: Mapping[int, Sequence[RowRange]]) -> list[dict[int, Sequence[RowRange]]]:
    """Groups of inserts that have rows in common: one that was lost, and the parts it was sent again in."""
    groups: list[dict[int, Sequence[RowRange]]] = []
    for number, rows in inserts.items():
        others = [group for group in groups if any(_share_rows(rows, other) for other in group.values())]
        groups = [group for group in groups if group not in others]
        groups.append({n: places for group in others for n, places in group.items()} | {number: rows})
    return groups


def _share_rows(some: Iterable[RowRange], others: Sequence[RowRange]) -> bool:
    return any(
        set(one.columns) == set(other.columns) and one.first <= other.last and other.first <= one.last
        for one in some
        for other in others
    )


def within(row: Row, settlements: Iterable[RowRange]) -> bool:
    """Whether a row, of the columns of the settlements, is one of theirs."""
    return any(one.first <= row.id <= one.last for one in settlements)


def whole(batch: Batch) -> RowRange:
    """The settlement of all rows of a batch."""
    return RowRange(batch.shape.columns, batch.chunks[0].first, batch.chunks[-1].last)


def part(batch: Batch, settled: Collection[RowId]) -> Iterator[RowRange]:
    """The settlements of some rows of a batch: those next to each other in it are one."""
    first: RowId | None = None
    last: RowId = (0, 0)
    for chunk in batch.chunks:
        begin = chunk.first
        if first is not None and not batch.gapless and begin != (last[0], last[1] + 1):
            yield RowRange(batch.shape.columns, first, last)
            first = None
        for number in range(len(chunk.keys)):
            place = (begin[0], begin[1] + number)
            if place in settled:
                first, last = first or place, place
            elif first is not None:
                yield RowRange(batch.shape.columns, first, last)
                first = None
    if first is not None:
        yield RowRange(batch.shape.columns, first, last)
