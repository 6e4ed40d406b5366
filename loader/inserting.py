"""Plain inserts (--resolution none), which must not be repeated blindly: a lost reply leaves their fate open.

A batch is a transaction, so either all of its rows are in or none. Where the reply was lost, the table is
asked for their keys: if one is missing, the batch is not in and can be sent again; if all are there, it
is. A request that was lost may still be at work, so a conflict after it is looked at in the same way.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace

from loader.attempt import Attempts
from loader.body import Body, has_null
from loader.errors import TargetError
from loader.model import Key, Kind, Shape, Verdict
from loader.verdict import NO_REPLY

_KEYS_LENGTH = 4000  # characters of keys in one question: URLs have a limit


class Inserts:
    """Sends bodies as plain inserts, each of them once.

    Args:
        attempts: gets one body decided.
        patience: seconds that one body may meet lost replies.
    """

    def __init__(self, attempts: Attempts, patience: float) -> None:
        self._attempts = attempts
        self._patience = patience

    async def send(
        self, shape: Shape, body: Body, keys: Sequence[Key], *, where: str, unsure: bool = False
    ) -> Verdict:
        """Insert rows, or find out that they are in.

        Args:
            shape: the columns that the body writes.
            body: the rows.
            keys: their keys.
            where: the place of the first, for messages.
            unsure: whether they may be in already, from a request of an earlier run.

        Returns:
            As Attempts.send, but never UNSURE.

        Raises:
            TargetError: the target cannot be used, or cannot tell whether the rows are in.
            Halted: a stop was asked for.
        """
        started = time.monotonic()
        verdict = Verdict(Kind.UNSURE) if unsure else Verdict(Kind.RETRY)
        while True:
            if verdict.kind is Kind.UNSURE:
                unsure = True
                if await self._are_in(keys, where):
                    return Verdict(Kind.DONE, count=len(keys))
                if verdict.reason.code == NO_REPLY:
                    return replace(verdict, kind=Kind.SHRINK)  # it took too long
            elif verdict.kind is not Kind.RETRY:
                conflict = unsure and verdict.kind is Kind.SPLIT and verdict.reason.code == "23505"
                if conflict and await self._are_in(keys, where):
                    return Verdict(Kind.DONE, count=len(keys))
                return verdict
            if time.monotonic() - started > self._patience:
                raise TargetError(f"replies keep getting lost (rows from {where} on)")
            verdict = await self._attempts.send(shape, body, len(keys), where=where, repeat=False)

    async def _are_in(self, keys: Sequence[Key], where: str) -> bool:
        """Whether all of these keys are in the table."""
        if any(has_null(key) for key in keys):
            raise TargetError(
                f"a reply was lost, and the rows from {where} on have no key to ask for: are they in?",
                advice="Look in the table; then load what is missing, or all of it as an upsert on a key.",
            )
        rest = list(keys)
        while rest:
            some: list[Key] = []
            length = 0
            while rest and length < _KEYS_LENGTH:
                some.append(rest.pop())
                length += len(str(some[-1])) + 10
            if await self._attempts.count(some, where=where) < len(set(some)):
                return False
        return True
