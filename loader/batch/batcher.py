"""Chunks -> batches: shape, rows, bytes, and the order among rows of one key. No I/O.

Rows of different shapes go to different batches, and a bounded number of rows waits in open ones, so that
shapes may alternate without shrinking batches. Batches come out in an order in which the rows of each
key keep the order of the source.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from loader.batch.chunks import cut
from loader.batch.key_equality import ANY, ReadKey
from loader.model import Batch, Chunk, Key, Limits, Shape

_OPEN_SHAPES = 64
_OPEN_BATCHES = 8  # as much as so many full batches may wait in open ones
_BRACKETS = 2
_NEARLY = 4  # a batch with less than a quarter of its room left is full enough


class _Open:
    """A batch that still takes rows. ``after``: open batches that must go out before it."""

    __slots__ = ("after", "chunks", "keys", "repeats", "rows", "shape", "size", "texts")

    def __init__(self, shape: Shape, *, compare_texts: bool) -> None:
        self.shape = shape
        self.chunks: list[Chunk] = []
        self.keys: set[Key] = set()  # as they are compared
        self.texts: set[Key] = self.keys if compare_texts else set()
        self.rows = 0
        self.size = _BRACKETS
        self.repeats = False
        self.after: dict[_Open, None] = {}  # a set that keeps its order

    def add(self, chunk: Chunk, keys: Iterable[Key]) -> None:
        before = len(self.texts)
        self.keys.update(keys)
        self.keys.discard(None)
        if self.texts is not self.keys:
            self.texts.update(chunk.keys)
        # Rows without a key look like repeats: batches of them are only looked at more closely.
        self.repeats |= len(self.texts) - before < len(chunk.keys)
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

    def __init__(self, limits: Limits, read_key: ReadKey | None = None) -> None:
        self._limits = limits
        self._open: dict[Shape, _Open] = {}
        self._holders: dict[Key, _Open] = {}  # the latest of each key; kept while several are open
        self._size = 0  # of all that is open, in bytes
        self._read = read_key

    def add(self, chunk: Chunk) -> Iterator[Batch]:
        """Take a chunk; gives the batches that are full."""
        rest: Chunk | None = chunk
        while rest is not None:
            batch = self._open.get(chunk.shape)
            if batch is None:
                batch = _Open(chunk.shape, compare_texts=self._read is None)
            head, tail = self._fill(batch, rest)
            if head is None:
                yield from self._close(batch)
                continue
            keys = self._keys(head)
            earlier = self._earlier(keys, batch)
            if any(other.follows(batch) for other in earlier):
                # These rows come after rows that must themselves come after this batch.
                yield from self._close(batch)
                continue
            self._take(batch, head, keys)
            batch.after.update(dict.fromkeys(earlier))
            rest = tail
            while self._size > _OPEN_BATCHES * self._limits.size or len(self._open) > _OPEN_SHAPES:
                yield from self._close(max(self._open.values(), key=lambda one: one.size))

    def _keys(self, chunk: Chunk) -> list[Key]:
        return chunk.keys if self._read is None else list(map(self._read, chunk.keys))

    def _earlier(self, keys: Iterable[Key], batch: _Open) -> list[_Open]:
        """The other open batches that hold a key of these: they must go out before these rows."""
        others = [other for other in self._open.values() if other is not batch]
        if not others:
            return []
        keys = set(keys) - {None}
        if ANY in keys:
            return others
        if len(self._open) == 1:
            return [other for other in others if ANY in other.keys or not other.keys.isdisjoint(keys)]
        found = {holder for key in keys if (holder := self._holders.get(key)) is not None}
        return [other for other in others if other in found or ANY in other.keys]

    def _take(self, batch: _Open, chunk: Chunk, keys: Iterable[Key]) -> None:
        if batch.shape not in self._open:
            if len(self._open) == 1:
                for one in self._open.values():
                    self._holders = dict.fromkeys(one.keys, one)
            self._open[batch.shape] = batch
        self._size -= batch.size
        batch.add(chunk, keys)
        self._size += batch.size
        if len(self._open) > 1:
            self._holders.update(dict.fromkeys(keys, batch))
            self._holders.pop(None, None)

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
        self._size -= batch.size
        for other in self._open.values():
            other.after.pop(batch, None)
        if len(self._open) > 1:
            for key in batch.keys:
                if self._holders.get(key) is batch:
                    del self._holders[key]
        else:
            self._holders = {}
        yield Batch(batch.shape, tuple(batch.chunks), batch.rows, batch.size - 1, batch.repeats, batch.keys)
