"""Which batches in flight a batch must wait for, so that rows of one key are applied in order. No I/O."""

from __future__ import annotations

from collections.abc import Set as AbstractSet

from loader.equality import ANY
from loader.model import Batch, Key


class Order:
    """The keys in flight, each with the latest batch that holds it.

    A batch waits for those alone: whoever held the key before is already waited for by them. All waits
    point to batches that entered earlier, so no two can wait for each other.
    """

    def __init__(self) -> None:
        self._holders: dict[Key, Batch] = {}
        self._in_flight: set[Batch] = set()

    def enter(self, batch: Batch) -> set[Batch]:
        """Take a batch in flight; gives those that must have left before it is sent."""
        before = self._before(batch.keys)
        self._holders.update(dict.fromkeys(batch.keys, batch))
        self._in_flight.add(batch)
        return before

    def _before(self, keys: AbstractSet[Key]) -> set[Batch]:
        if ANY in keys:
            return set(self._in_flight)
        holders = self._holders
        before = {holders[ANY]} if ANY in holders else set()
        if not holders.keys().isdisjoint(keys):
            before |= {holders[key] for key in keys if key in holders}
        return before

    def leave(self, batch: Batch) -> None:
        """The batch is settled: nobody waits for it any more."""
        self._in_flight.remove(batch)
        holders = self._holders
        for key in batch.keys:
            if holders[key] is batch:
                del holders[key]
