"""Decode a row that is a JSON object into its fields, each as its bytes are. No I/O."""

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
_STRING = rb'"(?:[^"\\]|\\.)*+"'
_PYTHON_TOKEN = re.compile(_STRING + rb"|(-?\b(?:NaN|Infinity)\b|\b(?:None|True|False)\b)", re.DOTALL)
_IN_QUOTES = '"{}" in quotes, which columns of floats and numerics take, or null'
_JSON_OF = {"NaN": _IN_QUOTES, "Infinity": _IN_QUOTES, "None": "null", "True": "true", "False": "false"}
_NOT_IN_ENCODING = "is not in the encoding of its source: UTF-8, unless --encoding names another"
NOT_UTF8 = Reason("not-utf8", f"the row {_NOT_IN_ENCODING}")
_TOO_DEEP = Reason("too-deep", "the row is nested too deeply to be checked")


def text(value: bytes | msgspec.Raw) -> str | None:
    """Return the text of a JSON value as PostgreSQL's ``->>`` returns it; None for null.

    Args:
        value: valid JSON of one value, in UTF-8.
    """
    raw = bytes(value).strip()
    if raw[:1] == b'"':
        return _decode_text(raw)
    return None if raw == b"null" else raw.decode()


def fields(line: bytes) -> Fields | Reason:
    """Return the fields of a line that is a JSON object which PostgreSQL can store, or why it is not."""
    try:
        line.decode()
        decoded = decode(line)
    except UnicodeDecodeError as error:
        return replace(NOT_UTF8, message=f"byte {error.start + 1} of the row {_NOT_IN_ENCODING}")
    except msgspec.ValidationError:
        return _not_an_object(line)
    except msgspec.DecodeError as error:
        return _not_json(line, error)
    except RecursionError:
        return _TOO_DEEP
    if b"\\u0000" in line and _NUL.search(line):
        return Reason("nul", "the row contains \\u0000, which PostgreSQL cannot store")
    return decoded


def _not_an_object(line: bytes) -> Reason:
    # The decoder stops at the first byte that is not "{": the rest may not be JSON at all.
    try:
        msgspec.json.decode(line)
    except msgspec.DecodeError as error:
        return _not_json(line, error)
    except RecursionError:
        return _TOO_DEEP
    return Reason("not-an-object", "the row is JSON, but not an object")


def _not_json(line: bytes, error: msgspec.DecodeError) -> Reason:
    if token := _python_token(line):
        as_json = _JSON_OF[token.removeprefix("-")].format(token)
        return Reason("not-json", f"{token} is not JSON, though Python writes it: write {as_json}")
    half = _lone_surrogate(line)
    if not half:
        return Reason("not-json", str(error))
    # The decoder's own message is about what it found in place of the other half.
    return Reason("not-json", f"{half} is half of a character (a lone surrogate), which no text can contain")


def _python_token(line: bytes) -> str:
    """Return the first word of Python's because of which a line is not JSON; empty if that is not why."""
    tokens = [match[1] for match in _PYTHON_TOKEN.finditer(line) if match[1]]
    if not tokens:
        return ""
    try:
        msgspec.json.decode(_PYTHON_TOKEN.sub(lambda match: b"null" if match[1] else match[0], line))
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return ""
    return str(tokens[0].decode())


def _lone_surrogate(line: bytes) -> str:
    """Return the first escape of a surrogate that is not beside its other half; empty if there is none."""
    first_half: re.Match[bytes] | None = None
    for escape in _ESCAPE.finditer(line):
        code = int(escape[1], 16) if escape[1] else 0
        if first_half is not None:
            if not 0xDC00 <= code < 0xE000 or escape.start() != first_half.end():
                return first_half[0].decode()
            first_half = None
        elif 0xD800 <= code < 0xDC00:
            first_half = escape
        elif 0xDC00 <= code < 0xE000:
            return escape[0].decode()
    return "" if first_half is None else first_half[0].decode()
