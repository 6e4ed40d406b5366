"""Detect how CSV is written by its first lines: delimiter, quotes, preamble, trailing delimiters. No I/O."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import dataclass, replace

from loader.formats.header_evidence import may_be_header
from loader.formats.quoted_cells import split_raw
from loader.formats.source_hints import SourceHints

_DELIMITERS = ",\t;|"
_SAMPLE = 100  # records that are looked at
_BELOW = 10  # records below a header that must be as long as it
_LONGEST_PREAMBLE = 50  # records
_MOST = 0.5  # share of the records below a header


@dataclass(frozen=True, slots=True)
class Dialect:
    """How CSV is written.

    Attributes:
        delimiter: between the cells.
        quote: what cells may be enclosed in; empty: quotes are part of the cells.
        spaced: whether blanks before a cell are no part of it.
    """

    delimiter: str
    quote: str = '"'
    spaced: bool = False


@dataclass(frozen=True, slots=True)
class Sample:
    """Some of the first records.

    Attributes:
        cells: of a record; none if it cannot be parsed.
        begin: the index of its first line.
        end: the index of the line after it.
    """

    cells: list[str]
    begin: int
    end: int


def sample(texts: Sequence[str], dialect: Dialect, *, limit: int = _SAMPLE) -> list[Sample]:
    """Return the first records of some lines, without blank lines, and without a last one that is cut off."""
    reader = csv.reader(
        texts,
        delimiter=dialect.delimiter,
        quoting=csv.QUOTE_MINIMAL if dialect.quote else csv.QUOTE_NONE,
        skipinitialspace=dialect.spaced,
        strict=True,
    )
    samples: list[Sample] = []
    begin = 0
    while len(samples) < limit:
        try:
            cells = next(reader)
        except StopIteration:
            break
        except csv.Error as error:
            if "unexpected end of data" in str(error):
                break
            cells = []
        if texts[begin].strip():
            samples.append(Sample(cells, begin, reader.line_num))
        begin = reader.line_num
    return samples


def detect_dialect(texts: Sequence[str], hints: SourceHints, *, is_tsv: bool, is_csv: bool) -> Dialect:
    """Return how some first lines are written.

    Args:
        texts: the lines from the header on, or from what stands above it.
        hints: --delimiter and --quote win.
        is_tsv: whether the name or --format says TSV.
        is_csv: whether the name or --format says CSV.
    """
    quote = '"' if hints.quote is None else hints.quote
    if hints.delimiter is not None:
        dialect = Dialect(hints.delimiter[0], quote, spaced=len(hints.delimiter) > 1)
    elif is_tsv:
        dialect = Dialect("\t", quote)
    else:
        candidates = [Dialect(delimiter, quote) for delimiter in _DELIMITERS]
        dialect = max(candidates, key=lambda candidate: _plausibility(texts, candidate, hints))
    if dialect.delimiter == "\t" and hints.quote is None and not is_csv:
        dialect = replace(dialect, quote='"' if _shows_quoting(texts) else "")
    if dialect.quote and dialect.delimiter not in " \t" and _is_spaced(texts, dialect):
        dialect = replace(dialect, spaced=True)
    return dialect


def preamble(texts: Sequence[str], dialect: Dialect, hints: SourceHints) -> int:
    """Return how many lines stand above the header: few cells, then a line with as many as the rows below.

    Args:
        texts: the first lines.
        dialect: how they are written.
        hints: if it names columns, a header must have them.
    """
    records = sample(texts, dialect)
    if _is_consistent(records) and not _is_padded(records[0].cells):
        return 0
    records = [record for record in records if _filled(record.cells)]
    widest = 0
    for place, record in enumerate(records[:_LONGEST_PREAMBLE]):
        cells = record.cells[:-1] if len(record.cells) > 1 and not record.cells[-1] else record.cells
        below = [_has_width(row.cells, len(cells)) for row in records[place + 1 : place + 1 + _BELOW]]
        if (
            0 < widest < len(cells)
            and below[:1] == [True]
            and sum(below) * 2 > len(below)
            and may_be_header(cells)
            and set(hints.expected_columns) <= set(cells)
            and (hints.header is None or len(hints.header) in (len(cells), len(record.cells)))
        ):
            return record.begin
        widest = max(widest, _filled(record.cells), 1)
    return 0


def has_trailing_delimiter(width: int, rows: Sequence[Sequence[str]]) -> bool:
    """Return whether most rows have an empty cell behind ``width`` others."""
    trailing = [row for row in rows if len(row) == width + 1 and not row[-1]]
    return len(trailing) > len(rows) * _MOST


def are_all_quoted(texts: Sequence[str], dialect: Dialect) -> bool:
    """Return whether each cell of these rows stands in quotes; if there are none, it does not."""
    if not dialect.quote or not texts or not texts[0].lstrip(" ").startswith('"'):
        return False
    rows = sample(texts, dialect, limit=len(texts))
    cells = (
        cell
        for row in rows
        for cell in split_raw("".join(texts[row.begin : row.end]), dialect.delimiter, spaced=dialect.spaced)
    )
    return bool(rows) and all(cell.lstrip(" ").startswith('"') for cell in cells)


def _plausibility(
    texts: Sequence[str], dialect: Dialect, hints: SourceHints
) -> tuple[bool, bool, bool, bool, int]:
    """Return how plausible a delimiter is: rows are as long as the header, and cells are many.

    A quote within a cell of the first line shows a wrong delimiter, as it was meant to enclose a cell.
    """
    records = sample(texts, dialect)
    above = 0 if hints.skip_lines is not None else preamble(texts, dialect, hints)
    records = [record for record in records if record.begin >= above]
    first = records[0].cells if records and (above or records[0].begin == 0) else []
    has_quote = bool(dialect.quote) and any('"' in cell for cell in first)
    share = _alike(records)
    return bool(first) and not has_quote, share > _MOST, share == 1, above == 0, len(first)


def _is_consistent(records: Sequence[Sample]) -> bool:
    """Return whether the first record has several cells, and most of those below have as many."""
    return _alike(records) > _MOST


def _alike(records: Sequence[Sample]) -> float:
    """Return the share of the records that are as long as the first; 0 if that has a single cell."""
    below = records[1 : 1 + _BELOW]
    width = len(records[0].cells) if records else 0
    if width < 2 or not below:
        return 0
    names = width - 1 if not records[0].cells[-1].strip() else width  # a delimiter behind the last name
    alike = [record for record in below if _has_width(record.cells, width) or len(record.cells) == names]
    return len(alike) / len(below)


def _filled(cells: Sequence[str]) -> int:
    """Return how many cells there are up to the last that is not empty."""
    return next((number for number in range(len(cells), 0, -1) if cells[number - 1].strip()), 0)


def _is_padded(cells: Sequence[str]) -> bool:
    """Return whether a line is filled up with empty cells, as Excel writes a title above a table."""
    return len(cells) > 1 and _filled(cells) <= max(1, len(cells) - 2)


def _has_width(cells: Sequence[str], width: int) -> bool:
    return len(cells) == width or (len(cells) == width + 1 and not cells[-1])


def _is_spaced(texts: Sequence[str], dialect: Dialect) -> bool:
    """Return whether a blank stands behind each delimiter of the header, and before the quotes below it."""
    gap = dialect.delimiter + " "
    if not texts or not 0 < texts[0].count(dialect.delimiter) == texts[0].count(gap):
        return False
    if not any(gap + '"' in line for line in texts):
        return False
    records = sample(texts, replace(dialect, spaced=True))
    return _is_consistent(records) and not any('"' in cell for cell in records[0].cells)


def _shows_quoting(texts: Sequence[str]) -> bool:
    """Return whether lines with tabs are quoted as CSV is, rather than have quotes in their cells.

    They are if quotes stand only around whole cells, and enclose what they must: doubled quotes, tabs,
    newlines, nothing at all, or each name of the header.
    """
    records = sample(texts, Dialect("\t"), limit=len(texts))
    width = len(records[0].cells) if records else 0
    shown = False
    for number, record in enumerate(records):
        lines = texts[record.begin : record.end]
        raw = "".join(lines).rstrip("\r\n")
        if '"' not in raw:
            continue
        cells = split_raw(raw, "\t", spaced=False)
        quoted = [cell for cell in cells if cell.startswith('"')]
        # R leaves out the name of the row's names.
        if len(record.cells) not in (width, width + 1) or any(
            '"' in cell for cell in cells if cell not in quoted
        ):
            return False
        inner = [cell[1:-1] for cell in quoted]
        if (number == 0 and len(quoted) == len(cells) > 1) or any('""' in text or not text for text in inner):
            shown = True
        elif any("\t" in text or "\n" in text for text in inner):
            # Quotes that open in one row and close in another are part of their cells.
            shown = shown or not all(line.count("\t") == width - 1 for line in lines)
    return shown
