"""Upserts (merge-duplicates, ignore-duplicates), as plain inserts first where rows are likely to be new.

The end is the same: an insert that gets in has met no row of its keys, and one that meets any stores
nothing. Where its reply is lost, the upsert that follows finds its rows and writes them once more.
"""

from __future__ import annotations

from dataclasses import replace

from loader.model import Decision, Shape, Verdict
from loader.postgrest.body import Body
from loader.postgrest.verdict import NO_REPLY
from loader.send.freshness import Freshness
from loader.send.retry import Requests


class Upserts:
    """Sends bodies as upserts. Several tasks may use it at once.

    Args:
        attempts: gets one body decided.
        freshness: whether to insert first.
    """

    def __init__(self, attempts: Requests, freshness: Freshness) -> None:
        self._attempts = attempts
        self._freshness = freshness

    async def send(
        self, shape: Shape, body: Body, rows: int, *, where: str, distinct: bool = False
    ) -> Verdict:
        """Upsert rows.

        Args:
            shape: the columns that the body writes.
            body: the rows.
            rows: how many.
            where: the place of the first, for messages.
            distinct: whether no key stands in it twice, and it is a whole batch: it may be inserted first.

        Returns:
            As Attempts.send, but never UNSURE.

        Raises:
            TargetError: the target cannot be used.
            Halted: a stop was asked for.
        """
        if distinct and self._freshness.insert_first():
            verdict = await self._insert(shape, body, rows, where)
            if verdict is not None:
                return verdict
        verdict = await self._attempts.send(shape, body, rows, where=where)
        if verdict.decision is Decision.DONE:
            self._freshness.upserted(new=verdict.new)
        return verdict

    async def _insert(self, shape: Shape, body: Body, rows: int, where: str) -> Verdict | None:
        """Insert rows; None where they must be upserted."""
        verdict = await self._attempts.send(shape, body, rows, where=where, plain=True)
        if verdict.decision is Decision.DONE:
            self._freshness.inserted()
        elif verdict.reason.code == "23505":
            self._freshness.conflicted()
            return None
        elif verdict.decision in (Decision.STOP, Decision.RENEW):
            # A privilege is missing that upserts do not need (SELECT on a primary key that is not the key
            # here), or the target cannot be used at all: the upsert tells.
            self._freshness.give_up()
            return None
        else:
            self._freshness.unanswered()
        if verdict.decision is Decision.UNSURE:
            return replace(verdict, decision=Decision.SHRINK) if verdict.reason.code == NO_REPLY else None
        return verdict
