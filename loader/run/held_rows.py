"""The rows that are held back: counted here, and kept in the journal."""

from __future__ import annotations

import sqlite3
from collections.abc import Collection, Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from functools import partial
from itertools import islice

from loader.model import HeldBack, Key, Limits, Reject, RowId, RowRange, Shape
from loader.run import held_table, turns
from loader.run.held_table import Refused
from loader.run.journal import Journal

_MOST_REJECTS = 1000  # at once

Turns = list[tuple[int, HeldBack]]  # rows with their positions in the order of turns


class HeldRows:
    """Keeps rows until the end of the load, and hands them out in rounds.

    Args:
        journal: where they stand.
        count: how many an earlier run has left.

    Attributes:
        count: how many there are.
        refused: how many of them were refused alone in this round, where it counts.
        counting: whether to count these: they will be rejected if nothing else gets in.
    """

    def __init__(self, journal: Journal, count: int) -> None:
        self._journal = journal
        self._round = 0
        self.count = count
        self.refused = 0
        self.counting = False

    def add(self, rows: Sequence[HeldBack]) -> None:
        """Note rows that are held back, for the next commit."""
        self.count += len(rows)
        for row in rows:
            self._journal.hold_back(row, 0)

    def hold_again(self, rows: Iterable[HeldBack]) -> None:
        """Note that rows were refused in this round, for the next commit."""
        for row in rows:
            self._journal.hold_back(row, self._round)

    def remove(self, rows: Collection[RowId]) -> None:
        """Note that rows are settled, for the next commit."""
        self.count -= len(rows)
        for row in rows:
            self._journal.release(row)

    async def with_keys(self, keys: AbstractSet[Key]) -> AbstractSet[Key]:
        """Return those of the keys, as they are compared, that a row has, or may have.

        Raises:
            RunDirError: the journal cannot be read.
        """
        return await self._journal.work(partial(held_table.keys_held, keys=list(keys)))

    async def first_shape(self) -> Shape:
        """Return the columns of a row; there must be one."""
        return await self._journal.work(held_table.first_shape)

    async def between(self, ranges: Iterable[RowRange]) -> list[HeldBack]:
        """Return the rows of some ranges, in the order of the sources."""

        def read(database: sqlite3.Connection) -> list[HeldBack]:
            parts = (held_table.rows_between(database, rows.first, rows.last) for rows in ranges)
            found = {row.row.id: row for part in parts for row in part}
            return [found[row_id] for row_id in sorted(found)]

        return await self._journal.work(read)

    async def begin_round(
        self, key: tuple[str, ...], types: Mapping[str, str], *, counting: bool, again: bool
    ) -> None:
        """Put all rows into the order in which they are tried.

        Args:
            key: the relation's key.
            types: its columns' types, as OpenAPI names them.
            counting: whether rows that are refused alone count as rejects.
            again: whether no row has gone in the last round: the order is the same.

        Raises:
            RunDirError: the disk is full, or the like.
        """
        self._round += 1
        self.refused, self.counting = 0, counting
        await self._journal.work(turns.again if again else partial(turns.order, key=key, types=types))

    async def next_turns(self, after: int, limits: Limits) -> Turns:
        """Return the next rows of the round that one request takes: of one shape, and at least one.

        Args:
            after: the position of the last row that has had its turn; 0: none has.
            limits: the most rows, and bytes of them.
        """

        def read(database: sqlite3.Connection) -> Turns:
            taken: Turns = []
            size = 0
            for position, row in held_table.of_turns(database, after):
                size += len(row.row.data) + 1
                full = len(taken) >= limits.rows or size > limits.size
                if taken and (full or row.shape != taken[0][1].shape):
                    break
                taken.append((position, row))
            return taken

        return await self._journal.work(read)

    async def untried(self) -> int:
        """Return how many rows were held back with others in this round, and not refused alone."""

        def read(database: sqlite3.Connection) -> int:
            return held_table.count_untried(database, self._round)

        return await self._journal.work(read)

    async def refused_in_round(self, which: Refused) -> list[Reject]:
        """Return rows that were refused alone in this round as rejects; not all at once."""

        def read(database: sqlite3.Connection) -> list[Reject]:
            return list(islice(held_table.refused_alone(database, self._round, which), _MOST_REJECTS))

        return await self._journal.work(read)

    async def spare_hopeful(self) -> None:
        """Find out which rows may still get in; all others that were refused alone are hopeless."""
        await self._journal.work(partial(turns.spare, number=self._round))

    async def end(self) -> None:
        """Forget the order."""
        await self._journal.work(turns.drop)
