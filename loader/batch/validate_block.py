"""A block of rows of one shape, checked row by row in C. No I/O.

A third of the cost of looking at each line in Python. A value is decoded as what it was in the rows seen
so far, a string or a number or a bool, which is cheaper than keeping its bytes: only the key is looked at.
A number that stands in a string is decoded as a number too: so it is no "NaN", which need not be sought then.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping
from functools import lru_cache
from operator import attrgetter
from typing import Annotated, Any

import msgspec

from loader.formats.json_fields import text
from loader.model import Block, Key, Shape

Kinds = dict[str, set[str]]  # of JSON values, by column

OTHER = "other"
_IN_TEXT = "number in text"
_NUMBER_IN_TEXT = re.compile(rb'"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?"')
_KINDS = {b'"': "string", b"t": "bool", b"f": "bool", b"n": "null", b"{": OTHER, b"[": OTHER}
_TYPES: dict[str, Any] = {"string": str | None, "bool": bool | None, "number": float | None}
_FINITE = Annotated[float, msgspec.Meta(ge=-1.7e308, le=1.7e308)] | None


def kinds(rows: Iterable[Mapping[str, msgspec.Raw]]) -> Kinds:
    """Which kinds of JSON values the columns of these rows hold."""
    found: Kinds = defaultdict(set)
    for row in rows:
        for name, value in row.items():
            found[name].add(_kind(bytes(value)))
    return dict(found)


def _kind(value: bytes) -> str:
    kind = _KINDS.get(value[:1], "number")
    return _IN_TEXT if kind == "string" and _NUMBER_IN_TEXT.fullmatch(value) else kind


class BlockValidator:
    """Checks blocks whose rows all have one shape.

    Args:
        shape: that shape.
        key: the key columns; all are in the shape, or ``other_keys`` is set.
        numbers: columns of the table that would store ``"NaN"`` as a number.
        kinds: of the values in rows of this shape. A column of one kind (and null) is decoded as that:
            a number proves that it is not the string "NaN". Of others nothing is assumed.
        other_keys: whether rows may have keys that are not in the shape and are not written.
    """

    def __init__(
        self, shape: Shape, *, key: tuple[str, ...], numbers: frozenset[str], kinds: Kinds, other_keys: bool
    ) -> None:
        numbers = numbers.intersection(shape.columns)
        in_text = any(kinds.get(name, set()) - {"null"} == {_IN_TEXT} for name in numbers)
        types = {name: _type_of(found, finite=in_text and name in numbers) for name, found in kinds.items()}
        whole = len(key) == 1 and not in_text
        types |= {name: _key_type(kinds[name], may_be_integer=whole) for name in key if name in kinds}
        names = [*(name for name in kinds if name in {*key, *shape.columns})]
        names += [name for name in (*key, *shape.columns) if name not in kinds]
        fields = tuple((name, types.get(name, msgspec.Raw)) for name in dict.fromkeys(names))
        place = {name: f"f{number}" for number, (name, _) in enumerate(fields)}
        self.shape = shape
        self._decode = _decoder(fields, forbid=not other_keys, in_text=in_text)
        self._may_hold_nan = any(types.get(name) not in (int, _FINITE, _TYPES["number"]) for name in numbers)
        self._key_values = attrgetter(*(place[name] for name in key))
        self._key_is_text = all(types.get(name) is str for name in key)
        self._single = len(key) == 1
        self._key_is_integer = self._single and types.get(key[0]) is int

    def decodes(self, lines: Iterable[bytes]) -> bool:
        """Whether these rows can be decoded as the kinds of values that the columns are taken to hold."""
        try:
            return all(self._decode(line) for line in lines)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            return False

    def keys(self, block: Block) -> list[Key] | None:
        """The rows' keys; None where anything is odd and the lines must be looked at one by one."""
        data = block.data
        if not data.isascii():
            try:
                data.decode()
            except UnicodeDecodeError:
                return None
        if b"\\" in data and (b"\\u0000" in data or (self._may_hold_nan and b"\\u00" in data)):
            return None  # PostgreSQL stores no \\u0000; the others may be "NaN" in disguise
        if self._may_hold_nan:
            lower = data.lower()
            if b"nan" in lower or b"inf" in lower:
                return None
        try:
            values: list[Any] = list(map(self._key_values, map(self._decode, block.lines)))
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            return None
        if self._key_is_text:
            return values
        if self._key_is_integer:
            return None if 0 in values else list(map(str, values))  # 0 may have been written as -0
        if self._single:
            return list(map(_text, values))
        return [tuple(map(_text, value)) for value in values]


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) else text(value)


def _key_type(found: set[str], *, may_be_integer: bool) -> Any:
    if found and found <= {"string", _IN_TEXT}:
        return str
    # A number is taken for an integer: 1.0, whose text is another, is then refused.
    return int if may_be_integer and found == {"number"} else msgspec.Raw


def _type_of(found: set[str], *, finite: bool) -> Any:
    """The type that values of these kinds are decoded as.

    Args:
        found: the kinds.
        finite: whether a text in their place is taken for a number, and must not be "NaN".
    """
    rest = found - {"null"}
    if finite and rest in ({"number"}, {_IN_TEXT}, {"number", _IN_TEXT}):
        return _FINITE
    if rest and rest <= {"string", _IN_TEXT}:
        rest = {"string"}
    return _TYPES.get(rest.pop() if len(rest) == 1 else "", msgspec.Raw)


@lru_cache(maxsize=64)
def _decoder(fields: tuple[tuple[str, Any], ...], *, forbid: bool, in_text: bool) -> Any:
    """Decodes one row with just these keys, in any order; takes texts for numbers, if they may be."""
    row = msgspec.defstruct(
        "Row",
        [(f"f{number}", kind) for number, (_, kind) in enumerate(fields)],
        rename={f"f{number}": name for number, (name, _) in enumerate(fields)},
        forbid_unknown_fields=forbid,
        gc=False,
    )
    return msgspec.json.Decoder(row, strict=not in_text).decode
