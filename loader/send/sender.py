"""One batch -> one outcome: upserted or inserted whole, and taken apart only if it is refused.

A batch that is refused over a row that another one may hold (a parent, a unique value) is sent once more when
all batches before it are settled, before it is taken apart.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import replace
from typing import Protocol, assert_never

from loader.batch.chunks import rows_of
from loader.halt import Halt
from loader.model import Batch, HeldBack, Key, Outcome, Place, Reason, Reject, Row, Shape
from loader.postgrest.advice import of_policies
from loader.postgrest.constraints import FOREIGN_KEY
from loader.postgrest.write import Write
from loader.send.dependence import Dependence, InOrder, dependence
from loader.send.insert import InsertLog, Inserts
from loader.send.isolate import Isolator
from loader.send.lookup import Lookup
from loader.send.relation import Relation
from loader.send.result import Accepted, Cause, Refused
from loader.send.retry import Requests
from loader.send.turn import ALONE, Turn
from loader.send.upsert import Freshness, Upserts
from loader.settings import Settings
from loader.throttle.throttle import Throttle


class HeldBackLog(Protocol):
    """Knows the rows that were held back so far."""

    @property
    def holds_any(self) -> bool:
        """Whether there are any."""

    async def held_back(self, keys: AbstractSet[Key]) -> AbstractSet[Key]:
        """Return those of the keys of which rows are, or may be, held back."""

    def refused_alone(self) -> None:
        """Note that a row was refused alone, and that it may get in later."""


class Sender:
    """Settles batches. Several tasks may use one sender, each for a batch of its own.

    Args:
        requests: sends a body until it is decided.
        relation: what is loaded into.
        settings: resolution, insert_first, retry_for.
        throttle: says how much may be sent at once.
        halt: ends the work on a batch.
        location: names a place, as in ``trades.jsonl:17``.
        reject: called with each rejected row, as soon as it is known.
        insert_log: told of plain inserts.
        held_back_log: asked for rows that were held back.
    """

    def __init__(
        self,
        requests: Requests,
        relation: Relation,
        *,
        settings: Settings,
        throttle: Throttle,
        halt: Halt,
        location: Callable[[Place], str],
        reject: Callable[[Reject], None],
        insert_log: InsertLog,
        held_back_log: HeldBackLog,
    ) -> None:
        self._requests = requests
        self._relation = relation
        self._resolution = settings.resolution
        self._halt = halt
        self._reject = reject
        self._held_back_log = held_back_log
        self._in_order = InOrder()
        self._refused_shapes: dict[Shape, Reason] = {}
        self._isolator = Isolator(
            throttle=throttle,
            halt=halt,
            read_key=relation.read_key,
            may_get_in=self._may_get_in,
            types=relation.types,
            policies=of_policies(settings),
            location=location,
            reject=reject,
            refused_alone=held_back_log.refused_alone,
        )
        self._writer: Inserts | Upserts
        if settings.resolution == "none":
            self._writer = Inserts(
                requests,
                Lookup(requests, relation),
                insert_log,
                throttle=throttle,
                patience=settings.retry_for,
                location=location,
            )
        else:
            self._writer = Upserts(
                requests,
                Write(settings.resolution, relation.key),
                throttle=throttle,
                freshness=Freshness(never=settings.insert_first == "never"),
                location=location,
            )

    async def settle(self, batch: Batch, outcome: Outcome, turn: Turn) -> None:
        """Send a batch until the fate of each of its rows is known and entered into ``outcome``.

        Args:
            batch: what to send.
            outcome: grows as rows are settled; it may have open inserts of an earlier run.
            turn: of the batch.

        Raises:
            TargetError: the target cannot be used; some rows may be settled all the same.
            Halted: a stop was asked for meanwhile; likewise.
        """
        if reason := self._refuses(batch.shape):
            self._reject_all(batch, reason, outcome)
            return
        if self._in_order.next_waits():
            await turn.wait()
            self._halt.check()
        # What an earlier run has sent was not behind a row that is held back.
        rows = None if outcome.open else await self._hold_behind(batch, outcome)
        if rows is None or rows:
            await self._settle(batch, rows, outcome, turn)
        if outcome.rows != batch.rows:
            raise AssertionError(f"{outcome.rows} of {batch.rows} rows are accounted for")  # a bug of ours

    def begin_round(self) -> None:
        """Prepare for rows that were held back: their parents have had their turn before them."""
        self._isolator.be_patient()

    async def settle_again(self, batch: Batch, outcome: Outcome, *, every_row: bool) -> None:
        """Send rows that were held back, while nothing else is sent.

        Args:
            batch: the rows.
            outcome: grows as rows are settled, or held back again.
            every_row: whether to send rows alone until each of them is accepted or refused.

        Raises:
            TargetError, Halted: as ``settle``.
        """
        rows = None if outcome.open else list(rows_of(batch))
        await self._settle(batch, rows, outcome, ALONE, every_row=every_row)

    async def _settle(
        self,
        batch: Batch,
        rows: Sequence[Row] | None,
        outcome: Outcome,
        turn: Turn,
        *,
        every_row: bool = False,
    ) -> None:
        """Send some rows of a batch, or all of it, until their fate is known."""

        async def send(part: Sequence[Row]) -> Accepted | Refused:
            return await self._send(lambda: self._writer.send_rows(batch, part, outcome), turn)

        if rows is None:
            result = await self._send(lambda: self._writer.send_batch(batch, outcome), turn)
        else:
            result = await send(rows)
        match result:
            case Accepted():
                self._isolator.accepted(result)
            case Refused(cause=Cause.COLUMNS, reason=reason):
                await self._refuse_shape(batch.shape, reason)
                self._reject_all(batch, reason, outcome)
            case Refused():
                await self._isolator.isolate(
                    batch.shape,
                    list(rows_of(batch)) if rows is None else rows,
                    result,
                    send,
                    outcome,
                    turn=turn,
                    every_row=every_row,
                )
            case _:
                assert_never(result)

    async def _send(
        self, send: Callable[[], Awaitable[Accepted | Refused]], turn: Turn
    ) -> Accepted | Refused:
        """Send rows; once more behind all earlier ones, where those may be why they are refused."""
        had_come = turn.has_come
        result = await send()
        if isinstance(result, Accepted):
            return result
        depends_on = self._depends_on(result.reason)
        if depends_on is not Dependence.NONE and result.reason.code != FOREIGN_KEY:
            self._in_order.claimed()
        if had_come or depends_on is Dependence.NONE:
            return result
        if depends_on is Dependence.ANY and not self._in_order.may_help():
            return result
        await turn.wait()
        self._halt.check()
        result = await send()
        self._in_order.waited(helped=isinstance(result, Accepted))
        return result

    def _depends_on(self, reason: Reason) -> Dependence:
        relation = self._relation
        return dependence(reason, resolution=self._resolution, relation=relation.name, key=relation.key)

    def _may_get_in(self, reason: Reason) -> bool:
        """Return whether rows that are refused so are held back."""
        depends_on = self._depends_on(reason)
        if depends_on is Dependence.EARLIER:
            return self._held_back_log.holds_any  # else all that stands before them is settled
        return depends_on is Dependence.ANY

    async def _hold_behind(self, batch: Batch, outcome: Outcome) -> list[Row] | None:
        """Hold back the rows whose key an earlier row has that is; return the others, None if none was."""
        keys = await self._held_back_log.held_back(batch.keys)
        if not keys:
            return None
        others: list[Row] = []
        for row in rows_of(batch):
            key = self._isolator.compared_key(row)
            if key is None or key not in keys:
                others.append(row)
            else:
                outcome.hold_back(HeldBack(row, batch.shape, key))
        return others

    def _refuses(self, shape: Shape) -> Reason | None:
        """Return why the relation takes no rows of this shape; None where it may."""
        relation = self._relation
        if shape == relation.first or shape in self._refused_shapes:
            return self._refused_shapes.get(shape)
        unknown = relation.unknown_columns(shape.columns)
        if not unknown:
            return None
        return Reason(
            "PGRST204",
            f"Column '{unknown[0]}' of relation '{relation.name}' does not exist",
            column=unknown[0],
        )

    async def _refuse_shape(self, shape: Shape, reason: Reason) -> None:
        """Take no more rows of this shape.

        Raises:
            TargetError: the relation took it when the load began: a column is gone.
        """
        if shape == self._relation.first:
            description = await self._requests.describe()
            raise replace(self._relation, description=description).wrong_columns(reason)
        self._refused_shapes[shape] = reason

    def _reject_all(self, batch: Batch, reason: Reason, outcome: Outcome) -> None:
        for row in rows_of(batch):
            self._halt.check()
            if row.id in outcome.settled:
                continue
            reject = row.reject(reason)
            outcome.reject(reject)
            self._reject(reject)
