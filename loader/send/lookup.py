"""Asks the table whether rows are in it, with the values that were sent."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from loader.errors import TargetError
from loader.model import Key, Reason, Row, Shape
from loader.postgrest.body import has_null
from loader.postgrest.query import with_keys, with_values
from loader.send.relation import Relation
from loader.send.retry import Requests
from loader.send.stored_rows import changed_columns, disputed_values, row_count

_ROWS_SIZE = 1024 * 1024  # bytes of rows in one question: their values come back

_Values = tuple[Key, dict[str, str]]  # the key of a row, and values of it by column


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
        self._most_keys: int | None = None  # of a question, where the server shows so few rows at once

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
        parts = list(self._questions(rows))
        while parts:
            part = parts.pop()
            count, changed = await self._compare(shape, part, location)
            if count < len(part):
                return False
            if self._is_too_many(part):
                parts += self._questions(part)
                continue
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
        shown = row_count(stored)
        if not shown:  # a count without a row is no proof, whatever it says
            return 0, frozenset()
        if shown < count and len(keys) > 1:
            # It shows db-max-rows at once (1,000 on Supabase), and values that are not shown prove nothing.
            self._most_keys = min(shown, (len(keys) + 1) // 2)
        changed = changed_columns(rows, stored, key, self._relation.types)
        disputed = disputed_values(rows, stored, key, self._relation.types)
        return count, changed | await self._judged(disputed, location)

    async def _judged(self, disputed: Sequence[_Values], location: str) -> frozenset[str]:
        """Return the columns in which a disputed value is another than the stored one for PostgreSQL.

        A type without ``=``, as json is, cannot be judged: then the value does not count.
        """
        if not disputed or await self._are_equal(disputed, location):
            return frozenset()
        changed = set()
        for column in dict.fromkeys(name for _, values in disputed for name in values):
            own = [(key, {column: values[column]}) for key, values in disputed if column in values]
            if await self._are_equal(own, location) is False:
                changed.add(column)
        return frozenset(changed)

    async def _are_equal(self, rows: Sequence[_Values], location: str) -> bool | None:
        """Return whether PostgreSQL says that rows have these values; None if it cannot compare."""
        key = self._relation.key
        for part in self._value_questions(rows):
            found = await self._requests.matching(key, part, location=location)
            if isinstance(found, Reason):
                return False if found.code.startswith("22") else None  # no value of the column's type
            count, shown = found
            if count < len({row_key for row_key, _ in part}) or not row_count(shown):
                return False
        return True

    def _value_questions(self, rows: Sequence[_Values]) -> Iterator[list[_Values]]:
        """Yield rows in parts that can be asked for at once."""
        part: list[_Values] = []
        length = 0
        for row in rows:
            row_length = len(with_values(self._relation.key, [row]))
            if row_length > self._requests.longest_keys:
                continue  # no URL has room for it, so it cannot be judged
            if part and length + row_length > self._requests.longest_keys:
                yield part
                part, length = [], 0
            part.append(row)
            length += row_length
        if part:
            yield part

    def _is_too_many(self, part: Sequence[Row]) -> bool:
        return self._most_keys is not None and len({row.key for row in part}) > self._most_keys

    def _questions(self, rows: Sequence[Row]) -> Iterator[list[Row]]:
        """Yield the rows in parts that can be asked for at once; those of one key are in one part."""
        by_key: dict[Key, list[Row]] = {}
        for row in rows:
            by_key.setdefault(row.key, []).append(row)
        part: list[Row] = []
        keys = length = size = 0
        for key, same in by_key.items():
            key_length = len(with_keys(self._relation.key, [key])) + 1
            full = keys == self._most_keys or length + key_length > self._requests.longest_keys
            if part and (full or size > _ROWS_SIZE):
                yield part
                part, keys, length, size = [], 0, 0, 0
            part += same
            keys += 1
            length += key_length
            size += sum(len(row.data) for row in same)
        yield part
