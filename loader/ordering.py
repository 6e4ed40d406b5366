"""Which batches in flight a batch must wait for, so that rows of one key are applied in order. No I/O."""

from __future__ import annotations

from collections.abc import Callable

from loader.model import Batch, Key


class Order:
    """The keys in flight, each with the latest batch that holds it.

    A batch waits for those alone: whoever held the key before is already waited for by them. All waits
    point to batches that entered earlier, so no two can wait for each other.
    """

    def __init__(self) -> None:
        self._holders: dict[Key, Batch] = {}
        self._held: dict[Batch, set[Key]] = {}
        self._loosely: Callable[[Key], Key] | None = None

    def read_keys(self, loosely: Callable[[Key], Key] | None) -> None:
        """Compare keys as the key's column type would (keys.py); before the first batch enters."""
        self._loosely = loosely

    def enter(self, batch: Batch) -> set[Batch]:
        """Take a batch in flight; gives those that must have left before it is sent."""
        keys = self._keys(batch)
        holders = self._holders
        before: set[Batch] = set()
        if not holders.keys().isdisjoint(keys):
            before = {holders[key] for key in keys if key in holders}
        holders.update(dict.fromkeys(keys, batch))
        self._held[batch] = keys
        return before

    def leave(self, batch: Batch) -> None:
        """The batch is settled: nobody waits for it any more."""
        holders = self._holders
        for key in self._held.pop(batch):
            if holders[key] is batch:
                del holders[key]

    def _keys(self, batch: Batch) -> set[Key]:
        keys: set[Key] = set().union(*(chunk.keys for chunk in batch.chunks))
        if self._loosely is not None:
            keys = set(map(self._loosely, keys))
        keys.discard(None)
        return keys
