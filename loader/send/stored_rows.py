"""Whether rows are stored with the values that were sent. No I/O.

Only a difference that is sure counts: a value may be stored in another form than it was sent in (a
``numeric`` is rounded to its column's scale, a ``uuid`` is written in small letters), and values of a type
that the table of types lacks are never taken to differ.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec

from loader.batch.key_equality import ANY, reader
from loader.formats.json_fields import text
from loader.model import Key, Row
from loader.pg_types import type_of

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
    return sent != stored and not type_of(formats.get(name, "")).is_same(sent, stored)
