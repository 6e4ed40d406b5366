"""A byte order mark that a pipe cuts in pieces."""

from __future__ import annotations

from typing import Any

import pytest

from loader.formats.line_blocks import line_blocks
from loader.model import BEGIN


class Dribble:
    """A source that gives its bytes in pieces, as a pipe may."""

    def __init__(self, *pieces: bytes) -> None:
        self._pieces = list(pieces)

    async def read(self, size: int) -> bytes:
        del size
        return self._pieces.pop(0) if self._pieces else b""


@pytest.mark.parametrize(
    "pieces",
    [
        [b"\xef\xbb\xbf", b'{"a":1}\n', b'{"a":2}\n'],
        [b"\xef", b"\xbb\xbf" + b'{"a":1}\n{"a":2}\n'],
        [b'\xef\xbb\xbf{"a"', b":1}", b"\n", b'{"a":2}'],
    ],
)
async def test_bom_in_pieces(pieces: list[bytes]) -> None:
    """A byte order mark is left out, and no more than it, however a pipe cuts the bytes."""
    reader: Any = Dribble(*pieces)

    found = [block async for block in line_blocks(reader, start=BEGIN, name="-", size=1024)]

    lines = b"\n".join(block.data for block in found).split(b"\n")
    assert [b'{"a":1}', b'{"a":2}'] == lines
    assert (1, 3) == (found[0].start.line, found[0].start.offset)
