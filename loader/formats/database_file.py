"""Database files: spool one to disk, report the progress of reading, keep the pieces small."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import BinaryIO

import anyio.to_thread

from loader.errors import RunDirError
from loader.events import Event, Read, Skipped
from loader.formats.byte_stream import ByteStream
from loader.formats.format_reader import DatabaseReader
from loader.formats.records import Records
from loader.model import Place
from loader.private_files import create_private

_SPOOLED = 1024 * 1024  # bytes that are written at a time
_PIECE = 1024 * 1024  # bytes of a piece of rows, about


def rows_per_piece(rows: int, size: int, most: int, most_bytes: int = _PIECE) -> int:
    """Return how many rows the next piece may have, so that it is not large whatever the rows contain.

    Args:
        rows: of the previous piece.
        size: of the previous piece, about, in bytes.
        most: rows, at most.
        most_bytes: of the next piece, about.
    """
    return max(1, min(most, rows * most_bytes // max(size, 1)))


async def spool_to_file(stream: ByteStream, path: Path) -> None:
    """Write a stream to a file, for a library that must seek in it.

    Raises:
        RunDirError: the file cannot be written.
        SourceError: the source broke off, or is damaged.
    """
    try:
        async with anyio.wrap_file(await anyio.to_thread.run_sync(_create_anew, path)) as file:
            while piece := await stream.read(_SPOOLED):
                await file.write(piece)
    except OSError as error:
        raise RunDirError(
            f"{path}: {error.strerror or error}",
            advice="The source is decompressed there first. Make room, or name another --run-dir.",
        ) from error


def _create_anew(path: Path) -> BinaryIO:
    path.unlink(missing_ok=True)  # of the source before, or of a load that was killed
    return create_private(path)


async def rows_with_progress(
    reader: DatabaseReader, start: Place, size: int, watch: Callable[[Event], None]
) -> AsyncIterator[Records]:
    """Return the rows of a database, and report its bytes as read in proportion to its rows.

    Args:
        reader: of the database.
        start: the place of the first row to return.
        size: of the file in bytes; 0: report nothing.
        watch: told of the bytes that were read or skipped.

    Raises:
        SourceUnfit, SourceError: as FormatReader.records() does.
    """
    total = await anyio.to_thread.run_sync(reader.count_rows)
    reported = size * (start.number - 1) // total if total else 0
    if reported:
        watch(Skipped(reported))
    async for piece in reader.records(start):
        if total:
            done = min(size, size * (piece.end.number - 1) // total)
            watch(Read(done - reported))
            reported = done
        yield piece
    if reported < size:
        watch(Read(size - reported))
