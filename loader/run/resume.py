"""Which rows a resumed load skips, and which of a batch are settled. No I/O."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

from loader.batch.chunks import cut
from loader.model import Batch, Chunk, Row, RowId, RowRange


class SkipSettled:
    """Takes the rows that an earlier run has settled out of chunks.

    Args:
        settled: the ranges of such rows beyond the watermark.
    """

    def __init__(self, settled: Iterable[RowRange]) -> None:
        self._settled: dict[frozenset[str], list[tuple[RowId, RowId]]] = defaultdict(list)
        self.add(settled)

    def add(self, settled: Iterable[RowRange]) -> None:
        """Skip these rows too."""
        for row_range in settled:
            self._settled[frozenset(row_range.columns)].append((row_range.first, row_range.last))

    def unsettled(self, chunk: Chunk) -> Iterator[Chunk]:
        """Yield what is left of a chunk, in its order."""
        if not self._settled:  # where shapes take turns, each row is a chunk: it must cost little
            return iter((chunk,))
        return (piece for piece, settled in self.split(chunk) if not settled)

    def settled(self, chunk: Chunk) -> Iterator[Chunk]:
        """Yield what is taken out of a chunk, in its order."""
        return (piece for piece, settled in self.split(chunk) if settled)

    def split(self, chunk: Chunk) -> Iterator[tuple[Chunk, bool]]:
        """Yield the chunk in pieces, each with whether its rows are settled."""
        ranges = self._settled.get(frozenset(chunk.shape.columns), ())
        rest: Chunk | None = chunk
        while rest is not None:
            first, last, rows = rest.first, rest.last, len(rest.keys)
            ends = [
                end for begin, end in ranges if begin <= first <= end
            ]  # of ranges that cover the first row
            if ends:
                end = max(ends)
                rows = rows if end >= last else end[1] - first[1] + 1
            elif later := [begin for begin, _ in ranges if first < begin <= last]:
                rows = min(later)[1] - first[1]
            piece, rest = cut(rest, rows, len(rest.data))
            if piece is not None:
                yield piece, bool(ends)


def overlapping(inserts: Mapping[int, Sequence[RowRange]]) -> list[dict[int, Sequence[RowRange]]]:
    """Group inserts that have rows in common: one that was lost, and the parts in which it was sent again."""
    groups: list[dict[int, Sequence[RowRange]]] = []
    for number, ranges in inserts.items():
        joined = [group for group in groups if any(_share_rows(ranges, other) for other in group.values())]
        groups = [group for group in groups if group not in joined]
        groups.append({n: rows for group in joined for n, rows in group.items()} | {number: ranges})
    return groups


def _share_rows(ranges: Iterable[RowRange], others: Sequence[RowRange]) -> bool:
    return any(
        set(row_range.columns) == set(other.columns)
        and row_range.first <= other.last
        and other.first <= row_range.last
        for row_range in ranges
        for other in others
    )


def within(row: Row, ranges: Iterable[RowRange]) -> bool:
    """Return whether a row, of the columns of the ranges, is in one of them."""
    return any(row_range.first <= row.id <= row_range.last for row_range in ranges)


def whole(batch: Batch) -> RowRange:
    """Return the range of all rows of a batch."""
    return RowRange(batch.shape.columns, batch.chunks[0].first, batch.chunks[-1].last)


def part(batch: Batch, settled: Collection[RowId]) -> Iterator[RowRange]:
    """Yield the ranges of some rows of a batch: neighbours in the batch are in one."""
    first: RowId | None = None
    last: RowId = (0, 0)
    for chunk in batch.chunks:
        begin = chunk.first
        if first is not None and not batch.gapless and begin != (last[0], last[1] + 1):
            yield RowRange(batch.shape.columns, first, last)
            first = None
        for index in range(len(chunk.keys)):
            row_id = (begin[0], begin[1] + index)
            if row_id in settled:
                first, last = first or row_id, row_id
            elif first is not None:
                yield RowRange(batch.shape.columns, first, last)
                first = None
    if first is not None:
        yield RowRange(batch.shape.columns, first, last)
