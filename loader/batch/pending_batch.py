"""A batch that still takes rows, and the other batches that must go out before it or after it. No I/O."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from loader.batch.packed_chunks import PackedChunks
from loader.model import Batch, Chunk, Key, Shape

_BRACKETS = 2  # bytes
_MOST_STEPS = 256  # of a search among the earlier batches: enough for all of 256 shapes


class PendingBatch:
    """A batch that still takes rows.

    Args:
        shape: of its rows.
        compare_texts: whether keys are compared by their texts.
        begun: the bytes that the batcher had taken before.
    """

    __slots__ = ("begun", "chunks", "earlier", "keys", "later", "repeats", "rows", "shape", "size", "texts")

    def __init__(self, shape: Shape, *, compare_texts: bool, begun: int) -> None:
        self.shape = shape
        self.chunks = PackedChunks(shape)
        self.keys: set[Key] = set()  # as they are compared
        self.texts: set[Key] = self.keys if compare_texts else set()
        self.rows = 0
        self.size = _BRACKETS
        self.repeats = False
        self.begun = begun
        # Sets that keep their order: the pending batches that must go out before this one, and after it.
        self.earlier: dict[PendingBatch, None] = {}
        self.later: dict[PendingBatch, None] = {}

    def add(self, chunk: Chunk, keys: Iterable[Key]) -> None:
        """Take the rows of a chunk; ``keys`` are theirs as they are compared."""
        before = len(self.texts)
        self.keys.update(keys)
        self.keys.discard(None)
        if self.texts is not self.keys:
            self.texts.update(chunk.keys)
        # Rows without a key look like repeats: batches of them are only looked at more closely.
        self.repeats |= len(self.texts) - before < len(chunk.keys)
        self.chunks.add(chunk)
        self.rows += len(chunk.keys)
        self.size += len(chunk.data) + 1

    def follow(self, others: Iterable[PendingBatch]) -> None:
        """Go out after other batches, none of which may follow this one."""
        for other in others:
            self.earlier[other] = None
            other.later[self] = None

    def may_precede(self, others: Iterable[PendingBatch]) -> bool:
        """Whether one of the others must go out after this batch, or may have to.

        The search gives up after a bounded number of steps, so that a row costs no more where each key
        stands in many shapes. Then the answer is yes: a batch that goes out too early does no harm.
        """
        if not self.later:
            return False
        seen = set(others)
        to_visit = list(seen)
        while to_visit:
            if len(seen) > _MOST_STEPS:
                return True
            earlier = to_visit.pop().earlier
            if self in earlier:
                return True
            to_visit += earlier.keys() - seen
            seen |= earlier.keys()
        return False

    def in_order(self) -> Iterator[PendingBatch]:
        """Yield all that must go out before this batch, each behind those that it follows, and itself."""
        # No recursion: a chain may be as long as there are shapes.
        way = [(self, iter([*self.earlier]))]
        seen = {self}
        while way:
            batch, rest = way[-1]
            ahead = next((other for other in rest if other not in seen), None)
            if ahead is None:
                way.pop()
                yield batch
            else:
                seen.add(ahead)
                way.append((ahead, iter([*ahead.earlier])))

    def close(self) -> Batch:
        """Return the batch of its rows; no other batch waits for it any more."""
        for other in self.later:
            del other.earlier[self]
        return Batch(self.shape, tuple(self.chunks), self.rows, self.size - 1, self.repeats, self.keys)
