"""What is settled: counted for the report, kept in the journal, and where a resumed load goes on."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress

from loader.errors import RunDirError
from loader.events import Notice, Observer, Observers, Opened, Rejected, Resumed, Settled
from loader.formats.source_format import SourceFormat
from loader.halt import Halt
from loader.model import Batch, Chunk, Outcome, Place, Reject, Row, RowRange
from loader.run import rejects
from loader.run.journal import NO_PAST, RejectGroup
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
        begun: gives the first chunk of each batch that still takes rows.

    Attributes:
        past: what earlier runs of the load have left.
        frontier: all before it has gone into batches, or was rejected.
        rows_seen: rows that are settled, or on the way.
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
        begun: Callable[[], Iterable[Chunk]],
    ) -> None:
        self._settings = settings
        self._sources = sources
        self._run_dir = run_dir
        self._halt = halt
        self._begun = begun
        self._tally = Tally()
        self._journal, past = run_dir.open_journal(settings, sources)
        self._unsettled: set[Batch] = set()
        self.names = tuple(source.name for source in sources)
        self.observer = Observers(self._tally, observer)
        self.past = past or NO_PAST
        self._forms = dict(self.past.forms)
        self.frontier = self.past.watermark
        self.rows_seen = 0

    def open(self) -> None:
        """Say what is to be loaded, and what of it is in from earlier runs."""
        sizes = [source.size for source in self._sources]
        self.observer.on(Opened(None if None in sizes else sum(size or 0 for size in sizes)))
        if self.past is not NO_PAST:
            source, _, _, line = self.frontier
            # What is passed over of that source its reader tells: compressed, it is not the offset.
            done = sum(size or 0 for size in sizes[:source])
            self.observer.on(Resumed(self.past.counts, done))
            self.rows_seen = self._tally.rows_read
            where = f"{self.names[source]}:{line}" if source < len(self.names) else "the end"
            self.observer.on(Notice(f"resuming at {where}: {self.rows_seen:,} rows were settled before"))
        elif not all(source.resumable for source in self._sources):
            self.observer.on(
                Notice("this source cannot be resumed: once stopped, it is loaded from its start")
            )

    def describe(self, source: int, form: SourceFormat) -> None:
        """Note how a source is written."""
        self._forms[source] = form
        self._journal.describe(source, form)

    def enter(self, batch: Batch) -> None:
        """A batch is on its way: until it is settled it holds the watermark back."""
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
        for reject in outcome.rejects:
            self._journal.reject(reject)
        for number in outcome.sent:
            self._journal.forget(number)
        if complete:  # else the next run asks for them
            for insert in outcome.open:
                self._journal.forget(insert.number)
        self.observer.on(Settled(outcome))
        await self._commit()

    async def reject_here(self, reject: Reject) -> None:
        """Enter a row that is not even sent."""
        if reject.place.row_id in self.past.rejected:
            return
        self.rows_seen += 1
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
        rejected = self._tally.rows_rejected
        if rejected and self._settings.max_errors.exceeded(rejected, self.rows_seen):
            self._halt.stop(too_many(rejected, self.rows_seen, self._settings.max_errors))

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
        chunks = [*self._begun(), *(batch.chunks[0] for batch in self._unsettled)]
        return min((self.frontier, *(chunk.start for chunk in chunks)))

    async def close(self) -> Report:
        """Write down how the load ended, as far as the disk takes it."""
        groups: list[RejectGroup] = []
        await self._commit()
        try:
            groups = self._journal.reject_groups()
            rejects.write(self._run_dir.path, self._journal.rejects(), self.names, self._forms)
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
            sources=self.names,
            rows_checked=self.rows_seen if settings.dry_run else None,
        )
