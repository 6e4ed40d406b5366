"""What sources give, a piece at a time: rows as they stand (a Block), or records that are made into rows."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from loader.formats.origin import Cell, LineOrigin
from loader.model import Block, Origin, Place, Reason

# Column -> its text as the source has it; None is null, as an empty cell of a CSV is.
Record = Mapping[str, str | None]


@dataclass(frozen=True, slots=True)
class Table:
    """Neighbouring records that are cells under columns: CSV, SQLite.

    Attributes:
        start: where the first begins.
        end: where the next portion begins.
        columns: their names.
        records: the cells of each.
        origin: knows them as the source has them.
        odd: the index of each record that cannot be a row, and why; None: it is nothing (a blank line).
        typeless: whether all cells are texts, and one of them (--null) stands for null.
    """

    start: Place
    end: Place
    columns: tuple[str, ...]
    records: Sequence[Sequence[Cell]]
    origin: Origin
    odd: Mapping[int, Reason | None] = field(default_factory=dict)
    typeless: bool = False


@dataclass(frozen=True, slots=True)
class Objects:
    """Neighbouring records that are JSON, each on a line of its own: of an array, say.

    Attributes:
        start: where the first begins.
        end: where the next portion begins.
        texts: the JSON of each, without a newline in or behind it; empty: it is nothing.
        origin: knows them as the source has them.
        odd: the index of each record that cannot be a row, and why.
    """

    start: Place
    end: Place
    texts: Sequence[bytes]
    origin: Origin
    odd: Mapping[int, Reason] = field(default_factory=dict)


class Typed(Protocol):
    """Neighbouring records whose values have types of their own: Parquet.

    ``start``, ``end``, ``columns`` and ``origin`` are those of Table.
    """

    start: Place
    end: Place
    columns: tuple[str, ...]

    @property
    def origin(self) -> Origin:
        """Knows them as the source has them."""

    def objects(self, types: Mapping[str, str]) -> Objects:
        """The records as JSON.

        Args:
            types: for each column the type of that which it is written to, where it is known: a time, say,
                is written as that takes it.
        """


Records = Block | Table | Objects | Typed


def cell_of(portion: Records, column: str, place: int) -> str | None:
    """What a record of a table holds in a column, also where it has too few cells, or too many."""
    if not isinstance(portion, Table):
        return None
    cells, index = portion.records[place], portion.columns.index(column)
    return str(cells[index]) if index < len(cells) else None


def of_block(block: Block, bare: Callable[[bytes], bytes] | None = None) -> Objects:
    """LineOrigin that are JSON, as records.

    Args:
        block: the lines.
        bare: gives a line without what is around its JSON, which is no part of the record; None: nothing is.
    """
    texts = list(map(bare or bytes.strip, block.lines))
    origin = LineOrigin(block.lines, block.start, bare=None if bare is None else texts)
    return Objects(block.start, block.end, texts, origin)
