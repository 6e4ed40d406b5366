"""Whether rows are stored with the values that were sent. No I/O.

Only a difference that is sure counts: a value may be stored in another form than it was sent in (a
``numeric`` is rounded to its column's scale, a ``uuid`` is written in small letters). Where the table of
types does not know whether two texts are one value, the value is *disputed*: PostgreSQL must be asked
(lookup.py).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import msgspec

from loader.batch.key_equality import ANY, reader
from loader.formats.json_fields import text
from loader.model import Key, Row
from loader.pg_types import type_of
from loader.pg_values import are_numbers, same_always, same_numeric

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
    changed: set[str] = set()
    for _, before, now in _pairs(sent, stored, key, formats):
        changed.update(name for name in now if name in before and _differs(name, before, now, formats))
    return frozenset(changed)


def disputed_values(
    sent: Sequence[Row], stored: str, key: Sequence[str], formats: Mapping[str, str]
) -> list[tuple[Key, dict[str, str]]]:
    """Return the key of each row with values that are disputed, and these by column, as they were sent.

    Args:
        sent: rows, as they were sent.
        stored: rows of the relation, as a JSON array.
        key: the key columns.
        formats: the columns' types, as OpenAPI names them.
    """
    disputed = []
    for row, before, now in _pairs(sent, stored, key, formats):
        values = {
            name: value
            for name in now
            if name in before and (value := _disputed(name, before, now, formats)) is not None
        }
        if values:
            disputed.append((row.key, values))
    return disputed


def _pairs(
    sent: Sequence[Row], stored: str, key: Sequence[str], formats: Mapping[str, str]
) -> Iterator[tuple[Row, Fields, Fields]]:
    """Yield each sent row that is stored, its fields, and those of the stored row."""
    read = reader(key, formats) or (lambda unread_key: unread_key)
    try:
        stored_rows = {read(_key(fields, key)): fields for fields in _decode_rows(stored)}
    except (msgspec.DecodeError, KeyError):
        return
    for row in sent:
        row_key = read(row.key)
        if row_key != ANY and (now := stored_rows.get(row_key)) is not None:
            yield row, _decode(row.data), now


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


def _disputed(name: str, before: Fields, now: Fields, formats: Mapping[str, str]) -> str | None:
    """Return a value, as it was sent, that may be the stored one, and may be another; None if it is clear."""
    sent, stored = text(before[name]), text(now[name])
    pg_type = type_of(formats.get(name, ""))
    if sent is None or stored is None or sent == stored or pg_type.is_same is not same_always:
        return None
    # PostgreSQL would take a number that it has rounded for another than the one that was sent.
    return None if are_numbers(sent, stored) and same_numeric(sent, stored) else sent
