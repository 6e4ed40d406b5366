"""Which batches in flight a batch must wait for, so that rows of one key are applied in order. No I/O."""

from __future__ import annotations

from loader.equality import ANY, Reader
from loader.model import Batch, Key


class Order:
    """The keys in flight, each with the latest batch that holds it.

    A batch waits for those alone: whoever held the key before is already waited for by them. All waits
    point to batches that entered earlier, so no two can wait for each other.
    """

    def __init__(self) -> None:
        self._holders: dict[Key, Batch] = {}
        self._held: dict[Batch, set[Key]] = {}
        self._read: Reader | None = None

    def compare(self, read: Reader | None) -> None:
        """Compare keys as their columns' types do; before the first batch enters."""
        self._read = read

    def enter(self, batch: Batch) -> set[Batch]:
        """Take a batch in flight; gives those that must have left before it is sent."""
        keys: set[Key] = set().union(*(chunk.keys for chunk in batch.chunks))
        if self._read is not None:
            keys = set(map(self._read, keys))
        keys.discard(None)
        before = self._before(keys)
        self._holders.update(dict.fromkeys(keys, batch))
        self._held[batch] = keys
        return before

    def _before(self, keys: set[Key]) -> set[Batch]:
        if ANY in keys:
            return set(self._held)
        holders = self._holders
        before = {holders[ANY]} if ANY in holders else set()
        if not holders.keys().isdisjoint(keys):
            before |= {holders[key] for key in keys if key in holders}
        return before

    def leave(self, batch: Batch) -> None:
        """The batch is settled: nobody waits for it any more."""
        holders = self._holders
        for key in self._held.pop(batch):
            if holders[key] is batch:
                del holders[key]
