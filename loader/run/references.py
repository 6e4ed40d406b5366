"""Which columns of a table refer to which others: guessed from rows that were refused. No I/O.

PostgreSQL's words name the columns of a violated foreign key, if the role may read the table, but never
those that it refers to. A wrong guess costs requests and no row: it only decides in which order rows are
tried.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import permutations

import msgspec

from loader.batch.key_equality import ANY
from loader.formats.json_fields import text
from loader.pg_types import type_of

Fields = Mapping[str, msgspec.Raw]
Value = tuple[str, ...]

_MOST_COLUMNS = 3  # of a foreign key whose order is tried out
_MOST_CANDIDATES = 500
_MOST_REPEATS = 4  # rows with one value of a column that is referred to, on average


@dataclass(frozen=True, slots=True)
class Reference:
    """A foreign key of the table to itself: each of ``columns`` refers to one of ``referred``."""

    columns: tuple[str, ...]
    referred: tuple[str, ...]


class Values:
    """Reads values of rows as their columns' types compare them.

    Args:
        types: the columns' types, as OpenAPI names them.
    """

    def __init__(self, types: Mapping[str, str]) -> None:
        self._readers = {column: type_of(name).read_key for column, name in types.items() if name}

    def of(self, fields: Fields, columns: Sequence[str]) -> Value | None:
        """Return the values of some columns; None where one is null, absent, or not to be compared."""
        values: list[str] = []
        for column in columns:
            value = text(fields[column]) if column in fields else None
            if value is not None and column in self._readers:
                value = self._readers[column](value)
            if value is None or value == ANY:
                return None
            values.append(value)
        return tuple(values)


def candidates(
    referring: Iterable[tuple[str, ...]], columns: Sequence[str], key: tuple[str, ...]
) -> list[Reference]:
    """Return what may refer to what, the likeliest first.

    Args:
        referring: the columns of foreign keys that the server has named; none where it names none.
        columns: all columns of the rows.
        key: the table's key.
    """
    named = [*dict.fromkeys(referring)]
    if not named and len(key) == 1 and key[0] in columns:
        return [Reference((column,), key) for column in columns if column not in key]
    sets = named or [(column,) for column in columns]
    pairs = [Reference(names, referred) for names in sets for referred in _referred(names, columns, key)]
    return pairs[:_MOST_CANDIDATES]


def _referred(
    names: tuple[str, ...], columns: Sequence[str], key: tuple[str, ...]
) -> Iterator[tuple[str, ...]]:
    if len(names) == len(key) <= _MOST_COLUMNS:
        orders = [order for order in permutations(key) if order != names]
        # Of (tenant, boss) -> (tenant, id) the shared column refers to itself.
        yield from sorted(orders, key=lambda order: -sum(a == b for a, b in zip(order, names, strict=True)))
    if len(names) == 1:
        yield from ((column,) for column in columns if (column,) not in (names, key))


class Vote:
    """Finds the references among candidates: those by which most of a sample of rows find a row.

    Args:
        references: the candidates, the likeliest first.
        sample: rows that may refer to others.
        values: reads them.
        key: the table's key: unique, however many versions of a row there are.
    """

    def __init__(
        self,
        references: Sequence[Reference],
        sample: Iterable[Fields],
        values: Values,
        key: tuple[str, ...],
    ) -> None:
        self._values = values
        self._key = frozenset(key)
        self._missing: dict[tuple[str, ...], set[Value]] = {ref.columns: set() for ref in references}
        for fields in sample:
            for columns, missing in self._missing.items():
                if (value := values.of(fields, columns)) is not None:
                    missing.add(value)
        self._hits: dict[Reference, set[Value]] = {reference: set() for reference in references}
        self._rows = dict.fromkeys(references, 0)  # that have one of these values

    def look_at(self, fields: Fields) -> None:
        """Look at a row that others may refer to."""
        read = {ref.referred: self._values.of(fields, ref.referred) for ref in self._hits}
        for reference, hits in self._hits.items():
            value = read[reference.referred]
            if value is not None and value in self._missing[reference.columns]:
                hits.add(value)
                self._rows[reference] += 1

    def result(self, *, named: bool) -> list[Reference]:
        """Return the references.

        Args:
            named: whether the server has named the columns that refer: then each set of them does.
        """
        best: dict[tuple[str, ...], Reference] = {}
        for reference, hits in self._hits.items():
            leader = best.get(reference.columns)
            is_key = self._key == frozenset(reference.referred)
            if not is_key and self._rows[reference] > _MOST_REPEATS * len(hits):
                continue  # what is referred to is unique, but for rows that are there in several versions
            if hits and (leader is None or len(hits) > len(self._hits[leader])):
                best[reference.columns] = reference
        found = sorted(best.values(), key=lambda reference: -len(self._hits[reference]))
        return found if named else found[:1]
