"""Group chunks into batches of one shape, of bounded rows and bytes. No I/O.

Rows of different shapes go to different batches. A bounded number of rows waits in pending batches, so that
shapes may take turns without shrinking batches: where there is no more room, the largest batches go out, and
rare shapes wait for more rows. Batches come out in an order in which the rows of each key keep the order of
the source.

Rows of different shapes never share a batch, not even as plain inserts: null in place of a missing key is not
always what the database would store. The API tells defaults only in part: none of views, of domains and of
sequences (PostgREST's OpenAPI), and none that is newer than its schema cache.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from operator import attrgetter

from loader.batch.chunks import cut
from loader.batch.key_equality import ANY, ReadKey
from loader.batch.pending_batch import PendingBatch
from loader.model import Batch, Chunk, Key, Limits, Shape

_PENDING_BATCHES = 24  # full batches whose bytes may wait in pending ones
# A pending row costs some 300 bytes beside its own, a pending batch some 1,500.
_PENDING_ROWS = 200 * 1024
_PENDING_SHAPES = 16 * 1024
_RELIEF = 15 / 16  # of the room is in use once the largest batches have gone out for want of it
# Full batches whose bytes pass a pending one until it goes out: it holds back where the load would resume.
_OLDEST = 5 * _PENDING_BATCHES
_NEARLY = 4  # a batch with less than a quarter of its room left is full enough


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
        self._pending: dict[Shape, PendingBatch] = {}  # in the order of their first rows
        self._last_with_key: dict[Key, PendingBatch] = {}  # kept while several are pending
        self._with_any: dict[PendingBatch, None] = {}  # a set: those with a key that may equal all others
        self._rows = 0  # of all pending batches
        self._size = 0  # of all pending batches, in bytes
        self._taken = 0  # bytes of all rows so far

    def add(self, chunk: Chunk) -> Iterator[Batch]:
        """Take a chunk, and yield the batches that are full."""
        rest: Chunk | None = chunk
        while rest is not None:
            batch = self._pending.get(chunk.shape)
            if batch is None:
                compare_texts = self._read_key is None
                batch = PendingBatch(chunk.shape, compare_texts=compare_texts, begun=self._taken)
            head, tail = self._split(rest, batch)
            if head is None:
                yield from self._close(batch)
                continue
            keys = self._keys(head)
            earlier = self._earlier(keys, batch)
            if earlier and batch.may_precede(earlier):
                # These rows come after rows that must themselves come after this batch.
                yield from self._close(batch)
                continue
            self._put(head, keys, batch)
            batch.follow(earlier)
            rest = tail
            while self._pending and self._is_old(self._oldest()):
                yield from self._close(self._oldest())
            if self._fills(1):
                yield from self._close_largest()

    def flush(self) -> Iterator[Batch]:
        """Yield all pending batches: the source has ended."""
        while self._pending:
            yield from self._close(self._oldest())

    def first(self) -> Chunk | None:
        """Return the first chunk of all that is pending; None if nothing is."""
        return next(iter(self._oldest().chunks)) if self._pending else None

    def _oldest(self) -> PendingBatch:
        return next(iter(self._pending.values()))

    def _keys(self, chunk: Chunk) -> list[Key]:
        return chunk.keys if self._read_key is None else self._read_key.all(chunk.keys)

    def _split(self, chunk: Chunk, batch: PendingBatch) -> tuple[Chunk | None, Chunk | None]:
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

    def _earlier(self, keys: list[Key], batch: PendingBatch) -> Iterable[PendingBatch]:
        """Return the other pending batches that hold one of these keys: they must go out first."""
        if len(self._pending) <= (1 if batch.rows else 0):
            return ()
        if ANY in keys:
            others = dict.fromkeys(self._pending.values())
        elif len(self._pending) == 1:
            only = self._oldest()
            others = dict(self._with_any)
            if not only.keys.isdisjoint(keys):
                others[only] = None
        else:
            last_with_key = self._last_with_key
            others = {last_with_key[key]: None for key in keys if key in last_with_key} | self._with_any
        others.pop(batch, None)
        return others

    def _put(self, chunk: Chunk, keys: list[Key], batch: PendingBatch) -> None:
        if not batch.rows:
            if len(self._pending) == 1:
                only = self._oldest()
                self._last_with_key = dict.fromkeys(only.keys, only)
            self._pending[batch.shape] = batch
            self._size += batch.size
        before = batch.size
        batch.add(chunk, keys)
        self._rows += len(keys)
        self._size += batch.size - before
        self._taken += len(chunk.data)
        if self._read_key is not None and ANY in keys:
            self._with_any[batch] = None
        if len(self._pending) > 1:
            for key in keys:
                if key is not None:
                    self._last_with_key[key] = batch

    def _is_old(self, batch: PendingBatch) -> bool:
        """Whether a batch has waited for too long."""
        return self._taken - batch.begun > _OLDEST * self._limits.size

    def _fills(self, share: float) -> bool:
        """Whether the pending batches fill more than a share of the room that they may take."""
        return (
            self._size > share * _PENDING_BATCHES * self._limits.size
            or self._rows > share * _PENDING_ROWS
            or len(self._pending) > share * _PENDING_SHAPES
        )

    def _close_largest(self) -> Iterator[Batch]:
        """Yield the largest batches until there is room again."""
        for batch in sorted(self._pending.values(), key=attrgetter("size"), reverse=True):
            if not self._fills(_RELIEF):
                return
            if batch.shape in self._pending:  # else another that followed it has gone out meanwhile
                yield from self._close(batch)

    def _close(self, last: PendingBatch) -> Iterator[Batch]:
        """Yield a batch, and before it those that must precede it."""
        for batch in list(last.in_order()):
            del self._pending[batch.shape]
            self._with_any.pop(batch, None)
            self._rows -= batch.rows
            self._size -= batch.size
            if len(self._pending) > 1:
                for key in batch.keys:
                    if self._last_with_key.get(key) is batch:
                        del self._last_with_key[key]
            else:
                self._last_with_key = {}
            yield batch.close()
