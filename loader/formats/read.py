"""A source, whatever it is and however it is written -> portions of rows or records."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Callable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import anyio.to_thread

from loader.errors import RunDirError, SourceError
from loader.events import Event, Read, Skipped
from loader.formats import csv_records, json_array, jsonl, parquet, sqlite
from loader.formats.detect import HEAD, bare, is_database, recognise
from loader.formats.encoding import Ahead, Bytes, Recoded
from loader.formats.records import Records, of_block
from loader.formats.source_format import SourceFormat
from loader.model import Block, Place
from loader.sources.find import Source
from loader.sources.reader import ByteReader

_SPOOLED = 1024 * 1024  # bytes that are written at a time
_LONGEST_HEADER = 4 * 1024 * 1024  # bytes that are looked at to find the end of the first line
_LAST = 10  # lines in which a closing bracket stands, blank ones behind it included
_UTF8 = frozenset({"utf-8", "utf8", "u8"})


@dataclass(frozen=True, slots=True)
class Reading:
    """What the command says of how its sources are written; None: a look tells.

    Attributes:
        format: one of settings.FORMATS.
        delimiter: between the cells of CSV.
        encoding: of text, as Python names it.
        columns: of CSV without a header.
        expected: of CSV with a header.
        query: of SQLite.
        table: of SQLite.
    """

    format: str | None = None
    delimiter: str | None = None
    encoding: str | None = None
    columns: tuple[str, ...] | None = None
    expected: tuple[str, ...] | None = None
    query: str | None = None
    table: str | None = None


async def portions(
    source: Source,
    reading: Reading,
    *,
    start: Place,
    size: int,
    spool: Path | None,
    form: SourceFormat | None,
    watch: Callable[[Event], None],
    tell: Callable[[SourceFormat], None],
) -> AsyncGenerator[Records]:
    """A source's rows, from ``start`` on.

    Args:
        source: what to read.
        reading: what is known of it.
        start: the place of the first row. A source that cannot be read twice begins at its first.
        size: of a portion of text, in bytes, about.
        spool: where a file may stand that only can be read if it is one: a compressed Parquet file, say.
            None: such a source gives nothing, and nothing is told of it.
        form: how it is written, where an earlier run has found out, and got beyond its first row.
        watch: told of the bytes that were read, or passed over.
        tell: told what the source is, before the first portion.

    Raises:
        SourceMissing: it cannot be opened.
        SourceError: it is not what the command says it is, it broke off, or it is damaged.
    """
    if start.number > 1 and form is not None and not form.is_database:
        tell(form)
        async with ByteReader(source, 0 if form.encoding else start.offset, watch) as file:
            data = _decoded(file, form.encoding, source.name)
            await data.drop(start.offset if form.encoding else 0)
            async for portion in _text(form, data, start, source.name, size):
                yield portion
        return
    ear = _Ear(watch)
    async with ByteReader(source, 0, ear.on) as file:
        form, data = await _look(file, reading, source.name)
        in_place = form.is_database and file.is_plain_file
        if not in_place:
            ear.open()
        if not form.is_database:
            tell(form)
            await data.drop(form.begin.offset)
            begin = form.begin._replace(source=start.source)
            async for portion in _text(form, data, begin, source.name, size):
                yield portion
            return
        if not in_place:
            if spool is None:
                return
            await _write(data, spool)
    path, told = (source.path, source.size) if in_place else (spool, None)
    assert path is not None  # noqa: S101 - it is a file
    database = _database(form, path, source.name, reading)
    tell(replace(form, text=await anyio.to_thread.run_sync(database.understood)))
    async for portion in _rows(database, start, told or 0, watch):
        yield portion


async def _look(file: ByteReader, reading: Reading, name: str) -> tuple[SourceFormat, Ahead]:
    """How a source is written, and all of its bytes."""
    data = Ahead(file)
    encoding = reading.encoding or ""
    if encoding.lower() in _UTF8 or is_database(await data.look(HEAD)):
        encoding = ""
    if encoding:
        data = Ahead(Recoded(data, encoding, name))
    head, size = await data.look(HEAD), HEAD
    while b"\n" not in head and not data.whole and len(head) >= size and size < _LONGEST_HEADER:
        size *= 2
        head = await data.look(size)
    form = recognise(
        head,
        name,
        whole=data.whole,
        format=reading.format,
        delimiter=reading.delimiter,
        columns=reading.columns,
        expected=reading.expected,
    )
    return replace(form, encoding=encoding), data


def _decoded(file: ByteReader, encoding: str, name: str) -> Ahead:
    return Ahead(Recoded(file, encoding, name) if encoding else file)


class _Ear:
    """Keeps what a look has read to itself until it is known that it is a part of the reading."""

    def __init__(self, watch: Callable[[Event], None]) -> None:
        self._watch = watch
        self._held: list[Event] | None = []

    def on(self, event: Event) -> None:
        """Hear of an event."""
        if self._held is None:
            self._watch(event)
        else:
            self._held.append(event)

    def open(self) -> None:
        """It is: tell what was held, and all that comes."""
        held, self._held = self._held or [], None
        for event in held:
            self._watch(event)


async def _text(
    form: SourceFormat, data: Bytes, start: Place, name: str, size: int
) -> AsyncIterator[Records]:
    """The portions of a text."""
    if form.format == "json":
        async for objects in json_array.objects(
            data, start=start, inside=form.bracketed and start.number > 1, name=name
        ):
            yield objects
        return
    blocks = jsonl.blocks(data, start=start, name=name, size=size)
    if form.format == "csv":
        async for table in csv_records.tables(blocks, form, start=start, name=name):
            yield table
        return
    if form.loose:
        async for portion in _loose(blocks, form, name):
            yield portion
        return
    async for block in blocks:
        yield block


async def _loose(blocks: AsyncIterator[Block], form: SourceFormat, name: str) -> AsyncIterator[Records]:
    """Lines without the commas and brackets around them."""
    end, closed = 0, not form.bracketed
    async for block in blocks:
        end = block.end.line
        closed = closed or any(line.strip()[-1:] == b"]" for line in block.lines[-_LAST:])
        yield of_block(block, bare)
    if not closed:
        raise SourceError(
            f"{name}:{end}: the source is cut off: the array is not closed",
            advice="Get it again, whole, and load it with --fresh. The rows before the cut are loaded.",
        )


@dataclass(frozen=True, slots=True)
class _Database:
    """A file that a library of its own reads."""

    understood: Callable[[], str]
    count: Callable[[], int | None]
    portions: Callable[[Place], AsyncIterator[Records]]


def _database(form: SourceFormat, path: Path, name: str, reading: Reading) -> _Database:
    if form.format == "parquet":
        return _Database(
            partial(parquet.understood, path, name),
            partial(parquet.count, path, name),
            lambda start: parquet.frames(path, name, start=start),
        )
    asked = {"query": reading.query, "table": reading.table}
    return _Database(
        partial(sqlite.understood, path, name, **asked),
        partial(sqlite.count, path, name, **asked),
        lambda start: sqlite.tables(path, name, start=start, **asked),
    )


async def _rows(
    database: _Database, start: Place, size: int, watch: Callable[[Event], None]
) -> AsyncIterator[Records]:
    """The portions of a database; as its rows are read, its ``size`` in bytes is told as read."""
    total = await anyio.to_thread.run_sync(database.count)
    told = size * (start.number - 1) // total if total else 0
    if told:
        watch(Skipped(told))
    async for portion in database.portions(start):
        if total:
            done = min(size, size * (portion.end.number - 1) // total)
            watch(Read(done - told))
            told = done
        yield portion
    if told < size:
        watch(Read(size - told))


async def _write(data: Bytes, path: Path) -> None:
    """Have a file with these bytes, for a library that must seek in it."""
    try:
        async with await anyio.open_file(path, "wb") as file:
            while piece := await data.read(_SPOOLED):
                await file.write(piece)
    except OSError as error:
        raise RunDirError(
            f"{path}: {error.strerror or error}",
            advice="The source is decompressed there first. Make room, or name another --run-dir.",
        ) from error
