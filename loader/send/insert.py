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
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Protocol

from loader.errors import TargetError
from loader.model import Batch, Decision, Insert, Key, Outcome, Row, Shape, Verdict
from loader.postgrest import body as bodies
from loader.postgrest.verdict import NO_REPLY
from loader.send.retry import Requests
from loader.send.stored_rows import changed_columns

_KEYS_LENGTH = 4000  # characters of keys in one question: URLs have a limit
_ROWS_SIZE = 1024 * 1024  # bytes of rows, likewise: their values come back


class InsertLog(Protocol):
    """Remembers plain inserts, beyond the end of the process, until their fate is known."""

    async def sending(self, batch: Batch, rows: Sequence[Row]) -> int:
        """These rows of a batch are about to be inserted; gives a number for refused()."""

    def refused(self, number: int) -> None:
        """They are not in."""


class Inserts:
    """Sends rows as plain inserts, each of them once.

    Args:
        attempts: gets one body decided.
        witness: told of each insert before it is sent.
        key: the columns of --on-conflict.
        patience: seconds that one body may meet lost replies.
        formats: gives the types of the relation's columns, as OpenAPI names them.
    """

    def __init__(
        self,
        attempts: Requests,
        witness: InsertLog,
        *,
        key: tuple[str, ...],
        patience: float,
        formats: Callable[[], Mapping[str, str]],
    ) -> None:
        self._attempts = attempts
        self._witness = witness
        self._key_columns = key
        self._patience = patience
        self._formats = formats
        self._samples: dict[Shape, Row] = {}  # rows of which we know that they are in

    async def recover(self, shape: Shape, outcome: Outcome, where: str) -> None:
        """Look which of the open inserts of an earlier run got in; the others stay open.

        Raises:
            TargetError: the target cannot be used, or cannot tell.
            Halted: a stop was asked for.
        """
        for insert in outcome.open:
            insert.is_in = await self._are_in(shape, insert.rows, where)

    async def send(self, batch: Batch, rows: Sequence[Row], outcome: Outcome, where: str) -> Verdict:
        """Insert some rows of a batch, or find out that they are in.

        Args:
            batch: whose rows they are.
            rows: what to insert.
            outcome: of the batch; its open inserts are taken into account.
            where: the place of the first row, for messages.

        Returns:
            As Attempts.send, but never UNSURE.

        Raises:
            TargetError: the target cannot be used, or cannot tell whether the rows are in.
            Halted: a stop was asked for.
        """
        found = Verdict(Decision.DONE, count=len(rows))
        if _got_in(outcome, rows):
            return found
        shape, body = batch.shape, bodies.of_rows(rows)
        insert = Insert(await self._witness.sending(batch, rows), rows)
        started = time.monotonic()
        while True:
            verdict = await self._attempts.send(shape, body, len(rows), where=where, plain=True)
            match verdict.decision:
                case Decision.DONE:
                    self._samples.setdefault(shape, rows[0])
                    self._close(outcome, rows)
                    outcome.sent.append(insert.number)
                    return verdict
                case Decision.UNSURE:
                    if insert not in outcome.open:
                        outcome.open.append(insert)
                    insert.is_in = await self._are_in(shape, rows, where)
                    if insert.is_in or verdict.reason.code == NO_REPLY:
                        return found if insert.is_in else replace(verdict, decision=Decision.SHRINK)
                    if time.monotonic() - started > self._patience:
                        raise TargetError(f"replies keep getting lost (rows from {where} on)")
                case _:
                    if insert not in outcome.open:
                        self._witness.refused(insert.number)
                    if verdict.reason.code == "23505":
                        return await self._judge_conflict(shape, rows, outcome, verdict, where)
                    return verdict

    async def _judge_conflict(
        self, shape: Shape, rows: Sequence[Row], outcome: Outcome, verdict: Verdict, where: str
    ) -> Verdict:
        """These rows have met a conflict: did open inserts cause it, or will they meet it themselves?"""
        for insert in list(_overlapping(outcome.open, rows)):
            insert.is_in = insert.is_in or await self._are_in(shape, insert.rows, where)
            if not insert.is_in and _holds(insert, rows):
                self._drop(outcome, insert)
        if _got_in(outcome, rows):
            return Verdict(Decision.DONE, count=len(rows))
        # Where some of them are in, those may be to blame: it does not follow that one of the rows is bad.
        partly = any(insert.is_in for insert in _overlapping(outcome.open, rows))
        return replace(verdict, decision=Decision.SHRINK) if partly else verdict

    def _close(self, outcome: Outcome, stored: Sequence[Row]) -> None:
        """Rows were stored: an open insert of one of them can only meet a conflict."""
        for insert in list(_overlapping(outcome.open, stored)):
            self._drop(outcome, insert)

    def _drop(self, outcome: Outcome, insert: Insert) -> None:
        outcome.open.remove(insert)
        self._witness.refused(insert.number)

    async def _are_in(self, shape: Shape, rows: Sequence[Row], where: str) -> bool:
        """Whether all of these rows are in the table, with the values that were sent."""
        if any(bodies.has_null(row.key) for row in rows):
            raise TargetError(
                f"a reply was lost, and the rows from {where} on have no key to ask for: are they in?",
                advice="Look in the table; then load what is missing, or all of it as an upsert on a key.",
            )
        rewritten: frozenset[str] | None = None
        for some in _questions(rows):
            count, changed = await self._compare(shape, some, where)
            if count < len(some):
                return False
            if changed and rewritten is None:
                rewritten = await self._rewritten(shape, where)
            if changed - (rewritten or frozenset()):
                return False
        return True

    async def _rewritten(self, shape: Shape, where: str) -> frozenset[str]:
        """Columns in which even a row of ours is not stored as it was sent: a trigger's work, say."""
        sample = self._samples.get(shape)
        if sample is None:
            return frozenset()
        _, changed = await self._compare(shape, [sample], where)
        return changed

    async def _compare(self, shape: Shape, rows: Sequence[Row], where: str) -> tuple[int, frozenset[str]]:
        """How many rows with the keys of these the table has, and in which columns their values differ."""
        keys = list(dict.fromkeys(row.key for row in rows))
        count, stored = await self._attempts.stored(shape.columns, keys, where=where)
        return count, changed_columns(rows, stored, self._key_columns, self._formats())


def _got_in(outcome: Outcome, rows: Sequence[Row]) -> bool:
    return any(insert.is_in and _holds(insert, rows) for insert in outcome.open)


def _holds(insert: Insert, rows: Sequence[Row]) -> bool:
    return _places(rows) <= _places(insert.rows)


def _overlapping(inserts: Sequence[Insert], rows: Sequence[Row]) -> Iterator[Insert]:
    places = _places(rows)
    return (insert for insert in inserts if not places.isdisjoint(_places(insert.rows)))


def _places(rows: Sequence[Row]) -> set[tuple[int, int]]:
    return {row.id for row in rows}


def _questions(rows: Sequence[Row]) -> Iterator[list[Row]]:
    """The rows in parts that can be asked for at once; those of one key are in one part."""
    by_key: dict[Key, list[Row]] = {}
    for row in rows:
        by_key.setdefault(row.key, []).append(row)
    some: list[Row] = []
    length = size = 0
    for key, same in by_key.items():
        if some and (length > _KEYS_LENGTH or size > _ROWS_SIZE):
            yield some
            some, length, size = [], 0, 0
        some += same
        length += len(str(key)) + 10
        size += sum(len(row.data) for row in same)
    yield some
