"""The first lines of CSV: what is between the cells, and what the columns are. No I/O."""

from __future__ import annotations

import csv
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from loader.errors import SourceUnfit
from loader.model import Place

_DELIMITERS = ",\t;|"
_NAMES = {",": "commas", "\t": "tabs", ";": "semicolons", "|": "bars", " ": "blanks"}
_TOLD_FIRST = re.compile(rb'sep=([^\w\s"]|\t)\r?\n', re.ASCII)
_TOLD = 20  # columns that are told
_ADVICE = "Give the source a header, or name its columns with --columns where it has none."


OPEN_ENDED = "unexpected end of data"  # what csv says where a quote is not closed
_SAYS = {  # what else it says -> what it means
    OPEN_ENDED: "a quote is not closed before the end of the source",
    "expected after": "behind the quote that closes a cell stands more than a delimiter",
    "new-line character": "a carriage return stands alone in a cell that is not in quotes",
}


def said(error: csv.Error) -> str:
    """What csv has found, for people."""
    return next((ours for theirs, ours in _SAYS.items() if theirs in str(error)), str(error))


@dataclass(frozen=True, slots=True)
class Header:
    """What the first lines tell.

    Attributes:
        text: the same, for people.
        delimiter: what is between the cells.
        columns: their names.
        header: the header as it stands, with its newline; empty where there is none.
        begin: where the first row begins.
    """

    text: str
    delimiter: str
    columns: tuple[str, ...]
    header: bytes
    begin: Place


def read(
    rows: Sequence[bytes],
    name: str,
    *,
    begin: Place,
    delimiter: str | None,
    columns: tuple[str, ...] | None,
    expected: tuple[str, ...] | None,
    refused: bool,
) -> Header:
    """Look at the first lines; blank ones before the header are nothing, and ``sep=;`` is Excel's delimiter.

    Args:
        rows: lines, each with its newline.
        name: the source's, for messages.
        begin: where the first of them begins.
        delimiter: between the cells; None: of commas, tabs, semicolons and bars the one that gives the most.
        columns: --columns. Where there is no header, they name all cells.
        expected: those of them that a header must have. Where the first line has none of them, it is a row.
        refused: whether these are rejected rows, the first of which may have been rejected for its length.

    Raises:
        SourceUnfit: there is a header, and it cannot be one.
    """
    if rows and b"\r" in rows[0] and not rows[0].endswith(b"\n"):
        raise SourceUnfit(
            f"{name}: its lines end with a carriage return alone",
            advice="Write it with newlines, as `tr '\\r' '\\n'` does.",
        )
    first = b""  # what stands before the header and belongs to it
    blank = next((place for place, row in enumerate(rows) if row.strip()), len(rows))
    begin = _behind(begin, rows[:blank])
    if blank < len(rows) and (told := _TOLD_FIRST.fullmatch(rows[blank])):
        delimiter = delimiter or told[1].decode()
        first = rows[blank]
        begin, blank = _behind(begin, rows[blank : blank + 1]), blank + 1
    texts = [row.decode(errors="surrogateescape") for row in rows[blank:]]
    if delimiter is None:
        delimiter = max(_DELIMITERS, key=lambda one: _sense(_cells(texts, one)))
    title = f"{'TSV' if delimiter == chr(9) else 'CSV'} with {_NAMES.get(delimiter, repr(delimiter))}"
    if not texts:
        return Header(f"{title}, and empty", delimiter, columns or (), b"", begin)
    where = f"{name}:{begin.line}"
    reader = csv.reader(texts, delimiter=delimiter, strict=True)
    try:
        cells = next(reader)
    except csv.Error as error:
        raise SourceUnfit(f"{where}: the header cannot be read: {said(error)}") from error
    if columns is not None and not _is_header(cells, columns, expected or (), where, refused=refused):
        return Header(f"{title}, without a header", delimiter, columns, b"", begin)
    if columns is not None:  # they choose, and a column without a name cannot be chosen
        cells = [cell if cell.strip() else f"column {place}" for place, cell in enumerate(cells, 1)]
    _refuse(cells, where)
    header = rows[blank : blank + reader.line_num]
    text = f"{title}; {listed(cells)}"
    return Header(text, delimiter, tuple(cells), first + b"".join(header), _behind(begin, header))


def listed(columns: Sequence[str]) -> str:
    """Columns for people: how many, and the names of the first."""
    names = (name if name.isprintable() else repr(name) for name in columns[:_TOLD])
    told = ", ".join(names) + (", ..." if len(columns) > _TOLD else "")
    return f"{len(columns)} column{'s' if len(columns) != 1 else ''}: {told}"


def looks_like_one(line: bytes) -> bool:
    """Whether a line may be the header of CSV, where nothing else says that it is."""
    text = line.decode(errors="replace")
    return any(
        len(cells := _cells([text], one)) > 1 and len(set(cells)) == len(cells) and all(cells)
        for one in _DELIMITERS
    )


def _cells(lines: Sequence[str], delimiter: str) -> list[str]:
    try:
        return next(csv.reader(lines, delimiter=delimiter, strict=True), [])
    except csv.Error:
        return []


def _sense(cells: list[str]) -> tuple[bool, int]:
    """How much sense a first line makes with these cells: a quote within one was meant to be around one.

    But where there are none, it makes none.
    """
    return bool(cells) and not any('"' in cell for cell in cells), len(cells)


def _behind(begin: Place, rows: Sequence[bytes]) -> Place:
    return begin._replace(offset=begin.offset + sum(map(len, rows)), line=begin.line + len(rows))


def _is_header(
    cells: list[str], columns: tuple[str, ...], expected: tuple[str, ...], where: str, *, refused: bool
) -> bool:
    """Whether a first line is a header, where --columns may name the cells in its stead.

    Raises:
        SourceUnfit: it is neither.
    """
    lacking = [column for column in expected if column not in cells]
    if lacking and len(lacking) < len(expected):
        raise SourceUnfit(
            f"{where}: the header lacks {', '.join(lacking)}, which --columns names",
            advice=f"It has {', '.join(cells)}.",
        )
    if lacking and len(cells) != len(columns) and not refused:
        raise SourceUnfit(
            f"{where}: {len(cells)} cells, and --columns names {len(columns)} columns",
            advice="Without a header, --columns names all columns of the source, in their order.",
        )
    return not lacking


def _refuse(cells: list[str], where: str) -> None:
    """See that each column has a name of its own.

    Raises:
        SourceUnfit: one has none, or two have the same, or it is not UTF-8, or holds what no name does.
    """
    if any("\0" in cell for cell in cells):
        raise SourceUnfit(
            f"{where}: the header holds NUL bytes",
            advice="Is it whole? A machine that broke down may leave NULs. Or is it UTF-16: --encoding?",
        )
    if not all(cell.strip() for cell in cells):
        place = next(place for place, cell in enumerate(cells, 1) if not cell.strip())
        others = ",".join(cell for cell in cells if cell.strip())
        raise SourceUnfit(
            f"{where}: column {place} of the header has no name",
            advice=f"Give it one, or leave it out: --columns {others}" if others else _ADVICE,
        )
    if twice := [cell for cell, count in Counter(cells).items() if count > 1]:
        raise SourceUnfit(f"{where}: the header has {', '.join(twice)} twice", advice=_ADVICE)
    try:
        "".join(cells).encode()
    except UnicodeEncodeError as error:
        raise SourceUnfit(
            f"{where}: the header is not in the encoding of its source, which is UTF-8 without --encoding",
            advice="--encoding names another, as in --encoding latin-1.",
        ) from error
