"""Keys of rows: which values count as the same key.

Two readings of one key. *Exact*: the text that PostgreSQL's ``->>`` would give; rows that agree in it
have the same key for every column type, so a batch may leave out all but one of them. *Loose*: what
the column's type may hold equal besides (``citext``, ``uuid`` in capitals, ``1`` and ``1.0``); rows that
agree in it only must not be in flight together. Never a float: keys beyond 2^53 stay apart.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal, InvalidOperation

import msgspec

from loader.model import Key

_decode_text = msgspec.json.Decoder(str).decode


def text(value: bytes | msgspec.Raw) -> str | None:
    """The text of a JSON value as ``->>`` gives it; None for null.

    Args:
        value: valid JSON of one value, in UTF-8.
    """
    raw = bytes(value).strip()
    if raw[:1] == b'"':
        return _decode_text(raw)
    return None if raw == b"null" else raw.decode()


def _integer(value: str) -> str:
    # PostgreSQL takes blanks, a sign and leading zeros; int() would take 1_000 too.
    try:
        return value if "_" in value else str(int(value))
    except ValueError:
        return value


def _number(value: str) -> str:
    try:
        number = Decimal(value.strip())
    except InvalidOperation:
        return value.strip().lower()
    # "+ 0" would round to the context's precision; normalize() would too: strip by hand.
    sign, digits, exponent = number.as_tuple()
    if not isinstance(exponent, int):
        return str(number).lower()
    significant = "".join(map(str, digits)).lstrip("0")
    stripped = significant.rstrip("0")
    if not stripped:
        return "0"
    return f"{'-' if sign else ''}{stripped}e{exponent + len(significant) - len(stripped)}"


def _uuid(value: str) -> str:
    return value.strip().strip("{}").replace("-", "").lower()


def _padded(value: str) -> str:
    return value.rstrip(" ")


def _boolean(value: str) -> str:
    return "t" if value.strip().lower() in ("true", "t", "yes", "y", "on", "1", "tr", "tru", "ye") else "f"


# By the `format` that PostgREST's OpenAPI gives for a column. Types that are not
# here (text, varchar) hold equal what is the same text.
_LOOSE: dict[str, Callable[[str], str]] = {
    "smallint": _integer,
    "integer": _integer,
    "bigint": _integer,
    "numeric": _number,
    "real": _number,
    "double precision": _number,
    "uuid": _uuid,
    "citext": str.casefold,
    "character": _padded,
    "boolean": _boolean,
}


def loosely(columns: Sequence[str], formats: Mapping[str, str]) -> Callable[[Key], Key] | None:
    """How to read keys of these columns loosely; None where exact keys are as good.

    Args:
        columns: the key columns.
        formats: each known column's type, as OpenAPI names it (perhaps with its schema).
    """
    readers = [_LOOSE.get(_type(formats.get(column, ""))) for column in columns]
    if not any(readers):
        return None
    if len(readers) == 1:
        (only,) = readers
        return lambda key: only(key) if only is not None and isinstance(key, str) else key

    def loose(key: Key) -> Key:
        if not isinstance(key, tuple):
            return key
        return tuple(
            reader(part) if reader and part is not None else part
            for reader, part in zip(readers, key, strict=True)
        )

    return loose


def _type(name: str) -> str:
    # "character(3)" -> "character"; "extensions.citext" -> "citext"
    return name.split("(", 1)[0].strip().rsplit(".", 1)[-1].strip('"')


_NOT_FINITE = frozenset(sign + word for sign in ("", "+", "-") for word in ("nan", "inf", "infinity"))
_NUMBERS = frozenset({"numeric", "real", "double precision"})


def number_columns(formats: Mapping[str, str]) -> frozenset[str]:
    """The columns whose type would store the strings ``NaN`` or ``Infinity`` as a number."""
    return frozenset(column for column, name in formats.items() if _type(name) in _NUMBERS)


def is_finite(value: str) -> bool:
    """Whether PostgreSQL would not read this text as NaN or an infinity."""
    return value.strip().lower() not in _NOT_FINITE
