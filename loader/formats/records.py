"""The records of a source, in pieces: blocks of JSON Lines that are rows already, or records to transform."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from loader.formats.origin import Cell, LineOrigin
from loader.model import Block, Origin, Place, Reason

# Column -> its text in the source; None is null, as an empty cell of a CSV is.
Record = Mapping[str, str | None]


@dataclass(frozen=True, slots=True)
class Table:
    """Neighbouring records that are cells under columns: CSV, SQLite.

    Attributes:
        start: where the first record begins.
        end: where the next piece begins.
        columns: the names of the columns.
        records: the cells of each record.
        origin: gives the records as they are in the source.
        refused: the index of each record that cannot be a row, and why; None if it is ignored (a blank line).
        typeless: whether all cells are texts, one or more of which (--null) mean null.
        quoted: placeholder -> text. A cell that stood in quotes and whose text equals a null token is held as
            a placeholder, which stands nowhere else in this piece of the source: it is that text, not null.
    """

    start: Place
    end: Place
    columns: tuple[str, ...]
    records: Sequence[Sequence[Cell]]
    origin: Origin
    refused: Mapping[int, Reason | None] = field(default_factory=dict)
    typeless: bool = False
    quoted: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Objects:
    """Neighbouring records that are JSON, such as the elements of an array.

    Attributes:
        start: where the first record begins.
        end: where the next piece begins.
        texts: the JSON of each record, without newlines; an empty one is ignored.
        origin: gives the records as they are in the source.
        refused: the index of each record that cannot be a row, and why.
    """

    start: Place
    end: Place
    texts: Sequence[bytes]
    origin: Origin
    refused: Mapping[int, Reason] = field(default_factory=dict)


class Typed(Protocol):
    """Neighbouring records whose values have types of their own: Parquet.

    ``start``, ``end``, ``columns`` and ``origin`` are those of Table.
    """

    start: Place
    end: Place
    columns: tuple[str, ...]

    @property
    def origin(self) -> Origin:
        """Gives the records as they are in the source."""

    def objects(self, types: Mapping[str, str]) -> Objects:
        """Return the records as JSON.

        Args:
            types: of the columns that the values are written to, by the source's columns, as far as they are
                known. A time, for example, is written as its type expects it.
        """


Records = Block | Table | Objects | Typed


def cell_of(records: Records, column: str, index: int) -> str | None:
    """Return the cell of a record in a column; None if ``records`` is no Table, or the record is too short.

    Args:
        records: the piece that contains the record.
        column: the name of the column.
        index: of the record in its piece. It may be one that was refused.
    """
    if not isinstance(records, Table):
        return None
    cells, position = records.records[index], records.columns.index(column)
    if position >= len(cells):
        return None
    cell = str(cells[position])
    return records.quoted.get(cell, cell)


def of_block(block: Block, strip: Callable[[bytes], bytes] | None = None) -> Objects:
    """Return the lines of a block as records.

    Args:
        block: lines of JSON.
        strip: returns the record that a line contains, if commas or brackets are around it; None: only blanks
            are.
    """
    texts = list(map(strip or bytes.strip, block.lines))
    origin = LineOrigin(block.lines, block.start, stripped=None if strip is None else texts)
    return Objects(block.start, block.end, texts, origin)
