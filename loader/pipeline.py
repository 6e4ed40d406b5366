"""The wiring: sources -> checking -> batching -> ordering -> senders -> report. Reads like the data flow."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable

import anyio
from anyio.streams.memory import MemoryObjectReceiveStream, MemoryObjectSendStream

from loader import rejects
from loader.attempt import Attempts
from loader.batching import Batcher
from loader.checking import Checker
from loader.errors import LoadError, RunDirError
from loader.halt import Halt, Halted
from loader.journal import NO_PAST, RejectGroup
from loader.keys import loosely
from loader.model import Batch, Block, Chunk, Outcome, Position, Reject, Settlement, Shape
from loader.observer import Observer, Observers, Opened, Read, Rejected, Renewed, Resumed, Said, Settled
from loader.ordering import Order
from loader.pacing import Pacing
from loader.postgrest import PostgREST
from loader.report import Report, Tally, report, too_many
from loader.resuming import Passing, part, start_of, whole
from loader.run_dir import RunDir
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
        run_dir: where journal, rejects and report go; it is locked.
        halt: asked to stop by a signal, or by the load itself.
        observer: watches.

    Raises:
        SettingsError: the run directory belongs to another, unfinished load.
        RunDirError: it cannot be written.
    """

    def __init__(
        self,
        settings: Settings,
        sources: tuple[Source, ...],
        run_dir: RunDir,
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
        self._journal, past = run_dir.open_journal(settings, sources)
        self._past = past or NO_PAST
        self._passing = Passing(self._past.settled)
        self._frontier = self._past.watermark  # all before it has gone to the batcher, or was rejected
        self._pacing = Pacing(
            batch_rows=settings.batch_rows, batch_bytes=settings.batch_bytes, max_rate=settings.max_rate
        )
        self._checker = Checker(
            key=settings.on_conflict, upsert=settings.resolution != "none", columns=settings.columns
        )
        self._batcher = Batcher(self._pacing.limits)
        self._order = Order()
        self._unsettled: set[Batch] = set()  # given to the senders, and not settled
        self._left: dict[Batch, anyio.Event] = {}  # set once a batch is settled and in the journal
        self._rows_seen = 0  # settled, or on the way

    async def run(self) -> Report:
        """Load all of it. What goes wrong is in the report."""
        sizes = [source.size for source in self._sources]
        self._observer.on(Opened(None if None in sizes else sum(size or 0 for size in sizes)))
        self._take_up(sizes)
        tokens = Tokens(token_source(self._settings), lambda: self._observer.on(Renewed()))
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
                reject=self._count_reject,
            )
            with self._halt.at_once:
                await self._flow(sender)
        return await self._end()

    def _take_up(self, sizes: list[int | None]) -> None:
        """Go on where an earlier run was stopped, if one was."""
        if self._past is NO_PAST:
            if None in sizes:
                self._observer.on(
                    Said("this source cannot be resumed: a stopped load starts from its beginning")
                )
            return
        source, line, offset = self._frontier
        done = sum(size or 0 for size in sizes[:source]) + offset
        self._observer.on(Resumed(self._past.counts, done))
        self._rows_seen = self._tally.rows_read
        where = f"{self._names[source]}:{line}" if source < len(self._names) else "the end"
        self._observer.on(Said(f"resuming at {where}: {self._rows_seen:,} rows were settled before"))

    async def _end(self) -> Report:
        """Write down how it ended."""
        groups: list[RejectGroup] = []
        try:
            await self._commit()
            groups = self._journal.reject_groups()
            rejects.write(self._run_dir.path, self._journal.rejects(), self._names)
            if self._halt.error is None:
                self._journal.finish()
        except RunDirError as error:
            self._halt.stop(error)
        except OSError as error:
            self._halt.stop(RunDirError(f"{self._run_dir.path}: {error.strerror or error}"))
        self._journal.close()
        ended = report(
            self._tally,
            groups,
            error=self._halt.error,
            target={
                "url": self._settings.url,
                "schema": self._settings.schema,
                "table": self._settings.table,
            },
            sources=self._names,
            rows_checked=self._rows_seen if self._settings.dry_run else None,
        )
        self._run_dir.write_report(ended)
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
                    await self._reject_here(found)
                else:
                    self._frontier = start_of(found)
                    for chunk in self._passing.unsettled(found):
                        self._rows_seen += len(chunk.keys)
                        for batch in self._batcher.add(chunk):
                            await self._pass(batch, give)
            self._frontier = Position(
                block.source, block.line + block.lines, block.offset + len(block.data) + 1
            )
        for batch in self._batcher.flush():
            await self._pass(batch, give)
        if not self._rows_seen:
            self._observer.on(Said("no rows: there is nothing to load"))

    def _first_shape(self, block: Block) -> Shape | None:
        return next((found.shape for found in self._checker.check(block) if isinstance(found, Chunk)), None)

    async def _blocks(self) -> AsyncIterator[Block]:
        size = self._settings.batch_bytes // _BLOCKS_A_BATCH - 1
        begin = self._past.watermark
        for number, source in enumerate(self._sources[begin.source :], begin.source):
            start = begin if number == begin.source else Position(number, 1, 0)
            async with Reader(source, start.offset) as reader:
                async for block in jsonl.blocks(reader, start=start, name=source.name, size=size):
                    yield block

    async def _pass(self, batch: Batch, give: MemoryObjectSendStream[_InFlight]) -> None:
        earlier = [self._left[other] for other in self._order.enter(batch)]
        self._left[batch] = anyio.Event()
        self._unsettled.add(batch)
        await give.send((batch, earlier))

    async def _send(self, sender: Sender, take: MemoryObjectReceiveStream[_InFlight]) -> None:
        async with take:
            async for batch, earlier in take:
                # All of them hold a sender already, so this one cannot keep them from theirs.
                for left in earlier:
                    await left.wait()
                await self._settle(sender, batch)

    async def _settle(self, sender: Sender, batch: Batch) -> None:
        outcome = Outcome()
        try:
            if not self._settings.dry_run:
                await sender.settle(batch, outcome)
            self._unsettled.remove(batch)
            settlements: Iterable[Settlement] = [whole(batch)]
        except (LoadError, Halted) as error:
            if isinstance(error, LoadError):
                self._halt.stop(error)
            settlements = part(batch, outcome.places)  # the rest of it holds the watermark back
        # Noted and counted in one go: what a commit takes is always both.
        for settlement in settlements:
            self._journal.settle(settlement)
        for reject in outcome.rejects:
            self._journal.reject(reject)
        self._observer.on(Settled(outcome))
        await self._commit()
        # Not before: a later row must not be in the journal where an earlier one of its key is not.
        self._order.leave(batch)
        self._left.pop(batch).set()

    async def _commit(self) -> None:
        """Have the journal keep what was noted: only then does it count."""
        try:
            await self._journal.commit(self._watermark, self._tally.counts)
        except RunDirError as error:
            self._halt.stop(error)

    def _watermark(self) -> Position:
        """All before it is settled: nothing that is open or in flight begins before it."""
        begun = [batch.chunks[0] for batch in self._unsettled]
        return min((self._frontier, *map(start_of, (*begun, *self._batcher.firsts()))))

    async def _reject_here(self, reject: Reject) -> None:
        """Reject a row that is not even sent."""
        if (reject.source, reject.line) in self._past.rejected:
            return
        self._rows_seen += 1
        self._journal.reject(reject)
        self._count_reject(reject)
        self._halt.check()
        if self._journal.crowded:
            await self._commit()

    def _count_reject(self, reject: Reject) -> None:
        """Count a rejected row, and stop the load if it is one too many."""
        self._observer.on(Rejected(reject))
        rejected = self._tally.rows_rejected
        if self._settings.max_errors.exceeded(rejected, self._rows_seen):
            self._halt.stop(too_many(rejected, self._rows_seen, self._settings.max_errors))
