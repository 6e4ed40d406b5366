"""Takes a refused batch apart, until its bad rows stand alone and all others are in.

Rows that another row may still let in are held back, not rejected. Where such refusals come one after the
other the rest of the batch is held back with them: to find out which of them could go in already would take
a request a row.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass

import anyio

from loader.batch.key_equality import ANY, ReadKey
from loader.errors import TargetError, words
from loader.halt import Halt
from loader.model import HeldBack, Key, Outcome, Place, Reason, Reject, Row, Shape
from loader.postgrest.body import has_null
from loader.postgrest.error_codes import INSUFFICIENT_PRIVILEGE
from loader.send.bisect import Bisection
from loader.send.refused_value import with_column
from loader.send.result import Accepted, Refused
from loader.send.suspects import suspects
from loader.send.turn import Turn
from loader.throttle.throttle import Throttle

# Rows of a batch that row-level security refuses, with none accepted, before it is no row's fault:
# the first ones, and the last.
_POLICY_SAMPLE = 4

# Refusals in a row, all for rows that may get in later, before the rest of the batch is held back. After a
# batch of which nothing got in the next one is not taken apart at all.
_PATIENCE, _NO_PATIENCE = 8, 1

SendRows = Callable[[Sequence[Row]], Awaitable[Accepted | Refused]]


class Isolator:
    """Finds the bad rows of batches. Several tasks may use it at once, each for a batch of its own.

    Args:
        throttle: says how many rows may be sent at once.
        halt: asked between requests.
        read_key: how keys are compared: rows whose keys may be equal must keep their order.
        may_get_in: says whether a row that is refused so may get in later, and is to be held back.
        types: of the table's columns, as far as they are known: they tell which one was refused.
        policies: what row-level security must allow, as advice.
        location: names a place, for messages.
        reject: called with each rejected row, as soon as it is known.
        refused_alone: called for each row that is held back after it was refused alone.
    """

    def __init__(
        self,
        *,
        throttle: Throttle,
        halt: Halt,
        read_key: ReadKey | None,
        may_get_in: Callable[[Reason], bool],
        types: Mapping[str, str],
        policies: str,
        location: Callable[[Place], str],
        reject: Callable[[Reject], None],
        refused_alone: Callable[[], None],
    ) -> None:
        self._throttle = throttle
        self._halt = halt
        self._read_key = read_key
        self._may_get_in = may_get_in
        self._refused_alone = refused_alone
        self._patience = _PATIENCE
        self._types = types
        self._policies = policies
        self._location = location
        self._reject = reject
        self._accepted_any = False
        self._diagnosing = anyio.Lock()

    def accepted(self, result: Accepted) -> None:
        """Learn that rows were accepted: row-level security does not refuse all of them."""
        self._accepted_any = self._accepted_any or result.count > 0
        self.be_patient()

    def be_patient(self) -> None:
        """Take the next batch apart, though nothing of the last one got in."""
        self._patience = _PATIENCE

    def compared_key(self, row: Row) -> Key:
        """Return the key of a row as the columns' types compare it; None where it equals no other."""
        if has_null(row.key):
            return None
        return row.key if self._read_key is None else self._read_key(row.key)

    async def isolate(
        self,
        shape: Shape,
        rows: Sequence[Row],
        refusal: Refused,
        send: SendRows,
        outcome: Outcome,
        *,
        turn: Turn,
        every_row: bool = False,
    ) -> None:
        """Settle a batch that was refused as a whole, row by row where need be.

        Args:
            shape: the columns of the batch.
            rows: its rows.
            refusal: why it was refused.
            send: sends some of the rows, and enters them into ``outcome`` if they are accepted.
            outcome: gets the rows that are rejected or held back.
            turn: of the batch.
            every_row: whether to send rows alone until each of them is accepted or refused.

        Raises:
            TargetError: the target cannot be used, or row-level security refuses all rows.
            Halted: a stop was asked for.
        """
        parts = _Parts(shape, rows, send, outcome, every_row)
        if not self._may_refuse_all(refusal.reason):
            await self._isolate(parts, refusal, step=False)
            return
        await turn.wait()  # under the lock, no batch may wait for another that wants it
        async with self._diagnosing:  # one batch is enough to learn whether it is any row's fault
            self._halt.check()
            step = self._may_refuse_all(refusal.reason)  # others may have got in meanwhile
            await self._isolate(parts, refusal, step=step)

    async def _isolate(self, parts: _Parts, refusal: Refused, *, step: bool) -> None:
        outcome = parts.outcome
        bisection = Bisection(parts.rows, refusal, suspects, read_key=self._read_key, step=step)
        held: list[Reject] = []  # refused by row-level security, and perhaps through no fault of theirs
        dependent = int(self._may_get_in(refusal.reason))  # refusals in a row
        nothing_in = True
        while True:
            if dependent >= self._patience and not parts.every_row:
                self._hold_back_rest(parts, bisection, refusal.reason)
                self._patience = _NO_PATIENCE if nothing_in else _PATIENCE
            while bad_row := bisection.rejected():
                row, reason = bad_row
                if self._may_get_in(reason):
                    self._hold_back(parts, row, reason, bisection)
                    continue
                held.append(row.reject(with_column(reason, row, self._types)))
                if not self._may_refuse_all(reason):
                    self._release(held, outcome)
                elif len(held) >= _POLICY_SAMPLE:
                    raise self._policy_error(held[0], reason)
                self._halt.check()
            part = bisection.next(self._throttle.limits.rows)
            if not part:
                break
            result = await parts.send(part)
            if isinstance(result, Accepted):
                self.accepted(result)
                bisection.accepted()
                dependent, nothing_in = 0, False
            else:
                bisection.refused(result)
                refusal = result
                dependent = dependent + 1 if self._may_get_in(result.reason) else 0
        self._release(held, outcome)

    def _hold_back(self, parts: _Parts, row: Row, reason: Reason, bisection: Bisection) -> None:
        """Hold back a row that was refused alone, and the rows of its key behind it."""
        key = self.compared_key(row)
        parts.outcome.hold_back(HeldBack(row, parts.shape, key, reason, alone=True))
        if key is not None:
            behind = bisection.rest() if key == ANY else bisection.withdraw({key, ANY})
            self._hold_behind(parts, behind)
        self._refused_alone()
        self._halt.check()

    def _hold_behind(self, parts: _Parts, rows: Sequence[Row]) -> None:
        for row in rows:
            parts.outcome.hold_back(HeldBack(row, parts.shape, self.compared_key(row)))

    def _hold_back_rest(self, parts: _Parts, bisection: Bisection, reason: Reason) -> None:
        for row in bisection.rest():
            parts.outcome.hold_back(HeldBack(row, parts.shape, self.compared_key(row), reason))

    def _may_refuse_all(self, reason: Reason) -> bool:
        """Return whether it may be row-level security that lets no row in."""
        # Of a batch that is refused it is no privilege that is missing: that would have stopped the load.
        return reason.code == INSUFFICIENT_PRIVILEGE and not self._accepted_any

    def _release(self, held: list[Reject], outcome: Outcome) -> None:
        for reject in held:
            outcome.reject(reject)
            self._reject(reject)
        held.clear()

    def _policy_error(self, first: Reject, reason: Reason) -> TargetError:
        return TargetError(
            f"row-level security refuses the rows (from {self._location(first.place)} on)",
            said=words(reason),
            advice=f"No policy of the table has let a row in. {self._policies}",
        )


@dataclass(frozen=True, slots=True)
class _Parts:
    """A batch that is taken apart; the attributes are arguments of ``isolate``."""

    shape: Shape
    rows: Sequence[Row]
    send: SendRows
    outcome: Outcome
    every_row: bool
