"""Split text into blocks of whole lines, as JSON Lines and CSV are read."""

from __future__ import annotations

import io
from collections.abc import AsyncIterator, Iterator

from loader.errors import SourceError
from loader.formats.byte_stream import ByteStream
from loader.model import Block, Place

LONGEST_LINE = 64 * 1024 * 1024  # bytes
_BOM = b"\xef\xbb\xbf"
_READ = 512 * 1024  # bytes; each read is a hop to another thread and back, so it should be worth it


async def line_blocks(stream: ByteStream, *, start: Place, name: str, size: int) -> AsyncIterator[Block]:
    """Return the lines of a source in blocks of about ``size`` bytes; a longer line is a block of its own.

    A byte order mark at the start is left out. The last line needs no newline.

    Args:
        stream: gives the bytes from ``start`` on.
        start: where the first line begins.
        name: the source's name, for messages.
        size: of a block in bytes. A block may be longer by less than its last line.

    Raises:
        SourceError: the source broke off, or a line is longer than LONGEST_LINE.
    """
    source, number, offset, line = start
    data = await (_read_start(stream) if offset == 0 else stream.read(_READ))
    ended = not data
    if offset == 0 and data.startswith(_BOM):
        data, offset = data[len(_BOM) :], len(_BOM)
    parts: list[bytes] = []  # lines that are too few for a block, and the beginning of a line
    damage: SourceError | None = None
    pending_size, has_newline = 0, False  # of the parts
    while True:
        parts.append(data)
        pending_size, has_newline = pending_size + len(data), has_newline or b"\n" in data
        if ended or (has_newline and pending_size >= size):
            data = b"".join(parts)
            parts.clear()
            end = len(data) if ended and damage is None else data.rfind(b"\n") + 1
            # Few lines wait for more, unless a long line follows: an error in it must tell its number.
            least = 0 if ended or len(data) - end > size else size
            begin = offset
            for block in _cut(data, end, Place(source, number, offset, line), size, least):
                yield block
                _, number, offset, line = block.end
            if damage is not None:
                raise damage
            if ended:
                return
            parts.append(data[offset - begin :])
            pending_size, has_newline = len(parts[0]), offset - begin < end
        elif pending_size > LONGEST_LINE:
            raise SourceError(
                f"{name}:{line}: the line is longer than {LONGEST_LINE // 2**20} MiB",
                advice="Is each of its rows on a line of its own, as its format requires?",
            )
        data = b""  # free the memory before the next read
        try:
            data = await stream.read(_READ)
        except SourceError as error:
            damage = error  # raised after the lines before it
        ended = not data


async def _read_start(stream: ByteStream) -> bytes:
    """Return the first bytes, enough to see a byte order mark: a pipe may give one byte at a time."""
    data = await stream.read(_READ)
    while data and len(data) < len(_BOM) and (more := await stream.read(_READ)):
        data += more
    return data


def _cut(text: bytes, stop: int, start: Place, size: int, least: int) -> Iterator[Block]:
    """Return the whole lines before ``stop`` as blocks, without a last block of less than ``least`` bytes."""
    source, number, offset, line = start
    file = io.BytesIO(text)  # splits lines three times as fast as bytes.split
    begin = 0
    while begin < stop and (lines := file.readlines(size)):
        end = file.tell()
        if end > stop:
            end -= len(lines.pop())
        if end - begin < least:
            return
        data = text[begin : end - lines[-1].endswith(b"\n")]
        yield Block(Place(source, number, offset + begin, line), data, lines)
        number, line, begin = number + len(lines), line + len(lines), end
