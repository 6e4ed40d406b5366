"""What is known of PostgreSQL's types."""

from __future__ import annotations

from collections.abc import Mapping

_NOT_FINITE = frozenset(sign + word for sign in ("", "+", "-") for word in ("nan", "inf", "infinity"))
_NUMBERS = frozenset({"numeric", "real", "double precision"})


def type_name(format: str) -> str:  # noqa: A002 - OpenAPI's name for it
    """The type of a column from OpenAPI's ``format``: without schema, length, or quotes."""
    return format.split("(", 1)[0].strip().rsplit(".", 1)[-1].strip('"')


def number_columns(formats: Mapping[str, str]) -> frozenset[str]:
    """The columns whose type would store the strings ``NaN`` or ``Infinity`` as a number."""
    return frozenset(column for column, name in formats.items() if type_name(name) in _NUMBERS)


def is_finite(value: str) -> bool:
    """Whether PostgreSQL would not read this text as NaN or an infinity."""
    return value.strip().lower() not in _NOT_FINITE
