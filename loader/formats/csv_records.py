"""CSV and TSV: tables of cells, each cell a text as it is in the source."""

from __future__ import annotations

import csv
import io
from collections.abc import AsyncIterator, Iterable, Sequence
from itertools import islice

from loader.errors import SourceError
from loader.formats.byte_stream import ByteStream
from loader.formats.csv_header import OPEN_QUOTE, explain
from loader.formats.line_blocks import line_blocks
from loader.formats.origin import LineOrigin, TextOrigin
from loader.formats.records import Table
from loader.formats.source_format import SourceFormat
from loader.model import Place, Reason

_LONG_RECORD = 128 * 1024  # bytes of a record from which on its lines are held as one text
LONGEST_RECORD = 8 * 1024 * 1024  # bytes of a record of several lines

csv.field_size_limit(2**31 - 1)  # the length of a record is limited here, not by the csv module


class CsvReader:
    """Reads CSV (a FormatReader).

    A record is several lines if its cells contain newlines. Blank lines are ignored.

    Args:
        stream: gives the bytes from the first record on.
        source_format: the delimiter and the columns.
        name: the source's name, for messages.
        size: of a block of lines that is read at once, about, in bytes.
    """

    def __init__(self, stream: ByteStream, source_format: SourceFormat, name: str, size: int) -> None:
        self._stream = stream
        self._format = source_format
        self._name = name
        self._size = size

    def describe(self) -> str:
        """Return what was detected, for people."""
        return self._format.text

    async def records(self, start: Place) -> AsyncIterator[Table]:
        """Return the records from ``start`` on (FormatReader).

        Raises:
            SourceError: the source broke off, or a record of several lines is longer than LONGEST_RECORD.
        """
        begin = start
        pending: list[bytes] = []  # lines that may end within a record
        joined = False  # whether an entry of ``pending`` is several lines: a record in it is long
        size = least = 0  # bytes that are pending, and how many make another attempt worthwhile
        damage: SourceError | None = None
        blocks = line_blocks(self._stream, start=start, name=self._name, size=self._size)
        try:
            async for block in blocks:
                pending += [b"".join(block.lines)] if joined else block.lines
                size += len(block.data) + 1
                if size < least and size <= LONGEST_RECORD:
                    continue
                if table := _parse(pending, self._format, begin, is_end=False, joined=joined):
                    yield table
                    pending = _rest(pending, table, joined=joined)
                    begin = table.end
                size = sum(map(len, pending))
                least = 2 * size
                if size > _LONG_RECORD:  # a line takes 60 bytes besides its own, and 80 while it is joined
                    pending, joined = [b"".join(pending)], True
                elif joined:
                    pending, joined = io.BytesIO(b"".join(pending)).readlines(), False
                if size > LONGEST_RECORD and (len(pending) > 1 or pending[0].find(b"\n", 0, -1) >= 0):
                    pending = []
                    damage = SourceError(
                        f"{self._name}:{begin.line}: the row is longer than {LONGEST_RECORD // 2**20} MiB",
                        advice="Does a cell begin with a quote that is never closed?",
                    )
                    break
        except SourceError as error:
            damage = error  # raised after the records before it
        if pending and (table := _parse(pending, self._format, begin, is_end=damage is None, joined=joined)):
            yield table
        if damage is not None:
            raise damage


def _rest(pending: list[bytes], table: Table, *, joined: bool) -> list[bytes]:
    """Return the pending lines after those of a table."""
    if not joined:
        return pending[table.end.line - table.start.line :]
    return [b"".join(pending)[table.end.offset - table.start.offset :]]


def _parse(
    pending: list[bytes], source_format: SourceFormat, begin: Place, *, is_end: bool, joined: bool
) -> Table | None:
    """Return the records of some lines, without one that may continue after them; None if there are none.

    Args:
        pending: the lines.
        source_format: the delimiter and the columns.
        begin: where the first line begins.
        is_end: whether these are the last lines, so that no record continues after them.
        joined: whether an entry of ``pending`` is several lines.
    """
    data = b"".join(pending)
    ends: list[int] | None = None
    refused: dict[int, Reason | None]
    if joined:
        # StringIO would take 4 bytes for each character.
        file: Iterable[str] = io.TextIOWrapper(io.BytesIO(data), "utf-8", "surrogateescape", newline="\n")
        records, ends, refused = _parse_quoted(file, source_format, is_end=is_end)
    else:
        try:
            text = data.decode()
        except UnicodeDecodeError:
            text = data.decode(errors="surrogateescape")  # those records are refused when they are encoded
        file = io.StringIO(text, newline="\n")
        # A lone carriage return within a line must refuse that line only.
        if '"' not in text and text.count("\r") == text.count("\r\n"):
            records, refused = list(csv.reader(file, delimiter=source_format.delimiter)), {}
        else:
            records, ends, refused = _parse_quoted(file, source_format, is_end=is_end)
    if not records:
        return None
    width = len(source_format.columns)
    if set(map(len, records)) != {width}:
        for index, record in enumerate(records):
            if index not in refused and len(record) != width:
                refused[index] = _wrong_length(record, width)
    origin: LineOrigin | TextOrigin
    if joined and ends is not None:
        origin = _text_origin(data, ends, begin)
        used = origin.texts
    else:
        used = pending if ends is None else pending[: ends[-1]]
        origin = LineOrigin(used, begin, ends)
    end = begin._replace(
        number=begin.number + len(records),
        offset=begin.offset + sum(map(len, used)),
        line=begin.line + (len(used) if ends is None else ends[-1]),
    )
    return Table(begin, end, source_format.columns, records, origin, refused, typeless=True)


def _text_origin(data: bytes, ends: list[int], begin: Place) -> TextOrigin:
    """Return the origin of records in one text, without splitting all of it into lines at once."""
    file = io.BytesIO(data)
    texts = []
    for first, last in zip([0, *ends], ends, strict=False):
        offset = file.tell()
        texts.append(data[offset : offset + sum(map(len, islice(file, last - first)))])
    return TextOrigin(texts, begin, ends)


def _parse_quoted(
    lines: Iterable[str], source_format: SourceFormat, *, is_end: bool
) -> tuple[list[list[str]], list[int], dict[int, Reason | None]]:
    """Parse records that may have several lines.

    Returns:
        The cells of each record, the line on which each ends, and by index the records that are not CSV.
    """
    reader = csv.reader(lines, delimiter=source_format.delimiter, strict=True)
    records: list[list[str]] = []
    ends: list[int] = []
    refused: dict[int, Reason | None] = {}
    while True:
        try:
            for record in reader:
                records.append(record)
                ends.append(reader.line_num)
        except csv.Error as error:
            if OPEN_QUOTE in str(error) and not is_end:
                break
            refused[len(records)] = Reason("not-csv", explain(error))
            records.append([])
            ends.append(reader.line_num)
        else:
            break
    return records, ends, refused


def _wrong_length(record: Sequence[str], width: int) -> Reason | None:
    if not any(cell.strip() for cell in record) and len(record) <= 1:
        return None  # a blank line
    kind = "short" if len(record) < width else "long"
    return Reason(f"{kind}-line", f"{len(record)} cells, where there are {width} columns")
