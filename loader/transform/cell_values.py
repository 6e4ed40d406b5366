"""What the text of a cell becomes for a column of a type, where it is not the text itself. No I/O."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import msgspec

from loader.formats.origin import on_one_line
from loader.model import Reason
from loader.pg_types import Holds, PgType
from loader.transform.cell_dates import date_reader
from loader.transform.cell_notation import CellNotation
from loader.transform.cell_numbers import number_reader, whole_number

_raw = msgspec.json.Decoder(msgspec.Raw)
_ANY_TEXT: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Conversion:
    """Turns the texts of a column into what its type takes.

    Attributes:
        value: returns what a text becomes, given the column's name; a Reason if it cannot be stored.
        signs: a text without all of these is not changed; empty: each text may be.
    """

    value: Callable[[str, str], object]
    signs: Sequence[str]

    def concerns(self, texts: Iterable[str]) -> bool:
        """Whether one of these texts may be changed. Most columns have none: one search of all tells."""
        if not self.signs:
            return True
        joined = "\n".join(texts)
        return any(sign in joined for sign in self.signs)


def conversion_of(pg_type: PgType, notation: CellNotation) -> Conversion | None:
    """Return the conversion for a column; None if its texts are sent as they are.

    Args:
        pg_type: of the column.
        notation: how the cells write numbers and dates.
    """
    holds = pg_type.holds
    if Holds.JSON in holds:
        return Conversion(json_value, _ANY_TEXT)
    if Holds.LIST in holds:
        return Conversion(_list, "[")
    if Holds.DATE in holds and notation.date_order is not None:
        return Conversion(date_reader(notation.date_order), _ANY_TEXT)
    if Holds.NUMBER not in holds:
        return None
    if notation.decimal == "." and notation.thousands is None:
        return Conversion(whole_number, ".eE") if Holds.WHOLE in holds else None
    read = number_reader(notation.decimal, notation.thousands)
    if Holds.WHOLE not in holds:
        return Conversion(read, _ANY_TEXT)

    def whole(column: str, text: str) -> object:
        number = read(column, text)
        return number if isinstance(number, Reason) else whole_number(column, number)

    return Conversion(whole, _ANY_TEXT)


def json_value(column: str, text: str) -> msgspec.Raw | Reason:
    """Return a text that is JSON; as a string it would become a JSON string, whatever is in it."""
    try:
        return msgspec.Raw(on_one_line(bytes(_raw.decode(text))))
    except (msgspec.DecodeError, UnicodeEncodeError) as error:
        return Reason("not-json", f"{column} holds JSON, and this is none: {error}")


def _list(_column: str, text: str) -> msgspec.Raw | str:
    """Return a JSON array as it is: json_to_recordset makes an array of it. Others are array literals."""
    if not text.lstrip().startswith("["):
        return text
    value = json_value(_column, text)  # [0:1]={1,2} is none
    return text if isinstance(value, Reason) else value
