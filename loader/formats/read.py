"""Read the records of a source, whatever its format.

The two tables and _text_reader list the formats, each with its reader; detect.py finds out which of them a
source is in.

To add a format, write its reader (format_reader.py) in a module of this folder, and enter it in a table here.
Name it in settings.Format, its suffixes in sources/file_names.py, and teach detect.py to recognise it.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Mapping
from dataclasses import replace
from pathlib import Path

import anyio.to_thread

from loader.errors import SourceError
from loader.events import Event
from loader.formats.byte_stream import ByteStream, PeekableStream
from loader.formats.copy_dump import BlockScanner, CopyBlock, block_format, is_dump
from loader.formats.copy_records import CopyReader
from loader.formats.csv_records import CsvReader
from loader.formats.database_file import rows_with_progress, spool_to_file
from loader.formats.detect import HEAD, detect_format, is_database
from loader.formats.encoding import Utf8Stream, is_utf8
from loader.formats.format_reader import DatabaseReader, FormatReader
from loader.formats.json_array import JsonArrayReader
from loader.formats.jsonl import JsonLinesReader
from loader.formats.parquet import ParquetReader
from loader.formats.records import Records
from loader.formats.source_format import SourceFormat
from loader.formats.source_hints import SourceHints
from loader.formats.sqlite import SqliteReader
from loader.model import Place
from loader.settings import Format
from loader.sources.find import Source, check_unchanged
from loader.sources.reader import ByteReader
from loader.sources.source_end import CheckedEnd

__all__ = ["SourceHints", "records"]

# Readers of text take the stream, its format, the source's name, and about how many bytes a piece has.
_TEXT_READERS: Mapping[Format, Callable[[ByteStream, SourceFormat, str, int], FormatReader]] = {
    "jsonl": JsonLinesReader,
    "json": JsonArrayReader,
}
# Readers of databases take the file, the source's name, and what the command tells about it.
_DATABASE_READERS: Mapping[Format, Callable[[Path, str, SourceHints], DatabaseReader]] = {
    "parquet": ParquetReader,
    "sqlite": SqliteReader,
}
_LONGEST_HEADER = 4 * 1024 * 1024  # bytes that are searched for the end of the first line


async def records(
    source: Source,
    hints: SourceHints,
    *,
    start: Place,
    size: int,
    spool: Path | None,
    known: SourceFormat | None,
    watch: Callable[[Event], None],
    tell: Callable[[SourceFormat], None],
) -> AsyncGenerator[Records]:
    """Return the records of a source, from ``start`` on, in pieces.

    Args:
        source: what to read.
        hints: what the command tells about its format.
        start: the place of the first record. A source that cannot be read twice begins at its first.
        size: of a piece of text, about, in bytes.
        spool: where to write a database that is not a plain file, such as compressed Parquet. None: such a
            source gives no records, and ``tell`` is not called for it.
        known: the format, if an earlier run has detected it and read beyond the first record.
        watch: told of the bytes that were read or skipped.
        tell: told the format, before the first piece.

    Raises:
        SourceMissing: the source cannot be opened.
        SourceUnfit: it is not what the command says.
        SourceError: it broke off, or is damaged.
        RunDirError: ``spool`` cannot be written.
    """
    name = source.name
    if known is not None and start.number > 1 and not known.is_database:
        tell(known)
        # An offset counts bytes of UTF-8, so text in another encoding is read from its start.
        async with ByteReader(source, 0 if known.encoding else start.offset, watch) as byte_reader:
            stream = PeekableStream(_as_utf8(byte_reader, known.encoding, name))
            await stream.skip(start.offset if known.encoding else 0)
            checked = _checked_end(stream, source, byte_reader, known)
            async for piece in _text_reader(checked, known, name, size, hints).records(start):
                yield piece
        return
    events = _HeldEvents(watch)
    async with ByteReader(source, 0, events.add) as byte_reader:
        source_format, stream = await _detect(byte_reader, hints, source)
        in_place = source_format.is_database and byte_reader.is_plain_file
        if not in_place:
            events.release()
        if not source_format.is_database:
            checked = _checked_end(stream, source, byte_reader, source_format)
            text_reader = _text_reader(checked, source_format, name, size, hints)
            tell(replace(source_format, text=text_reader.describe()))
            await stream.skip(source_format.begin.offset)
            async for piece in text_reader.records(source_format.begin._replace(source=start.source)):
                yield piece
            return
        if not in_place:
            if spool is None:
                return
            await spool_to_file(_checked_end(stream, source, byte_reader, source_format), spool)
    path, unread = (source.path, source.size) if in_place else (spool, None)
    assert path is not None  # noqa: S101 - it is a file
    database_reader = _DATABASE_READERS[source_format.format](path, name, hints)
    tell(replace(source_format, text=await anyio.to_thread.run_sync(database_reader.describe)))
    try:
        async for piece in rows_with_progress(database_reader, start, unread or 0, watch):
            yield piece
    except SourceError:
        await anyio.to_thread.run_sync(check_unchanged, source)  # then that is the cause
        raise
    await anyio.to_thread.run_sync(check_unchanged, source)


async def _detect(
    byte_reader: ByteReader, hints: SourceHints, source: Source
) -> tuple[SourceFormat, PeekableStream]:
    """Return the format of a source, and all of its bytes, those of text as UTF-8."""
    stream, name = PeekableStream(byte_reader), source.name
    encoding = hints.encoding or ""
    if is_utf8(encoding) or is_database(await stream.peek(HEAD)):
        encoding = ""
    if encoding:
        stream = PeekableStream(_as_utf8(stream, encoding, name))
    size = HEAD
    head = await stream.peek(size)
    least_lines = 1 + (hints.skip_lines or 0)
    while head.count(b"\n") < least_lines and not stream.complete and size <= len(head) < _LONGEST_HEADER:
        size *= 2
        head = await stream.peek(size)
    if hints.format in (None, "copy") and is_dump(head):
        source_format = block_format(await _copy_blocks(source, stream, encoding), name, hints)
        return replace(source_format, encoding=encoding), stream
    source_format = detect_format(head, name, whole=stream.complete, hints=hints)
    return replace(source_format, encoding=encoding), stream


async def _copy_blocks(source: Source, stream: PeekableStream, encoding: str) -> list[CopyBlock]:
    """Return the COPY blocks of a dump: all of a file, else those among its first bytes."""
    scanner = BlockScanner()
    if source.path is not None and source.size is not None:  # it can be read twice
        async with ByteReader(source, 0, lambda _: None) as byte_reader:
            whole = _as_utf8(byte_reader, encoding, source.name)
            while data := await whole.read(HEAD):
                scanner.feed(data)
        scanner.feed(b"")
        return scanner.blocks
    head = await stream.peek(_LONGEST_HEADER)
    scanner.feed(head)
    if stream.complete:
        scanner.feed(b"")
    return scanner.blocks


def _text_reader(
    stream: ByteStream, source_format: SourceFormat, name: str, size: int, hints: SourceHints
) -> FormatReader:
    """Return the reader of a text. Those of tables are told what the command tells, too."""
    if source_format.format == "csv":
        return CsvReader(stream, source_format, name, size, hints.null_tokens)
    if source_format.format == "copy":
        return CopyReader(stream, source_format, name, size, hints)
    return _TEXT_READERS[source_format.format](stream, source_format, name, size)


def _checked_end(
    stream: ByteStream, source: Source, byte_reader: ByteReader, source_format: SourceFormat
) -> ByteStream:
    """Return a stream that ends only if its source is unchanged, and its last line is complete."""
    # JSON shows by its brackets whether it is complete. A cell of CSV does not: 12 may become 123456.
    complete = {"csv": b"\n", "jsonl": b"\n}],", "json": b"\n}]"}.get(source_format.format, b"")
    return CheckedEnd(
        stream,
        source,
        complete=complete,
        is_plain_file=byte_reader.is_plain_file,
    )


def _as_utf8(stream: ByteStream, encoding: str, name: str) -> ByteStream:
    return Utf8Stream(stream, encoding, name) if encoding else stream


class _HeldEvents:
    """Holds back the events of detection, until it is known whether these bytes count as read.

    They do not if a database is read in place: then its rows are what counts.
    """

    def __init__(self, watch: Callable[[Event], None]) -> None:
        self._watch = watch
        self._held: list[Event] | None = []

    def add(self, event: Event) -> None:
        """Take an event: hold it, or pass it on after ``release``."""
        if self._held is None:
            self._watch(event)
        else:
            self._held.append(event)

    def release(self) -> None:
        """Pass on the events that were held, and all later ones."""
        held, self._held = self._held or [], None
        for event in held:
            self._watch(event)
