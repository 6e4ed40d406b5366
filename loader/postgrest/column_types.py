"""Find the types of columns for which OpenAPI names no base type: a domain over a domain, say. No I/O.

PostgREST (12.0) tells the base type of a domain only where that is PostgreSQL's own, else the domain's name.
Then the column is compared with PROBE, a text that few types take: PostgreSQL's error names the type.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from loader.model import NoReply, Reply
from loader.pg_types import BY_ERROR_NAME, type_of

PROBE = "\\xq"  # no number, no time, no JSON, nor bytes

_AT_END = re.compile(rf"\b({'|'.join(sorted(BY_ERROR_NAME, key=len, reverse=True))})\W*$")
_NO_INPUT = frozenset({"22P02", "22007"})  # invalid_text_representation, invalid_datetime_format
_NO_BYTES = "22023"  # invalid_parameter_value: bytea's error for a character that is no hexadecimal digit
_NO_OPERATOR = "42883"  # undefined_function: two values of json cannot be compared
_NO_CAST = "42846"  # cannot_coerce


def ambiguous_columns(formats: Mapping[str, str]) -> list[str]:
    """Return the columns whose types must be asked for. Arrays are written alike, whatever is in them."""
    return [column for column, told in formats.items() if told and type_of(told).ambiguous]


def base_type(told: str, compared: Reply | NoReply) -> str:
    """Return the type of a column, as OpenAPI would name it; empty where the server does not tell.

    Args:
        told: the type that OpenAPI names.
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
        refusing_type = _AT_END.search(reason.message.replace(PROBE, ""))  # in any language
        return BY_ERROR_NAME[refusing_type[1]].name if refusing_type else told
    return "bytea" if reason.code == _NO_BYTES else told


def may_be_json(compared: Reply | NoReply) -> bool:
    """Whether the column may be ``json``, which has no comparison: then a cast to it decides."""
    reason = None if isinstance(compared, NoReply) else compared.reason
    return reason is not None and reason.code == _NO_OPERATOR


def json_or(told: str, cast: Reply | NoReply) -> str:
    """Return ``json`` for a column that can be cast to it; empty where the server does not tell.

    Args:
        told: the type where it cannot be cast.
        cast: the reply to the cast.
    """
    if isinstance(cast, NoReply):
        return ""
    if cast.status == 200:
        return "json"
    return told if cast.reason is not None and cast.reason.code == _NO_CAST else ""
