"""One batch -> one outcome: upserted or inserted whole, and taken apart only if it is refused."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import assert_never

from loader.batch.chunks import rows_of
from loader.halt import Halt
from loader.model import Batch, Outcome, Place, Reason, Reject, Shape
from loader.postgrest.advice import of_policies
from loader.postgrest.write import Write
from loader.send.insert import InsertLog, Inserts
from loader.send.isolate import Isolator
from loader.send.lookup import Lookup
from loader.send.relation import Relation
from loader.send.result import Accepted, Cause, Refused
from loader.send.retry import Requests
from loader.send.upsert import Freshness, Upserts
from loader.settings import Settings
from loader.throttle.throttle import Throttle


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
    ) -> None:
        self._requests = requests
        self._relation = relation
        self._halt = halt
        self._reject = reject
        self._refused_shapes: dict[Shape, Reason] = {}
        self._isolator = Isolator(
            throttle=throttle,
            halt=halt,
            read_key=relation.read_key,
            types=relation.types,
            policies=of_policies(settings.resolution),
            location=location,
            reject=reject,
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

    async def settle(self, batch: Batch, outcome: Outcome) -> None:
        """Send a batch until the fate of each of its rows is known and entered into ``outcome``.

        Args:
            batch: what to send.
            outcome: grows as rows are settled; it may have open inserts of an earlier run.

        Raises:
            TargetError: the target cannot be used; some rows may be settled all the same.
            Halted: a stop was asked for meanwhile; likewise.
        """
        if reason := self._refuses(batch.shape):
            self._reject_all(batch, reason, outcome)
            return
        result = await self._writer.send_batch(batch, outcome)
        match result:
            case Accepted():
                self._isolator.accepted(result)
            case Refused(cause=Cause.COLUMNS, reason=reason):
                await self._refuse_shape(batch.shape, reason)
                self._reject_all(batch, reason, outcome)
            case Refused():
                send = partial(self._writer.send_rows, batch, outcome=outcome)
                await self._isolator.isolate(list(rows_of(batch)), result, send, outcome)
            case _:
                assert_never(result)
        if outcome.rows != batch.rows:
            raise AssertionError(f"{outcome.rows} of {batch.rows} rows are accounted for")  # a bug of ours

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
            raise replace(self._relation, types=description.types).wrong_columns(reason)
        self._refused_shapes[shape] = reason

    def _reject_all(self, batch: Batch, reason: Reason, outcome: Outcome) -> None:
        for row in rows_of(batch):
            self._halt.check()
            reject = row.reject(reason)
            outcome.reject(reject)
            self._reject(reject)
