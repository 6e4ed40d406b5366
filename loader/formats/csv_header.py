"""Read the first lines of CSV: the delimiter, and the names of the columns. No I/O."""

from __future__ import annotations

import csv
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from loader.errors import SourceUnfit
from loader.model import Place

_DELIMITERS = ",\t;|"
_DELIMITER_NAMES = {",": "commas", "\t": "tabs", ";": "semicolons", "|": "bars", " ": "blanks"}
_SEP_LINE = re.compile(rb'sep=([^\w\s"]|\t)\r?\n', re.ASCII)  # Excel names the delimiter like this
_LISTED = 20  # columns
_ADVICE = "Give the source a header, or name its columns with --columns if it has none."

OPEN_QUOTE = "unexpected end of data"  # the csv module's words for a quote that is not closed
_EXPLANATIONS = {  # the csv module's words -> ours
    OPEN_QUOTE: "a quote is not closed before the end of the source",
    "expected after": "the quote that closes a cell is not followed by a delimiter",
    "new-line character": "there is a lone carriage return in a cell without quotes",
}


def explain(error: csv.Error) -> str:
    """Return what the csv module has found, for people."""
    return next((ours for theirs, ours in _EXPLANATIONS.items() if theirs in str(error)), str(error))


@dataclass(frozen=True, slots=True)
class Header:
    """What the first lines tell.

    Attributes:
        text: a description, for people.
        delimiter: between the cells.
        columns: the names of the columns.
        header: the bytes of the header, with its newline; empty if there is none.
        begin: where the first row begins.
    """

    text: str
    delimiter: str
    columns: tuple[str, ...]
    header: bytes
    begin: Place


def read_header(
    lines: Sequence[bytes],
    name: str,
    *,
    begin: Place,
    delimiter: str | None,
    columns: tuple[str, ...] | None,
    expected: tuple[str, ...] | None,
    is_reject_file: bool,
) -> Header:
    """Read the first lines. Blank lines before the header are ignored; ``sep=;`` names the delimiter.

    Args:
        lines: the first lines, each with its newline.
        name: the source's name, for messages.
        begin: where the first line begins.
        delimiter: between the cells; None: the one of commas, tabs, semicolons and bars that gives the most.
        columns: --columns. If there is no header, they name all columns.
        expected: those of ``columns`` that a header must have. A first line that has none of them is a row.
        is_reject_file: whether the source holds rejected rows. Then a first row may have a wrong length.

    Raises:
        SourceUnfit: the first line cannot be a header.
    """
    if lines and b"\r" in lines[0] and not lines[0].endswith(b"\n"):
        raise SourceUnfit(
            f"{name}: its lines end with a carriage return alone",
            advice="Write it with newlines, as `tr '\\r' '\\n'` does.",
        )
    sep_line = b""  # belongs to the header
    first = next((index for index, line in enumerate(lines) if line.strip()), len(lines))
    begin = _after(begin, lines[:first])
    if first < len(lines) and (named := _SEP_LINE.fullmatch(lines[first])):
        delimiter = delimiter or named[1].decode()
        sep_line = lines[first]
        begin, first = _after(begin, lines[first : first + 1]), first + 1
    texts = [line.decode(errors="surrogateescape") for line in lines[first:]]
    if delimiter is None:
        delimiter = max(_DELIMITERS, key=lambda candidate: _plausibility(_cells(texts, candidate)))
    kind = "TSV" if delimiter == "\t" else "CSV"
    title = f"{kind} with {_DELIMITER_NAMES.get(delimiter, repr(delimiter))}"
    if not texts:
        return Header(f"{title}, and empty", delimiter, columns or (), b"", begin)
    where = f"{name}:{begin.line}"
    reader = csv.reader(texts, delimiter=delimiter, strict=True)
    try:
        cells = next(reader)
    except csv.Error as error:
        raise SourceUnfit(f"{where}: the header cannot be read: {explain(error)}") from error
    if columns is not None:
        if not _is_header(cells, columns, expected or (), where, is_reject_file=is_reject_file):
            return Header(f"{title}, without a header", delimiter, columns, b"", begin)
        # A column without a name gets one: --columns cannot choose it.
        cells = [cell if cell.strip() else f"column {number}" for number, cell in enumerate(cells, 1)]
    _check_names(cells, where)
    header = lines[first : first + reader.line_num]
    text = f"{title}; {list_columns(cells)}"
    return Header(text, delimiter, tuple(cells), sep_line + b"".join(header), _after(begin, header))


def list_columns(columns: Sequence[str]) -> str:
    """Return how many columns there are, and the names of the first, for people."""
    names = [name if name.isprintable() else repr(name) for name in columns[:_LISTED]]
    listed = ", ".join(names) + (", ..." if len(columns) > _LISTED else "")
    return f"{len(columns)} column{'s' if len(columns) != 1 else ''}: {listed}"


def looks_like_header(line: bytes) -> bool:
    """Return whether a line may be the header of CSV, if nothing else tells the format."""
    text = line.decode(errors="replace")
    return any(
        len(cells := _cells([text], delimiter)) > 1 and len(set(cells)) == len(cells) and all(cells)
        for delimiter in _DELIMITERS
    )


def _cells(lines: Sequence[str], delimiter: str) -> list[str]:
    try:
        return next(csv.reader(lines, delimiter=delimiter, strict=True), [])
    except csv.Error:
        return []


def _plausibility(cells: list[str]) -> tuple[bool, int]:
    """Return how plausible these cells of a first line are: many are, unless a quote is within a cell.

    Such a quote shows a wrong delimiter, as it was meant to enclose a cell.
    """
    return bool(cells) and not any('"' in cell for cell in cells), len(cells)


def _after(begin: Place, lines: Sequence[bytes]) -> Place:
    return begin._replace(offset=begin.offset + sum(map(len, lines)), line=begin.line + len(lines))


def _is_header(
    cells: list[str],
    columns: tuple[str, ...],
    expected: tuple[str, ...],
    where: str,
    *,
    is_reject_file: bool,
) -> bool:
    """Return whether a first line is a header. If not, it is a row, and --columns names its cells.

    Raises:
        SourceUnfit: it is neither.
    """
    missing = [column for column in expected if column not in cells]
    if missing and len(missing) < len(expected):
        raise SourceUnfit(
            f"{where}: the header lacks {', '.join(missing)}, which --columns names",
            advice=f"It has {', '.join(cells)}.",
        )
    if missing and len(cells) != len(columns) and not is_reject_file:
        raise SourceUnfit(
            f"{where}: {len(cells)} cells, and --columns names {len(columns)} columns",
            advice="Without a header, --columns names all columns of the source, in their order.",
        )
    return not missing


def _check_names(cells: list[str], where: str) -> None:
    """Check that each column has a name of its own.

    Raises:
        SourceUnfit: a name is missing, repeated, not UTF-8, or contains NUL.
    """
    if any("\0" in cell for cell in cells):
        raise SourceUnfit(
            f"{where}: the header contains NUL bytes",
            advice="Is it whole? A crash may leave NULs. Or is it UTF-16: --encoding?",
        )
    if not all(cell.strip() for cell in cells):
        position = next(number for number, cell in enumerate(cells, 1) if not cell.strip())
        others = ",".join(cell for cell in cells if cell.strip())
        raise SourceUnfit(
            f"{where}: column {position} of the header has no name",
            advice=f"Give it one, or leave it out: --columns {others}" if others else _ADVICE,
        )
    if repeated := [cell for cell, count in Counter(cells).items() if count > 1]:
        raise SourceUnfit(f"{where}: the header has {', '.join(repeated)} twice", advice=_ADVICE)
    try:
        "".join(cells).encode()
    except UnicodeEncodeError as error:
        raise SourceUnfit(
            f"{where}: the header is not in the encoding of its source, which is UTF-8 without --encoding",
            advice="Name another encoding, as in --encoding latin-1.",
        ) from error
