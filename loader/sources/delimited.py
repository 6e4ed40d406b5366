"""CSV and TSV: lines -> tables of cells, each a text as it stands."""

from __future__ import annotations

import csv
import io
from collections.abc import AsyncIterator, Sequence

from loader.errors import SourceError
from loader.form import Form
from loader.model import Block, Position, Reason
from loader.origins import Lines
from loader.portions import Table

LONGEST_ROW = 8 * 1024 * 1024  # bytes of a row of several lines

csv.field_size_limit(2**31 - 1)  # how long a row may be is known where its lines are counted


async def tables(
    blocks: AsyncIterator[Block], form: Form, *, start: Position, name: str
) -> AsyncIterator[Table]:
    """The records of a source, as it comes in blocks of lines.

    A record whose cells hold newlines is several lines. Blank lines are nothing.

    Args:
        blocks: of whole lines, from ``start`` on.
        form: what is between the cells, and the names of the columns.
        start: where the first record begins.
        name: the source's, for messages.

    Raises:
        SourceError: the source broke off, or a row of several lines is longer than LONGEST_ROW.
    """
    begin = start
    held: list[bytes] = []  # the lines of a record that is not at its end
    size = least = 0  # bytes held, and how many it takes to look at them again
    broken: SourceError | None = None
    try:
        async for block in blocks:
            held += block.lines
            size += len(block.data) + 1
            if size < least and size <= LONGEST_ROW:
                continue
            if table := _table(held, form, begin, last=False):
                yield table
                held = held[_taken(table) :]
                begin = table.end
            size = sum(map(len, held))
            least = 2 * size
            if size > LONGEST_ROW and len(held) > 1:
                held = []
                broken = SourceError(
                    f"{name}:{begin.line}: the row is longer than {LONGEST_ROW // 2**20} MiB",
                    advice="Is there a quote at the beginning of a cell that none closes?",
                )
                break
    except SourceError as error:
        broken = error  # the rows before it are given first
    if held and (table := _table(held, form, begin, last=broken is None)):
        yield table
    if broken is not None:
        raise broken


def _taken(table: Table) -> int:
    return table.end.line - table.start.line


def _table(lines: list[bytes], form: Form, begin: Position, *, last: bool) -> Table | None:
    """The records that these lines hold; unless they are the last, without one that goes on behind them."""
    data = b"".join(lines)
    try:
        text = data.decode()
    except UnicodeDecodeError:
        text = data.decode(errors="surrogateescape")  # the records are found once they are written
    # A carriage return may stand alone within a line, which is refused one line at a time.
    simple = '"' not in text and text.count("\r") == text.count("\r\n")
    records, ends, odd = _plain(text, form) if simple else _quoted(text, form, last=last)
    if not records:
        return None
    width = len(form.columns)
    if set(map(len, records)) != {width}:
        for place, record in enumerate(records):
            if place not in odd and len(record) != width:
                odd[place] = _wrong_length(record, width)
    taken = lines if ends is None else lines[: ends[-1]]
    end = begin._replace(
        number=begin.number + len(records),
        offset=begin.offset + sum(map(len, taken)),
        line=begin.line + len(taken),
    )
    return Table(begin, end, form.columns, records, Lines(taken, begin, ends), odd, typeless=True)


_Found = tuple[list[list[str]], list[int] | None, dict[int, Reason | None]]


def _plain(text: str, form: Form) -> _Found:
    """Records without quotes: each is a line."""
    return list(csv.reader(io.StringIO(text, newline="\n"), delimiter=form.delimiter)), None, {}


def _quoted(text: str, form: Form, *, last: bool) -> _Found:
    """Records that may be several lines, and lines that cannot be one."""
    reader = csv.reader(io.StringIO(text, newline="\n"), delimiter=form.delimiter, strict=True)
    records: list[list[str]] = []
    ends: list[int] = []
    odd: dict[int, Reason | None] = {}
    while True:
        try:
            for record in reader:
                records.append(record)
                ends.append(reader.line_num)
        except csv.Error as error:
            open_ended = "unexpected end of data" in str(error)
            if open_ended and not last:
                break
            message = "a quote is not closed before the end of the source" if open_ended else str(error)
            odd[len(records)] = Reason("not-csv", message)
            records.append([])
            ends.append(reader.line_num)
        else:
            break
    return records, ends, odd


def _wrong_length(record: Sequence[str], width: int) -> Reason | None:
    if not any(cell.strip() for cell in record) and len(record) <= 1:
        return None  # a blank line
    kind = "short" if len(record) < width else "long"
    return Reason(f"{kind}-line", f"{len(record)} cells, where there are {width} columns")
