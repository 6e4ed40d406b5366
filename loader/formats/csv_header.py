"""Read the first lines of CSV: how it is written, and the names of the columns. No I/O."""

from __future__ import annotations

import csv
import re
from collections.abc import Sequence
from dataclasses import dataclass

from loader.errors import SourceUnfit
from loader.formats.column_names import list_columns, name_columns
from loader.formats.csv_dialect import (
    Dialect,
    are_all_quoted,
    detect_dialect,
    has_trailing_delimiter,
    preamble,
    sample,
)
from loader.formats.csv_errors import explain
from loader.formats.source_hints import SourceHints
from loader.model import Place

_DELIMITER_NAMES = {",": "commas", "\t": "tabs", ";": "semicolons", "|": "bars", " ": "blanks"}
# Excel names the delimiter like this. A blank behind it is ours: see _sep_line.
_SEP_LINE = re.compile(rb'sep=([^\w\s"] ?|\t)\r?\n', re.ASCII)


@dataclass(frozen=True, slots=True)
class Header:
    """What the first lines tell.

    Attributes:
        text: a description, for people.
        dialect: how the cells are written.
        columns: the names of the columns.
        header: the bytes of the header, with its newline; empty if there is none.
        begin: where the first row begins.
        trailing: whether rows have a delimiter behind their last cell.
        all_quoted: whether each cell of the first rows stands in quotes.
    """

    text: str
    dialect: Dialect
    columns: tuple[str, ...]
    header: bytes
    begin: Place
    trailing: bool = False
    all_quoted: bool = False


def read_header(
    lines: Sequence[bytes],
    name: str,
    *,
    begin: Place,
    hints: SourceHints,
    claimed: str | None,
    is_reject_file: bool,
) -> Header:
    """Read the first lines. Blank lines before the header are ignored; ``sep=;`` names the delimiter.

    Args:
        lines: the first lines, each with its newline.
        name: the source's name, for messages.
        begin: where the first line begins.
        hints: what the command tells. If there is no header, ``columns`` or ``header`` name all columns.
        claimed: the format that the name or --format says.
        is_reject_file: whether the source holds rejected rows. Then a first row may have a wrong length.

    Raises:
        SourceUnfit: the first line cannot be a header, or may be a row as well.
    """
    _check_first_lines(lines, name, hints)
    skipped = hints.skip_lines or 0
    # What the command passes over belongs to the header: the same command loads the rejected rows.
    header = b"".join(lines[:skipped])
    first = _first_line(lines, skipped, hints.comment)
    delimiter = hints.delimiter
    has_sep_line = False
    if first < len(lines) and (named := _SEP_LINE.fullmatch(lines[first])):
        has_sep_line = True
        delimiter = delimiter or named[1].decode()
        header += lines[first]
        first = _first_line(lines, first + 1, hints.comment)
    texts = [line.decode(errors="surrogateescape") for line in lines[first:]]
    told = hints if delimiter is None else hints.with_delimiter(delimiter)
    if is_reject_file and claimed == "tsv" and hints.quote is None:
        told = told.with_quote("")  # rejected rows of a TSV with quotes are in a file of CSV
    dialect = detect_dialect(
        _without_comments(texts, hints.comment), told, is_tsv=claimed == "tsv", is_csv=claimed == "csv"
    )
    if delimiter is None:
        header += _sep_line(dialect, is_tsv=claimed == "tsv", has_header=hints.columns is None)
    above = 0
    if hints.skip_lines is None and not is_reject_file and not has_sep_line:
        above = preamble(_without_comments(texts, hints.comment), dialect, hints)
        first, texts = first + above, texts[above:]
    begin = _after(begin, lines[:first])
    title = _title(dialect, above, texts)
    if not texts:
        columns = hints.header or hints.columns or ()
        return Header(f"{title}, and empty", dialect, columns, header, begin)
    where = f"{name}:{begin.line}"
    cells, end = _read_record(texts, dialect, where)
    body = _without_comments(texts[end:], hints.comment)
    rows = [row.cells for row in sample(body, dialect) if row.cells]
    cells, trailing = _without_trailing(cells, rows, hints)
    names = name_columns(
        cells,
        rows,
        where,
        hints=hints,
        above=first,
        line_above=_last_width(lines[:skipped], dialect),
        is_reject_file=is_reject_file,
    )
    if not names.is_header:
        return Header(
            f"{title}, without a header",
            dialect,
            names.columns,
            header,
            begin,
            trailing,
            are_all_quoted(_without_comments(texts, hints.comment), dialect),
        )
    header_lines = lines[first : first + end]
    replaced = f"; its header on line {begin.line} is replaced" if hints.header is not None else ""
    return Header(
        f"{title}{replaced}; {list_columns(names.columns)}",
        dialect,
        names.columns,
        header + b"".join(header_lines),
        _after(begin, header_lines),
        trailing,
        are_all_quoted(body, dialect),
    )


def looks_like_header(lines: Sequence[bytes]) -> bool:
    """Return whether the first of some lines may be the header of CSV, if nothing else tells the format."""
    if not lines:
        return False
    texts = [line.decode(errors="replace") for line in lines]
    for delimiter in ",\t;|":
        records = sample(texts[:1], Dialect(delimiter))
        cells = records[0].cells if records else []
        if len(cells) > 1 and len(set(cells)) == len(cells) and all(cells):
            return True
    dialect = detect_dialect(texts, SourceHints(), is_tsv=False, is_csv=False)
    above = preamble(texts, dialect, SourceHints())
    return above > 0 and len(sample(texts[above:], dialect)) > 2


def _check_first_lines(lines: Sequence[bytes], name: str, hints: SourceHints) -> None:
    if lines and b"\r" in lines[0] and not lines[0].endswith(b"\n"):
        raise SourceUnfit(
            f"{name}: its lines end with a carriage return alone",
            advice="Write it with newlines, as `tr '\\r' '\\n'` does.",
        )
    if (hints.skip_lines or 0) > len(lines):
        raise SourceUnfit(f"{name}: it has {len(lines)} lines, and --skip-lines is {hints.skip_lines}")


def _sep_line(dialect: Dialect, *, is_tsv: bool, has_header: bool) -> bytes:
    """Return a line that tells what the rejected rows of a source may not show themselves; mostly none."""
    is_unclear = dialect.spaced or (is_tsv and dialect.quote and not has_header)
    return f"sep={dialect.delimiter}{' ' * dialect.spaced}\n".encode() if is_unclear else b""


def _first_line(lines: Sequence[bytes], begin: int, comment: str) -> int:
    """Return the index of the first line from ``begin`` on that is neither blank nor a comment."""
    for index in range(begin, len(lines)):
        is_comment = comment and lines[index].startswith(comment.encode())
        if lines[index].strip() and not is_comment:
            return index
    return len(lines)


def _without_comments(texts: Sequence[str], comment: str) -> Sequence[str]:
    """Return lines, a blank one for each comment."""
    return ["\n" if text.startswith(comment) else text for text in texts] if comment else texts


def _read_record(texts: Sequence[str], dialect: Dialect, where: str) -> tuple[list[str], int]:
    """Return the cells of the first record, and how many lines it has.

    Raises:
        SourceUnfit: it is not CSV.
    """
    reader = csv.reader(
        texts,
        delimiter=dialect.delimiter,
        quoting=csv.QUOTE_MINIMAL if dialect.quote else csv.QUOTE_NONE,
        skipinitialspace=dialect.spaced,
        strict=True,
    )
    try:
        return next(reader), reader.line_num
    except csv.Error as error:
        raise SourceUnfit(f"{where}: the header cannot be read: {explain(error)}") from error


def _without_trailing(
    cells: list[str], rows: Sequence[Sequence[str]], hints: SourceHints
) -> tuple[list[str], bool]:
    """Return the first cells without an empty one behind the last delimiter, and whether rows have such."""
    width = len(cells)
    names = hints.header or hints.columns
    if width > 1 and not cells[-1].strip() and width not in hints.positions:
        are_shorter = all(len(row) == width - 1 or (len(row) == width and not row[-1]) for row in rows)
        if are_shorter and (names is None or len(names) != width):
            return cells[:-1], True
    return cells, has_trailing_delimiter(width, rows)


def _last_width(skipped: Sequence[bytes], dialect: Dialect) -> int | None:
    """Return how many cells the last line has that the command passes over; None: there is no such line."""
    if not skipped:
        return None
    records = sample([skipped[-1].decode(errors="surrogateescape")], dialect)
    return len(records[0].cells) if records else 0


def _title(dialect: Dialect, above: int, texts: Sequence[str]) -> str:
    kind = "TSV" if dialect.delimiter == "\t" else "CSV"
    title = f"{kind} with {_DELIMITER_NAMES.get(dialect.delimiter, repr(dialect.delimiter))}"
    if dialect.spaced:
        title += " and blanks"
    if not dialect.quote and any('"' in text for text in texts):
        title += ", quotes are part of the cells"
    if above:
        lines = "1 line above the header is" if above == 1 else f"{above} lines above the header are"
        title += f"; {lines} passed over"
    return title


def _after(begin: Place, lines: Sequence[bytes]) -> Place:
    return begin._replace(offset=begin.offset + sum(map(len, lines)), line=begin.line + len(lines))
