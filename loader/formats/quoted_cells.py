"""Tell a quoted cell of CSV from a bare one where its text means null if it is bare. No I/O.

PostgreSQL writes an empty text as ``""`` and null as nothing. The csv module gives an empty text for both, so
a quoted cell whose text is a null token gets a placeholder, which ``Table.quoted`` maps to the text.
"""

from __future__ import annotations

import re
from collections.abc import Callable, MutableSequence, Sequence
from functools import lru_cache

_PRIVATE = "\ue000"  # of Unicode's private use area


def placeholders(null_tokens: Sequence[str], data: bytes) -> dict[str, str]:
    """Return a placeholder for each null token, by token; none if no quoted cell can be a null token.

    Args:
        null_tokens: the texts that mean null.
        data: a piece of the source, in UTF-8. No placeholder occurs in it.
    """
    # The search for a single byte is ten times as fast as that for two, and most sources have no quotes.
    if b'"' not in data or not any(form in data for form in _forms(tuple(null_tokens))):
        return {}
    mark = _PRIVATE
    while mark.encode() in data:
        mark += _PRIVATE
    return {token: f"{mark}{number}" for number, token in enumerate(null_tokens)}


def mark_text(text: str, placeholder_of: dict[str, str], delimiter: str) -> str:
    """Return CSV in which each quoted cell that is a null token is its placeholder, in quotes.

    Within a quoted cell the same characters may stand for something else, as in ``"a,"",b"``. Then the result
    is no CSV, and a strict reader refuses it: use ``mark_quoted`` instead.

    Args:
        text: whole lines.
        placeholder_of: the placeholder of each null token.
        delimiter: between the cells.
    """
    ends = "" if text.endswith("\n") else "\n"
    text = f"\n{text}{ends}"
    for token, placeholder in placeholder_of.items():
        form = '"' + token.replace('"', '""') + '"'
        # Neighbours share a delimiter, so that a replacement finds every other one only.
        for before in (delimiter, delimiter, "\n", "\n"):
            for after in (delimiter, "\n", "\r\n"):
                if form not in text:
                    break
                text = text.replace(f"{before}{form}{after}", f'{before}"{placeholder}"{after}')
    return text[1 : len(text) - len(ends)]


def mark_quoted(
    records: Sequence[MutableSequence[str]],
    raw: Callable[[int], bytes],
    placeholder_of: dict[str, str],
    *,
    delimiter: str,
    spaced: bool,
) -> bool:
    """Replace each quoted cell that is a null token by its placeholder. Return whether there was any.

    Args:
        records: the cells of each record.
        raw: returns a record as it is in the source, by its index.
        placeholder_of: the placeholder of each null token.
        delimiter: between the cells.
        spaced: whether blanks before a cell are no part of it.
    """
    tokens = frozenset(placeholder_of)
    between = delimiter.encode()
    pattern = _cell(delimiter, spaced)
    is_marked = False
    for index, record in enumerate(records):
        if tokens.isdisjoint(record):
            continue
        data = raw(index)
        cells = data.split(between)  # fast, and right unless a cell contains a delimiter
        if len(cells) != len(record):
            cells = pattern.findall(data)
        for place, cell in enumerate(record):
            if cell in tokens and cells[place].lstrip(b" " if spaced else b"").startswith(b'"'):
                record[place] = placeholder_of[cell]
                is_marked = True
    return is_marked


def split_raw(text: str, delimiter: str, *, spaced: bool) -> list[str]:
    """Return the cells of a record as they are in the source, with their quotes."""
    cells = _cell(delimiter, spaced).findall(text.encode(errors="surrogateescape"))
    return [cell.decode(errors="surrogateescape") for cell in cells]


@lru_cache(maxsize=8)
def _forms(null_tokens: tuple[str, ...]) -> tuple[bytes, ...]:
    """Return how quoted cells of these texts are written."""
    return tuple(('"' + token.replace('"', '""') + '"').encode() for token in null_tokens)


@lru_cache(maxsize=8)
def _cell(delimiter: str, spaced: bool) -> re.Pattern[bytes]:
    """Return a pattern of a cell and the delimiter before it, whose group is the cell."""
    between = re.escape(delimiter.encode())
    bare = rb"[^%b]*+" % between if len(delimiter.encode()) == 1 else rb"(?:(?!%b).)*+" % between
    blanks = b" *+" if spaced else b""
    return re.compile(rb'(?:\A|%b)(%b"(?:[^"]++|"")*+"|%b)' % (between, blanks, bare), re.DOTALL)
