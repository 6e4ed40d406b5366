"""Show the words of others without letting them speak to the terminal. No I/O.

A file's name, a value of a row and a server's message may hold bytes that clear the screen, set the
title, reverse the direction of writing, or begin a line that looks like one of ours.
"""

from __future__ import annotations

import re

# Controls (C0, DEL, C1), the separators of lines and paragraphs, lone surrogates, and what turns the
# direction of writing or is not seen at all: Unicode's "Bidi_Control", byte order marks, soft hyphens, tags.
_HIDDEN = re.compile(
    "[\x00-\x1f\x7f-\x9f\u00ad\u061c\u180e\u200b\u200e\u200f\u2028-\u202e\u2060-\u2069\ud800-\udfff\ufeff"
    "\ufff9-\ufffb\U000e0000-\U000e007f]"
)
_SURROGATE = re.compile("[\ud800-\udfff]")
_NO_BYTE = re.compile("[\ud800-\udc7f\udd00-\udfff]")  # surrogates that stand for no byte
_SHORT = {"\n": "\\n", "\r": "\\r", "\t": "\\t"}


def visible(text: str) -> str:
    r"""Return a text on one line, with each control character written as an escape, as in ``\x1b``.

    Bytes of a file's name that the locale cannot show (lone surrogates) are read as UTF-8 where they are.
    """
    if _HIDDEN.search(text) is None:
        return text
    return _HIDDEN.sub(_escape, whole(text))


def visible_lines(text: str) -> str:
    """Return a text of several lines likewise, the later lines indented: none of them can pass for ours."""
    return "\n  ".join(visible(line) for line in text.split("\n"))


def whole(text: str) -> str:
    """Return a text that UTF-8 can write: lone surrogates are read as the bytes they stand for (PEP 383)."""
    if _SURROGATE.search(text) is None:
        return text
    if _NO_BYTE.search(text) is not None:
        return text.encode(errors="backslashreplace").decode()
    return text.encode(errors="surrogateescape").decode(errors="backslashreplace")


def json_escaped(data: bytes) -> bytes:
    r"""Return JSON with all such characters as ``\u`` escapes, which mean the same.

    Args:
        data: valid JSON in UTF-8; the newlines between its values are kept.
    """
    return _HIDDEN.sub(_json_escape, data.decode()).encode()


def _escape(match: re.Match[str]) -> str:
    character = match[0]
    if character in _SHORT:
        return _SHORT[character]
    code = ord(character)
    if code < 0x100:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def _json_escape(match: re.Match[str]) -> str:
    if match[0] == "\n":
        return "\n"
    units = match[0].encode("utf-16-be")
    return "".join(f"\\u{int.from_bytes(units[at : at + 2]):04x}" for at in range(0, len(units), 2))
