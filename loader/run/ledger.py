"""What is settled: counted for the report, kept in the journal, and where a resumed load goes on."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from collections.abc import Set as AbstractSet
from contextlib import suppress
from functools import partial

from loader.errors import RunDirError
from loader.events import Notice, Observer, Observers, Opened, Rejected, Resumed, Settled
from loader.formats.source_format import SourceFormat
from loader.halt import Halt
from loader.model import Batch, Chunk, Key, Outcome, Place, Reject, Row, RowRange
from loader.postgrest.advice import of_rejects
from loader.run import rejects
from loader.run.held_rows import HeldRows
from loader.run.held_table import Refused
from loader.run.journal import RejectGroup
from loader.run.journal_past import NO_PAST
from loader.run.report import Report, Tally, report, too_many
from loader.run.resume import part, whole
from loader.run.run_dir import RunDir
from loader.settings import Settings
from loader.sources.find import Source


class Ledger:
    """The books of one load.

    Args:
        settings: max_errors, and the target for the report.
        sources: what is loaded.
        run_dir: where journal, rejects and report go; it is locked.
        halt: told when rejects are too many, or the journal cannot be written.
        observer: told of what happens.

    Attributes:
        past: what earlier runs of the load have left.
        held_rows: the rows that are held back.
        observer: tells the observer, and counts.

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
        self._first_open: Callable[[], Chunk | None] = lambda: None
        self._tally = Tally()
        self._journal, past = run_dir.open_journal(settings, sources)
        self._unsettled: set[Batch] = set()
        self._names = tuple(source.name for source in sources)
        self.observer = Observers(self._tally, observer)
        self.past = past or NO_PAST
        self._formats = dict(self.past.formats)
        self._frontier = self.past.watermark  # all before it has gone into batches, or was rejected
        self._rows_read = 0
        self.held_rows = HeldRows(self._journal, self.past.held_back)

    @property
    def rows_read(self) -> int:
        """Rows that are settled, or on their way."""
        return self._rows_read

    def location(self, place: Place) -> str:
        """Return a place for people, as in ``trades.jsonl:17``."""
        return f"{self._names[place.source]}:{place.line}"

    def open(self) -> None:
        """Say what is to be loaded, and what of it is in from earlier runs."""
        sizes = [source.size for source in self._sources]
        self.observer.on(Opened(None if None in sizes else sum(size or 0 for size in sizes)))
        if self.past is not NO_PAST:
            source = self._frontier.source
            # What is passed over of that source its reader tells: compressed, it is not the offset.
            done = sum(size or 0 for size in sizes[:source])
            self.observer.on(Resumed(self.past.counts, done))
            self._rows_read = self._tally.rows_read + self.past.held_back
            where = self.location(self._frontier) if source < len(self._names) else "the end"
            self.observer.on(Notice(f"resuming at {where}: {self._rows_read:,} rows were settled before"))
        elif not all(source.resumable for source in self._sources):
            self.observer.on(
                Notice("this source cannot be resumed: once stopped, it is loaded from its start")
            )
        for remark in self._run_dir.remarks:
            self.observer.on(Notice(remark))

    def describe(self, source: int, source_format: SourceFormat) -> None:
        """Note the format of a source."""
        self._formats[source] = source_format
        self._journal.describe(source, source_format)

    def track_open(self, first_open: Callable[[], Chunk | None]) -> None:
        """Let batches that still take rows hold the watermark back.

        Args:
            first_open: gives the first chunk of all of them; None: there are no such batches.
        """
        self._first_open = first_open

    def advance(self, place: Place) -> None:
        """Note that all rows before a place have gone into batches, or were rejected."""
        self._frontier = place

    def count_read(self, rows: int) -> None:
        """Count rows that are on their way."""
        self._rows_read += rows

    def enter(self, batch: Batch) -> None:
        """Note that a batch is on its way: until it is settled, it holds the watermark back."""
        self._unsettled.add(batch)

    async def settle(
        self, batch: Batch, outcome: Outcome, *, complete: bool, rows: Iterable[RowRange] | None = None
    ) -> None:
        """Enter what became of a batch; when this returns, the journal has it.

        Args:
            batch: which.
            outcome: its counts and rejects.
            complete: whether all of it is settled; else ``outcome.settled`` are.
            rows: what is settled, where that is not all rows between the batch's first and last.
        """
        if complete:
            self._unsettled.remove(batch)
        # Noted and counted in one go: what a commit takes is always both.
        for settlement in (rows or [whole(batch)]) if complete else part(batch, outcome.settled):
            self._journal.settle(settlement)
        self.held_rows.add(outcome.held_back)
        await self._enter(outcome, complete=complete)

    async def settle_again(self, outcome: Outcome, *, complete: bool) -> None:
        """Enter what became of rows that were held back; when this returns, the journal has it.

        Args:
            outcome: its counts, its rejects, and what is held back again.
            complete: whether no more is to come of what was sent.
        """
        again = {held_back.row.id for held_back in outcome.held_back}
        self.held_rows.remove(outcome.settled - again)
        self.held_rows.hold_again(outcome.held_back)
        await self._enter(outcome, complete=complete)

    async def _enter(self, outcome: Outcome, *, complete: bool) -> None:
        for reject in outcome.rejects:
            self._journal.reject(reject)
        for number in outcome.sent:
            self._journal.forget(number)
        if complete:  # else the next run asks for them
            for insert in outcome.open:
                self._journal.forget(insert.number)
        self.observer.on(Settled(outcome))
        await self._commit()

    @property
    def holds_any(self) -> bool:
        """Whether rows are held back (sender.HeldBackLog)."""
        return self.held_rows.count > 0

    async def held_back(self, keys: AbstractSet[Key]) -> AbstractSet[Key]:
        """Return the keys of which rows are, or may be, held back (sender.HeldBackLog)."""
        return await self.held_rows.with_keys(keys) if self.holds_any else frozenset()

    def refused_alone(self) -> None:
        """Note that a row was refused alone, and may get in later (sender.HeldBackLog)."""
        if self.held_rows.counting:
            self.held_rows.refused += 1
            self.judge_rejects()

    async def reject_refused(self, which: Refused = Refused.ALL) -> bool:
        """Enter rows as rejected that were refused alone in this round: nothing can let them in.

        Returns:
            Whether there were any.
        """
        before = self.held_rows.count
        while refused := await self.held_rows.refused_in_round(which):
            for reject in refused:
                self._journal.reject(reject)
                self.observer.on(Rejected(reject))
            self.held_rows.remove([reject.place.row_id for reject in refused])
            self.held_rows.refused = max(0, self.held_rows.refused - len(refused))
            await self._commit()
            self.judge_rejects()
        return self.held_rows.count < before

    async def reject_here(self, reject: Reject) -> None:
        """Enter a row that is not even sent."""
        if reject.place.row_id in self.past.rejected:
            return
        self._rows_read += 1
        self._journal.reject(reject)
        self.count_reject(reject)
        if self._journal.crowded:
            await self._commit()
        self._halt.check()

    def count_reject(self, reject: Reject) -> None:
        """Count a rejected row, and stop the load if it is one too many."""
        self.observer.on(Rejected(reject))
        self.judge_rejects()

    def judge_rejects(self) -> None:
        """Judge the share of rejected rows once more, now that all rows are read."""
        rejected = self._tally.rows_rejected + self.held_rows.refused
        if rejected and self._settings.max_errors.exceeded(rejected, self._rows_read):
            self._halt.stop(too_many(rejected, self._rows_read, self._settings.max_errors))

    async def sending(self, batch: Batch, rows: Sequence[Row]) -> int:
        """InsertLog a plain insert (inserting.InsertLog)."""
        self._halt.check()
        number = self._journal.send(part(batch, {row.id for row in rows}))
        await self._commit()
        if self._halt.error is not None:
            self._journal.forget(number)  # it is not sent after all
        self._halt.check()
        return number

    def refused(self, number: int) -> None:
        """InsertLog that a plain insert was refused (inserting.InsertLog)."""
        self._journal.forget(number)

    async def _commit(self) -> None:
        """Have the journal keep what was noted: only then does it count."""
        try:
            await self._journal.commit(self._watermark, self._tally.counts)
        except RunDirError as error:
            self._halt.stop(error)

    def _watermark(self) -> Place:
        """All before it is settled: nothing that is open or in flight begins before it."""
        first_open = self._first_open()
        chunks = [batch.chunks[0] for batch in self._unsettled] + ([first_open] if first_open else [])
        return min((self._frontier, *(chunk.start for chunk in chunks)))

    async def close(self) -> Report:
        """Write down how the load ended, as far as the disk takes it."""
        groups: list[RejectGroup] = []
        await self._commit()
        try:
            groups = self._journal.reject_groups()
            rejects.write(self._run_dir.own_files, self._journal.rejects(), self._names, self._formats)
            self._run_dir.write_report(ended := self._report(groups))
            if self._halt.error is None:
                self._journal.finish()  # last of all: until then the same command goes on, and ends here
        except (RunDirError, OSError) as error:
            ended = self._could_not_end(error, groups)
        self._journal.close()
        return ended

    def _could_not_end(self, error: RunDirError | OSError, groups: list[RejectGroup]) -> Report:
        """The report where the disk does not take the end of the load."""
        if isinstance(error, OSError):
            error = RunDirError(f"{self._run_dir.path}: {error.strerror or error}")
        self._halt.stop(error)
        ended = self._report(groups)
        with suppress(RunDirError):
            self._run_dir.write_report(ended)
        return ended

    def _report(self, groups: list[RejectGroup]) -> Report:
        settings = self._settings
        return report(
            self._tally,
            groups,
            error=self._halt.error,
            target={"url": settings.url, "schema": settings.schema, "table": settings.table},
            sources=self._names,
            rows_checked=self._rows_read if settings.dry_run else None,
            advise=partial(of_rejects, settings=settings),
        )
