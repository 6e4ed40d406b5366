"""One batch -> one outcome: sends it whole, and takes it apart down to the bad row where it must."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

from loader import body as bodies
from loader.attempt import NOTHING, Attempts
from loader.equality import Reader, reader
from loader.errors import TargetError, words
from loader.halt import Halt
from loader.inserting import Inserts
from loader.model import Batch, Kind, Outcome, Reason, Reject, Row, Shape, Verdict
from loader.pacing import Pacing
from loader.settings import Settings
from loader.splitting import Splitter
from loader.suspects import suspects

# Rows of a batch that row-level security refuses, with none accepted, before it is no row's fault:
# the first ones, and the last.
_POLICY_SAMPLE = 4
_NAMES = 10  # columns that a message lists
_START_PATIENCE = 10.0  # seconds: a wrong URL should be told at once


class Witness(Protocol):
    """Remembers plain inserts, beyond the end of the process, until their fate is known."""

    async def sending(self, batch: Batch, rows: Sequence[Row]) -> int:
        """These rows of a batch are about to be inserted; gives a number for refused()."""

    def refused(self, number: int) -> None:
        """They are not in."""


class Sender:
    """Settles batches. Several tasks may use one sender, each for a batch of its own.

    Args:
        attempts: gets one body decided.
        place: names the place of a row, as in ``trades.jsonl:17``, from its source and line.
        reject: called with each rejected row, as soon as it is known.
        witness: told of plain inserts.
    """

    def __init__(
        self,
        attempts: Attempts,
        *,
        settings: Settings,
        pacing: Pacing,
        halt: Halt,
        place: Callable[[int, int], str],
        reject: Callable[[Reject], None],
        witness: Witness,
    ) -> None:
        self._attempts = attempts
        self._inserts = Inserts(attempts, settings.retry_for) if settings.resolution == "none" else None
        self._witness = witness
        self._settings = settings
        self._pacing = pacing
        self._halt = halt
        self._place = place
        self._reject = reject
        self._overwrites = settings.resolution == "merge-duplicates"
        self._first_shape: Shape | None = None
        self._refused_shapes: dict[Shape, Reason] = {}
        self._accepted_any = False
        self._formats: dict[str, str] = {}
        self._read: Reader | None = None

    async def prepare(self, shape: Shape) -> dict[str, str]:
        """Ask the target whether it would take rows of the first shape, and for its columns.

        Returns:
            The types of the relation's columns; empty where the server does not tell.

        Raises:
            TargetError: it would not, or it cannot be reached.
            Halted: a stop was asked for meanwhile.
        """
        self._first_shape = shape
        patience = min(_START_PATIENCE, self._settings.retry_for)
        verdict = await self._attempts.send(shape, NOTHING, 0, patience=patience)
        formats = self._formats = await self._attempts.describe()
        self._read = reader(self._settings.on_conflict, formats)
        if verdict.kind is Kind.COLUMNS:
            raise self._wrong_columns(shape, verdict)
        if verdict.kind is not Kind.DONE:
            raise TargetError("the target refuses a request without rows", said=words(verdict.reason))
        return formats

    def _wrong_columns(self, shape: Shape, verdict: Verdict) -> TargetError:
        table = self._settings.table
        unknown = self._unknown(shape)
        message = f"the rows have columns that {table} cannot take"
        if unknown:
            message = f"the rows have columns that {table} lacks: {_some(unknown)}"
        advice = "--columns names the columns to write; a row's other keys are then dropped."
        if self._formats:
            fitting = [column for column in shape.columns if column in self._formats]
            advice = f"{table} has {', '.join(self._formats)}.\n{advice}"
            if unknown and fitting:
                advice += f" Here: --columns {','.join(fitting)}"
        return TargetError(message, said=words(verdict.reason), advice=advice)

    def _unknown(self, shape: Shape) -> list[str]:
        """The columns of a shape that the relation lacks, as far as the server tells."""
        return [column for column in shape.columns if column not in self._formats] if self._formats else []

    async def settle(self, batch: Batch, outcome: Outcome, *, unsure: bool = False) -> None:
        """Send a batch until the fate of each of its rows is known and entered into ``outcome``.

        Args:
            batch: what to send.
            outcome: grows as rows are settled.
            unsure: whether the batch may be in already, by a plain insert of an earlier run.

        Raises:
            TargetError: the target cannot be used; some rows may be settled all the same.
            Halted: a stop was asked for meanwhile; likewise.
        """
        shape = batch.shape
        if shape != self._first_shape and (unknown := self._unknown(shape)):
            message = f"Column '{unknown[0]}' of relation '{self._settings.table}' does not exist"
            self._refused_shapes[shape] = Reason("PGRST204", message)
        if shape in self._refused_shapes:
            self._reject_all(batch, self._refused_shapes[shape], outcome)
            return
        if batch.rows > self._pacing.limits.rows:
            verdict = Verdict(Kind.SHRINK)  # it was made before the server refused its size
        elif self._inserts is not None or (batch.repeats and self._overwrites):
            verdict = await self._send(batch, list(bodies.rows_of(batch)), outcome, unsure=unsure)
        else:
            where = self._place(batch.chunks[0].source, batch.chunks[0].line)
            verdict = await self._attempts.send(shape, bodies.of_batch(batch), batch.rows, where=where)
            if verdict.kind is Kind.DONE:
                self._enter(outcome, verdict, batch.rows, batch.rows)
        if verdict.kind is Kind.COLUMNS:
            if shape == self._first_shape:
                self._formats = await self._attempts.describe()
                raise self._wrong_columns(shape, verdict)
            self._refused_shapes[shape] = verdict.reason
            self._reject_all(batch, verdict.reason, outcome)
        elif verdict.kind is not Kind.DONE:
            await self._take_apart(batch, list(bodies.rows_of(batch)), verdict, outcome)
        if outcome.rows != batch.rows:
            raise AssertionError(f"{outcome.rows} of {batch.rows} rows are accounted for")  # a bug of ours

    async def _take_apart(self, batch: Batch, rows: list[Row], verdict: Verdict, outcome: Outcome) -> None:
        """Settle a batch that was refused as a whole, row by row where need be."""
        step = _is_policy(verdict.reason) and not self._accepted_any
        splitter = Splitter(rows, verdict, suspects, read=self._read, step=step)
        held: list[Reject] = []  # refused by row-level security, and perhaps through no fault of theirs
        while True:
            while bad := splitter.rejected():
                row, reason = bad
                held.append(Reject(row.data, row.source, row.line, row.offset, reason))
                if self._accepted_any or not _is_policy(reason):
                    self._reject_held(held, outcome)
                elif len(held) >= _POLICY_SAMPLE:
                    where = self._place(held[0].source, held[0].line)
                    raise TargetError(
                        f"row-level security refuses the rows (from {where} on)",
                        said=words(reason),
                        advice="Do the policies of the table let the role of the token (--role) write?",
                    )
                self._halt.check()
            part = splitter.next(self._pacing.limits.rows)
            if not part:
                break
            verdict = await self._send(batch, part, outcome)
            if verdict.kind is Kind.DONE:
                splitter.accepted()
            else:
                splitter.refused(verdict)
        self._reject_held(held, outcome)

    def _reject_held(self, held: list[Reject], outcome: Outcome) -> None:
        for reject in held:
            outcome.rejects.append(reject)
            outcome.places.add((reject.source, reject.line))
            self._reject(reject)
        held.clear()

    def _reject_all(self, batch: Batch, reason: Reason, outcome: Outcome) -> None:
        for row in bodies.rows_of(batch):
            self._halt.check()
            self._reject_held([Reject(row.data, row.source, row.line, row.offset, reason)], outcome)

    async def _send(
        self, batch: Batch, rows: Sequence[Row], outcome: Outcome, *, unsure: bool = False
    ) -> Verdict:
        """Send some rows of a batch; enters them if they got in."""
        sent = bodies.last_of_each_key(rows) if self._overwrites else rows
        where = self._place(rows[0].source, rows[0].line)
        body = bodies.of_rows(sent)
        if len(rows) > 1 and len(body) > self._pacing.limits.size:
            return Verdict(Kind.SHRINK)  # the server has refused as much before
        if self._inserts is None:
            verdict = await self._attempts.send(batch.shape, body, len(sent), where=where)
        else:
            number = await self._witness.sending(batch, rows)
            keys = [row.key for row in rows]
            verdict = await self._inserts.send(batch.shape, body, keys, where=where, unsure=unsure)
            if verdict.kind is Kind.DONE:
                outcome.sent.append(number)
            else:
                self._witness.refused(number)
        if verdict.kind is Kind.DONE:
            self._enter(outcome, verdict, len(rows), len(sent))
            outcome.places.update((row.source, row.line) for row in rows)
        return verdict

    def _enter(self, outcome: Outcome, verdict: Verdict, rows: int, sent: int) -> None:
        self._accepted_any = self._accepted_any or verdict.count > 0
        outcome.loaded += verdict.count
        outcome.ignored += sent - verdict.count
        outcome.superseded += rows - sent


def _is_policy(reason: Reason) -> bool:
    return reason.code == "42501"  # a refused batch, so not a privilege: those stop the load


def _some(names: list[str]) -> str:
    rest = len(names) - _NAMES
    return ", ".join(names[:_NAMES]) + (f" and {rest} more" if rest > 0 else "")
