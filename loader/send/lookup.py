"""Asks the table whether rows are in it, with the values that were sent."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from loader.errors import TargetError
from loader.model import Key, Row, Shape
from loader.postgrest.body import has_null
from loader.send.relation import Relation
from loader.send.retry import Requests
from loader.send.stored_rows import changed_columns, has_rows

_KEYS_LENGTH = 4000  # characters of keys in one question: URLs have a limit
_ROWS_SIZE = 1024 * 1024  # bytes of rows, likewise: their values come back


class Lookup:
    """Asks for rows by their keys, and compares what is stored.

    Args:
        requests: asks.
        relation: its key is what rows are looked up by.
    """

    def __init__(self, requests: Requests, relation: Relation) -> None:
        self._requests = requests
        self._relation = relation
        self._samples: dict[Shape, Row] = {}

    def learn(self, shape: Shape, stored: Row) -> None:
        """Take a row that is known to be in as a sample of how the table stores what is sent."""
        self._samples.setdefault(shape, stored)

    async def are_in(self, shape: Shape, rows: Sequence[Row], location: str) -> bool:
        """Return whether all of these rows are in the table, with the values that were sent.

        Args:
            shape: their columns.
            rows: what is looked for.
            location: of the first, for messages.

        Raises:
            TargetError: the target cannot be used, or cannot tell.
            Halted: a stop was asked for.
        """
        if any(has_null(row.key) for row in rows):
            raise TargetError(
                f"a reply was lost, and the rows from {location} on have no key to ask for: are they in?",
                advice="Look in the table; then load what is missing, or all of it as an upsert on a key.",
            )
        rewritten: frozenset[str] | None = None
        for part in _questions(rows):
            count, changed = await self._compare(shape, part, location)
            if count < len(part):
                return False
            if changed and rewritten is None:
                rewritten = await self._rewritten(shape, location)
            if changed - (rewritten or frozenset()):
                return False
        return True

    async def _rewritten(self, shape: Shape, location: str) -> frozenset[str]:
        """Return the columns in which even the sample is not stored as it was sent: a trigger's work, say."""
        sample = self._samples.get(shape)
        if sample is None:
            return frozenset()
        _, changed = await self._compare(shape, [sample], location)
        return changed

    async def _compare(self, shape: Shape, rows: Sequence[Row], location: str) -> tuple[int, frozenset[str]]:
        """Return how many rows with these keys the table has, and in which columns their values differ."""
        key = self._relation.key
        keys = list(dict.fromkeys(row.key for row in rows))
        count, stored = await self._requests.stored(key, shape.columns, keys, location=location)
        if not has_rows(stored):  # a count without a row is no proof, whatever it says
            return 0, frozenset()
        return count, changed_columns(rows, stored, key, self._relation.types)


def _questions(rows: Sequence[Row]) -> Iterator[list[Row]]:
    """Yield the rows in parts that can be asked for at once; those of one key are in one part."""
    by_key: dict[Key, list[Row]] = {}
    for row in rows:
        by_key.setdefault(row.key, []).append(row)
    part: list[Row] = []
    length = size = 0
    for key, same in by_key.items():
        if part and (length > _KEYS_LENGTH or size > _ROWS_SIZE):
            yield part
            part, length, size = [], 0, 0
        part += same
        length += len(str(key)) + 10
        size += sum(len(row.data) for row in same)
    yield part
