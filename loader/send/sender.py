"""One batch -> one outcome: sends it whole, and takes it apart down to the bad row where it must."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import anyio

from loader.batch.chunks import rows_of
from loader.batch.key_equality import ReadKey
from loader.errors import TargetError, words
from loader.halt import Halt
from loader.model import Batch, Decision, Outcome, Place, Reason, Reject, Row, Shape, Verdict
from loader.postgrest import body as bodies
from loader.send.bisect import Bisection
from loader.send.freshness import Freshness
from loader.send.insert import InsertLog, Inserts
from loader.send.relation import Relation
from loader.send.retry import Attempts
from loader.send.suspects import suspects
from loader.send.upsert import Upserts
from loader.settings import Settings
from loader.throttle.throttle import Throttle

# Rows of a batch that row-level security refuses, with none accepted, before it is no row's fault:
# the first ones, and the last.
_POLICY_SAMPLE = 4
_START_PATIENCE = 10.0  # seconds: a wrong URL should be told at once


class Sender:
    """Settles batches. Several tasks may use one sender, each for a batch of its own.

    Args:
        attempts: gets one body decided.
        place: names a place, as in ``trades.jsonl:17``.
        reject: called with each rejected row, as soon as it is known.
        witness: told of plain inserts.
    """

    def __init__(
        self,
        attempts: Attempts,
        *,
        settings: Settings,
        named: Mapping[str, Sequence[str]],
        throttle: Throttle,
        halt: Halt,
        place: Callable[[Place], str],
        reject: Callable[[Reject], None],
        witness: InsertLog,
    ) -> None:
        self._attempts = attempts
        self._inserts: Inserts | None = None
        if settings.resolution == "none":
            self._inserts = Inserts(
                attempts,
                witness,
                key=settings.assumed_key,
                patience=settings.retry_for,
                formats=lambda: self._relation.formats if self._relation else {},
            )
        self._upserts = Upserts(attempts, Freshness(never=settings.insert_first == "never"))
        self._settings = settings
        self._named = named
        self._throttle = throttle
        self._halt = halt
        self._place = place
        self._reject = reject
        self._overwrites = settings.resolution == "merge-duplicates"
        self._relation: Relation | None = None
        self._read: ReadKey | None = None
        self._accepted_any = False
        self._diagnosing = anyio.Lock()

    async def prepare(self, shape: Shape) -> Relation:
        """Ask the target whether it would take rows of the first shape, and for its columns.

        Returns:
            What it told of the relation.

        Raises:
            TargetError: it would not, or it cannot be reached.
            Halted: a stop was asked for meanwhile.
        """
        relation = self._relation = Relation(self._settings.table, self._settings.assumed_key, shape)
        patience = min(_START_PATIENCE, self._settings.retry_for)
        verdict = await self._attempts.send(shape, bodies.EMPTY, 0, patience=patience)
        relation.formats = await self._attempts.describe()
        relation.check_names(self._named)
        if verdict.decision is Decision.COLUMNS:
            raise relation.wrong_columns(verdict)
        if verdict.decision is not Decision.DONE:
            raise TargetError("the target refuses a request without rows", said=words(verdict.reason))
        self._read = relation.reader
        return relation

    async def check_names(self) -> None:
        """See that the relation has the columns that the settings name, as far as it tells.

        Raises:
            TargetError: it lacks one.
        """
        relation = Relation(self._settings.table, self._settings.assumed_key, Shape(()))
        relation.formats = await self._attempts.describe()
        relation.check_names(self._named)

    async def settle(self, batch: Batch, outcome: Outcome) -> None:
        """Send a batch until the fate of each of its rows is known and entered into ``outcome``.

        Args:
            batch: what to send.
            outcome: grows as rows are settled; it may have open inserts of an earlier run.

        Raises:
            TargetError: the target cannot be used; some rows may be settled all the same.
            Halted: a stop was asked for meanwhile; likewise.
        """
        relation = self._relation
        assert relation is not None  # noqa: S101 - prepare() comes first
        if reason := relation.refuses(batch.shape):
            self._reject_all(batch, reason, outcome)
            return
        if self._inserts is not None and outcome.open:
            await self._inserts.recover(batch.shape, outcome, self._place_of(batch))
        verdict = await self._try_whole(batch, outcome)
        if verdict.decision is Decision.COLUMNS:
            if batch.shape == relation.first:  # it took them when the load began
                relation.formats = await self._attempts.describe()
                raise relation.wrong_columns(verdict)
            relation.refuse(batch.shape, verdict.reason)
            self._reject_all(batch, verdict.reason, outcome)
        elif _is_policy(verdict.reason) and not self._accepted_any:
            async with self._diagnosing:  # one batch is enough to learn whether it is any row's fault
                self._halt.check()
                await self._take_apart(batch, verdict, outcome)
        elif verdict.decision is not Decision.DONE:
            await self._take_apart(batch, verdict, outcome)
        if outcome.rows != batch.rows:
            raise AssertionError(f"{outcome.rows} of {batch.rows} rows are accounted for")  # a bug of ours

    async def _try_whole(self, batch: Batch, outcome: Outcome) -> Verdict:
        """Send a batch in one request."""
        if not self._throttle.takes(batch.rows, batch.size):
            return Verdict(Decision.SHRINK)  # it was made before the server refused its size
        if self._inserts is not None or (batch.repeats and self._overwrites):
            return await self._send(batch, list(rows_of(batch)), outcome, whole=True)
        verdict = await self._upserts.send(
            batch.shape,
            bodies.of_batch(batch),
            batch.rows,
            where=self._place_of(batch),
            distinct=not batch.repeats,
        )
        if verdict.decision is Decision.DONE:
            self._enter(outcome, verdict, batch.rows, batch.rows)
        return verdict

    async def _take_apart(self, batch: Batch, verdict: Verdict, outcome: Outcome) -> None:
        """Settle a batch that was refused as a whole, row by row where need be."""
        rows = list(rows_of(batch))
        step = _is_policy(verdict.reason) and not self._accepted_any
        bisection = Bisection(rows, verdict, suspects, read=self._read, step=step)
        held: list[Reject] = []  # refused by row-level security, and perhaps through no fault of theirs
        while True:
            while bad := bisection.rejected():
                row, reason = bad
                held.append(row.reject(reason))
                if self._accepted_any or not _is_policy(reason):
                    self._reject_held(held, outcome)
                elif len(held) >= _POLICY_SAMPLE:
                    where = self._place(held[0].place)
                    raise TargetError(
                        f"row-level security refuses the rows (from {where} on)",
                        said=words(reason),
                        advice="Do the policies of the table let the role of the token (--role) write?",
                    )
                self._halt.check()
            part = bisection.next(self._throttle.limits.rows)
            if not part:
                break
            verdict = await self._send(batch, part, outcome)
            if verdict.decision is Decision.DONE:
                bisection.accepted()
            else:
                bisection.refused(verdict)
        self._reject_held(held, outcome)

    def _reject_held(self, held: list[Reject], outcome: Outcome) -> None:
        for one in held:
            outcome.rejects.append(one)
            outcome.settled.add(one.place.row_id)
            self._reject(one)
        held.clear()

    def _reject_all(self, batch: Batch, reason: Reason, outcome: Outcome) -> None:
        for row in rows_of(batch):
            self._halt.check()
            self._reject_held([row.reject(reason)], outcome)

    async def _send(
        self, batch: Batch, rows: Sequence[Row], outcome: Outcome, *, whole: bool = False
    ) -> Verdict:
        """Send some rows of a batch; enters them if they got in."""
        sent = bodies.last_of_each_key(rows) if self._overwrites else rows
        where = self._place(rows[0].place)
        body = bodies.of_rows(sent)
        if not self._throttle.takes(len(rows), body.size):
            return Verdict(Decision.SHRINK)  # the server has refused as much before
        if self._inserts is None:
            verdict = await self._upserts.send(batch.shape, body, len(sent), where=where, distinct=whole)
        else:
            verdict = await self._inserts.send(batch, rows, outcome, where)
        if verdict.decision is Decision.DONE:
            self._enter(outcome, verdict, len(rows), len(sent))
            outcome.settled.update(row.id for row in rows)
        return verdict

    def _place_of(self, batch: Batch) -> str:
        return self._place(batch.chunks[0].start)

    def _enter(self, outcome: Outcome, verdict: Verdict, rows: int, sent: int) -> None:
        self._accepted_any = self._accepted_any or verdict.count > 0
        outcome.loaded += verdict.count
        outcome.ignored += sent - verdict.count
        outcome.superseded += rows - sent


def _is_policy(reason: Reason) -> bool:
    return reason.code == "42501"  # a refused batch, so not a privilege: those stop the load
