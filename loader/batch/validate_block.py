"""Check a block of rows of one shape, row by row in C. No I/O.

This costs a third of checking each line in Python. A value is decoded as the kind that its column has held
so far, a string or a number or a bool, which is cheaper than keeping its bytes; only keys are kept.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping
from functools import lru_cache
from operator import attrgetter
from typing import Any

import msgspec

from loader.formats.json_fields import text
from loader.model import Block, Key, Shape

_MINUS_ZERO = re.compile(rb":[ \t\r]*+-0")  # of a value, or of what looks like one within a text
ValueKinds = dict[str, set[str]]  # kinds of JSON values, by column

OTHER = "other"
_KIND_BY_FIRST_BYTE = {b'"': "string", b"t": "bool", b"f": "bool", b"n": "null", b"{": OTHER, b"[": OTHER}
_DECODED_AS: dict[str, Any] = {"string": str | None, "bool": bool | None, "number": float | None}


def value_kinds(rows: Iterable[Mapping[str, msgspec.Raw]]) -> ValueKinds:
    """Return the kinds of JSON values that the columns of these rows hold."""
    kinds: ValueKinds = defaultdict(set)
    for row in rows:
        for column, value in row.items():
            kinds[column].add(_kind(bytes(value)))
    return dict(kinds)


def _kind(value: bytes) -> str:
    return _KIND_BY_FIRST_BYTE.get(value[:1], "number")


class BlockValidator:
    """Checks blocks whose rows all have one shape.

    Args:
        shape: that shape.
        key: the key columns; all are in the shape, or ``other_keys`` is set.
        kinds: of the values in rows of this shape. A column of one kind (and null) is decoded as that.
            Columns of several kinds are not decoded.
        other_keys: whether rows may have keys that are not in the shape and are not written.

    Attributes:
        shape: as given.
    """

    def __init__(
        self,
        shape: Shape,
        *,
        key: tuple[str, ...],
        kinds: ValueKinds,
        other_keys: bool,
    ) -> None:
        types = {column: _value_type(kinds_of_column) for column, kinds_of_column in kinds.items()}
        types |= {column: _key_type(kinds[column]) for column in key if column in kinds}
        fields = _decoded_fields(key, shape, types)
        attributes = {column: f"f{index}" for index, (column, _) in enumerate(fields)}
        self.shape = shape
        self._decode = _decoder(fields, forbid=not other_keys)
        self._key_values = attrgetter(*(attributes[column] for column in key))
        self._key_types = [types.get(column) for column in key]
        self._key_is_text = all(key_type is str for key_type in self._key_types)

    def decodes(self, lines: Iterable[bytes]) -> bool:
        """Whether these rows can be decoded as the kinds of values that the columns are taken to hold."""
        try:
            return all(self._decode(line) for line in lines)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            return False

    def keys(self, block: Block) -> list[Key] | None:
        """Return the rows' keys; None where the lines must be checked one by one."""
        data = block.data
        if not data.isascii():
            try:
                data.decode()
            except UnicodeDecodeError:
                return None
        # The search for a single byte is ten times as fast as that for several, and most rows have no escape.
        if b"\\" in data and b"\\u0000" in data:
            return None  # PostgreSQL stores none
        try:
            values: list[Any] = list(map(self._key_values, map(self._decode, block.lines)))
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            return None
        if self._key_is_text or not values:
            return values
        columns = [values] if len(self._key_types) == 1 else list(zip(*values, strict=True))
        if any(
            key_type is int and 0 in column for key_type, column in zip(self._key_types, columns, strict=True)
        ) and _MINUS_ZERO.search(data):
            return None  # the text of -0 is another than that of 0
        texts: list[list[Any]] = [
            list(_texts(column, key_type)) for column, key_type in zip(columns, self._key_types, strict=True)
        ]
        return texts[0] if len(texts) == 1 else list(zip(*texts, strict=True))


def _texts(column: Iterable[Any], key_type: Any) -> Iterable[str | None]:
    """Return the texts of one column of the key, which was decoded as ``key_type``."""
    if key_type is str:
        return column
    return map(str, column) if key_type is int else map(_text, column)


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) else text(value)


def _decoded_fields(
    key: tuple[str, ...], shape: Shape, types: Mapping[str, Any]
) -> tuple[tuple[str, Any], ...]:
    """Return the columns of the key and of the shape with their types: first those that rows have held."""
    columns = dict.fromkeys((*key, *shape.columns))
    in_order = [*(column for column in types if column in columns), *columns]
    return tuple((column, types.get(column, msgspec.Raw)) for column in dict.fromkeys(in_order))


def _key_type(kinds: set[str]) -> Any:
    if kinds == {"string"}:
        return str
    # A number is taken for an integer: 1.0, whose text is another, is then refused.
    return int if kinds == {"number"} else msgspec.Raw


def _value_type(kinds: set[str]) -> Any:
    """Return the type that values of these kinds are decoded as."""
    not_null = kinds - {"null"}
    return _DECODED_AS.get(not_null.pop() if len(not_null) == 1 else "", msgspec.Raw)


@lru_cache(maxsize=64)
def _decoder(fields: tuple[tuple[str, Any], ...], *, forbid: bool) -> Any:
    """Return a decoder of one row with just these keys, in any order.

    Args:
        fields: the keys and their types.
        forbid: whether a row with other keys is refused.
    """
    row = msgspec.defstruct(
        "Row",
        [(f"f{index}", value_type) for index, (_, value_type) in enumerate(fields)],
        rename={f"f{index}": column for index, (column, _) in enumerate(fields)},
        forbid_unknown_fields=forbid,
        gc=False,
    )
    return msgspec.json.Decoder(row).decode
