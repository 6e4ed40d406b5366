"""Find the batches in flight that a batch must wait for: rows of one key are applied in order. No I/O."""

from __future__ import annotations

from collections.abc import Set as AbstractSet

from loader.batch.key_equality import ANY
from loader.model import Batch, Key


class Order:
    """The batches in flight, and all their keys.

    A batch waits for those that share a key with it, and no key stands in the way of others: so it costs
    a few set operations a batch, not a look at each key. All waits point to batches that entered earlier,
    so no two can wait for each other.
    """

    def __init__(self) -> None:
        self._keys: set[Key] = set()  # of all that is in flight
        self._in_flight: dict[Batch, None] = {}  # a set that keeps its order
        self._shared: set[Batch] = set()  # batches that have keys in common with others

    def enter(self, batch: Batch) -> set[Batch]:
        """Take a batch in flight, and return those that must have left before it is sent."""
        before = self._before(batch.keys)
        if before:
            self._shared |= {batch, *before}
        self._keys |= batch.keys
        self._in_flight[batch] = None
        return before

    def _before(self, keys: AbstractSet[Key]) -> set[Batch]:
        if ANY in keys:
            return set(self._in_flight)
        if ANY not in self._keys and self._keys.isdisjoint(keys):
            return set()
        return {other for other in self._in_flight if ANY in other.keys or not other.keys.isdisjoint(keys)}

    def leave(self, batch: Batch) -> None:
        """Forget a batch, which is settled: none waits for it any more."""
        del self._in_flight[batch]
        if batch in self._shared:
            self._shared.remove(batch)
            self._keys = set().union(*(other.keys for other in self._in_flight))
        else:
            self._keys -= batch.keys
