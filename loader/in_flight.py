"""The batches in flight: each waits for earlier ones that hold one of its keys, is sent, and is settled."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import anyio
from anyio.streams.memory import MemoryObjectReceiveStream

from loader.batch.ordering import Order
from loader.errors import LoadError
from loader.halt import Halt, Halted
from loader.model import Batch, Outcome, RowRange
from loader.run.ledger import Ledger
from loader.send.sender import Sender
from loader.throttle.throttle import Throttle


@dataclass(frozen=True, slots=True, eq=False)
class QueuedBatch:
    """A batch on its way to a sender; ``earlier`` are set once the batches that it waits for are settled."""

    batch: Batch
    earlier: Sequence[anyio.Event]


class _Turn:
    """The turn of a batch among all in flight (send.turn.Turn).

    Args:
        settled: an event for each batch in flight, in the order in which they entered.
        batch: one of them.
    """

    def __init__(self, settled: Mapping[Batch, anyio.Event], batch: Batch) -> None:
        self._settled = settled
        self._batch = batch

    @property
    def has_come(self) -> bool:
        return next(iter(self._settled)) is self._batch

    async def wait(self) -> None:
        # Each of the earlier ones holds a sender already, so this one cannot keep them from theirs.
        while not self.has_come:
            await next(iter(self._settled.values())).wait()


class InFlight:
    """Takes batches from the order in which they were made to their entry in the ledger.

    Args:
        ledger: told of each batch when it is made, and of its outcome.
        throttle: told of the size of each batch.
        halt: told of what goes wrong.
        dry_run: whether to send nothing.
    """

    def __init__(self, ledger: Ledger, throttle: Throttle, halt: Halt, *, dry_run: bool) -> None:
        self._ledger = ledger
        self._throttle = throttle
        self._halt = halt
        self._dry_run = dry_run
        self._order = Order()
        self._settled: dict[Batch, anyio.Event] = {}  # of each batch in flight

    def enter(self, batch: Batch) -> QueuedBatch:
        """Take a batch in flight."""
        earlier = [self._settled[other] for other in self._order.enter(batch)]
        self._settled[batch] = anyio.Event()
        self._throttle.made(batch.rows, batch.size)
        self._ledger.enter(batch)
        return QueuedBatch(batch, earlier)

    async def send(self, sender: Sender, take: MemoryObjectReceiveStream[QueuedBatch]) -> None:
        """Send batches of a stream, one at a time, until it ends."""
        async with take:
            async for queued in take:
                for earlier_settled in queued.earlier:
                    await earlier_settled.wait()
                await self.settle(sender, queued.batch, Outcome())

    async def settle(
        self, sender: Sender, batch: Batch, outcome: Outcome, *, rows: Iterable[RowRange] | None = None
    ) -> None:
        """Send a batch, and enter its outcome into the ledger.

        Args:
            sender: sends it.
            batch: one that was entered.
            outcome: grows; it may hold open inserts of an earlier run.
            rows: the rows of the batch, if these are not all rows between its first and last.
        """
        complete = False
        try:
            if not self._dry_run:
                await sender.settle(batch, outcome, _Turn(self._settled, batch))
            complete = True
        except LoadError as error:
            self._halt.stop(error)
        except Halted:
            pass
        await self._ledger.settle(batch, outcome, complete=complete, rows=rows)
        # Not before: a later row must not be in the journal while an earlier one of its key is not.
        self._order.leave(batch)
        self._settled.pop(batch).set()
