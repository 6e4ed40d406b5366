"""Judge whether the first line of a table is a header or a row. No I/O."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Literal

Verdict = Literal["header", "row", "doubt"]

_LONGEST_NAME = 63  # characters; a name in PostgreSQL has no more bytes
_IGNORED = re.compile(r"[\s_\"'`]+")
_TYPED = re.compile(
    r"""[-+]?[$€£]?\s?\d[\d.,'\s]*(?:e[-+]?\d+)?\s?%?   # a number
    | \d{1,4}[-/.]\d{1,2}[-/.]\d{1,4}\b.*               # a date, or a time
    | \d{1,2}:\d{2}\b.*
    | true | false
    | [0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}       # a UUID
    """,
    re.IGNORECASE | re.VERBOSE,
)
_YEAR = re.compile(r"(?:19|20)\d\d")
_NULLS = frozenset(
    ("", "\\n", "-", "?", "n/a", "na", "nan", "nil", "none", "null", "#n/a", "tbd", "unknown", "missing")
)


def fold(name: str) -> str:
    """Return a name without case, spaces, quotes and underscores."""
    return _IGNORED.sub("", name).casefold()


def is_name(cell: str) -> bool:
    """Return whether a cell may be the name of a column rather than a value."""
    text = cell.strip()
    return (
        bool(re.match(r"[^\W\d]", text))
        and len(text) <= _LONGEST_NAME
        and "\n" not in text
        and text.casefold() not in _NULLS
        and not _TYPED.fullmatch(text)
    )


def are_names(cells: Sequence[str]) -> bool:
    """Return whether all of these may be names of columns, each another."""
    return bool(cells) and len(set(cells)) == len(cells) and all(map(is_name, cells))


def may_be_header(cells: Sequence[str]) -> bool:
    """Return whether these may be the names of columns below a preamble: no values, and each another."""
    texts = [cell.strip() for cell in cells]
    return (
        len(texts) > 1
        and all(texts)
        and len(set(texts)) == len(texts)
        and all(len(text) <= _LONGEST_NAME and not _TYPED.fullmatch(text) for text in texts)
    )


def judge(
    cells: Sequence[str], rows: Sequence[Sequence[str]], names: Sequence[str], *, only_by_names: bool = False
) -> Verdict:
    """Judge the first line of a table whose columns the command names by their position.

    It is a header if it has one of the names in its place, or only names where the rows below have numbers,
    dates and the like. It is a row if it has such values itself.

    Args:
        cells: those of the line.
        rows: some that follow it.
        names: of the columns.
        only_by_names: whether values tell nothing, because the rows below were rejected for theirs.
    """
    folded = [fold(cell) for cell in cells]
    wanted = [fold(name) for name in names]
    has_name = any(cell and cell == name for cell, name in zip(folded, wanted, strict=False))
    typed = [cell.strip() for cell in cells if _TYPED.fullmatch(cell.strip())]
    if has_name:
        return "doubt" if typed else "header"
    if set(filter(None, folded)) & set(wanted):
        return "doubt"  # it has the names in another order
    if typed:
        return "doubt" if all(map(_YEAR.fullmatch, typed)) else "row"
    named = [cell for cell in cells if cell.strip()]
    if only_by_names or not named or not all(map(is_name, named)):
        return "doubt"
    columns = [[row[place].strip() for row in rows if place < len(row)] for place in range(len(cells))]
    return "header" if any(map(_is_typed_column, columns)) else "doubt"


def _is_typed_column(values: Sequence[str]) -> bool:
    present = [value for value in values if value.casefold() not in _NULLS]
    return bool(present) and all(map(_TYPED.fullmatch, present))
