"""The rows that were held back: tried again at the end of a load, in rounds, until no more of them get in.

In each round all of them are tried, parents before their children. At first whole requests; if none of them
is accepted any more, each row alone. Where every row was refused alone, and none got in after the first
refusal, another round would end in the same way: these rows are rejected, with the server's words.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from loader.batch.chunks import batch_of
from loader.errors import TooManyRejects
from loader.events import Notice
from loader.halt import Halt, Halted
from loader.model import Batch, Chunk, HeldBack, Insert, Outcome
from loader.run.held_table import Refused
from loader.run.ledger import Ledger
from loader.run.resume import overlapping, within
from loader.send.relation import Relation
from loader.send.sender import Sender
from loader.throttle.throttle import Throttle


@dataclass(slots=True)
class _Round:
    """What has happened in a round."""

    got_in: bool = False  # at least one row
    refused: bool = False  # likewise
    got_in_after: bool = False  # after another was refused

    def add(self, outcome: Outcome) -> None:
        """Learn what became of a request's rows; if some got in and some did not, take the worse order."""
        got_in = outcome.loaded + outcome.ignored > 0
        self.refused = self.refused or bool(outcome.held_back)
        self.got_in = self.got_in or got_in
        self.got_in_after = self.got_in_after or (got_in and self.refused)


class HeldBackRetry:
    """Tries the rows again that were held back. Nothing else is sent meanwhile.

    Args:
        ledger: has them, and is told of their outcome.
        throttle: says how many fit into a request.
        halt: ends the work.
        sender: sends them.
        relation: what is loaded into.
    """

    def __init__(
        self, ledger: Ledger, throttle: Throttle, halt: Halt, sender: Sender, relation: Relation
    ) -> None:
        self._ledger = ledger
        self._halt = halt
        self._held_rows = ledger.held_rows
        self._throttle = throttle
        self._sender = sender
        self._relation = relation

    async def run(self, *, final: bool) -> None:
        """Try all of them.

        Args:
            final: whether the rows that do not get in are rejected: all sources were read to their end.

        Raises:
            LoadError: the target, or the journal, cannot be used.
            Halted: a stop was asked for.
        """
        count, rounds = self._held_rows.count, 0
        if not count:
            return
        await self._recover()
        every_row, before = False, 0
        while self._held_rows.count and (final or not every_row):
            rounds += 1
            again, before = before == self._held_rows.count, self._held_rows.count
            try:
                this_round = await self._round(every_row=every_row, again=again)
            except Halted:
                if isinstance(self._halt.error, TooManyRejects):
                    await self._ledger.reject_refused()  # else nobody could see why it stopped
                raise
            if final and not this_round.got_in_after and not await self._held_rows.untried():
                await self._reject_refused()
            every_row = not this_round.got_in
        await self._held_rows.end()
        self._ledger.observer.on(Notice(_summary(count, rounds)))

    async def _round(self, *, every_row: bool, again: bool) -> _Round:
        """Give each row its turn; ``again``: all of the last round are left."""
        relation = self._relation
        await self._held_rows.begin_round(relation.key, relation.types, counting=every_row, again=again)
        self._sender.begin_round()
        this_round = _Round()
        position = 0
        while turns := await self._held_rows.next_turns(position, self._throttle.limits):
            position = turns[-1][0]
            batch = self._batch([row for _, row in turns])
            outcome = Outcome()
            await self._settle(batch, outcome, every_row=every_row)
            this_round.add(outcome)
        return this_round

    async def _reject_refused(self) -> None:
        """Reject rows that nothing lets in; where all of them wait for each other, those in the way first."""
        await self._held_rows.spare_hopeful()
        for which in (Refused.HOPELESS, Refused.BLOCKING, Refused.ALL):
            if await self._ledger.reject_refused(which):
                return

    async def _settle(self, batch: Batch, outcome: Outcome, *, every_row: bool) -> None:
        """Send rows, and enter their outcome into the ledger."""
        complete = False
        try:
            await self._sender.settle_again(batch, outcome, every_row=every_row)
            complete = True
        finally:
            await self._ledger.settle_again(outcome, complete=complete)

    async def _recover(self) -> None:
        """Settle plain inserts of an earlier run, of rows that were held back: what got in nobody knows."""
        for inserts in overlapping(self._ledger.past.sent_again):
            ranges = [row_range for row_ranges in inserts.values() for row_range in row_ranges]
            rows = await self._held_rows.between(ranges)
            if rows:
                outcome = Outcome()
                for number, row_ranges in inserts.items():
                    sent = [held.row for held in rows if within(held.row, row_ranges)]
                    outcome.open.append(Insert(number, sent))
                await self._settle(self._batch(rows), outcome, every_row=False)
            for number in inserts:
                self._ledger.refused(number)

    def _batch(self, rows: Sequence[HeldBack]) -> Batch:
        return batch_of([_chunk(row) for row in rows], self._relation.read_key)


def _chunk(held_back: HeldBack) -> Chunk:
    """Return a chunk of a row alone: its neighbours in the source are not held back, or not of its turn."""
    row = held_back.row
    return Chunk(held_back.shape, row.counted, row.data, [row.key], row.origin, row.at)


def _summary(count: int, rounds: int) -> str:
    rounds_text = "1 round" if rounds == 1 else f"{rounds:,} rounds"
    if count == 1:
        return f"1 row that may depend on others was tried again at the end, in {rounds_text}"
    return f"{count:,} rows that may depend on others were tried again at the end, in {rounds_text}"
