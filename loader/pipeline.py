"""The wiring: sources -> checking -> batching -> ordering -> senders -> ledger. Reads like the data flow."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import aclosing

import anyio
from anyio.streams.memory import MemoryObjectReceiveStream, MemoryObjectSendStream

from loader.batch.batcher import Batcher
from loader.batch.chunks import batch_of, rows_of
from loader.batch.key_equality import ReadKey
from loader.batch.ordering import Order
from loader.batch.validate import Validator
from loader.credentials.tokens import Tokens, token_source
from loader.errors import Exit, LoadError, SourceError, SourceUnfit
from loader.events import Notice, Observer, Renewed
from loader.formats.records import Records
from loader.halt import Halt, Halted
from loader.model import (
    Batch,
    Chunk,
    Insert,
    Outcome,
    Reject,
    RowRange,
    Shape,
)
from loader.postgrest.client import PostgREST
from loader.run.journal import NO_PAST
from loader.run.ledger import Ledger
from loader.run.report import Report
from loader.run.resume import SkipSettled, overlapping, within
from loader.run.run_dir import RunDir
from loader.send.retry import Attempts
from loader.send.sender import Sender
from loader.settings import Settings
from loader.sources.find import Source
from loader.throttle.throttle import Throttle
from loader.transform.mapping import ColumnMapping
from loader.transform.presets import Preset
from loader.transform.read_sources import SourceReader

_InFlight = tuple[Batch, list[anyio.Event]]  # a batch, and what it waits for


class Load:
    """One load, from its sources to its report.

    Args:
        settings: what to load into, and how.
        sources: what to load, in this order.
        run_dir: where journal, rejects and report go; it is locked.
        halt: asked to stop by a signal, or by the load itself.
        observer: watches.
        preset: makes a preset for each source; None: there is none.

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
        preset: Callable[[], Preset] | None = None,
    ) -> None:
        self._settings = settings
        self._halt = halt
        self._throttle = Throttle(
            batch_rows=settings.batch_rows,
            batch_bytes=settings.batch_bytes,
            max_rate=settings.max_rate,
            concurrency=settings.concurrency,
        )
        self._mapping = ColumnMapping.of(settings)
        self._checker = Validator(
            key=settings.assumed_key,
            upsert=settings.resolution != "none",
            columns=self._mapping.all_written,
            types={},
        )
        self._batcher = Batcher(self._throttle.limits, None)
        self._ledger = Ledger(settings, sources, run_dir, halt=halt, observer=observer, begun=self._begun)
        self._intake = SourceReader(
            settings,
            self._mapping,
            sources,
            run_dir.spool,
            run_dir.gathered,
            preset=preset,
            watch=self._ledger.observer.on,
            describe=self._ledger.describe,
            known=self._ledger.past.forms,
        )
        self._passing = SkipSettled(self._ledger.past.settled)
        self._order = Order()
        self._read_keys: ReadKey | None = None
        self._left: dict[Batch, anyio.Event] = {}  # set once a batch is settled and in the journal

    def _begun(self) -> Iterator[Chunk]:
        return self._batcher.firsts()  # of the batcher that prepare() makes, too

    async def run(self) -> Report:
        """Load all of it. What goes wrong is in the report."""
        observer = self._ledger.observer
        names = self._ledger.names
        tokens = Tokens(token_source(self._settings), lambda: observer.on(Renewed()))
        self._ledger.open()
        async with PostgREST(self._settings, tokens) as client:
            attempts = Attempts(
                client,
                tokens,
                settings=self._settings,
                throttle=self._throttle,
                halt=self._halt,
                observer=observer,
            )
            sender = Sender(
                attempts,
                settings=self._settings,
                named={"--on-conflict": self._settings.on_conflict or ()} | self._mapping.named,
                throttle=self._throttle,
                halt=self._halt,
                place=lambda place: f"{names[place.source]}:{place.line}",
                reject=self._ledger.count_reject,
                witness=self._ledger,
            )
            with self._halt.at_once:
                await self._flow(sender)
                self._ledger.judge_rejects()
        return await self._ledger.close()

    async def _flow(self, sender: Sender) -> None:
        give, take = anyio.create_memory_object_stream[_InFlight](0)
        broken: SourceError | None = None
        async with anyio.create_task_group() as tasks:
            for _ in range(self._settings.concurrency):
                tasks.start_soon(self._send, sender, take.clone())
            take.close()
            async with give:
                try:
                    with self._halt.cancels():
                        try:
                            await self._read(sender, give)
                        except SourceError as error:
                            broken = error
                        for batch in self._batcher.flush():
                            await give.send((batch, self._enter(batch)))
                except LoadError as error:
                    self._halt.stop(error)
                except Halted:
                    pass
        if isinstance(broken, SourceUnfit) and not self._ledger.rows_seen:
            broken.exit_code = Exit.USAGE
        if broken is not None:  # all that was read before is loaded by now
            self._halt.stop(broken)

    async def _read(self, sender: Sender, give: MemoryObjectSendStream[_InFlight]) -> None:
        ledger = self._ledger
        prepared = False
        if ledger.past is NO_PAST:  # else an earlier run has seen that they can be read
            await self._intake.survey()
        async with aclosing(self._intake.portions(ledger.past.watermark)) as portions:
            async for portion in portions:
                if not prepared and (shape := self._first_shape(portion)):
                    await self._prepare(sender, shape)
                    prepared = True
                elif not prepared and not ledger.rows_seen and self._lacks_names(portion):
                    await sender.check_names()
                for found in self._found(portion):
                    if isinstance(found, Reject):
                        await ledger.reject_here(found)
                        continue
                    ledger.frontier = found.start
                    for chunk in self._passing.unsettled(found):
                        ledger.rows_seen += len(chunk.keys)
                        for batch in self._batcher.add(chunk):
                            await give.send((batch, self._enter(batch)))
                ledger.frontier = portion.end
        if not ledger.rows_seen:
            ledger.observer.on(Notice("no rows: there is nothing to load"))

    def _found(self, portion: Records) -> Iterator[Chunk | Reject]:
        """The checked rows of a portion, and those that are refused on the spot, in order."""
        for piece in self._intake.rows(portion):
            if isinstance(piece, Reject):
                yield piece
            else:
                yield from self._checker.check(piece)

    def _first_shape(self, portion: Records) -> Shape | None:
        return next((found.shape for found in self._found(portion) if isinstance(found, Chunk)), None)

    def _lacks_names(self, portion: Records) -> bool:
        """Whether rows are bad for want of a column that the settings name, and perhaps name wrongly."""
        found = (one for one in self._found(portion) if isinstance(one, Reject))
        return any(reject.reason.code in ("no-key", "no-columns") for reject in found)

    async def _prepare(self, sender: Sender, shape: Shape) -> None:
        """Ask the target, before the first row, and settle what an earlier run has left open."""
        relation = await sender.prepare(shape)
        self._intake.know(relation.formats)
        self._checker = Validator(
            key=self._settings.assumed_key,
            upsert=self._settings.resolution != "none",
            columns=self._mapping.all_written,
            types=relation.formats,
        )
        self._batcher = Batcher(self._throttle.limits, relation.reader)
        self._read_keys = relation.reader
        for inserts in overlapping(self._ledger.past.sent):
            await self._recover(sender, inserts)

    async def _recover(self, sender: Sender, inserts: dict[int, Sequence[RowRange]]) -> None:
        """Settle plain inserts of an earlier run, of the same rows, of which nobody knows what got in."""
        sought = [one for rows in inserts.values() for one in rows]
        passing = SkipSettled(sought)
        until = max(one.last for one in sought)
        chunks: list[Chunk] = []
        async with aclosing(self._intake.portions(self._ledger.past.watermark, again=True)) as portions:
            async for portion in portions:
                if portion.start[:2] > until:
                    break
                found = (one for one in self._found(portion) if isinstance(one, Chunk))
                unsettled = (chunk for one in found for chunk in self._passing.unsettled(one))
                chunks += (chunk for one in unsettled for chunk in passing.settled(one))
        if chunks:
            batch = batch_of(chunks, self._read_keys)
            rows = list(rows_of(batch))
            outcome = Outcome()
            for number, places in inserts.items():
                outcome.open.append(Insert(number, [row for row in rows if within(row, places)]))
            self._ledger.rows_seen += batch.rows
            self._enter(batch)
            await self._settle(sender, batch, outcome, recovered=sought)
            self._halt.check()
        for number in inserts:
            self._ledger.refused(number)
        self._passing.add(sought)

    def _enter(self, batch: Batch) -> list[anyio.Event]:
        """Take a batch in flight; gives what it must wait for."""
        earlier = [self._left[other] for other in self._order.enter(batch)]
        self._left[batch] = anyio.Event()
        self._throttle.made(batch.rows, batch.size)
        self._ledger.enter(batch)
        return earlier

    async def _send(self, sender: Sender, take: MemoryObjectReceiveStream[_InFlight]) -> None:
        async with take:
            async for batch, earlier in take:
                # All of them hold a sender already, so this one cannot keep them from theirs.
                for left in earlier:
                    await left.wait()
                await self._settle(sender, batch, Outcome())

    async def _settle(
        self,
        sender: Sender,
        batch: Batch,
        outcome: Outcome,
        *,
        recovered: Iterable[RowRange] | None = None,
    ) -> None:
        complete = False
        try:
            if not self._settings.dry_run:
                await sender.settle(batch, outcome)
            complete = True
        except LoadError as error:
            self._halt.stop(error)
        except Halted:
            pass
        await self._ledger.settle(batch, outcome, complete=complete, rows=recovered)
        # Not before: a later row must not be in the journal where an earlier one of its key is not.
        self._order.leave(batch)
        self._left.pop(batch).set()
