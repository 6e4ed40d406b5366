"""The parts of an HTTP reply -> a Reply. No I/O."""

from __future__ import annotations

import re
from collections.abc import Mapping

import orjson

from loader.model import Reason, Reply
from loader.postgrest.error_codes import WORDLESS

_WORDS_LIMIT = 2000  # characters of the server's words that are kept
_BODY_LIMIT = 300  # likewise of a body that is not PostgREST's


def read_reply(status: int, headers: Mapping[str, str], text: str, token: str | None) -> Reply:
    """Return a reply's meaning for the loader.

    Args:
        status: the HTTP status.
        headers: with names in any case.
        text: the body.
        token: the bearer token that the request carried.
    """
    text = _masked(text, token)
    counted = re.fullmatch(r"(?:\*|\d+-\d+)/(\d+)", headers.get("Content-Range", ""))
    retry_after = headers.get("Retry-After", "")
    return Reply(
        status=status,
        reason=_reason(text) if status >= 300 else None,
        body=text if status < 300 else " ".join(text.split())[:_BODY_LIMIT],
        count=int(counted[1]) if counted else None,
        applied=headers.get("Preference-Applied", ""),
        retry_after=float(retry_after) if retry_after.isdecimal() else None,
        location=headers.get("Location", ""),
        token=token,
    )


def _masked(text: str, token: str | None) -> str:
    # A gateway may quote the request; what it says is printed and reported.
    return text.replace(token, "***") if token else text


def _reason(text: str) -> Reason | None:
    """Return PostgREST's error, ``{"code","message","details","hint"}``; None for anything else."""
    try:
        body = orjson.loads(text)
    except orjson.JSONDecodeError:
        return None
    if not isinstance(body, dict) or not isinstance(body.get("code"), str):
        return None
    if not body["code"] and not body.get("message"):
        # What PostgREST 12 says when PostgreSQL shuts down under a statement.
        return Reason(WORDLESS, "PostgREST gave no reason: its connection to the database broke")
    if not body["code"]:
        return None

    def words(name: str) -> str | None:
        value = body.get(name)
        text = value if value is None or isinstance(value, str) else orjson.dumps(value).decode()
        return text if text is None or len(text) <= _WORDS_LIMIT else f"{text[:_WORDS_LIMIT]}..."

    return Reason(body["code"], words("message") or "", words("details"), words("hint"))
