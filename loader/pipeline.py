"""The wiring: sources -> checking -> batching -> ordering -> senders -> report. Reads like the data flow."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import anyio
from anyio.streams.memory import MemoryObjectReceiveStream, MemoryObjectSendStream

from loader.attempt import Attempts
from loader.batching import Batcher
from loader.checking import Checker
from loader.errors import LoadError
from loader.halt import Halt, Halted
from loader.keys import loosely
from loader.model import Batch, Block, Chunk, Outcome, Reject, Shape
from loader.observer import Observer, Observers, Opened, Read, Rejected, Renewed, Said, Settled
from loader.ordering import Order
from loader.pacing import Pacing
from loader.postgrest import PostgREST
from loader.rejects import RejectFiles
from loader.report import Report, Tally, report, too_many
from loader.sender import Sender
from loader.settings import Settings
from loader.sources import jsonl
from loader.sources.open import Reader, Source
from loader.tokens import Tokens, token_source

_BLOCKS_A_BATCH = 4  # blocks are checked whole: small ones keep odd rows from slowing many others down

_InFlight = tuple[Batch, list[anyio.Event]]  # a batch, and what it waits for


class Load:
    """One load, from its sources to its report.

    Args:
        settings: what to load into, and how.
        sources: what to load, in this order.
        run_dir: where rejects and report go; it exists.
        halt: asked to stop by a signal, or by the load itself.
        observer: watches.
    """

    def __init__(
        self,
        settings: Settings,
        sources: tuple[Source, ...],
        run_dir: Path,
        *,
        halt: Halt,
        observer: Observer,
    ) -> None:
        self._settings = settings
        self._sources = sources
        self._run_dir = run_dir
        self._halt = halt
        self._tally = Tally()
        self._observer = Observers(self._tally, observer)
        self._names = tuple(source.name for source in sources)
        self._rejects = RejectFiles(run_dir, self._names)
        self._pacing = Pacing(
            batch_rows=settings.batch_rows, batch_bytes=settings.batch_bytes, max_rate=settings.max_rate
        )
        self._checker = Checker(
            key=settings.on_conflict, upsert=settings.resolution != "none", columns=settings.columns
        )
        self._batcher = Batcher(self._pacing.limits)
        self._order = Order()
        self._settled: dict[Batch, anyio.Event] = {}
        self._rows_seen = 0  # settled, or on the way

    async def run(self) -> Report:
        """Load all of it. What goes wrong is in the report."""
        sizes = [source.size for source in self._sources]
        self._observer.on(Opened(None if None in sizes else sum(size or 0 for size in sizes)))
        tokens = Tokens(token_source(self._settings), lambda: self._observer.on(Renewed()))
        try:
            async with PostgREST(self._settings, tokens) as client:
                attempts = Attempts(
                    client,
                    tokens,
                    settings=self._settings,
                    pacing=self._pacing,
                    halt=self._halt,
                    observer=self._observer,
                )
                sender = Sender(
                    attempts,
                    settings=self._settings,
                    pacing=self._pacing,
                    halt=self._halt,
                    place=lambda source, line: f"{self._names[source]}:{line}",
                    reject=self._reject,
                )
                with self._halt.at_once:
                    await self._flow(sender)
        finally:
            self._rejects.close()
        ended = report(
            self._tally,
            error=self._halt.error,
            target={
                "url": self._settings.url,
                "schema": self._settings.schema,
                "table": self._settings.table,
            },
            sources=self._names,
            rows_checked=self._rows_seen if self._settings.dry_run else None,
        )
        ended.write(self._run_dir / "report.json")
        return ended

    async def _flow(self, sender: Sender) -> None:
        give, take = anyio.create_memory_object_stream[_InFlight](0)
        async with anyio.create_task_group() as tasks:
            for _ in range(self._settings.concurrency):
                tasks.start_soon(self._send, sender, take.clone())
            take.close()
            async with give:
                try:
                    with self._halt.cancels():
                        await self._read(sender, give)
                except LoadError as error:
                    self._halt.stop(error)
                except Halted:
                    pass

    async def _read(self, sender: Sender, give: MemoryObjectSendStream[_InFlight]) -> None:
        prepared = False
        async for block in self._blocks():
            self._observer.on(Read(len(block.data) + 1))
            if not prepared and (shape := self._first_shape(block)):
                formats = await sender.prepare(shape)
                self._checker.know(formats)
                self._order.read_keys(loosely(self._settings.on_conflict, formats))
                prepared = True
            for found in self._checker.check(block):
                if isinstance(found, Reject):
                    self._rows_seen += 1
                    self._reject(found)
                    self._halt.check()
                else:
                    self._rows_seen += len(found.keys)
                    for batch in self._batcher.add(found):
                        await self._pass(batch, give)
        for batch in self._batcher.flush():
            await self._pass(batch, give)
        if not self._rows_seen:
            self._observer.on(Said("no rows: there is nothing to load"))

    def _first_shape(self, block: Block) -> Shape | None:
        return next((found.shape for found in self._checker.check(block) if isinstance(found, Chunk)), None)

    async def _blocks(self) -> AsyncIterator[Block]:
        size = self._settings.batch_bytes // _BLOCKS_A_BATCH - 1
        for number, source in enumerate(self._sources):
            async with Reader(source) as reader:
                async for block in jsonl.blocks(reader, source=number, name=source.name, size=size):
                    yield block

    async def _pass(self, batch: Batch, give: MemoryObjectSendStream[_InFlight]) -> None:
        earlier = [self._settled[other] for other in self._order.enter(batch)]
        self._settled[batch] = anyio.Event()
        await give.send((batch, earlier))

    async def _send(self, sender: Sender, take: MemoryObjectReceiveStream[_InFlight]) -> None:
        async with take:
            async for batch, earlier in take:
                # All of them hold a sender already, so this one cannot keep them from theirs.
                for settled in earlier:
                    await settled.wait()
                await self._settle(sender, batch)

    async def _settle(self, sender: Sender, batch: Batch) -> None:
        outcome = Outcome()
        try:
            if not self._settings.dry_run:
                await sender.settle(batch, outcome)
        except LoadError as error:
            self._halt.stop(error)
        except Halted:
            pass
        self._observer.on(Settled(outcome))
        self._order.leave(batch)
        self._settled.pop(batch).set()

    def _reject(self, reject: Reject) -> None:
        self._rejects.add(reject)
        self._observer.on(Rejected(reject))
        rejected = self._tally.rows_rejected
        if self._settings.max_errors.exceeded(rejected, self._rows_seen):
            self._halt.stop(too_many(rejected, self._rows_seen, self._settings.max_errors))
