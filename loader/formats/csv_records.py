"""CSV and TSV: lines -> tables of cells, each a text as it stands."""

from __future__ import annotations

import csv
import io
from collections.abc import AsyncIterator, Iterable, Sequence
from itertools import islice

from loader.errors import SourceError
from loader.formats.csv_header import OPEN_ENDED, said
from loader.formats.origin import LineOrigin, TextOrigin
from loader.formats.records import Table
from loader.formats.source_format import SourceFormat
from loader.model import Block, Place, Reason

_LONG = 128 * 1024  # bytes of a row that is held in another way
LONGEST_ROW = 8 * 1024 * 1024  # bytes of a row of several lines

csv.field_size_limit(2**31 - 1)  # how long a row may be is known where its lines are counted


async def tables(
    blocks: AsyncIterator[Block], form: SourceFormat, *, start: Place, name: str
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
    long = False  # whether it is a long one: then there are several lines in each that is held
    size = least = 0  # bytes held, and how many it takes to look at them again
    broken: SourceError | None = None
    try:
        async for block in blocks:
            held += [b"".join(block.lines)] if long else block.lines
            size += len(block.data) + 1
            if size < least and size <= LONGEST_ROW:
                continue
            if table := _table(held, form, begin, last=False, long=long):
                yield table
                held = _behind(table, held, long=long)
                begin = table.end
            size = sum(map(len, held))
            least = 2 * size
            if size > _LONG:  # a line takes 60 bytes besides its own, and 80 to be joined
                held, long = [b"".join(held)], True
            elif long:
                held, long = io.BytesIO(b"".join(held)).readlines(), False
            if size > LONGEST_ROW and (len(held) > 1 or held[0].find(b"\n", 0, -1) >= 0):
                held = []
                broken = SourceError(
                    f"{name}:{begin.line}: the row is longer than {LONGEST_ROW // 2**20} MiB",
                    advice="Is there a quote at the beginning of a cell that none closes?",
                )
                break
    except SourceError as error:
        broken = error  # the rows before it are given first
    if held and (table := _table(held, form, begin, last=broken is None, long=long)):
        yield table
    if broken is not None:
        raise broken


def _behind(table: Table, lines: list[bytes], *, long: bool) -> list[bytes]:
    """What is left of lines behind the records that they hold."""
    if not long:
        return lines[table.end.line - table.start.line :]
    return [b"".join(lines)[table.end.offset - table.start.offset :]]


def _table(lines: list[bytes], form: SourceFormat, begin: Place, *, last: bool, long: bool) -> Table | None:
    """The records that these lines hold; unless they are the last, without one that goes on behind them."""
    data = b"".join(lines)
    ends: list[int] | None = None
    if long:
        # StringIO would take 4 bytes for each character.
        file: Iterable[str] = io.TextIOWrapper(io.BytesIO(data), "utf-8", "surrogateescape", newline="\n")
        records, ends, odd = _quoted(file, form, last=last)
    else:
        try:
            text = data.decode()
        except UnicodeDecodeError:
            text = data.decode(errors="surrogateescape")  # the records are found once they are written
        file = io.StringIO(text, newline="\n")
        # A carriage return may stand alone within a line, which is refused one line at a time.
        if '"' not in text and text.count("\r") == text.count("\r\n"):
            records, odd = list(csv.reader(file, delimiter=form.delimiter)), {}
        else:
            records, ends, odd = _quoted(file, form, last=last)
    if not records:
        return None
    width = len(form.columns)
    if set(map(len, records)) != {width}:
        for place, record in enumerate(records):
            if place not in odd and len(record) != width:
                odd[place] = _wrong_length(record, width)
    origin: LineOrigin | TextOrigin
    if long and ends is not None:
        origin = _texts(data, ends, begin)
        taken = origin.texts
    else:
        taken = lines if ends is None else lines[: ends[-1]]
        origin = LineOrigin(taken, begin, ends)
    end = begin._replace(
        number=begin.number + len(records),
        offset=begin.offset + sum(map(len, taken)),
        line=begin.line + (len(taken) if ends is None else ends[-1]),
    )
    return Table(begin, end, form.columns, records, origin, odd, typeless=True)


def _texts(data: bytes, ends: list[int], begin: Place) -> TextOrigin:
    """The records of a text, without having all of its lines at once."""
    file = io.BytesIO(data)
    texts = []
    for first, last in zip([0, *ends], ends, strict=False):
        at = file.tell()
        texts.append(data[at : at + sum(map(len, islice(file, last - first)))])
    return TextOrigin(texts, begin, ends)


def _quoted(
    lines: Iterable[str], form: SourceFormat, *, last: bool
) -> tuple[list[list[str]], list[int], dict[int, Reason | None]]:
    """Records that may be several lines, on which line each ends, and lines that cannot be one."""
    reader = csv.reader(lines, delimiter=form.delimiter, strict=True)
    records: list[list[str]] = []
    ends: list[int] = []
    odd: dict[int, Reason | None] = {}
    while True:
        try:
            for record in reader:
                records.append(record)
                ends.append(reader.line_num)
        except csv.Error as error:
            if OPEN_ENDED in str(error) and not last:
                break
            odd[len(records)] = Reason("not-csv", said(error))
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
