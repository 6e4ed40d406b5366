"""JSON of others, as far as Python can also write it. No I/O."""

from __future__ import annotations

from typing import Any

import orjson

_DEEPEST = 100  # levels of lists and objects


def json_object(data: bytes) -> dict[str, Any]:
    """Return an object of JSON; nothing where it is none, or one with more levels than anybody needs.

    Python reads a thousand levels, and fails when it writes them in a message.
    """
    try:
        value = orjson.loads(data)
    except orjson.JSONDecodeError:
        return {}
    return value if isinstance(value, dict) and not _is_deep(value, _DEEPEST) else {}


def _is_deep(value: object, levels: int) -> bool:
    parts = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return any(levels == 0 or _is_deep(part, levels - 1) for part in parts)
