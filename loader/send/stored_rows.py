"""Whether rows are stored with the values that were sent. No I/O.

Only a difference that is sure counts: a value may be stored in another form than it was sent in (a
``numeric`` is rounded to its column's scale, a ``uuid`` is written in small letters), and values of a type
that the table of types lacks are never taken to differ. Where nobody tells the type, numbers and booleans
are compared as such, and texts are not.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

import msgspec

from loader.batch.key_equality import ANY, reader
from loader.formats.json_fields import text
from loader.model import Key, Row
from loader.pg_types import type_of

_WHOLE = re.compile(r"-?\d+")
_FLOAT_DIGITS = 17  # significant ones, the most that PostgreSQL writes of a float

Fields = dict[str, msgspec.Raw]

_decode_rows = msgspec.json.Decoder(list[Fields]).decode
_decode = msgspec.json.Decoder(Fields).decode


def changed_columns(
    sent: Sequence[Row], stored: str, key: Sequence[str], formats: Mapping[str, str]
) -> frozenset[str]:
    """Return the columns in which at least one row is stored with another value than was sent.

    Args:
        sent: rows, as they were sent.
        stored: rows of the relation, as a JSON array; rows that are not there are not compared.
        key: the key columns.
        formats: the columns' types, as OpenAPI names them.
    """
    read = reader(key, formats) or (lambda unread_key: unread_key)
    try:
        stored_rows = {read(_key(fields, key)): fields for fields in _decode_rows(stored)}
    except (msgspec.DecodeError, KeyError):
        return frozenset()
    changed: set[str] = set()
    for row in sent:
        row_key = read(row.key)
        if row_key != ANY and (now := stored_rows.get(row_key)) is not None:
            before = _decode(row.data)
            changed.update(name for name in now if name in before and _differs(name, before, now, formats))
    return frozenset(changed)


def row_count(stored: str) -> int:
    """Return how many rows a reply's body has; none where it is no JSON array of rows."""
    try:
        return len(_decode_rows(stored))
    except msgspec.DecodeError:
        return 0


def _key(fields: Fields, key: Sequence[str]) -> Key:
    parts = tuple(text(fields[name]) for name in key)
    return parts[0] if len(parts) == 1 else parts


def _differs(name: str, before: Fields, now: Fields, formats: Mapping[str, str]) -> bool:
    sent, stored = text(before[name]), text(now[name])
    if sent is None or stored is None:
        return sent is not stored
    if sent == stored:
        return False
    type_name = formats.get(name, "")
    return not (
        type_of(type_name).is_same(sent, stored) if type_name else _may_be_same(sent, stored, now[name])
    )


def _may_be_same(sent: str, stored: str, raw: msgspec.Raw) -> bool:
    """Return whether a value may be what became of a sent one in a column of a type that nobody tells.

    Numbers and booleans are told by their JSON. All other types write texts, each in its own way.
    """
    json = bytes(raw)
    if json in (b"true", b"false"):
        return type_of("boolean").is_same(sent, stored)
    if not json[:1].isdigit() and json[:1] != b"-":
        return True
    # PostgreSQL writes large whole floats with an exponent.
    mantissa = "".join(filter(str.isdigit, stored.lower().partition("e")[0])).lstrip("0")
    is_float = not _WHOLE.fullmatch(stored) and len(mantissa) <= _FLOAT_DIGITS
    names = ("numeric", "double precision", "real") if is_float else ("numeric",)
    return any(type_of(name).is_same(sent, stored) for name in names)
