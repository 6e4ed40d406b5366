"""The types of columns that OpenAPI names no base type of: a domain over a domain, say. No I/O.

PostgREST (12.0) tells the base type of a domain only where that is PostgreSQL's own, else the domain's name.
Then PostgreSQL is asked: what it says to a text which few types take names the type that refuses it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from loader.model import NoReply, Reply
from loader.pg_types import type_name

PROBE = "\\xq"  # no number, no time, no JSON, nor bytes

_NAMED = {  # as an error calls a type -> as OpenAPI does
    **{name: name for name in ("smallint", "integer", "bigint", "numeric", "real", "double precision")},
    **{name: name for name in ("boolean", "uuid", "date", "interval", "json", "inet", "cidr", "money")},
    **{f"{name} with time zone": f"{name} with time zone" for name in ("timestamp", "time")},
    **{name: f"{name} without time zone" for name in ("timestamp", "time")},
}
_OTHERS = (
    "text",
    "character varying",
    "character",
    "jsonb",
    "bytea",
    "xml",
    "bit",
    "bit varying",
    "tsvector",
)
_KNOWN = frozenset([*_NAMED.values(), *_OTHERS])
_AT_END = re.compile(rf"\b({'|'.join(sorted(_NAMED, key=len, reverse=True))})\W*$")
_NO_INPUT = frozenset({"22P02", "22007"})  # invalid_text_representation, invalid_datetime_format
_NO_BYTES = "22023"  # invalid_parameter_value: what bytea says to a digit that is none
_NO_OPERATOR = "42883"  # undefined_function: two values of json cannot be compared
_NO_CAST = "42846"  # cannot_coerce


def untold(formats: Mapping[str, str]) -> list[str]:
    """The columns whose types must be asked for. An array goes out alike, whatever is in it."""
    return [
        column
        for column, told in formats.items()
        if told and not told.endswith("[]") and type_name(told) not in _KNOWN
    ]


def base_type(told: str, compared: Reply | NoReply) -> str:
    """The type of a column, as OpenAPI would name it; empty where nobody tells.

    Args:
        told: what OpenAPI tells.
        compared: the reply to a comparison of the column with PROBE.
    """
    if isinstance(compared, NoReply):
        return ""
    if compared.status == 200:
        return told  # a text of some kind
    reason = compared.reason
    if reason is None or reason.code[:2] not in ("22", "42", "0A", "XX") or reason.code == "42501":
        return ""
    if reason.code in _NO_INPUT:
        found = _AT_END.search(reason.message.replace(PROBE, ""))  # in any language
        return _NAMED[found[1]] if found else told
    return "bytea" if reason.code == _NO_BYTES else told


def may_be_json(compared: Reply | NoReply) -> bool:
    """Whether the column may be ``json``, which has no comparison: then a cast to it tells."""
    reason = None if isinstance(compared, NoReply) else compared.reason
    return reason is not None and reason.code == _NO_OPERATOR


def json_or(told: str, cast: Reply | NoReply) -> str:
    """``json`` where a column that cannot be compared can be cast to it; empty where nobody tells."""
    if isinstance(cast, NoReply):
        return ""
    if cast.status == 200:
        return "json"
    return told if cast.reason is not None and cast.reason.code == _NO_CAST else ""
