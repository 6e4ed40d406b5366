"""Whether rows are stored with the values that were sent. No I/O.

Only a difference that is sure counts: a value may be stored in another form than it was sent in (a
``numeric`` is rounded to its column's scale, a ``uuid`` is written in small letters), and of types that are
not known here nothing is said.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Mapping, Sequence
from decimal import ROUND_HALF_UP, Context, Decimal, InvalidOperation

import msgspec

from loader.batch.key_equality import ANY, by_type, reader
from loader.formats.json_fields import text
from loader.model import Key, Row
from loader.pg_types import type_name

Fields = dict[str, msgspec.Raw]

_decode_rows = msgspec.json.Decoder(list[Fields]).decode
_decode = msgspec.json.Decoder(Fields).decode
_DIGITS = Context(prec=200_000, rounding=ROUND_HALF_UP)  # numeric has up to 147,455 digits


def changed_columns(
    sent: Sequence[Row], stored: str, key: Sequence[str], formats: Mapping[str, str]
) -> frozenset[str]:
    """The columns in which at least one row is stored with another value than was sent.

    Args:
        sent: rows, as they were sent.
        stored: rows of the relation, as a JSON array; those that are not there are not compared.
        key: the key columns.
        formats: the columns' types, as OpenAPI names them.
    """
    read = reader(key, formats) or (lambda one: one)
    try:
        found = {read(_key(fields, key)): fields for fields in _decode_rows(stored)}
    except (msgspec.DecodeError, KeyError):
        return frozenset()
    changed: set[str] = set()
    for row in sent:
        if (now := found.get(read(row.key))) is not None and read(row.key) != ANY:
            before = _decode(row.data)
            changed.update(name for name in now if name in before and _differs(name, before, now, formats))
    return frozenset(changed)


def _key(fields: Fields, key: Sequence[str]) -> Key:
    parts = tuple(text(fields[name]) for name in key)
    return parts[0] if len(parts) == 1 else parts


def _differs(name: str, before: Fields, now: Fields, formats: Mapping[str, str]) -> bool:
    sent, stored = text(before[name]), text(now[name])
    if sent is None or stored is None:
        return sent is not stored
    return sent != stored and not _SAME.get(type_name(formats.get(name, "")), _unknown)(sent, stored)


def _unknown(_sent: str, _stored: str) -> bool:
    return True


def _read_alike(kind: str) -> Callable[[str, str], bool]:
    """Compares as keys of this type are compared."""
    read = by_type(kind)
    return lambda sent, stored: ANY in (read(sent), read(stored)) or read(sent) == read(stored)


def _same_numeric(sent: str, stored: str) -> bool:
    """A stored ``numeric`` shows its column's scale; what was sent was rounded to that, half away from 0."""
    try:
        shown = Decimal(stored)
        return shown == Decimal(sent).quantize(shown, context=_DIGITS)
    except InvalidOperation:
        return True


def _same_real(sent: str, stored: str) -> bool:
    try:
        return struct.pack("f", float(sent)) == struct.pack("f", float(stored))
    except (ValueError, OverflowError):
        return True


_ALIKE = ("smallint", "integer", "bigint", "double precision", "uuid", "boolean", "date")
_PADDED = ("text", "citext", "character", "character varying")
_SAME: dict[str, Callable[[str, str], bool]] = {
    **{kind: _read_alike(kind) for kind in _ALIKE},
    **dict.fromkeys(_PADDED, lambda sent, stored: sent.rstrip(" ") == stored.rstrip(" ")),
    "numeric": _same_numeric,
    "real": _same_real,
}
