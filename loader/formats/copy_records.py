r"""PostgreSQL's COPY text: tables of cells, decoded, in which ``\N`` is null."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from pathlib import PurePath

from loader.errors import SourceError
from loader.formats import copy_text
from loader.formats.byte_stream import ByteStream
from loader.formats.copy_dump import STATEMENT
from loader.formats.csv_records import LONGEST_RECORD
from loader.formats.line_blocks import line_blocks
from loader.formats.origin import LineOrigin
from loader.formats.records import Table
from loader.formats.source_format import SourceFormat, is_reject_file
from loader.formats.source_hints import SourceHints
from loader.model import Place, Reason


class CopyReader:
    r"""Reads COPY text, or one COPY block of a dump (a FormatReader).

    Args:
        stream: gives the bytes from the first record on.
        source_format: the delimiter and the columns. Its header is the COPY statement of a dump.
        name: the source's name, for messages.
        size: of a block of lines that is read at once, about, in bytes.
        hints: --format copy, so that escapes are taken which PostgreSQL does not write; --source-table, so
            that other COPY blocks are passed over; --null, for what is null besides ``\N``.
    """

    def __init__(
        self, stream: ByteStream, source_format: SourceFormat, name: str, size: int, hints: SourceHints
    ) -> None:
        self._stream = stream
        self._format = source_format
        self._name = name
        self._size = size
        self._in_dump = source_format.header.startswith(b"COPY ")
        self._takes_all = hints.format == "copy" or self._in_dump
        self._passes_over = hints.table is not None
        self._nulls = frozenset(token.encode() for token in hints.null_tokens if token) | {copy_text.NULL}

    def describe(self) -> str:
        """Return what was detected, for people."""
        return self._format.text

    async def records(self, start: Place) -> AsyncIterator[Table]:
        """Return the records from ``start`` on (FormatReader).

        Raises:
            SourceError: the source broke off, a record is too long, or there are rows behind the end mark.
        """
        begin = start
        pending: list[bytes] = []  # lines of a record that continues
        ended_at = 0  # the line of the end mark
        async for block in line_blocks(self._stream, start=start, name=self._name, size=self._size):
            if ended_at:
                self._pass_over(block.lines, block.start.line, ended_at)
                continue
            lines = [*pending, *block.lines]
            end_mark = next((place for place, line in enumerate(lines) if _is_end(line)), None)
            if end_mark is not None:
                ended_at = begin.line + end_mark
                table, rest = self._parse(lines[:end_mark], begin, is_end=True)
                self._pass_over(lines[end_mark + 1 :], ended_at + 1, ended_at)
            else:
                table, rest = self._parse(lines, begin, is_end=False)
            if table is not None:
                yield table
                begin = table.end
            pending = list(rest)
            if len(pending) > 1 and sum(map(len, pending)) > LONGEST_RECORD:
                raise SourceError(
                    f"{self._name}:{begin.line}: the row is longer than {LONGEST_RECORD // 2**20} MiB"
                )
        if pending:
            table, _ = self._parse(pending, begin, is_end=True)
            if table is not None:
                yield table
        if self._in_dump and not ended_at and not is_reject_file(PurePath(self._name).name):
            raise SourceError(
                f"{self._name}: the COPY block has no end, a line with \\. alone", advice="Is the dump whole?"
            )

    def _pass_over(self, lines: Sequence[bytes], number: int, ended_at: int) -> None:
        """Check that no rows are lost behind the mark that ends the data.

        Raises:
            SourceError: there are.
        """
        for place, line in enumerate(lines, number):
            if self._in_dump:
                if not self._passes_over and (other := STATEMENT.match(line)):
                    raise SourceError(
                        f"{self._name}:{place}: a second COPY block, of {other['table'].decode()}",
                        advice="Name the table to read with --source-table, and load one after the other.",
                    )
            elif line.strip():
                raise SourceError(f"{self._name}:{place}: there are lines behind the \\. on line {ended_at}")

    def _parse(
        self, lines: list[bytes], begin: Place, *, is_end: bool
    ) -> tuple[Table | None, Sequence[bytes]]:
        """Return the records of some lines, and the lines of a last one that continues."""
        data = b"".join(lines)
        refused: dict[int, Reason | None] = {}
        records: list[list[str | None]]
        delimiter = self._format.delimiter
        ends: list[int] | None = None
        if b"\\" not in data and self._nulls == {copy_text.NULL}:
            texts = data.decode(errors="surrogateescape").split("\n")
            if not texts[-1]:
                texts.pop()
            records = [list[str | None](text.removesuffix("\r").split(delimiter)) for text in texts]
        else:
            records, ends = [], []
            first = 0
            for place, line in enumerate(lines, 1):
                if (
                    line.endswith(b"\\\n")
                    and copy_text.is_continued(line[:-1])
                    and not (is_end and place == len(lines))
                ):
                    continue
                raw = b"".join(lines[first:place])
                records.append(
                    self._record(raw.removesuffix(b"\n").removesuffix(b"\r"), len(records), refused)
                )
                ends.append(place)
                first = place
        rest = lines[ends[-1] if ends else 0 :] if ends is not None else []
        if not records:
            return None, rest
        used = lines[: len(lines) - len(rest)]
        width = len(self._format.columns)
        for index, record in enumerate(records):
            if len(record) != width and index not in refused:
                refused[index] = _wrong_length(record, width)
        end = begin._replace(
            number=begin.number + len(records),
            offset=begin.offset + sum(map(len, used)),
            line=begin.line + len(used),
        )
        return Table(begin, end, self._format.columns, records, LineOrigin(used, begin, ends), refused), rest

    def _record(self, line: bytes, index: int, refused: dict[int, Reason | None]) -> list[str | None]:
        """Return the cells of a record, or refuse it: it has an escape that is no escape of PostgreSQL's."""
        cells = copy_text.split(line, self._format.delimiter.encode())
        record: list[str | None] = []
        for cell in cells:
            if cell in self._nulls:
                record.append(None)
            elif b"\\" not in cell:
                record.append(cell.decode(errors="surrogateescape"))
            elif self._takes_all or copy_text.is_written(cell):
                record.append(copy_text.unescape(cell).decode(errors="surrogateescape"))
            else:
                refused[index] = Reason(
                    "not-copy",
                    "a backslash is followed by what PostgreSQL does not write behind it",
                    hint="--format copy drops such a backslash, --format tsv keeps all of them.",
                )
                return []
        return record


def _is_end(line: bytes) -> bool:
    return line.startswith(copy_text.END) and line.rstrip(b"\r\n") == copy_text.END


def _wrong_length(record: Sequence[str | None], width: int) -> Reason | None:
    if len(record) == 1 and not (record[0] or "").strip():
        return None  # a blank line
    kind = "short" if len(record) < width else "long"
    return Reason(f"{kind}-line", f"{len(record)} cells, where there are {width} columns")
