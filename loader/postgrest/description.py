"""What the API's OpenAPI document tells of a relation (PostgREST's docs, "OpenAPI"). No I/O."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import orjson

_PRIMARY_KEY = "<pk/>"  # in the description of a column, also of a view's that shows a table's key


@dataclass(frozen=True, slots=True)
class Description:
    """A relation's columns; empty where the server tells nothing.

    Attributes:
        types: the type of each column, as OpenAPI names it; empty text where it names none.
        primary_key: the columns of the primary key, in the order of the columns.
        required: the columns that are NOT NULL, those with a default too.
        defaults: the columns with a default that is told; nextval() and those of views are not.
        refused: the HTTP status with which the server refuses to describe its tables; 0: it does not.
    """

    types: Mapping[str, str] = field(default_factory=dict)
    primary_key: tuple[str, ...] = ()
    required: frozenset[str] = frozenset()
    defaults: frozenset[str] = frozenset()
    refused: int = 0


def read_openapi(text: str, table: str) -> Description:
    """Return what an OpenAPI document tells of a relation; nothing where it is none, or lacks it."""
    try:
        document: Any = orjson.loads(text)
        properties = document["definitions"][table]["properties"]
        types = {column: str(about.get("format", "")) for column, about in properties.items()}
        marked = (name for name, about in properties.items() if _PRIMARY_KEY in str(about.get("description")))
        required = frozenset(document["definitions"][table].get("required") or ())
        defaults = frozenset(name for name, about in properties.items() if "default" in about)
        return Description(types, tuple(marked), required, defaults)
    except (orjson.JSONDecodeError, KeyError, TypeError, AttributeError):
        return Description()
