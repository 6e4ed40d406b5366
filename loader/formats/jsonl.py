"""JSON Lines: bytes -> blocks of whole lines."""

from __future__ import annotations

import io
from collections.abc import AsyncIterator, Iterator

from loader.errors import SourceError
from loader.formats.encoding import Bytes
from loader.model import Block, Place

LONGEST_LINE = 64 * 1024 * 1024  # bytes
_BOM = b"\xef\xbb\xbf"
_READ = 512 * 1024  # bytes; a read is a hop to another thread and back, so it should be worth it


async def blocks(reader: Bytes, *, start: Place, name: str, size: int) -> AsyncIterator[Block]:
    """The source's lines, in blocks of about ``size`` bytes; a longer line is a block of its own.

    A byte order mark at the start is left out, and the last line needs no newline.

    Args:
        reader: gives the bytes from ``start`` on.
        start: where the first line begins.
        name: the source's, for messages.
        size: in bytes; a block may be longer by less than its last line.

    Raises:
        SourceError: the source broke off, or a line is longer than LONGEST_LINE.
    """
    source, number, offset, line = start
    data = await (_beginning(reader) if offset == 0 else reader.read(_READ))
    ended = not data
    if offset == 0 and data.startswith(_BOM):
        data, offset = data[len(_BOM) :], len(_BOM)
    parts: list[bytes] = []  # lines that are too few for a block, and the start of one
    broken: SourceError | None = None
    held, lines = 0, False  # bytes in parts, and whether there are ends of lines in them
    while True:
        parts.append(data)
        held, lines = held + len(data), lines or b"\n" in data
        if ended or (lines and held >= size):
            data = b"".join(parts)
            parts.clear()
            end = len(data) if ended and broken is None else data.rfind(b"\n") + 1
            # A few lines wait for more, but not while a long one is on its way: its number is told.
            least = 0 if ended or len(data) - end > size else size
            begin = offset
            for block in _cut(data, end, Place(source, number, offset, line), size, least):
                yield block
                _, number, offset, line = block.end
            if broken is not None:
                raise broken
            if ended:
                return
            parts.append(data[offset - begin :])
            held, lines = len(parts[0]), offset - begin < end
        elif held > LONGEST_LINE:
            raise SourceError(
                f"{name}:{line}: the line is longer than {LONGEST_LINE // 2**20} MiB",
                advice="Is each of its rows on a line of its own, as its format asks?",
            )
        data = b""  # what is not needed should not be held while more is read
        try:
            data = await reader.read(_READ)
        except SourceError as error:
            broken = error  # the lines before it are given first
        ended = not data


async def _beginning(reader: Bytes) -> bytes:
    """The first bytes, so many that a byte order mark is seen: a pipe may give them one at a time."""
    data = await reader.read(_READ)
    while data and len(data) < len(_BOM) and (more := await reader.read(_READ)):
        data += more
    return data


def _cut(text: bytes, stop: int, start: Place, size: int, least: int) -> Iterator[Block]:
    """Whole lines as blocks, up to ``stop``, but for a rest that is shorter than ``least`` bytes."""
    source, number, offset, line = start
    file = io.BytesIO(text)  # splits lines three times as fast as bytes.split does
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
