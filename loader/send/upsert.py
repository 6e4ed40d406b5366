"""Upserts (merge-duplicates, ignore-duplicates), as plain inserts first where rows are likely to be new.

A plain insert of new rows costs the database two thirds of an upsert. The end is the same: an insert that
gets in has met no row of its keys, and one that meets any stores nothing. Where its reply is lost, the
upsert that follows finds its rows and writes them once more.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from enum import Enum, auto
from typing import assert_never

from loader.batch.chunks import rows_of
from loader.model import Batch, Outcome, Place, Row, Shape
from loader.postgrest import body as bodies
from loader.postgrest.body import Body
from loader.postgrest.error_codes import UNIQUE_VIOLATION
from loader.postgrest.write import Write
from loader.send.result import LATE, OVERSIZE, Accepted, Refused, Unsure, Unusable
from loader.send.retry import Requests
from loader.throttle.throttle import Throttle

_MOST_UPSERTS = 64  # with new rows, before an insert is tried again
_SURE = 8  # inserts in a row after which a conflict is a surprise again


class Upserts:
    """Sends batches, and parts of them, as upserts. Several tasks may use it at once.

    Args:
        requests: sends a body until it is decided.
        write: the upsert.
        throttle: knows what the server has refused for its size.
        freshness: says whether to insert a batch first.
        location: names a place, for messages.
    """

    def __init__(
        self,
        requests: Requests,
        write: Write,
        *,
        throttle: Throttle,
        freshness: Freshness,
        location: Callable[[Place], str],
    ) -> None:
        self._requests = requests
        self._write = write
        self._overwrites = write.resolution == "merge-duplicates"
        self._throttle = throttle
        self._freshness = freshness
        self._location = location

    async def send_batch(self, batch: Batch, outcome: Outcome) -> Accepted | Refused:
        """Send all of a batch, and enter it into ``outcome`` if it is accepted.

        Raises:
            TargetError: the target cannot be used.
            Halted: a stop was asked for.
        """
        if not self._throttle.takes(batch.rows, batch.size):
            return OVERSIZE  # it was made before the server refused its size
        if batch.repeats and self._overwrites:
            return await self._send_last_rows(batch, list(rows_of(batch)), outcome, may_insert=True)
        body = bodies.of_batch(batch)
        start = batch.chunks[0].start
        result = await self._send(batch.shape, body, start, may_insert=not batch.repeats)
        if isinstance(result, Accepted):
            outcome.accept(result.count, sent=batch.rows, rows=batch.rows)
        return result

    async def send_rows(self, batch: Batch, rows: Sequence[Row], outcome: Outcome) -> Accepted | Refused:
        """Send some rows of a batch, and enter them into ``outcome`` if they are accepted.

        Raises:
            TargetError: the target cannot be used.
            Halted: a stop was asked for.
        """
        if self._overwrites:
            return await self._send_last_rows(batch, rows, outcome)
        return await self._send_rows(batch, rows, rows, outcome)

    async def _send_last_rows(
        self, batch: Batch, rows: Sequence[Row], outcome: Outcome, *, may_insert: bool = False
    ) -> Accepted | Refused:
        """Send the last row of each key: it overwrites the others."""
        return await self._send_rows(
            batch, rows, bodies.last_of_each_key(rows), outcome, may_insert=may_insert
        )

    async def _send_rows(
        self,
        batch: Batch,
        rows: Sequence[Row],
        sent: Sequence[Row],
        outcome: Outcome,
        *,
        may_insert: bool = False,
    ) -> Accepted | Refused:
        body = bodies.of_rows(sent)
        if not self._throttle.takes(len(rows), body.size):
            return OVERSIZE
        result = await self._send(batch.shape, body, rows[0].place, may_insert=may_insert)
        if isinstance(result, Accepted):
            outcome.accept(result.count, sent=len(sent), rows=len(rows))
            outcome.settled.update(row.id for row in rows)
        return result

    async def _send(self, shape: Shape, body: Body, start: Place, *, may_insert: bool) -> Accepted | Refused:
        """Insert a body if it may be, else upsert it.

        Args:
            shape: the columns of the rows.
            body: the rows.
            start: where the first begins.
            may_insert: whether it is a whole batch without a key that stands in it twice.
        """
        location = self._location(start)
        if may_insert and self._freshness.insert_first():
            inserted = await self._insert(shape, body, location)
            if inserted is not None:
                return inserted
        result = await self._requests.upsert(self._write, shape, body, location=location)
        if isinstance(result, Accepted):
            self._freshness.upserted(new=result.new)
        return result

    async def _insert(self, shape: Shape, body: Body, location: str) -> Accepted | Refused | None:
        """Insert a body; None where it must be upserted."""
        write = self._write.inserting_first()
        result = await self._requests.insert(write, shape, body, location=location)
        match result:
            case Accepted():
                self._freshness.inserted()
                return result
            case Refused(reason=reason) if reason.code == UNIQUE_VIOLATION:
                self._freshness.conflicted()
                return None
            case Refused():
                self._freshness.unanswered()
                return result
            case Unsure(late=late):
                self._freshness.unanswered()
                return LATE if late else None
            case Unusable():
                # A privilege is missing that upserts do not need (SELECT on a primary key that is not the
                # key here), or the target cannot be used at all: the upsert tells.
                self._freshness.give_up()
                return None
            case _:
                assert_never(result)


class _State(Enum):
    INSERTING = auto()
    ASKING = auto()  # the next batch is a question
    WAITING = auto()  # for the answer
    UPSERTING = auto()


class Freshness:
    """Decides for each batch whether its rows are likely to be new, and to be inserted first. No I/O.

    After a conflict the work of an insert is lost. So the first batch alone is inserted, as a question.
    Inserts go on while they get in; after a conflict rows are upserted, and the replies tell whether rows
    are new again. As that may be true of only some rows of each batch, the question is asked again ever more
    rarely.

    Args:
        never: whether never to insert.
    """

    def __init__(self, *, never: bool = False) -> None:
        self._state = _State.UPSERTING if never else _State.ASKING
        self._never = never
        self._needed = 1  # upserts with new rows in a row, before the next question
        self._upserts = 0  # with new rows, in a row
        self._inserts = 0  # in a row

    def insert_first(self) -> bool:
        """Return whether to insert the next batch.

        If so, call ``inserted``, ``conflicted``, ``unanswered`` or ``give_up`` with what became of it.
        """
        if self._state is _State.ASKING:
            self._state = _State.WAITING
            return True
        return self._state is _State.INSERTING

    def inserted(self) -> None:
        """A batch was inserted: all of its rows were new."""
        self._inserts += 1
        if self._inserts >= _SURE:
            self._needed = 1
        if self._state is _State.WAITING:
            self._state = _State.INSERTING

    def conflicted(self) -> None:
        """A batch was refused, for one of its rows was there."""
        if self._state is not _State.UPSERTING:  # several may have been on their way
            self._needed = min(_MOST_UPSERTS, 2 * self._needed)
        self._state = _State.UPSERTING
        self._upserts = self._inserts = 0

    def unanswered(self) -> None:
        """A batch was refused for something else, or its reply was lost."""
        if self._state is _State.WAITING:
            self._state = _State.ASKING

    def give_up(self) -> None:
        """Inserts are refused, whatever the rows: never insert again."""
        self._never = True
        self._state = _State.UPSERTING

    def upserted(self, *, new: bool) -> None:
        """A batch was upserted; ``new``: as far as the reply tells, there were new rows in it."""
        if self._never or self._state is not _State.UPSERTING:
            return
        self._upserts = self._upserts + 1 if new else 0
        if self._upserts >= self._needed:
            self._state = _State.ASKING
