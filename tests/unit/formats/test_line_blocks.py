"""Any pieces of bytes are split into blocks of whole lines."""

from __future__ import annotations

from pathlib import Path
from typing import cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loader.errors import SourceError
from loader.events import Event
from loader.formats import line_blocks
from loader.formats.line_blocks import line_blocks as split_into_blocks
from loader.model import BEGIN, Block, Place
from loader.sources.find import Source
from loader.sources.reader import ByteReader


class Pieces:
    """Returns the bytes of a source in these pieces, whatever size is requested, as a pipe does."""

    def __init__(self, pieces: list[bytes]) -> None:
        self._pieces = [piece for piece in pieces if piece]

    async def read(self, _size: int) -> bytes:
        return self._pieces.pop(0) if self._pieces else b""


async def blocks(pieces: list[bytes], size: int, start: Place) -> list[Block]:
    reader = cast("ByteReader", Pieces(pieces))
    return [block async for block in split_into_blocks(reader, start=start, name="rows", size=size)]


LINES = st.lists(st.binary(max_size=40).map(lambda line: line.replace(b"\n", b"")), max_size=12)


@given(LINES, st.booleans(), st.lists(st.integers(1, 50), max_size=20), st.integers(1, 200), st.booleans())
async def test_each_line_is_in_one_block_at_its_place(
    lines: list[bytes], ends: bool, cuts: list[int], size: int, bom: bool
) -> None:
    """Number and offset are right, and a block is at most one line too long."""
    text = b"\n".join(lines) + (b"\n" if ends and lines else b"")
    data = (b"\xef\xbb\xbf" if bom else b"") + text
    begin = len(data) - len(text.removeprefix(b"\xef\xbb\xbf")) if not bom else 3
    body = data[begin:]
    pieces, rest = [], data
    for cut in cuts:
        pieces.append(rest[:cut])
        rest = rest[cut:]

    found = await blocks([*pieces, rest], size, Place(3, 1, 0, 1))

    expected = body.split(b"\n")
    if not expected[-1]:
        expected.pop()
    numbered = [
        (block.start.line + number, line.removesuffix(b"\n"))
        for block in found
        for number, line in enumerate(block.lines)
    ]
    assert list(enumerate(expected, 1)) == numbered
    for block in found:
        assert 3 == block.start.source
        assert block.data == data[block.start.offset :][: len(block.data)]
        assert block.data == b"".join(block.lines).removesuffix(b"\n")
        assert len(b"".join(block.lines[:-1])) < size


async def test_a_line_without_end_is_refused_by_its_number(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is not read into memory without a limit."""
    monkeypatch.setattr(line_blocks, "LONGEST_LINE", 1000)

    with pytest.raises(SourceError, match="rows:3: the line is longer"):
        await blocks([b'{"id":1}\n{"id":2}\n', *[b"x" * 100] * 30], 64, BEGIN)


class Breaking(Pieces):
    """Breaks off after its pieces."""

    async def read(self, size: int) -> bytes:
        data = await super().read(size)
        if not data:
            raise SourceError("it broke off")
        return data


async def test_lines_before_a_break_are_given_and_the_half_one_is_not() -> None:
    """They can be loaded, whatever follows them."""
    found: list[Block] = []
    reader = cast("ByteReader", Breaking([b"{}\n{}\n", b'{"half']))

    async def read() -> None:
        async for block in split_into_blocks(reader, start=BEGIN, name="rows", size=1000):
            found.append(block)  # noqa: PERF401 - what came before the error counts

    with pytest.raises(SourceError, match="broke off"):
        await read()

    assert [b"{}\n", b"{}\n"] == [line for block in found for line in block.lines]


async def test_the_reader_is_asked_for_more_than_a_block(tmp_path: Path) -> None:
    """A read is a hop to another thread, so one read serves several blocks."""
    path = tmp_path / "rows.jsonl"
    path.write_bytes(b'{"id":1}\n' * 50_000)
    reads: list[Event] = []
    source = Source("rows", path, path.stat().st_size)

    async with ByteReader(source, 0, reads.append) as reader:
        found = [block async for block in split_into_blocks(reader, start=BEGIN, name="rows", size=4096)]

    assert 50_000 == sum(len(block.lines) for block in found)
    assert len(reads) < len(found) // 20
