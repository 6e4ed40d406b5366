"""JSON Lines, also with commas or brackets around the rows."""

from __future__ import annotations

from collections.abc import AsyncIterator

from loader.errors import SourceError
from loader.formats.byte_stream import ByteStream
from loader.formats.line_blocks import line_blocks
from loader.formats.records import Records, of_block
from loader.formats.source_format import SourceFormat
from loader.model import Block, Place

_LAST_LINES = 10  # the closing bracket is in one of these; blank lines may follow it


class JsonLinesReader:
    """Reads JSON Lines (a FormatReader).

    Args:
        stream: gives the bytes from the first record on.
        source_format: whether commas and brackets are around the rows.
        name: the source's name, for messages.
        size: of a block of lines, about, in bytes.
    """

    def __init__(self, stream: ByteStream, source_format: SourceFormat, name: str, size: int) -> None:
        self._stream = stream
        self._format = source_format
        self._name = name
        self._size = size

    def describe(self) -> str:
        """Return what was detected, for people."""
        return self._format.text

    async def records(self, start: Place) -> AsyncIterator[Records]:
        """Return the lines as blocks, or as objects if there are separators to remove (FormatReader)."""
        blocks = line_blocks(self._stream, start=start, name=self._name, size=self._size)
        if not self._format.has_separators:
            async for block in blocks:
                yield block
            return
        last_line, is_closed = 0, not self._format.is_array
        async for block in blocks:
            last_line = block.end.line
            is_closed = is_closed or _has_closing_bracket(block)
            yield of_block(block, without_separators)
        if not is_closed:
            raise SourceError(
                f"{self._name}:{last_line}: the source is cut off: the array is not closed",
                advice="Get it again, whole, and load it with --fresh. The rows before the cut are loaded.",
            )


def _has_closing_bracket(block: Block) -> bool:
    return any(line.strip()[-1:] == b"]" for line in block.lines[-_LAST_LINES:])


def without_separators(line: bytes) -> bytes:
    """Return a line without the commas and array brackets around its JSON; empty if it has nothing else."""
    line = line.strip()
    if line in (b"[", b"]", b"],", b","):
        return b""
    line = line.removesuffix(b",").removeprefix(b",").strip()
    # No object begins or ends like this: the brackets of the array stand beside the first or the last row.
    line = line.removeprefix(b"[") if line[:2] == b"[{" else line
    return line.removesuffix(b"]") if line[-2:] == b"}]" else line
