"""Takes a refused batch apart, until its bad rows stand alone and all others are in."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence

import anyio

from loader.batch.key_equality import ReadKey
from loader.errors import TargetError, words
from loader.halt import Halt
from loader.model import Outcome, Place, Reason, Reject, Row
from loader.postgrest.error_codes import INSUFFICIENT_PRIVILEGE
from loader.send.bisect import Bisection
from loader.send.refused_value import with_column
from loader.send.result import Accepted, Refused
from loader.send.suspects import suspects
from loader.throttle.throttle import Throttle

# Rows of a batch that row-level security refuses, with none accepted, before it is no row's fault:
# the first ones, and the last.
_POLICY_SAMPLE = 4

SendRows = Callable[[Sequence[Row]], Awaitable[Accepted | Refused]]


class Isolator:
    """Finds the bad rows of batches. Several tasks may use it at once, each for a batch of its own.

    Args:
        throttle: says how many rows may be sent at once.
        halt: asked between requests.
        read_key: how keys are compared: rows whose keys may be equal must keep their order.
        types: of the table's columns, as far as they are known: they tell which one was refused.
        policies: what row-level security must allow, as advice.
        location: names a place, for messages.
        reject: called with each rejected row, as soon as it is known.
    """

    def __init__(
        self,
        *,
        throttle: Throttle,
        halt: Halt,
        read_key: ReadKey | None,
        types: Mapping[str, str],
        policies: str,
        location: Callable[[Place], str],
        reject: Callable[[Reject], None],
    ) -> None:
        self._throttle = throttle
        self._halt = halt
        self._read_key = read_key
        self._types = types
        self._policies = policies
        self._location = location
        self._reject = reject
        self._accepted_any = False
        self._diagnosing = anyio.Lock()

    def accepted(self, result: Accepted) -> None:
        """Learn that rows were accepted: row-level security does not refuse all of them."""
        self._accepted_any = self._accepted_any or result.count > 0

    async def isolate(self, rows: Sequence[Row], refusal: Refused, send: SendRows, outcome: Outcome) -> None:
        """Settle a batch that was refused as a whole, row by row where need be.

        Args:
            rows: the batch.
            refusal: why it was refused.
            send: sends some of the rows, and enters them into ``outcome`` if they are accepted.
            outcome: gets the rejected rows.

        Raises:
            TargetError: the target cannot be used, or row-level security refuses all rows.
            Halted: a stop was asked for.
        """
        if not self._may_refuse_all(refusal.reason):
            await self._isolate(rows, refusal, send, outcome, step=False)
            return
        async with self._diagnosing:  # one batch is enough to learn whether it is any row's fault
            self._halt.check()
            step = self._may_refuse_all(refusal.reason)  # others may have got in meanwhile
            await self._isolate(rows, refusal, send, outcome, step=step)

    async def _isolate(
        self, rows: Sequence[Row], refusal: Refused, send: SendRows, outcome: Outcome, *, step: bool
    ) -> None:
        bisection = Bisection(rows, refusal, suspects, read_key=self._read_key, step=step)
        held: list[Reject] = []  # refused by row-level security, and perhaps through no fault of theirs
        while True:
            while bad_row := bisection.rejected():
                row, reason = bad_row
                held.append(row.reject(with_column(reason, row, self._types)))
                if not self._may_refuse_all(reason):
                    self._release(held, outcome)
                elif len(held) >= _POLICY_SAMPLE:
                    raise self._policy_error(held[0], reason)
                self._halt.check()
            part = bisection.next(self._throttle.limits.rows)
            if not part:
                break
            result = await send(part)
            if isinstance(result, Accepted):
                self.accepted(result)
                bisection.accepted()
            else:
                bisection.refused(result)
        self._release(held, outcome)

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
            advice=f"Do the policies of the table let the role of the token (--role) write? {self._policies}",
        )
