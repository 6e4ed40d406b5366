"""Names and values in a URL's query, quoted as PostgREST reads them (its docs, "URL Grammar"). No I/O."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from urllib.parse import quote

from loader.model import Key

_PLAIN_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


def column_list(columns: Sequence[str]) -> str:
    """Return the columns, separated by commas, each quoted where PostgREST asks for it."""
    return ",".join(
        name if _PLAIN_NAME.fullmatch(name) else quote(_quoted(name), safe="") for name in columns
    )


def with_keys(columns: Sequence[str], keys: Sequence[Key]) -> str:
    """Return the filter that selects the rows with these keys.

    Args:
        columns: the key columns.
        keys: keys without nulls, few enough for a URL.
    """
    if len(columns) == 1:
        return f"{column_list(columns)}=in.({','.join(map(_value, keys))})"
    return f"or=({','.join(_all_equal(columns, key) for key in keys)})"


def with_values(columns: Sequence[str], rows: Sequence[tuple[Key, Mapping[str, str]]]) -> str:
    """Return the filter that selects the rows with these keys that have these values.

    Args:
        columns: the key columns.
        rows: of each its key, without nulls, and values by column; few enough for a URL.
    """
    terms = (
        _all_equal([*columns, *values], (*(key if isinstance(key, tuple) else (key,)), *values.values()))
        for key, values in rows
    )
    return f"or=({','.join(terms)})"


def _all_equal(columns: Sequence[str], key: Key) -> str:
    values = key if isinstance(key, tuple) else (key,)
    terms = (f"{column_list([name])}.eq.{_value(value)}" for name, value in zip(columns, values, strict=True))
    return f"and({','.join(terms)})"


def _value(value: object) -> str:
    return quote(_quoted(str(value)), safe="")


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
