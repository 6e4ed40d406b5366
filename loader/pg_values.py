"""How PostgreSQL compares texts as values of its types: as keys, and as what it stores. No I/O.

A ``read_...`` function maps the text of a key to a value that is the same for all texts that the type may
hold equal. Where that cannot be decided it returns ANY, which may equal everything. None of them returns a
float, so that keys beyond 2^53 stay apart.

A ``same_...`` function decides whether a stored text may be what became of a sent one. Only a difference
that is sure counts.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Callable
from datetime import UTC, datetime
from decimal import ROUND_HALF_UP, Context, Decimal, InvalidOperation

ANY = "\0"  # no text in PostgreSQL

ReadText = Callable[[str], str]
SameText = Callable[[str, str], bool]

_DIGITS = Context(prec=200_000, rounding=ROUND_HALF_UP)  # numeric has up to 147,455 digits
_TIMESTAMP = re.compile(
    r"(\d{4}-\d\d-\d\d)(?:[T ](\d\d:\d\d)(?::(\d\d)(?:\.(\d{1,6})0*)?)?)?(Z|[+-]\d\d(?::?\d\d)?)?"
)


def read_text(value: str) -> str:
    """Return the text: other texts are other values."""
    return value


def read_any(_value: str) -> str:
    """Return ANY: one value has many texts."""
    return ANY


def read_integer(value: str) -> str:
    """Return an integer without blanks, plus sign and leading zeros."""
    # PostgreSQL 16 takes 0x1F and 1_000 too: those are ANY.
    if value.isdigit() and value[0] != "0":
        return value
    integer = re.fullmatch(r"\s*([+-]?)0*(\d+)\s*", value, re.ASCII)
    if not integer:
        return ANY
    sign, digits = integer.groups()
    return f"-{digits}" if sign == "-" and digits != "0" else digits


def read_numeric(value: str) -> str:
    """Return a whole number as an integer. Any other may be rounded by the column's scale: it is ANY."""
    number = re.fullmatch(r"(\s*[+-]?\d+)(?:\.0*)?\s*", value, re.ASCII)
    return read_integer(number[1]) if number else ANY


def read_double(value: str) -> str:
    """Return the shortest text of the double that PostgreSQL stores; -0 equals 0."""
    try:
        return str(float(value) or 0.0)
    except ValueError:
        return ANY


def read_uuid(value: str) -> str:
    """Return the digits in small letters, without braces and hyphens."""
    return value.strip().strip("{}").replace("-", "").lower()


def read_padded(value: str) -> str:
    """Return the text without the blanks at its end, which ``char`` and a too short ``varchar`` drop."""
    return value.rstrip(" ")


def read_boolean(value: str) -> str:
    """Return ``t`` or ``f`` for each of PostgreSQL's words, and for what begins one of them."""
    word = value.strip().lower()
    truths = ("true", "yes", "on", "1")
    return "t" if word and any(truth.startswith(word) for truth in truths) and word != "o" else "f"


def read_date(value: str) -> str:
    """Return a date in ISO 8601."""
    return value if re.fullmatch(r"\d{4}-\d\d-\d\d", value, re.ASCII) else ANY


def read_timestamptz(value: str) -> str:
    """Return a timestamp in UTC. Without an offset it depends on the session's zone: it is ANY."""
    return _read_timestamp(value, zoned=True)


def read_timestamp(value: str) -> str:
    """Return a timestamp in ISO 8601, without its offset, which PostgreSQL ignores."""
    return _read_timestamp(value, zoned=False)


def _read_timestamp(value: str, *, zoned: bool) -> str:
    parts = _TIMESTAMP.fullmatch(value.strip())
    if not parts or (zoned and not (parts[2] and parts[5])):
        return ANY
    day, clock, seconds, fraction, offset = parts.groups()
    text = f"{day}T{clock or '00:00'}:{seconds or '00'}.{fraction or '0':0<6}"
    try:
        if not zoned:
            return datetime.fromisoformat(text).isoformat()
        return datetime.fromisoformat(text + (offset or "")).astimezone(UTC).isoformat()
    except (ValueError, OverflowError):
        return ANY


def same_unless_unequal(read: ReadText) -> SameText:
    """Return a function that holds texts for the same unless ``read`` makes unequal keys of them."""

    def same(sent: str, stored: str) -> bool:
        return ANY in (read(sent), read(stored)) or read(sent) == read(stored)

    return same


def same_always(_sent: str, _stored: str) -> bool:
    """Return True: of this type nothing is known."""
    return True


def same_padded(sent: str, stored: str) -> bool:
    """Whether texts differ only in blanks at their ends."""
    return sent.rstrip(" ") == stored.rstrip(" ")


def are_numbers(*texts: str) -> bool:
    """Return whether these texts are numbers, as NaN is, too."""
    try:
        for text in texts:
            Decimal(text)
    except InvalidOperation:
        return False
    return True


def same_numeric(sent: str, stored: str) -> bool:
    """Whether the sent number, rounded to the stored one's scale half away from 0, is the stored one."""
    try:
        shown = Decimal(stored)
        if shown.is_nan() or Decimal(sent).is_nan():  # NaN equals nothing here, and itself in PostgreSQL
            return shown.is_nan() and Decimal(sent).is_nan()
        return shown == Decimal(sent).quantize(shown, context=_DIGITS)
    except InvalidOperation:
        return True


def same_real(sent: str, stored: str) -> bool:
    """Whether both are the same number of single precision."""
    try:
        return struct.pack("f", float(sent)) == struct.pack("f", float(stored))
    except (ValueError, OverflowError):
        return True
