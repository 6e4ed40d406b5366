"""Cells under columns -> rows, each a JSON object on a line. No I/O.

A text goes out as a JSON string, whatever its column's type: PostgreSQL reads it as it reads a literal, so no
digit of a number is lost, and the server refuses what a cell cannot become. cell_values.py knows the other
cases.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Iterable, Mapping, MutableMapping, Sequence
from itertools import starmap
from operator import itemgetter
from typing import Any

import msgspec

from loader.errors import SettingsError
from loader.formats.json_fields import NOT_UTF8
from loader.formats.origin import Cell, DatabaseOrigin
from loader.formats.records import Table
from loader.model import Reason
from loader.pg_types import Holds, type_of
from loader.transform.cell_column import CellColumn
from loader.transform.cell_notation import CellNotation
from loader.transform.cell_values import json_value
from loader.transform.mapping import ColumnMapping

Odd = MutableMapping[int, Reason | None]
RowValues = Mapping[str, object]
_Replacement = tuple[bytes, bytes]

_encoder = msgspec.json.Encoder()


class Cells:
    """Makes rows of the cells of one list of columns.

    Args:
        columns: the source's.
        mapping: what is written of them, and as what.
        types: of the table's columns, as far as they are known.
        notation: how the cells write nulls, numbers and dates.
        all_quoted: whether the source quotes all its cells, those that mean null too.
    """

    def __init__(
        self,
        columns: Sequence[str],
        mapping: ColumnMapping,
        types: Mapping[str, str],
        notation: CellNotation,
        *,
        all_quoted: bool = False,
    ) -> None:
        targets = mapping.targets(columns)
        self._constants = constants(mapping, types)
        places = {column: place for place, column in enumerate(columns)}
        self._picked = [places[source] for source in targets.values()]
        self._all = self._picked == list(range(len(columns)))
        self._columns = [
            CellColumn(name, source, type_of(types.get(name, "")), notation, all_quoted=all_quoted)
            for name, source in targets.items()
        ]
        self._written = {column.source: column.value for column in self._columns if column.changes_values}
        self._encoded_constants = _encoder.encode(self._constants)
        self._quoted_names = any('"' in name for name in (*targets, *self._constants))
        self._nulls = _null_replacements(self._columns, notation)
        self._row = _row_of(tuple(targets), self._constants)

    def rows(self, table: Table) -> tuple[list[bytes], Odd]:
        """Return the rows of a table, each with its newline, and the records that cannot be rows."""
        odd: Odd = dict(table.refused)
        if isinstance(table.origin, DatabaseOrigin):
            table.origin.written = self._written
        places: Sequence[int] = range(len(table.records))
        records = table.records
        if odd:
            places = [place for place in places if place not in odd]
            records = [records[place] for place in places]
        values: Sequence[Sequence[object]] = self._pick(records)
        replacements = self._replacements(table.quoted) if table.typeless else []
        converted = self._converted(values, table)
        if converted or replacements is None:
            replacements = []
            values, places = self._by_column(values, converted, table, places, odd)
        return encode(list(starmap(self._row, values)), places, odd, replacements or ()), odd

    def doubts(self, table: Table) -> list[str]:
        """Return a warning for each column that the server may read in another way than meant, once."""
        warnings: list[str] = []
        for place, column in zip(self._picked, self._columns, strict=True):
            if column.doubtful is not None:
                # Most dates repeat: those of a block are looked at once.
                try:
                    texts = dict.fromkeys(map(itemgetter(place), table.records))
                except IndexError:  # a record is too short
                    texts = dict.fromkeys(record[place] for record in table.records if len(record) > place)
                warnings.append(column.doubts(text for text in texts if isinstance(text, str)))
        return list(filter(None, warnings))

    def _pick(self, records: Sequence[Sequence[Cell]]) -> Sequence[Sequence[Cell]]:
        if self._all:
            return records
        if len(self._picked) == 1:
            (place,) = self._picked
            return [(record[place],) for record in records]
        return list(map(itemgetter(*self._picked), records)) if self._picked else [()] * len(records)

    def _replacements(self, quoted: Mapping[str, str]) -> list[_Replacement] | None:
        """Return what makes nulls and quoted texts of the strings of encoded rows, for all rows at once.

        In a string each quote has a backslash before it: what begins with :" is a name's colon and a value.

        Returns:
            Bytes and what they become, in this order; None where a constant or a name could be meant.
        """
        replacements = [*self._nulls]
        for placeholder, text in quoted.items():
            key = _encoder.encode(placeholder)
            if not text:
                replacements += [
                    (column.key + key, column.key + b"null")
                    for column in self._columns
                    if column.quoted_empty_is_null
                ]
            replacements.append((b":" + key, b":" + _encoder.encode(text)))
        values = (replaced[replaced.index(b':"') :] for replaced, _ in replacements)
        if self._quoted_names or any(value in self._encoded_constants for value in values):
            return None
        return replacements

    def _converted(self, records: Sequence[Sequence[object]], table: Table) -> dict[int, list[object]]:
        """Return the values of each column whose cells are not sent as they are, by its place."""
        converted: dict[int, list[object]] = {}
        concerned = [
            place
            for place, column in enumerate(self._columns)
            if not table.typeless or column.conversion is not None
        ]
        if not concerned:
            return converted
        columns = list(zip(*records, strict=True)) or [()] * len(self._columns)
        for place in concerned:
            column, cells = self._columns[place], columns[place]
            if column.concerns(cells, table.quoted, typeless=table.typeless):
                converted[place] = column.values(cells, table.quoted, typeless=table.typeless)
        return converted

    def _by_column(
        self,
        records: Sequence[Sequence[object]],
        converted: Mapping[int, list[object]],
        table: Table,
        places: Sequence[int],
        odd: Odd,
    ) -> tuple[Sequence[Sequence[object]], Sequence[int]]:
        """Return the values of rows column by column, and their places; those that cannot be rows are odd."""
        columns: list[Sequence[object]] = list(zip(*records, strict=True))
        for number, cells in enumerate(columns):
            if number in converted:
                columns[number] = converted[number]
            elif table.typeless:
                columns[number] = self._columns[number].texts(cells, table.quoted)
        reasons = {
            places[index]: value
            for number in reversed(list(converted))
            if Reason in set(map(type, converted[number]))
            for index, value in enumerate(converted[number])
            if isinstance(value, Reason)
        }
        rows: Sequence[Sequence[object]] = list(zip(*columns, strict=True)) if columns else records
        if not reasons:
            return rows, places
        odd.update(reasons)
        kept = [index for index, place in enumerate(places) if place not in reasons]
        return [rows[index] for index in kept], [places[index] for index in kept]


def _null_replacements(columns: Sequence[CellColumn], notation: CellNotation) -> list[_Replacement]:
    """Return what makes nulls of the strings of encoded rows."""
    replacements = [(b":" + _encoder.encode(text), b":null") for text in sorted(notation.nulls.anywhere)]
    return replacements + [
        (column.key + _encoder.encode(text), column.key + b"null")
        for column in columns
        for text in sorted(column.nulls - notation.nulls.anywhere)
    ]


def _row_of(names: Sequence[str], constants: dict[str, object]) -> Callable[..., RowValues | msgspec.Struct]:
    """Return a function that makes a row of its cells, in C: a quarter of what a dictionary costs."""
    fields: list[Any] = [(f"f{number}", object) for number in range(len(names))]
    fields += [(f"c{number}", object, value) for number, value in enumerate(constants.values())]
    rename = {field[0]: name for field, name in zip(fields, [*names, *constants], strict=True)}
    try:
        return msgspec.defstruct("Row", fields, rename=rename, gc=False)
    except ValueError:  # a column's name that msgspec does not take: with a quote, say
        return lambda *cells: dict(zip(names, cells, strict=True)) | constants


def constants(mapping: ColumnMapping, types: Mapping[str, str]) -> dict[str, object]:
    """Return what --set gives each row, whatever its source is.

    Raises:
        SettingsError: a column holds JSON, and its value is none.
    """
    values: dict[str, object] = {}
    for name, text in mapping.constants:
        value = json_value(name, text) if Holds.JSON in type_of(types.get(name, "")).holds else text
        if isinstance(value, Reason):
            raise SettingsError(
                f"--set {name}={text}: {value.message}", advice="Write JSON, as in '\"text\"'."
            )
        values[name] = value
    return values


def encode(
    rows: Sequence[RowValues | msgspec.Struct],
    places: Iterable[int],
    odd: Odd,
    replacements: Iterable[_Replacement] = (),
) -> list[bytes]:
    """Return rows as JSON, each on a line with its newline; one that is no UTF-8 becomes odd.

    Args:
        rows: column -> value.
        places: the place of each, for ``odd``.
        odd: takes those that cannot be written.
        replacements: bytes that are replaced in the JSON of all rows, in this order.
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
    for old, new in replacements:
        data = data.replace(old, new)
    return io.BytesIO(data).readlines()
