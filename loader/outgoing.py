"""What is written for others: texts without secrets, and without what speaks to a terminal."""

from __future__ import annotations

from dataclasses import fields, is_dataclass
from typing import Any

import orjson

from loader.mask import masked
from loader.visible import json_escaped, visible, visible_lines, whole

_LONGEST = 20_000  # characters of a text that is printed
_QUOTED = 1000  # characters of the words of others that are kept


def shown(text: str) -> str:
    """Return a text as it may be printed, on one line."""
    return visible(masked(text))[:_LONGEST]


def shown_lines(text: str) -> str:
    """Return a text of several lines as it may be printed; the later ones are indented."""
    return visible_lines(masked(text))[:_LONGEST]


def quoted(text: str, limit: int = _QUOTED) -> str:
    """Return words of others as they may be kept: masked, and not long.

    Args:
        text: the words.
        limit: characters that are kept.
    """
    text = masked(whole(text))  # before it is cut: a half of a secret is not recognised
    return text if len(text) <= limit else f"{text[:limit]}..."


def json_bytes(value: object, option: int = 0) -> bytes:
    """Return a value as JSON without secrets; control characters stand in it as escapes.

    Args:
        value: of dicts, lists, texts, numbers; or a dataclass of such.
        option: those of orjson.
    """
    return json_escaped(orjson.dumps(_clean(value), option=option))


def _clean(value: Any) -> Any:
    """Return a value with each of its texts masked, and such as UTF-8 can write."""
    if isinstance(value, str):
        return whole(masked(value))
    if isinstance(value, dict):
        return {name: _clean(part) for name, part in value.items()}
    if isinstance(value, list | tuple):
        return [_clean(part) for part in value]
    if is_dataclass(value):
        return {field.name: _clean(getattr(value, field.name)) for field in fields(value)}
    return value
