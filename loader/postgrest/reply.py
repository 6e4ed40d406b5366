"""The parts of an HTTP reply -> a Reply. No I/O."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import orjson

from loader import mask
from loader.model import Reason, Reply
from loader.outgoing import quoted
from loader.postgrest import gateway
from loader.postgrest.error_codes import WORDLESS

_WORDS_LIMIT = 2000  # characters of the server's words that are kept
_CODE_LIMIT = 100  # likewise of a code: SQLSTATEs have 5, those of a gateway are words
_BODY_LIMIT = 300  # likewise of a body that is not PostgREST's
_HEADER_LIMIT = 1000  # likewise of a header
_COUNTED = re.compile(r"(?:\*|[0-9]{1,18}-[0-9]{1,18})/([0-9]{1,18})")
_SECONDS = re.compile(r"[0-9]{1,9}")
# An error that is cut off: PostgREST writes code, details, hint, message in this order.
_FIELD = re.compile(r'"(code|details|hint|message)"\s*:\s*(?:null|"((?:[^"\\]++|\\.)*+)("?))')


def read_reply(
    status: int, headers: Mapping[str, str], content: bytes, token: str | None, *, complete: bool = True
) -> Reply:
    """Return a reply's meaning for the loader. No secret is in it, and no field of an error is long.

    Args:
        status: the HTTP status.
        headers: with names in any case.
        content: the body.
        token: the bearer token that the request carried.
        complete: whether that is all of the body.
    """
    mask.hide_token(token)
    counted = _COUNTED.fullmatch(headers.get("Content-Range", ""))
    retry_after = headers.get("Retry-After", "")
    if status < 300:
        reason, body = None, content.decode(errors="replace")
    else:
        reason, body = _reason(content, complete=complete), _begin(content)
    return Reply(
        status=status,
        reason=reason,
        body=body,
        count=int(counted[1]) if counted else None,
        applied=headers.get("Preference-Applied", "")[:_HEADER_LIMIT],
        retry_after=float(retry_after) if _SECONDS.fullmatch(retry_after) else None,
        location=quoted(headers.get("Location", "")),
        token=token,
        is_page=gateway.is_page(content),
    )


def _begin(content: bytes) -> str:
    """Return the begin of what a body says that is not PostgREST's, on one line."""
    return mask.masked(gateway.words(content[: 10 * _WORDS_LIMIT]))[:_BODY_LIMIT]


def _reason(content: bytes, *, complete: bool) -> Reason | None:
    """Return PostgREST's error, ``{"code","message","details","hint"}``; None for anything else."""
    body = _parsed(content) if complete else _salvaged(content)
    if not isinstance(body, dict) or not isinstance(body.get("code"), str):
        return None
    if not body["code"] and not body.get("message"):
        # What PostgREST 12 says when PostgreSQL shuts down under a statement.
        return Reason(WORDLESS, "PostgREST gave no reason: its connection to the database broke")
    if not body["code"]:
        return None

    def words(name: str) -> str | None:
        value = body.get(name)
        return None if value is None else quoted(_text(value), _WORDS_LIMIT)

    return Reason(quoted(body["code"], _CODE_LIMIT), words("message") or "", words("details"), words("hint"))


def _parsed(content: bytes) -> Any:
    try:
        return orjson.loads(content.decode(errors="replace"))
    except orjson.JSONDecodeError:
        return None


def _salvaged(content: bytes) -> dict[str, str]:
    """Return the fields of an error that is cut off, as far as they are there: one may quote a huge value."""
    text = content.decode(errors="replace")
    if not text.lstrip().startswith("{"):
        return {}
    fields: dict[str, str] = {}
    for match in _FIELD.finditer(text):
        name, value, end = match.groups()
        if value is not None and (end or name != "code"):  # half a code means another
            fields.setdefault(name, _unescaped(value[: 2 * _WORDS_LIMIT]))
    return fields


def _unescaped(text: str) -> str:
    """Return the characters of a JSON string that may end in the middle of an escape."""
    for cut in range(6):
        try:
            value: str = orjson.loads(f'"{text[: len(text) - cut]}"')
        except orjson.JSONDecodeError:
            continue
        return value
    return text


def _text(value: object) -> str:
    if isinstance(value, str):
        return value
    try:
        return orjson.dumps(value).decode()
    except TypeError:  # nested more deeply than orjson writes
        return "(not shown: it is nested too deeply)"
