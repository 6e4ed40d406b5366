"""Keys of rows: the text of their values, and which columns hold numbers."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

_decode_text = msgspec.json.Decoder(str).decode
_NOT_FINITE = frozenset(sign + word for sign in ("", "+", "-") for word in ("nan", "inf", "infinity"))
_NUMBERS = frozenset({"numeric", "real", "double precision"})


def text(value: bytes | msgspec.Raw) -> str | None:
    """The text of a JSON value as PostgreSQL's ``->>`` gives it; None for null.

    Args:
        value: valid JSON of one value, in UTF-8.
    """
    raw = bytes(value).strip()
    if raw[:1] == b'"':
        return _decode_text(raw)
    return None if raw == b"null" else raw.decode()


def type_name(format: str) -> str:  # noqa: A002 - OpenAPI's name for it
    """The type of a column from OpenAPI's ``format``: without schema, length, or quotes."""
    return format.split("(", 1)[0].strip().rsplit(".", 1)[-1].strip('"')


def number_columns(formats: Mapping[str, str]) -> frozenset[str]:
    """The columns whose type would store the strings ``NaN`` or ``Infinity`` as a number."""
    return frozenset(column for column, name in formats.items() if type_name(name) in _NUMBERS)


def is_finite(value: str) -> bool:
    """Whether PostgreSQL would not read this text as NaN or an infinity."""
    return value.strip().lower() not in _NOT_FINITE
