"""Chunks -> batches: shape, rows, bytes, and the order among rows of one key. No I/O.

Rows of different shapes go to different batches, and a bounded number of shapes is open at once, so
that shapes may alternate without shrinking batches. Batches come out in an order in which the rows
of each key keep the order of the source.
"""

from __future__ import annotations

from collections.abc import Iterator

from loader.chunks import cut
from loader.model import Batch, Chunk, Key, Shape
from loader.pacing import Limits

_OPEN_SHAPES = 8
_BRACKETS = 2
_NEARLY = 4  # a batch with less than a quarter of its room left is full enough


class _Open:
    """A batch that still takes rows. ``after``: open batches that must go out before it."""

    __slots__ = ("after", "chunks", "keys", "repeats", "rows", "shape", "size")

    def __init__(self, shape: Shape) -> None:
        self.shape = shape
        self.chunks: list[Chunk] = []
        self.keys: set[Key] = set()
        self.rows = 0
        self.size = _BRACKETS
        self.repeats = False
        self.after: dict[_Open, None] = {}  # a set that keeps its order

    def add(self, chunk: Chunk) -> None:
        before = len(self.keys)
        self.keys.update(chunk.keys)
        self.repeats |= len(self.keys) - before < len(chunk.keys)
        self.keys.discard(None)
        self.chunks.append(chunk)
        self.rows += len(chunk.keys)
        self.size += len(chunk.data) + 1

    def follows(self, other: _Open) -> bool:
        """Whether ``other`` must go out before this one."""
        return any(earlier is other or earlier.follows(other) for earlier in self.after)


class Batcher:
    """Groups chunks into batches.

    Args:
        limits: read anew for each chunk, so they may change while the load runs. A single row may be
            larger than ``limits.size``.
    """

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._open: dict[Shape, _Open] = {}  # the one used last stands last

    def add(self, chunk: Chunk) -> Iterator[Batch]:
        """Take a chunk; gives the batches that are full."""
        rest: Chunk | None = chunk
        while rest is not None:
            batch = self._open.get(chunk.shape)
            if batch is None:
                if len(self._open) >= _OPEN_SHAPES:
                    yield from self._close(next(iter(self._open.values())))
                batch = _Open(chunk.shape)
            head, tail = self._fill(batch, rest)
            earlier = [other for other in self._open.values() if other is not batch]
            earlier = [other for other in earlier if head and not other.keys.isdisjoint(head.keys)]
            if head is None or any(other.follows(batch) for other in earlier):
                # Full; or these rows come after rows that must themselves come after this batch.
                yield from self._close(batch)
                continue
            self._open.pop(chunk.shape, None)
            self._open[chunk.shape] = batch
            batch.after.update(dict.fromkeys(earlier))
            batch.add(head)
            rest = tail

    def _fill(self, batch: _Open, chunk: Chunk) -> tuple[Chunk | None, Chunk | None]:
        """What of the chunk fits into the batch, and what is left of it."""
        rows, size = self._limits.rows - batch.rows, self._limits.size - batch.size
        if len(chunk.keys) <= rows and len(chunk.data) <= size:
            return chunk, None
        if batch.rows and (rows < self._limits.rows // _NEARLY or size < self._limits.size // _NEARLY):
            # Nearly full: cutting a few rows off would only cost copies.
            return None, chunk
        head, tail = cut(chunk, rows, size)
        if head is None and not batch.rows:
            return cut(chunk, 1, len(chunk.data))  # a single row always fits
        return head, tail

    def flush(self) -> Iterator[Batch]:
        """All that is still open: the source has ended."""
        while self._open:
            yield from self._close(next(iter(self._open.values())))

    def firsts(self) -> Iterator[Chunk]:
        """The first chunk of each batch that is still open."""
        for batch in self._open.values():
            yield batch.chunks[0]

    def _close(self, batch: _Open) -> Iterator[Batch]:
        """Give out a batch, and before it those that must precede it."""
        while batch.after:
            yield from self._close(next(iter(batch.after)))
        del self._open[batch.shape]
        for other in self._open.values():
            other.after.pop(batch, None)
        yield Batch(batch.shape, tuple(batch.chunks), batch.rows, batch.size - 1, batch.repeats)
