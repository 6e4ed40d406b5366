"""Which rows the server's words point at. No I/O.

Only a suspicion: it decides what is sent first, never what is rejected (bisect.py).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from decimal import Decimal, InvalidOperation

import msgspec

from loader.formats.json_fields import text
from loader.model import Reason, Row

Fields = dict[str, msgspec.Raw]

_decode = msgspec.json.Decoder(Fields).decode
_KEY = re.compile(r"Key \((.+?)\)=\((.*)\) ", re.DOTALL)  # DETAIL of 23503, 23505, 23P01
_FAILING_ROW = re.compile(r"Failing row contains \((.*)\)\.", re.DOTALL)  # DETAIL of 23502, 23514
_NULL_IN = re.compile(r'null value in column "(.+?)"')
_QUOTED = re.compile(r'"(.*)"', re.DOTALL)  # 22P02, 22003, 22007, 22008: the value as it was given
_OVERFLOW = re.compile(r"absolute value less than 10\^(\d+)")


def suspects(reason: Reason, rows: Sequence[Row]) -> list[Row]:
    """Return the rows that may have caused a refusal; none where the words give no hint."""
    details = reason.details or ""
    if match := _KEY.search(details):
        columns = [name.strip(' "') for name in match[1].split(",")]
        values = match[2].split(", ") if len(columns) > 1 else [match[2]]
        return _where(rows, values[0], lambda fields: _texts(fields, columns) == values)
    if match := _FAILING_ROW.search(details):
        shown = set(match[1].split(", "))
        return [row for row in rows if row.key is not None and _parts(row) <= shown]
    if match := _NULL_IN.search(reason.message):
        column = match[1]
        return _where(rows, "null", lambda fields: column in fields and text(fields[column]) is None)
    if match := _OVERFLOW.search(details):
        digits = int(match[1])
        return _where(rows, "", lambda fields: any(_at_least(value, digits) for value in fields.values()))
    if reason.code.startswith("22") and (match := _QUOTED.search(reason.message + " " + details)):
        value = match[1]
        if reason.message.endswith("type json"):
            return [row for row in rows if value.encode() in row.data]  # a bare token, no value
        return _where(rows, value, lambda fields: any(text(raw) == value for raw in fields.values()))
    return []


def _where(rows: Sequence[Row], holding: str, test: Callable[[Fields], bool]) -> list[Row]:
    """Return the rows that pass the test; only those with the text in them are decoded."""
    needle = holding.encode(errors="replace")
    return [row for row in rows if needle in row.data and test(_decode(row.data))]


def _texts(fields: Fields, columns: Sequence[str]) -> list[str | None]:
    return [text(fields[column]) if column in fields else None for column in columns]


def _parts(row: Row) -> set[str | None]:
    return set(row.key) if isinstance(row.key, tuple) else {row.key}


def _at_least(raw: msgspec.Raw, digits: int) -> bool:
    try:
        number = Decimal(text(raw) or "0")
    except InvalidOperation:
        return False
    return bool(number) and number.is_finite() and number.adjusted() >= digits
