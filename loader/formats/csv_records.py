"""CSV and TSV: tables of cells, each cell a text as it is in the source."""

from __future__ import annotations

import csv
import io
from collections.abc import AsyncIterator, Iterable, Iterator, Sequence
from typing import Any

from loader.errors import SourceError
from loader.formats.byte_stream import ByteStream
from loader.formats.csv_errors import OPEN_QUOTE, explain
from loader.formats.csv_long import parse_long
from loader.formats.csv_plain import split_plain
from loader.formats.line_blocks import line_blocks
from loader.formats.origin import LineOrigin, TextOrigin
from loader.formats.quoted_cells import mark_quoted, mark_text, placeholders
from loader.formats.records import Table
from loader.formats.source_format import SourceFormat
from loader.model import Place, Reason

_LONG_RECORD = 128 * 1024  # bytes of a record from which on its lines are held as one text
LONGEST_RECORD = 64 * 1024 * 1024  # bytes of a record of several lines, as of a line

csv.field_size_limit(2**31 - 1)  # the length of a record is limited here, not by the csv module


class CsvReader:
    """Reads CSV (a FormatReader).

    A record is several lines if its cells contain newlines. Blank lines and comments are ignored.

    Args:
        stream: gives the bytes from the first record on.
        source_format: how the cells are written, and their columns.
        name: the source's name, for messages.
        size: of a block of lines that is read at once, about, in bytes.
        null_tokens: the texts that mean null unless they are quoted.
    """

    def __init__(
        self,
        stream: ByteStream,
        source_format: SourceFormat,
        name: str,
        size: int,
        null_tokens: tuple[str, ...] = ("",),
    ) -> None:
        self._stream = stream
        self._format = source_format
        self._name = name
        self._size = size
        self._null_tokens = null_tokens

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
                if table := self._parse(pending, begin, is_end=False, joined=joined):
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
                        advice="Does a cell begin with a quote that is never closed? "
                        "If quotes are part of the cells: --quote none.",
                    )
                    break
        except SourceError as error:
            damage = error  # raised after the records before it
        if pending and (table := self._parse(pending, begin, is_end=damage is None, joined=joined)):
            yield table
        if damage is not None:
            raise damage

    def _parse(self, pending: list[bytes], begin: Place, *, is_end: bool, joined: bool) -> Table | None:
        """Return the records of some lines, without one that may continue after them; None if there are none.

        Args:
            pending: the lines.
            begin: where the first line begins.
            is_end: whether these are the last lines, so that no record continues after them.
            joined: whether an entry of ``pending`` is several lines.
        """
        source_format = self._format
        data = pending[0] if len(pending) == 1 else b"".join(pending)
        placeholder_of = placeholders(self._null_tokens, data) if source_format.quote else {}
        origin: LineOrigin | TextOrigin
        if joined:
            records, ends, refused, texts = parse_long(data, source_format, placeholder_of, is_end=is_end)
            origin = TextOrigin(texts, begin, ends)
            size, lines = sum(map(len, texts)), ends[-1] if ends else 0
            has_quoted = bool(placeholder_of)
        else:
            records, line_ends, refused, has_quoted = _parse_lines(
                pending, data, source_format, placeholder_of, is_end=is_end
            )
            used = pending if line_ends is None else pending[: line_ends[-1] if line_ends else 0]
            origin = LineOrigin(used, begin, line_ends)
            size, lines = sum(map(len, used)), len(used)
            if placeholder_of and line_ends is not None:
                has_quoted = mark_quoted(
                    records,
                    origin.data,
                    placeholder_of,
                    delimiter=source_format.delimiter,
                    spaced=source_format.spaced,
                )
        if not records:
            return None
        _check_lengths(records, refused, source_format)
        end = begin._replace(
            number=begin.number + len(records), offset=begin.offset + size, line=begin.line + lines
        )
        quoted = {placeholder: token for token, placeholder in placeholder_of.items()} if has_quoted else {}
        return Table(
            begin, end, source_format.columns, records, origin, refused, typeless=True, quoted=quoted
        )


def _rest(pending: list[bytes], table: Table, *, joined: bool) -> list[bytes]:
    """Return the pending lines after those of a table."""
    if not joined:
        return pending[table.end.line - table.start.line :]
    return [b"".join(pending)[table.end.offset - table.start.offset :]]


def _parse_lines(
    lines: Sequence[bytes],
    data: bytes,
    source_format: SourceFormat,
    placeholder_of: dict[str, str],
    *,
    is_end: bool,
) -> tuple[list[list[str]], list[int] | None, dict[int, Reason | None], bool]:
    """Parse lines.

    Args:
        lines: each with its newline.
        data: all of them.
        source_format: how the cells are written.
        placeholder_of: of each null token; empty if no quoted cell can be one.
        is_end: whether these are the last lines.

    Returns:
        The cells of each record, the line on which each ends (None: each is a line, and its placeholders are
        in place), by index the records that are not CSV, and whether there are placeholders.
    """
    try:
        text = data.decode()
    except UnicodeDecodeError:
        text = data.decode(errors="surrogateescape")  # those records are refused when they are encoded
    comment = source_format.comment.encode()
    # A lone carriage return within a line must refuse that line only.
    is_plain = "\r" not in text or text.count("\r") == text.count("\r\n")
    if is_plain and not (comment and any(line.startswith(comment) for line in lines)):
        marked = mark_text(text, placeholder_of, source_format.delimiter) if placeholder_of else text
        records = None if placeholder_of and source_format.spaced else _parse_whole(marked, source_format)
        if records is not None and len(records) == len(lines):  # else some records have several lines
            return records, None, {}, marked != text
    file = io.StringIO(text, newline="\n")
    return *_parse_one_by_one(file, source_format, is_end=is_end), False


def _parse_whole(text: str, source_format: SourceFormat) -> list[list[str]] | None:
    """Return the records of a text; None if any of it is not CSV."""
    if (
        '"' not in text
        and not source_format.spaced
        and (records := split_plain(text, source_format.delimiter))
    ):
        return records
    try:
        return list(csv.reader(io.StringIO(text, newline="\n"), **_dialect(source_format)))
    except csv.Error:
        return None


def _dialect(source_format: SourceFormat) -> dict[str, Any]:
    """Return how the csv module has to read."""
    return {
        "delimiter": source_format.delimiter,
        "quoting": csv.QUOTE_MINIMAL if source_format.quote else csv.QUOTE_NONE,
        "skipinitialspace": source_format.spaced,
        "strict": True,
    }


def _parse_one_by_one(
    lines: Iterable[str], source_format: SourceFormat, *, is_end: bool
) -> tuple[list[list[str]], list[int], dict[int, Reason | None]]:
    """Parse records that may have several lines, and among them comments."""
    records: list[list[str]] = []
    ends: list[int] = []
    refused: dict[int, Reason | None] = {}
    if source_format.comment:
        lines = _blank_comments(lines, source_format.comment, ends)
    reader = csv.reader(lines, **_dialect(source_format))
    while True:
        try:
            for record in reader:
                records.append(record)
                ends.append(reader.line_num)
        except csv.Error as error:
            reason = explain(error)
            if reason == OPEN_QUOTE and not is_end:
                break
            refused[len(records)] = Reason("not-csv", reason)
            records.append([])
            ends.append(reader.line_num)
        else:
            break
    return records, ends, refused


def _blank_comments(lines: Iterable[str], comment: str, ends: Sequence[int]) -> Iterator[str]:
    """Yield lines, a blank one for each comment: a line that begins like one and is not within a record.

    Args:
        lines: as the csv module takes them, one when it needs it.
        comment: how comments begin.
        ends: the line on which each record ends that was read by now.
    """
    for number, line in enumerate(lines):
        begins_record = number == (ends[-1] if ends else 0)
        yield "\n" if begins_record and line.startswith(comment) else line


def _check_lengths(
    records: Sequence[list[str]], refused: dict[int, Reason | None], source_format: SourceFormat
) -> None:
    """Refuse records of a wrong length, and take off the empty cell behind a last delimiter."""
    width = len(source_format.columns)
    if set(map(len, records)) == {width}:
        return
    for index, record in enumerate(records):
        if len(record) == width or index in refused:
            continue
        if source_format.trailing and len(record) == width + 1 and not record[-1]:
            del record[-1]
        else:
            refused[index] = _wrong_length(record, width)


def _wrong_length(record: Sequence[str], width: int) -> Reason | None:
    if not any(cell.strip() for cell in record) and len(record) <= 1:
        return None  # a blank line
    kind = "short" if len(record) < width else "long"
    return Reason(f"{kind}-line", f"{len(record)} cells, where there are {width} columns")
