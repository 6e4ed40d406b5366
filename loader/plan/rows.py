"""A few rows as they would be sent, for people. No I/O."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from loader.formats.json_fields import decode
from loader.model import Chunk, Reject

MOST_ROWS = 10
_LONGEST = 60  # characters of a value
_MOST_COLUMNS = 40

ShownRow = dict[str, str]  # column -> its JSON, shortened


def shown_rows(
    checked: Iterable[Chunk | Reject], columns: Collection[str] | None
) -> tuple[list[ShownRow], list[Reject]]:
    """Return the first rows, and the rejects among them.

    Args:
        checked: rows in their order.
        columns: those that are written; None: all that a row has.
    """
    rows: list[ShownRow] = []
    rejects: list[Reject] = []
    for part in checked:
        if isinstance(part, Reject):
            rejects.append(part)
        else:
            lines = part.data.split(b"\n", MOST_ROWS)[: min(MOST_ROWS, len(part.keys))]
            rows += [_shown(line, columns) for line in lines]
        if len(rows) + len(rejects) >= MOST_ROWS:
            break
    return rows[:MOST_ROWS], rejects[:MOST_ROWS]


def _shown(line: bytes, columns: Collection[str] | None) -> ShownRow:
    row = {name: raw for name, raw in decode(line).items() if columns is None or name in columns}
    return {
        printable(name): shortened(bytes(raw).decode()) for name, raw in list(row.items())[:_MOST_COLUMNS]
    } | ({"...": f"{len(row) - _MOST_COLUMNS} more columns"} if len(row) > _MOST_COLUMNS else {})


def shortened(value: str) -> str:
    """Return a value's JSON, its middle left out if it is long, and control characters as escapes."""
    end = '"' if value.startswith('"') else ""
    if len(value) > _LONGEST:
        value = f"{value[:_LONGEST]}...{end} ({len(value):,} characters)"
    return printable(value)


def printable(text: str) -> str:
    """Return a text with escapes for characters that a terminal would act on, or not show."""
    return "".join(
        character if character.isprintable() else character.encode("unicode_escape").decode()
        for character in text
    )
