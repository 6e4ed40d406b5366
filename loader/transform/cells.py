"""Cells under columns -> rows, each a JSON object on a line. No I/O.

A text goes out as a JSON string, whatever its column's type: PostgreSQL reads it as it reads a literal, so no
digit of a number is lost, and what a cell cannot become the server refuses.
"""

from __future__ import annotations

import io
import math
from collections.abc import Callable, Iterable, Mapping, MutableMapping, Sequence
from itertools import chain, starmap
from operator import itemgetter
from typing import Any

import msgspec

from loader.errors import SettingsError
from loader.formats.json_fields import NOT_UTF8
from loader.formats.origin import Cell, DatabaseOrigin, on_one_line
from loader.formats.records import Table
from loader.model import Reason
from loader.pg_types import Holds, type_of
from loader.transform.mapping import ColumnMapping

Odd = MutableMapping[int, Reason | None]
RowValues = Mapping[str, object]

_encoder = msgspec.json.Encoder()
_raw = msgspec.json.Decoder(msgspec.Raw)


class Cells:
    """Makes rows of the cells of one list of columns.

    Args:
        columns: the source's.
        mapping: what is written of them, and as what.
        formats: the types of the table's columns, as far as they are known.
        null: the text that stands for null where all cells are texts.
    """

    def __init__(
        self, columns: Sequence[str], mapping: ColumnMapping, formats: Mapping[str, str], null: str
    ) -> None:
        targets = mapping.targets(columns)
        self._names = tuple(targets)
        self._constants = constants(mapping, formats)
        places = {column: place for place, column in enumerate(columns)}
        self._picked = [places[source] for source in targets.values()]
        self._all = self._picked == list(range(len(columns)))
        self._bytes = frozenset(
            name for name in self._names if Holds.BYTES in type_of(formats.get(name, "")).holds
        )
        self._json = frozenset(
            name for name in self._names if Holds.JSON in type_of(formats.get(name, "")).holds
        )
        self._json_sources = frozenset(source for name, source in targets.items() if name in self._json)
        self._null = null
        self._keeps_empty = b'""' in _encoder.encode(self._constants)  # also within JSON
        self._row = _row_of(self._names, self._constants)

    def rows(self, table: Table) -> tuple[list[bytes], Odd]:
        """The rows of a table, each with its newline, and the records that cannot be rows."""
        odd: Odd = dict(table.refused)
        if isinstance(table.origin, DatabaseOrigin):
            table.origin.json = self._json_sources
        places: Sequence[int] = range(len(table.records))
        records = table.records
        if odd:
            places = [place for place in places if place not in odd]
            records = [records[place] for place in places]
        picked = self._pick(records)
        # An empty text is null: as bytes, and so for all rows at once.
        at_once = table.typeless and not (self._null or self._json or self._keeps_empty or table.quoted)
        values: Iterable[Sequence[object]] = picked
        if not at_once and (table.typeless or self._json or _are_odd(picked)):
            values, places = self._one_by_one(picked, places, odd, table)
        return encode(list(starmap(self._row, values)), places, odd, empty_is_null=at_once), odd

    def _pick(self, records: Sequence[Sequence[Cell]]) -> Iterable[Sequence[Cell]]:
        if self._all:
            picked: Iterable[Sequence[Cell]] = records
        elif len(self._picked) == 1:
            (place,) = self._picked
            picked = [(record[place],) for record in records]
        else:
            picked = map(itemgetter(*self._picked), records) if self._picked else ((),) * len(records)
        return list(picked)

    def _one_by_one(
        self, records: Iterable[Sequence[Cell]], places: Iterable[int], odd: Odd, table: Table
    ) -> tuple[list[list[object]], list[int]]:
        found: list[list[object]] = []
        kept: list[int] = []
        for place, record in zip(places, records, strict=True):
            values: list[object] = []
            for name, cell in zip(self._names, record, strict=True):
                text = table.quoted.get(cell, cell) if isinstance(cell, str) else cell
                value = None if table.typeless and cell == self._null else self._value(name, text)
                if isinstance(value, Reason):
                    odd[place] = value
                    break
                values.append(value)
            else:
                found.append(values)
                kept.append(place)
        return found, kept

    def _value(self, name: str, cell: Cell) -> object:
        """What a cell is in JSON, or why it cannot be."""
        if isinstance(cell, bytes):
            if name not in self._bytes:
                return Reason("not-exact", f"{name} holds bytes, and the column is no bytea")
            return "\\x" + cell.hex()  # as bytea is written
        if isinstance(cell, float) and not math.isfinite(cell):
            return Reason("not-finite", f"{name} is {cell}, which is not a finite number")
        return _json(name, cell) if name in self._json and isinstance(cell, str) else cell


def _row_of(names: Sequence[str], constants: dict[str, object]) -> Callable[..., RowValues | msgspec.Struct]:
    """Makes a row of its cells, in C: a quarter of what a dictionary costs."""
    fields: list[Any] = [(f"f{number}", object) for number in range(len(names))]
    fields += [(f"c{number}", object, value) for number, value in enumerate(constants.values())]
    rename = {field[0]: name for field, name in zip(fields, [*names, *constants], strict=True)}
    try:
        return msgspec.defstruct("Row", fields, rename=rename, gc=False)
    except ValueError:  # a column's name that msgspec does not take: with a quote, say
        return lambda *cells: dict(zip(names, cells, strict=True)) | constants


def constants(mapping: ColumnMapping, formats: Mapping[str, str]) -> dict[str, object]:
    """What --set gives each row, whatever its source is.

    Raises:
        SettingsError: a column holds JSON, and its value is none.
    """
    found: dict[str, object] = {}
    for name, value in mapping.constants:
        json = _json(name, value) if Holds.JSON in type_of(formats.get(name, "")).holds else value
        if isinstance(json, Reason):
            raise SettingsError(
                f"--set {name}={value}: {json.message}", advice="Write JSON, as in '\"text\"'."
            )
        found[name] = json
    return found


def _json(name: str, text: str) -> msgspec.Raw | Reason:
    """A text that is JSON; as a string it would become a JSON string, whatever is in it."""
    try:
        return msgspec.Raw(on_one_line(bytes(_raw.decode(text))))
    except (msgspec.DecodeError, UnicodeEncodeError) as error:
        return Reason("not-json", f"{name} holds JSON, and this is none: {error}")


def _are_odd(records: Iterable[Sequence[Cell]]) -> bool:
    """Whether there are cells among these that JSON knows no value for."""
    cells = list(chain.from_iterable(records))
    kinds = set(map(type, cells))
    return bytes in kinds or (float in kinds and (math.inf in cells or -math.inf in cells))


def encode(
    rows: Sequence[RowValues | msgspec.Struct],
    places: Iterable[int],
    odd: Odd,
    *,
    empty_is_null: bool = False,
) -> list[bytes]:
    """Return rows as JSON, each on a line with its newline; one that is no UTF-8 becomes odd.

    Args:
        rows: column -> value.
        places: the place of each, for ``odd``.
        odd: takes those that cannot be written.
        empty_is_null: whether a value that is an empty string is written as null.
    """
    try:
        data = _encoder.encode_lines(rows)
    except UnicodeEncodeError:
        lines = []
        for place, row in zip(places, rows, strict=True):
            try:
                lines.append(_encoder.encode_lines([row]))
            except UnicodeEncodeError:
                odd[place] = NOT_UTF8
        data = b"".join(lines)
    if empty_is_null:
        # In a string each quote has a backslash before it, so :"" is a name's colon and an empty string.
        data = data.replace(b':""', b":null")
    return io.BytesIO(data).readlines()
