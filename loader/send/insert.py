"""Plain inserts (--resolution none), which must not be repeated blindly: a lost reply leaves their fate open.

An insert is a transaction, so either all of its rows are in or none. Where its reply was lost, the table is
asked for them: are the keys there, with the values that were sent? If so, it is in. If not, it may still be
at work (a client's time-out cancels no statement), so its rows are sent again, whole or in parts, and the
insert stays *open* until one of its rows was stored by another request, or met a conflict. A conflict has
two causes: the open insert has got through meanwhile, which the table tells; or the row was there before,
and then the open insert meets the same conflict and will never get in.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from typing import Protocol, assert_never

from loader.batch.chunks import rows_of
from loader.errors import TargetUnavailable
from loader.model import Batch, Insert, Outcome, Place, Row, RowId, Shape
from loader.postgrest import body as bodies
from loader.postgrest.body import Body
from loader.postgrest.error_codes import UNIQUE_VIOLATION
from loader.postgrest.write import Write
from loader.send.lookup import Lookup
from loader.send.result import LATE, OVERSIZE, Accepted, Cause, Refused, Unsure, Unusable
from loader.send.retry import Requests
from loader.throttle.throttle import Throttle

_WRITE = Write("none")


class InsertLog(Protocol):
    """Remembers plain inserts, beyond the end of the process, until their fate is known."""

    async def sending(self, batch: Batch, rows: Sequence[Row]) -> int:
        """Note that these rows of a batch are about to be inserted; gives a number for refused()."""

    def refused(self, number: int) -> None:
        """Note that they are not in."""


class Inserts:
    """Sends batches, and parts of them, as plain inserts: each row once.

    Args:
        requests: sends a body until it is decided, or nobody knows.
        lookup: asks for rows whose fate is open.
        insert_log: told of each insert before it is sent.
        throttle: knows what the server has refused for its size.
        patience: seconds that one body may meet lost replies.
        location: names a place, for messages.
    """

    def __init__(
        self,
        requests: Requests,
        lookup: Lookup,
        insert_log: InsertLog,
        *,
        throttle: Throttle,
        patience: float,
        location: Callable[[Place], str],
    ) -> None:
        self._requests = requests
        self._lookup = lookup
        self._insert_log = insert_log
        self._throttle = throttle
        self._patience = patience
        self._location = location

    async def send_batch(self, batch: Batch, outcome: Outcome) -> Accepted | Refused:
        """Send all of a batch, and enter it into ``outcome`` if it is accepted.

        ``outcome`` may have open inserts of an earlier run: those that got in are not sent again.

        Raises:
            TargetError: the target cannot be used, or cannot tell whether rows are in.
            Halted: a stop was asked for.
        """
        location = self._location(batch.chunks[0].start)
        for insert in outcome.open:
            insert.is_in = await self._lookup.are_in(batch.shape, insert.rows, location)
        if not self._throttle.takes(batch.rows, batch.size):
            return OVERSIZE  # it was made before the server refused its size
        return await self.send_rows(batch, list(rows_of(batch)), outcome)

    async def send_rows(self, batch: Batch, rows: Sequence[Row], outcome: Outcome) -> Accepted | Refused:
        """Send some rows of a batch, and enter them into ``outcome`` if they are accepted.

        Raises:
            TargetError: the target cannot be used, or cannot tell whether rows are in.
            Halted: a stop was asked for.
        """
        body = bodies.of_rows(rows)
        if not self._throttle.takes(body.rows, body.size):
            return OVERSIZE
        result: Accepted | Refused = Accepted(body.rows)
        if not _got_in(outcome, rows):
            result = await self._insert(batch, rows, body, outcome)
        if isinstance(result, Accepted):
            outcome.accept(result.count, sent=len(rows), rows=len(rows))
            outcome.settled.update(row.id for row in rows)
        return result

    async def _insert(
        self, batch: Batch, rows: Sequence[Row], body: Body, outcome: Outcome
    ) -> Accepted | Refused:
        """Insert rows, or find out that they are in."""
        shape = batch.shape
        location = self._location(rows[0].place)
        insert = Insert(await self._insert_log.sending(batch, rows), rows)
        started = time.monotonic()
        while True:
            result = await self._requests.insert(_WRITE, shape, body, location=location)
            match result:
                case Accepted():
                    self._lookup.learn(shape, rows[0])
                    self._close(outcome, rows, insert)
                    outcome.sent.append(insert.number)
                    return result
                case Unsure(late=late):
                    settled = await self._settle_unsure(insert, late, shape, outcome, location)
                    if settled is not None:
                        return settled
                    if time.monotonic() - started > self._patience:
                        raise TargetUnavailable(f"replies keep getting lost (rows from {location} on)")
                case Refused(reason=reason):
                    if insert not in outcome.open:
                        self._insert_log.refused(insert.number)
                    if reason.code == UNIQUE_VIOLATION:
                        return await self._judge_conflict(shape, rows, outcome, result, location)
                    return result
                case Unusable(error=error):
                    raise error
                case _:
                    assert_never(result)

    async def _settle_unsure(
        self, insert: Insert, late: bool, shape: Shape, outcome: Outcome, location: str
    ) -> Accepted | Refused | None:
        """Find out whether an insert without a reply is in; None where its rows are to be sent again."""
        if insert not in outcome.open:
            outcome.open.append(insert)
        insert.is_in = await self._lookup.are_in(shape, insert.rows, location)
        if insert.is_in:
            return Accepted(len(insert.rows))
        return LATE if late else None

    async def _judge_conflict(
        self, shape: Shape, rows: Sequence[Row], outcome: Outcome, refusal: Refused, location: str
    ) -> Accepted | Refused:
        """These rows have met a conflict: did open inserts cause it, or will they meet it themselves?"""
        for insert in list(_overlapping(outcome.open, rows)):
            insert.is_in = insert.is_in or await self._lookup.are_in(shape, insert.rows, location)
            if not insert.is_in and _holds(insert, rows):
                self._drop(outcome, insert)
        if _got_in(outcome, rows):
            return Accepted(len(rows))
        # Where some of them are in, those may be to blame: it does not follow that one of the rows is bad.
        partly = any(insert.is_in for insert in _overlapping(outcome.open, rows))
        return Refused(Cause.SIZE, refusal.reason) if partly else refusal

    def _close(self, outcome: Outcome, stored: Sequence[Row], accepted: Insert) -> None:
        """Rows were stored: an open insert of one of them can only meet a conflict.

        The one that was accepted may be open from an earlier try. It stays in the log until the batch is
        settled, for after a kill nobody else knows that it is in.
        """
        for insert in list(_overlapping(outcome.open, stored)):
            if insert is accepted:
                outcome.open.remove(insert)
            else:
                self._drop(outcome, insert)

    def _drop(self, outcome: Outcome, insert: Insert) -> None:
        outcome.open.remove(insert)
        self._insert_log.refused(insert.number)


def _got_in(outcome: Outcome, rows: Sequence[Row]) -> bool:
    return any(insert.is_in and _holds(insert, rows) for insert in outcome.open)


def _holds(insert: Insert, rows: Sequence[Row]) -> bool:
    return _ids(rows) <= _ids(insert.rows)


def _overlapping(inserts: Sequence[Insert], rows: Sequence[Row]) -> Iterator[Insert]:
    ids = _ids(rows)
    return (insert for insert in inserts if not ids.isdisjoint(_ids(insert.rows)))


def _ids(rows: Sequence[Row]) -> set[RowId]:
    return {row.id for row in rows}
