"""Group chunks into batches of one shape, of bounded rows and bytes. No I/O.

Rows of different shapes go to different batches. A bounded number of rows waits in pending batches, so that
shapes may alternate without shrinking batches. Batches come out in an order in which the rows of each key
keep the order of the source.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from loader.batch.chunks import cut
from loader.batch.key_equality import ANY, ReadKey
from loader.model import Batch, Chunk, Key, Limits, Shape

_PENDING_SHAPES = 64
_PENDING_BATCHES = 8  # full batches whose bytes may wait in pending ones
_BRACKETS = 2  # bytes
_NEARLY = 4  # a batch with less than a quarter of its room left is full enough


class _PendingBatch:
    """A batch that still takes rows. ``after``: pending batches that must go out before it."""

    __slots__ = ("after", "chunks", "keys", "repeats", "rows", "shape", "size", "texts")

    def __init__(self, shape: Shape, *, compare_texts: bool) -> None:
        self.shape = shape
        self.chunks: list[Chunk] = []
        self.keys: set[Key] = set()  # as they are compared
        self.texts: set[Key] = self.keys if compare_texts else set()
        self.rows = 0
        self.size = _BRACKETS
        self.repeats = False
        self.after: dict[_PendingBatch, None] = {}  # a set that keeps its order

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

    def follows(self, other: _PendingBatch) -> bool:
        """Whether ``other`` must go out before this one."""
        return any(earlier is other or earlier.follows(other) for earlier in self.after)


class Batcher:
    """Groups chunks into batches.

    Args:
        limits: read anew for each chunk, so they may change while the load runs. A single row may be
            larger than ``limits.size``.
        read_key: how keys are compared (key_equality.py); None: by their texts.
    """

    def __init__(self, limits: Limits, read_key: ReadKey | None) -> None:
        self._limits = limits
        self._read_key = read_key
        self._pending: dict[Shape, _PendingBatch] = {}
        self._last_with_key: dict[Key, _PendingBatch] = {}  # kept while several are pending
        self._size = 0  # of all pending batches, in bytes

    def add(self, chunk: Chunk) -> Iterator[Batch]:
        """Take a chunk, and yield the batches that are full."""
        rest: Chunk | None = chunk
        while rest is not None:
            batch = self._pending.get(chunk.shape)
            if batch is None:
                batch = _PendingBatch(chunk.shape, compare_texts=self._read_key is None)
            head, tail = self._split(rest, batch)
            if head is None:
                yield from self._close(batch)
                continue
            keys = self._keys(head)
            earlier = self._earlier(keys, batch)
            if any(other.follows(batch) for other in earlier):
                # These rows come after rows that must themselves come after this batch.
                yield from self._close(batch)
                continue
            self._put(head, keys, batch)
            batch.after.update(dict.fromkeys(earlier))
            rest = tail
            while self._size > _PENDING_BATCHES * self._limits.size or len(self._pending) > _PENDING_SHAPES:
                yield from self._close(max(self._pending.values(), key=lambda pending: pending.size))

    def flush(self) -> Iterator[Batch]:
        """Yield all pending batches: the source has ended."""
        while self._pending:
            yield from self._close(next(iter(self._pending.values())))

    def firsts(self) -> Iterator[Chunk]:
        """Yield the first chunk of each pending batch."""
        for batch in self._pending.values():
            yield batch.chunks[0]

    def _keys(self, chunk: Chunk) -> list[Key]:
        return chunk.keys if self._read_key is None else list(map(self._read_key, chunk.keys))

    def _split(self, chunk: Chunk, batch: _PendingBatch) -> tuple[Chunk | None, Chunk | None]:
        """Return the part of the chunk that fits into the batch, and the rest."""
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

    def _earlier(self, keys: Iterable[Key], batch: _PendingBatch) -> list[_PendingBatch]:
        """Return the other pending batches that hold one of these keys: they must go out first."""
        others = [other for other in self._pending.values() if other is not batch]
        if not others:
            return []
        keys = set(keys) - {None}
        if ANY in keys:
            return others
        if len(self._pending) == 1:
            return [other for other in others if ANY in other.keys or not other.keys.isdisjoint(keys)]
        last_with_keys = {self._last_with_key[key] for key in keys if key in self._last_with_key}
        return [other for other in others if other in last_with_keys or ANY in other.keys]

    def _put(self, chunk: Chunk, keys: Iterable[Key], batch: _PendingBatch) -> None:
        if batch.shape not in self._pending:
            if len(self._pending) == 1:
                for only in self._pending.values():
                    self._last_with_key = dict.fromkeys(only.keys, only)
            self._pending[batch.shape] = batch
        self._size -= batch.size
        batch.add(chunk, keys)
        self._size += batch.size
        if len(self._pending) > 1:
            self._last_with_key.update(dict.fromkeys(keys, batch))
            self._last_with_key.pop(None, None)

    def _close(self, batch: _PendingBatch) -> Iterator[Batch]:
        """Yield a batch, and before it those that must precede it."""
        while batch.after:
            yield from self._close(next(iter(batch.after)))
        del self._pending[batch.shape]
        self._size -= batch.size
        for other in self._pending.values():
            other.after.pop(batch, None)
        if len(self._pending) > 1:
            for key in batch.keys:
                if self._last_with_key.get(key) is batch:
                    del self._last_with_key[key]
        else:
            self._last_with_key = {}
        yield Batch(batch.shape, tuple(batch.chunks), batch.rows, batch.size - 1, batch.repeats, batch.keys)
