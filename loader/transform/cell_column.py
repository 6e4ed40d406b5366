"""The cells of one column -> its values in JSON. No I/O."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import chain
from typing import cast

import msgspec

from loader.model import Reason
from loader.pg_types import Holds, PgType
from loader.transform.cell_dates import doubtful_dates
from loader.transform.cell_notation import CellNotation
from loader.transform.cell_numbers import doubtful_numbers
from loader.transform.cell_values import conversion_of


class CellColumn:
    """A column of the source that is written to a column of the table.

    Args:
        name: the table's column.
        source: the source's column.
        pg_type: of the table's column.
        notation: how the cells write nulls, numbers and dates.
        all_quoted: whether the source quotes all its cells, those that mean null too.

    Attributes:
        source: as given.
        key: the name as it stands in the JSON of a row, with its colon.
        conversion: what the type makes of texts; None: they are sent as they are.
        nulls: the texts that mean null in it.
        changes_values: whether a value may go in another way than as it is.
        quoted_empty_is_null: whether an empty text in quotes means null.
        doubtful: finds texts that the server may read in another way than meant; None: it was asked, or there
            can be none.
    """

    def __init__(
        self, name: str, source: str, pg_type: PgType, notation: CellNotation, *, all_quoted: bool
    ) -> None:
        self.source = source
        self.key = msgspec.json.encode(name) + b":"
        self.conversion = conversion_of(pg_type, notation)
        self.changes_values = self.conversion is not None or Holds.WHOLE in pg_type.holds
        self.quoted_empty_is_null = all_quoted and Holds.NO_EMPTY in pg_type.holds
        self._name = name
        self._type = pg_type
        self.nulls = notation.nulls.of_column(source) | ({""} if self.quoted_empty_is_null else set())
        self.doubtful = _doubtful(pg_type, notation)

    def concerns(self, cells: Sequence[object], quoted: Mapping[str, str], *, typeless: bool) -> bool:
        """Whether one of these cells is not sent as it is, but for nulls and quoted texts.

        Args:
            cells: of this column.
            quoted: the texts that stood in quotes, by their placeholders.
            typeless: whether all cells are texts.
        """
        if typeless:
            texts = chain(cast("Sequence[str]", cells), quoted.values())
            return self.conversion is not None and self.conversion.concerns(texts)
        kinds = set(map(type, cells))
        if bytes in kinds:
            return True
        if float in kinds and (Holds.WHOLE in self._type.holds or math.inf in cells or -math.inf in cells):
            return True
        if self.conversion is None or str not in kinds:
            return False
        return self.conversion.concerns(cell for cell in cells if isinstance(cell, str))

    def doubts(self, texts: Iterable[str]) -> str:
        """Return a warning if the server may read texts in another way than meant; empty if not."""
        warning = self.doubtful(self._name, texts) if self.doubtful is not None else ""
        if warning or Holds.NAN in self._type.holds or Holds.WHOLE in self._type.holds:
            self.doubtful = (
                None  # of numbers the first rows tell enough: the server refuses what it cannot read
            )
        return warning

    def values(self, cells: Sequence[object], quoted: Mapping[str, str], *, typeless: bool) -> list[object]:
        """Return the value of each cell in JSON, or why it cannot be stored.

        Args:
            cells: of this column.
            quoted: the texts that stood in quotes, by their placeholders.
            typeless: whether all cells are texts, some of which mean null.
        """
        if not typeless:
            return list(map(self.value, cells))
        return [cell if cell is None else self.value(cell) for cell in self.texts(cells, quoted)]

    def texts(self, cells: Sequence[object], quoted: Mapping[str, str]) -> Sequence[object]:
        """Return texts with None for those that mean null, and what stood in quotes as it stood there."""
        if not self.nulls.isdisjoint(cells):
            cells = [None if cell in self.nulls else cell for cell in cells]
        if quoted and not quoted.keys().isdisjoint(cells):
            texts: dict[object, str | None] = {
                placeholder: text or (None if self.quoted_empty_is_null else text)
                for placeholder, text in quoted.items()
            }
            cells = [texts.get(cell, cell) for cell in cells]
        return cells

    def value(self, cell: object) -> object:
        """Return what a cell is in JSON, or why it cannot be."""
        if isinstance(cell, str):
            return cell if self.conversion is None else self.conversion.value(self._name, cell)
        if isinstance(cell, bytes):
            if Holds.BYTES not in self._type.holds:
                return Reason("not-exact", f"{self._name} holds bytes, and the column is no bytea")
            return "\\x" + cell.hex()  # as bytea is written
        if isinstance(cell, float):
            return self._float(cell)
        return cell

    def _float(self, value: float) -> object:
        if not math.isfinite(value):
            if Holds.NAN in self._type.holds or not self._type.name:
                return "Infinity" if value > 0 else "-Infinity"
            return Reason("not-finite", f"{self._name} is {value}, which is not a finite number")
        if Holds.WHOLE not in self._type.holds:
            return value
        if value.is_integer():
            return int(value)  # all the digits of the double, also beyond 2^53
        return Reason("not-exact", f"{self._name} is {value}, and the column holds whole numbers only")


def _doubtful(pg_type: PgType, notation: CellNotation) -> Callable[[str, Iterable[str]], str] | None:
    """Return what finds texts of a column that the server may read in another way than meant."""
    if Holds.DATE in pg_type.holds and notation.date_order is None:
        return doubtful_dates
    is_told = notation.decimal != "." or notation.thousands is not None
    return doubtful_numbers if Holds.NUMBER in pg_type.holds and not is_told else None
