"""Which column of a row the server refused. PostgreSQL's words tell the value or the type. No I/O."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import replace
from decimal import Decimal, InvalidOperation

from loader.formats.json_fields import decode, text
from loader.model import Reason, Row
from loader.pg_types import type_of

_NULL, _TOO_LONG, _OUT_OF_RANGE, _NO_HEXADECIMAL = "23502", "22001", "22003", "22023"
# Data exceptions over a value's text: invalid representation, date and time, bytes.
_VALUE_CODES = frozenset({"22P02", _OUT_OF_RANGE, "22007", "22008", "22009", _NO_HEXADECIMAL})
_QUOTES = ('""', "»«", "«»", "„“", "“”")  # by the server's language
_COLUMN = re.compile(r'column "(.+?)"')
_LENGTH = re.compile(r"\((\d+)\)")
_DIGITS = re.compile(r"10\^(\d+)")
_QUOTED = re.compile(r'"(.+)"', re.DOTALL)
_TEXTS = frozenset({"text", "character varying", "character", "citext", "name"})
_RANGES = {"smallint": 2**15, "integer": 2**31, "bigint": 2**63}
_MOST_DIGITS = 131_072  # before the decimal point, of numeric (PostgreSQL's docs, "Numeric Types")
_CUT = 1000  # characters of a long value that are looked for: the words may be cut off

Values = Mapping[str, str]  # column -> the text of its value, without nulls


def with_column(reason: Reason, row: Row, types: Mapping[str, str]) -> Reason:
    """Return a refusal of a row with the column that it is about, also in its message.

    Several columns are named where each of them would be refused. Where it is not sure, none is.

    Args:
        reason: why the server refused the row alone.
        row: as it was sent.
        types: of the table's columns, as OpenAPI names them; none where it does not tell.
    """
    if reason.column is not None:
        return reason
    if reason.code == _NULL:
        named = _COLUMN.search(reason.message)
        return replace(reason, column=named[1]) if named else reason
    columns = ", ".join(refused_columns(reason, row, types))
    if not columns:
        return reason
    which = "columns" if ", " in columns else "column"
    return replace(reason, column=columns, message=f"{which} {columns}: {reason.message}")


def refused_columns(reason: Reason, row: Row, types: Mapping[str, str]) -> list[str]:
    """Return the columns of a row that cannot hold their values, as far as the refusal tells."""
    values = {name: value for name, raw in decode(row.data).items() if (value := text(raw)) is not None}
    words = f"{reason.message} {reason.details or ''}"
    if reason.code == _TOO_LONG:
        return _too_long(words, values, types)
    if reason.code not in _VALUE_CODES:
        return []
    if reason.code == _NO_HEXADECIMAL:
        of_bytes = [name for name in values if type_of(types.get(name, "")).name == "bytea"]
        return of_bytes if len(of_bytes) == 1 else []
    quoting = [name for name, value in values.items() if _quotes(words, value)]
    return (
        _of_refusing_type(reason.message, quoting, types)
        or _of_refusing_type(reason.message, _containing(words, values, types), types)
        or (_out_of_range(words, values, types) if reason.code == _OUT_OF_RANGE else [])
    )


def _quotes(words: str, value: str) -> bool:
    if len(value) > _CUT:
        return any(marks[0] + value[:_CUT] in words for marks in _QUOTES)
    return any(marks[0] + value + marks[1] in words for marks in _QUOTES)


def _of_refusing_type(message: str, names: Iterable[str], types: Mapping[str, str]) -> list[str]:
    """Return those columns whose type the message names; if none, those that are not known to be texts."""
    fits = {name: _named_length(message, types.get(name, "")) for name in names}
    longest = max(fits.values(), default=0)
    if longest:
        return [name for name, length in fits.items() if length == longest]
    # `malformed array literal` and `date/time field value out of range` name no type.
    names_type = " type " in message
    kinds = {name: type_of(types.get(name, "")) for name in fits}
    return [
        name
        for name, kind in kinds.items()
        if kind.name not in _TEXTS and not (names_type and kind.error_name)
    ]


def _named_length(message: str, type_name: str) -> int:
    """Return the length of a type's name where the message has it, else 0: the longer one is meant."""
    element = type_of(type_name.removesuffix("[]"))
    name = element.error_name or element.name.rsplit(".", 1)[-1].strip('"')
    if not name or element.name in _TEXTS:
        return 0
    words = _QUOTED.sub("", message)
    return len(name) if re.search(rf"(?<!\w){re.escape(name)}(?!\w)", words) else 0


def _containing(words: str, values: Values, types: Mapping[str, str]) -> list[str]:
    """Return the columns of several values, one of which the words quote: an array's element."""
    quoted = _QUOTED.search(words)
    return [
        name
        for name, value in values.items()
        if quoted and quoted[1] in value and type_of(types.get(name, "")).name not in _TEXTS
    ]


def _too_long(words: str, values: Values, types: Mapping[str, str]) -> list[str]:
    length = _LENGTH.search(words)
    long = {
        name: type_of(types.get(name, "")).name
        for name, value in values.items()
        if length and len(value) > int(length[1])
    }
    return [name for name, kind in long.items() if not kind or f" {kind}(" in words]


def _out_of_range(words: str, values: Values, types: Mapping[str, str]) -> list[str]:
    """Return the columns with too large a number. At most the words tell how many digits it may have."""
    limit = _DIGITS.search(words)
    most = int(limit[1]) if limit else _MOST_DIGITS
    above, just_below = [], []
    for name, value in values.items():
        kind = type_of(types.get(name, "")).name
        number = _number(value)
        if number is None:
            continue
        if kind in _RANGES and not limit:
            if not -_RANGES[kind] <= number < _RANGES[kind]:
                above.append(name)
        elif kind in ("numeric", ""):
            if not number.is_finite() or number.adjusted() >= most:
                above.append(name)
            elif number.adjusted() == most - 1:
                just_below.append(name)  # it may be rounded up to the limit
    return above or (just_below if len(just_below) == 1 else [])


def _number(text: str) -> Decimal | None:
    try:
        return Decimal(text)
    except InvalidOperation:
        return None
