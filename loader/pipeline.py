"""The wiring: sources -> formats -> transform -> batch -> [bounded stream] -> send -> run.

Records are read, made into rows, checked, and put into batches in one task. A batch then goes one way:

1. It enters the order and the ledger, and goes through the stream to a task that sends.
2. That task waits for the earlier batches that hold one of its keys, and sends it.
3. The ledger commits its outcome to the journal. Only then does it count, and let later batches go.

Rows that lack another row (a foreign key), or stand in the way of one (a unique value), are held back in
the journal, and tried again when all others are settled.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import aclosing
from dataclasses import dataclass

import anyio
import anyio.to_thread
from anyio.abc import TaskGroup
from anyio.streams.memory import MemoryObjectReceiveStream, MemoryObjectSendStream

from loader.batch.batcher import Batcher
from loader.batch.chunks import batch_of, rows_of
from loader.batch.make_rows import RowMaker, depends_on_types, row_maker
from loader.credentials.load_tokens import load_tokens
from loader.errors import Exit, LoadError, SourceError, SourceUnfit
from loader.events import Notice, Observer
from loader.formats.announce import told_types, unknown_types, wrapped_rows
from loader.formats.records import Records
from loader.halt import Halt, Halted
from loader.held_back import HeldBackRetry
from loader.in_flight import InFlight, QueuedBatch
from loader.model import Chunk, Insert, Outcome, Reject, RowRange, Shape
from loader.postgrest.client import PostgREST
from loader.run.journal_past import NO_PAST
from loader.run.ledger import Ledger
from loader.run.report import Report
from loader.run.resume import SkipSettled, overlapping, within
from loader.run.run_dir import RunDir
from loader.send.relation import USUAL_KEY, Relation, ask, described_key
from loader.send.retry import Requests
from loader.send.sender import Sender
from loader.settings import Settings
from loader.sources.find import Source, check_unchanged
from loader.throttle.throttle import Throttle
from loader.transform.first_shape import first_shape, hold_columns, rows_within
from loader.transform.groups import Groups
from loader.transform.mapping import ColumnMapping
from loader.transform.presets import Preset
from loader.transform.read_sources import SourceReader
from loader.transport import Transport


@dataclass(frozen=True, slots=True)
class _Stages:
    """What is made for a relation, once the target has told what it takes."""

    relation: Relation
    row_maker: RowMaker
    batcher: Batcher
    sender: Sender


class Load:
    """One load, from its sources to its report.

    Args:
        settings: what to load into, and how.
        sources: what to load, in this order.
        run_dir: where journal, rejects and report go; it is locked.
        transport: makes all connections of the load, but those to sources.
        halt: asked to stop by a signal, or by the load itself.
        observer: watches.
        preset: makes a preset for each source; None: there is none.

    Raises:
        SettingsError: the settings contradict each other, or the run directory belongs to another,
            unfinished load.
        RunDirError: the run directory cannot be written.
    """

    def __init__(
        self,
        settings: Settings,
        sources: tuple[Source, ...],
        run_dir: RunDir,
        *,
        transport: Transport,
        halt: Halt,
        observer: Observer,
        preset: Callable[[], Preset] | None = None,
    ) -> None:
        self._settings = settings
        self._sources = sources
        self._halt = halt
        self._session = run_dir.session
        self._mapping = ColumnMapping.of(settings)
        self._transport = transport
        self._throttle = Throttle(
            batch_rows=settings.batch_rows,
            batch_bytes=settings.batch_bytes,
            max_rate=settings.max_rate,
            concurrency=settings.concurrency,
        )
        self._ledger = Ledger(settings, sources, run_dir, halt=halt, observer=observer)
        self._reader = SourceReader(
            settings,
            self._mapping,
            sources,
            run_dir.spool,
            run_dir.gathered,
            preset=preset,
            watch=self._ledger.observer.on,
            describe=self._ledger.describe,
            known=self._ledger.past.formats,
        )
        self._skip = SkipSettled(self._ledger.past.settled)
        self._in_flight = InFlight(self._ledger, self._throttle, halt, dry_run=settings.dry_run)
        # The columns that each row must have: a guess until the target was asked.
        self._key = (settings.on_conflict or USUAL_KEY) if settings.resolution != "none" else ()
        self._named_key = settings.on_conflict or () if settings.resolution != "none" else ()
        self._described = False  # whether the API was asked for the key, as no row told it
        self._primary_key: tuple[str, ...] = ()  # of the table, if the API was asked so
        self._type_warning = ""  # to give once, if a value depends on a type that is not known
        self._stages: _Stages | None = None

    async def run(self) -> Report:
        """Load all of it. Errors are in the report."""
        observer = self._ledger.observer
        tokens = load_tokens(
            self._settings, self._transport, store=self._session, halt=self._halt, observers=observer
        )
        self._ledger.open()
        async with PostgREST(self._settings, tokens, self._transport) as client:
            self._halt.waits_for = client.unanswered
            requests = Requests(
                client,
                tokens,
                settings=self._settings,
                throttle=self._throttle,
                halt=self._halt,
                observer=observer,
            )
            with self._halt.at_once:
                await self._load(requests)
                self._ledger.judge_rejects()
                await self._check_sources()
        report = await self._ledger.close()
        if self._halt.error is None and not self._settings.dry_run:
            self._session.forget()
        return report

    async def _check_sources(self) -> None:
        """Stop if a source was changed during the load: what was read may be partly old and partly new."""
        if self._halt.error is not None:
            return
        try:
            for source in self._sources:
                await anyio.to_thread.run_sync(check_unchanged, source)
        except SourceError as error:
            self._halt.stop(error)

    async def _load(self, requests: Requests) -> None:
        give, take = anyio.create_memory_object_stream[QueuedBatch](0)
        broken: SourceError | None = None
        async with anyio.create_task_group() as senders, give, take:
            try:
                with self._halt.cancels():
                    broken = await self._read(requests, senders, give, take)
            except LoadError as error:
                self._halt.stop(error)
            except Halted:
                pass
        await self._retry_held_back(final=broken is None)
        if broken is not None:  # all that was read before is loaded by now
            self._halt.stop(broken)

    async def _retry_held_back(self, *, final: bool) -> None:
        """Try the rows again that were held back, now that all others are settled."""
        if self._stages is None or self._halt.error is not None:
            return
        retry = HeldBackRetry(
            self._ledger, self._throttle, self._halt, self._stages.sender, self._stages.relation
        )
        try:
            await retry.run(final=final)
        except LoadError as error:
            self._halt.stop(error)
        except Halted:
            pass

    async def _read(
        self,
        requests: Requests,
        senders: TaskGroup,
        give: MemoryObjectSendStream[QueuedBatch],
        take: MemoryObjectReceiveStream[QueuedBatch],
    ) -> SourceError | None:
        """Read the sources to their end, and give their rows to the senders in batches.

        Returns:
            Why a source could not be read to its end; None: all were.

        Raises:
            LoadError: the target or the settings cannot be used.
            Halted: a stop was asked for.
        """
        ledger = self._ledger
        stages: _Stages | None = None
        broken: SourceError | None = None
        try:
            await self._survey()
            async with aclosing(self._reader.records(ledger.past.watermark)) as all_records:
                async for records in all_records:
                    if stages is None and (shape := await self._first_shape(requests, records)):
                        stages = await self._make_stages(requests, shape)
                        for _ in range(self._settings.concurrency):
                            senders.start_soon(self._in_flight.send, stages.sender, take.clone())
                    if stages is None:
                        await self._reject_all(records)
                    else:
                        await self._batch(stages, records, give)
                    ledger.advance(records.end)
        except SourceError as error:
            broken = error
        if stages is None and ledger.holds_any:  # all is read, and what is held back is left to do
            stages = await self._make_stages(requests, await ledger.held_rows.first_shape())
        self._stages = stages
        for batch in stages.batcher.flush() if stages is not None else ():
            await give.send(self._in_flight.enter(batch))
        if isinstance(broken, SourceUnfit) and not ledger.rows_read:
            broken.exit_code = Exit.USAGE
        if broken is None and not ledger.rows_read:
            ledger.observer.on(Notice("no rows: there is nothing to load"))
        return broken

    async def _survey(self) -> None:
        """Check all sources before anything is sent, unless an earlier run has done so."""
        if self._ledger.past is NO_PAST:
            await self._reader.survey()
            self._reader.check_keys(self._named_key)

    async def _batch(
        self, stages: _Stages, records: Records | Groups, give: MemoryObjectSendStream[QueuedBatch]
    ) -> None:
        """Make rows of records, and give those that fill a batch to the senders."""
        if self._type_warning and depends_on_types(records):
            self._ledger.observer.on(Notice(self._type_warning))
            self._type_warning = ""
        for doubt in stages.row_maker.doubts(records):
            self._ledger.observer.on(Notice(doubt))
        for checked in stages.row_maker.rows(records):
            if isinstance(checked, Reject):
                await self._ledger.reject_here(checked)
                continue
            self._ledger.advance(checked.start)
            for chunk in self._skip.unsettled(checked):
                self._ledger.count_read(len(chunk.keys))
                for batch in stages.batcher.add(chunk):
                    await give.send(self._in_flight.enter(batch))

    async def _first_shape(self, requests: Requests, records: Records | Groups) -> Shape | None:
        """Return the columns of the first row, by which the target is asked; None if there is no row.

        Rows without the key do not count. Where they come first, the API's description tells the key, and
        whether the table has the columns that the command names, perhaps wrongly.
        """
        preset = self._reader.preset
        shape = first_shape(records, self._mapping, preset, self._key)
        if shape is None and not self._described and hold_columns(records, preset):
            self._described = True
            key, self._primary_key = await described_key(requests, self._settings, self._mapping.named)
            if self._settings.resolution != "none":
                self._key = key
            self._mapping.check_key(self._key)
            shape = first_shape(records, self._mapping, preset, self._key)
            if shape is None and preset is None and (field := rows_within(records)):
                self._ledger.observer.on(Notice(wrapped_rows(field)))
        return shape

    async def _reject_all(self, records: Records | Groups) -> None:
        """Reject records none of which can be a row, before the target was asked for anything."""
        maker = row_maker(self._settings, self._mapping, self._reader.sources, self._key, {})
        try:
            for checked in maker.rows(records):
                match checked:
                    case Reject():
                        await self._ledger.reject_here(checked)
                    case Chunk():  # a bug: no row may be lost
                        raise AssertionError(self._ledger.location(checked.start))
        except SourceUnfit as error:
            if self._primary_key:
                told = f"The primary key of {self._settings.table} is {', '.join(self._primary_key)}."
                error.advice = f"{error.advice}\n{told}"
            raise

    async def _make_stages(self, requests: Requests, shape: Shape) -> _Stages:
        """Ask the target whether it takes rows of the first shape, and make the stages for its answer.

        Then what an earlier run has left open is settled.
        """
        ledger = self._ledger
        relation = await ask(requests, self._settings, shape, self._mapping.named)
        self._key = relation.key if self._settings.resolution != "none" else ()
        self._mapping.check_key(self._key)
        self._reader.check_keys(self._key)
        sender = Sender(
            requests,
            relation,
            settings=self._settings,
            throttle=self._throttle,
            halt=self._halt,
            location=ledger.location,
            reject=ledger.count_reject,
            insert_log=ledger,
            held_back_log=ledger,
        )
        batcher = Batcher(self._throttle.limits, relation.read_key)
        ledger.track_open(batcher.first)
        stages = _Stages(
            relation,
            row_maker(self._settings, self._mapping, self._reader.sources, relation.key, relation.types),
            batcher,
            sender,
        )
        if self._reader.preset is None:  # a preset knows the types of its columns
            description = relation.description
            is_assumed = not (self._settings.on_conflict or description.primary_key)
            self._type_warning = unknown_types(
                relation.types,
                relation.first.columns,
                description.refused,
                key=self._key if is_assumed else (),
            )
        for remark in told_types(self._settings.types, relation.description.types):
            ledger.observer.on(Notice(remark))
        for inserts in overlapping(ledger.past.sent):
            await self._recover(stages, inserts)
        return stages

    async def _recover(self, stages: _Stages, inserts: dict[int, Sequence[RowRange]]) -> None:
        """Settle plain inserts of an earlier run, of the same rows, of which nobody knows what got in."""
        ranges = [row_range for ranges in inserts.values() for row_range in ranges]
        sent = SkipSettled(ranges)
        last = max(row_range.last for row_range in ranges)
        chunks: list[Chunk] = []
        async with aclosing(self._reader.records(self._ledger.past.watermark, again=True)) as all_records:
            async for records in all_records:
                if records.start.row_id > last:
                    break
                for checked in stages.row_maker.rows(records):
                    if isinstance(checked, Chunk):
                        for unsettled in self._skip.unsettled(checked):
                            chunks += sent.settled(unsettled)
        if chunks:
            batch = batch_of(chunks, stages.relation.read_key)
            rows = list(rows_of(batch))
            outcome = Outcome()
            for number, row_ranges in inserts.items():
                outcome.open.append(Insert(number, [row for row in rows if within(row, row_ranges)]))
            self._ledger.count_read(batch.rows)
            self._in_flight.enter(batch)
            await self._in_flight.settle(stages.sender, batch, outcome, rows=ranges)
            self._halt.check()
        for number in inserts:
            self._ledger.refused(number)
        self._skip.add(ranges)
