"""The fields of a row that is a JSON object, each as its bytes stand. No I/O."""

from __future__ import annotations

import re
from dataclasses import replace

import msgspec

from loader.model import Reason

Fields = dict[str, msgspec.Raw]

decode = msgspec.json.Decoder(Fields).decode
_decode_text = msgspec.json.Decoder(str).decode
_NUL = re.compile(rb"(?<!\\)(?:\\\\)*\\u0000")
_ESCAPE = re.compile(rb"\\(?:u([0-9a-fA-F]{4})|.)", re.DOTALL)
_SAYS = "is not in the encoding of its source: UTF-8, where --encoding names no other"
NOT_UTF8 = Reason("not-utf8", f"the row {_SAYS}")
_TOO_DEEP = Reason("too-deep", "the row is nested too deeply to be checked")


def text(value: bytes | msgspec.Raw) -> str | None:
    """The text of a JSON value as PostgreSQL's ``->>`` gives it; None for null.

    Args:
        value: valid JSON of one value, in UTF-8.
    """
    raw = bytes(value).strip()
    if raw[:1] == b'"':
        return _decode_text(raw)
    return None if raw == b"null" else raw.decode()


def fields(line: bytes) -> Fields | Reason:
    """The fields of a line that is a JSON object which PostgreSQL can store, or why it is not."""
    try:
        line.decode()
        found = decode(line)
    except UnicodeDecodeError as error:
        return replace(NOT_UTF8, message=f"byte {error.start + 1} of the row {_SAYS}")
    except msgspec.ValidationError:
        return _not_an_object(line)
    except msgspec.DecodeError as error:
        return _not_json(line, error)
    except RecursionError:
        return _TOO_DEEP
    if b"\\u0000" in line and _NUL.search(line):
        return Reason("nul", "the row holds \\u0000, which PostgreSQL cannot store")
    return found


def _not_an_object(line: bytes) -> Reason:
    # The decoder gives up at the first byte that is no "{": the rest may be no JSON at all.
    try:
        msgspec.json.decode(line)
    except msgspec.DecodeError as error:
        return _not_json(line, error)
    except RecursionError:
        return _TOO_DEEP
    return Reason("not-an-object", "the row is JSON, but not an object")


def _not_json(line: bytes, error: msgspec.DecodeError) -> Reason:
    half = _lone_half(line)
    if not half:
        return Reason("not-json", str(error))
    # The decoder looks for the other half, and says what it has found instead.
    return Reason("not-json", f"{half} is half of a character (a lone surrogate): no text can hold it")


def _lone_half(line: bytes) -> str:
    """The first escape of a surrogate that does not stand beside its other half; empty where none is."""
    first: re.Match[bytes] | None = None
    for found in _ESCAPE.finditer(line):
        code = int(found[1], 16) if found[1] else 0
        if first is not None:
            if not 0xDC00 <= code < 0xE000 or found.start() != first.end():
                return first[0].decode()
            first = None
        elif 0xD800 <= code < 0xDC00:
            first = found
        elif 0xDC00 <= code < 0xE000:
            return found[0].decode()
    return "" if first is None else first[0].decode()
