"""JSON Lines: bytes -> blocks of whole lines."""

from __future__ import annotations

from collections.abc import AsyncIterator

from loader.errors import SourceError
from loader.model import Block, Position
from loader.sources.reader import Reader

LONGEST_LINE = 64 * 1024 * 1024  # bytes
_BOM = b"\xef\xbb\xbf"


async def blocks(reader: Reader, *, start: Position, name: str, size: int) -> AsyncIterator[Block]:
    """The source's lines, in blocks of at most about ``size`` bytes; a longer line is a block of its own.

    A byte order mark at the start is left out, and the last line needs no newline.

    Args:
        reader: gives the bytes from ``start`` on.
        start: where the first line begins.
        name: the source's, for messages.
        size: in bytes.

    Raises:
        SourceError: the source broke off, or a line is longer than LONGEST_LINE.
    """
    parts: list[bytes] = []  # the start of a line whose end was not read yet
    waiting = 0
    source, line, offset = start
    while True:
        data = await reader.read(size - waiting if waiting < size // 2 else size)
        while (line, offset) == (1, 0) and not parts and data and len(data) < len(_BOM):
            more = await reader.read(size)  # a pipe may give a byte at a time
            data += more
            if not more:
                break
        ended = not data
        if (line, offset) == (1, 0) and not parts and data.startswith(_BOM):
            data, offset = data[len(_BOM) :], len(_BOM)
            if not data:
                continue
        end = data.rfind(b"\n")
        if data and end < 0:
            parts.append(data)
            waiting += len(data)
            if waiting > LONGEST_LINE:
                raise SourceError(
                    f"{name}:{line}: the line is longer than {LONGEST_LINE // 2**20} MiB",
                    advice="Is it JSON Lines, with one object on each line?",
                )
            continue
        whole = b"".join([*parts, b"" if ended else data[:end]])
        if not ended or parts:
            lines = whole.count(b"\n") + 1
            yield Block(source, line, offset, whole, lines)
            line, offset = line + lines, offset + len(whole) + 1
        if ended:
            return
        rest = data[end + 1 :]
        parts = [rest] if rest else []
        waiting = len(rest)
