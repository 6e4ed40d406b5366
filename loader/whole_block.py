"""A block of rows of one shape, checked in one decode. No I/O.

Half the cost of looking at each line alone: 0.45 us a row of 250 bytes against 1.4 for the decoding.
"""

from __future__ import annotations

from functools import lru_cache
from operator import attrgetter
from typing import Any

import msgspec

from loader.keys import text
from loader.model import Block, Key, Shape


class WholeBlock:
    """Checks blocks whose rows all have one shape.

    Args:
        shape: that shape.
        key: the key columns; all are in the shape, or ``other_keys`` is set.
        numbers: columns of the table that would store ``"NaN"`` as a number.
        sample: a good row of the shape. A key that is a string in it is decoded as one, and a number as
            a number, which proves that it is not the string "NaN"; None: nothing is assumed.
        other_keys: whether rows may have keys that are not in the shape and are not written.
    """

    def __init__(
        self,
        shape: Shape,
        *,
        key: tuple[str, ...],
        numbers: frozenset[str],
        sample: dict[str, msgspec.Raw] | None,
        other_keys: bool,
    ) -> None:
        names = tuple(dict.fromkeys(key + shape.columns))
        written = numbers.intersection(shape.columns)
        first = {name: bytes(value)[:1] for name, value in (sample or {}).items()}
        strings = frozenset(column for column in key if first.get(column) == b'"')
        proven = frozenset(
            column for column in written - set(key) if first.get(column, b"n") in b"-0123456789"
        )
        self.shape = shape
        self._decode = _decoder(names, strings, proven, not other_keys)
        self._may_hold_nan = bool(written - proven)
        self._key_values = attrgetter(*(f"f{i}" for i in range(len(key))))
        self._key_is_text = strings == set(key)
        self._single = len(key) == 1

    def keys(self, block: Block) -> list[Key] | None:
        """The rows' keys; None where anything is odd and the lines must be looked at one by one."""
        data = block.data
        if not data.isascii():
            try:
                data.decode()
            except UnicodeDecodeError:
                return None
        if b"\\" in data and b"\\u00" in data:
            return None  # perhaps a \\u0000, or "NaN" in disguise
        if self._may_hold_nan:
            lower = data.lower()
            if b"nan" in lower or b"inf" in lower:
                return None
        try:
            rows = self._decode(data)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            return None
        if len(rows) != block.lines or data.count(b"}\r\n{" if b"\r" in data else b"}\n{") != block.lines - 1:
            # The decoder minds no newlines. But where each one stands between "}" and "{", which is only
            # so between two rows, and there are as many rows as lines, each line is one row.
            return None
        values: list[Any] = list(map(self._key_values, rows))
        if self._key_is_text:
            return values
        if self._single:
            return [value if isinstance(value, str) else text(value) for value in values]
        return [tuple(v if isinstance(v, str) else text(v) for v in value) for value in values]


@lru_cache(maxsize=64)
def _decoder(names: tuple[str, ...], strings: frozenset[str], proven: frozenset[str], forbid: bool) -> Any:
    """``decode_lines`` for rows with just these keys, in any order."""

    def kind(name: str) -> Any:
        if name in strings:
            return str
        return float | None if name in proven else msgspec.Raw

    fields = [(f"f{i}", kind(name)) for i, name in enumerate(names)]
    row = msgspec.defstruct(
        "Row",
        fields,
        rename={f"f{i}": name for i, name in enumerate(names)},
        forbid_unknown_fields=forbid,
        gc=False,
    )
    return msgspec.json.Decoder(row).decode_lines
