"""Records within JSON values, among the records of a source."""

from __future__ import annotations

from collections.abc import AsyncGenerator

import pytest

from loader.formats.origin import ElementOrigin
from loader.formats.records import Objects, Records, Table
from loader.model import Block, Place
from loader.transform.nested import unnested
from loader.transform.presets import preset

LINES = [
    b'{"txid":"T-1"}\n',
    b'{"result":{"trades":{"T-2":{"a":1},"T-3":{}}}}\n',
    b"\n",
    b'{"result":{"trades":{}}}\n',
    b'{"result":null}\n',
    b"{broken\n",
    b'{"trades":{"T-8":7,"T-9":{"a":2}}}\n',
]
TEXTS = [
    b'{"txid":"T-1"}',
    b'{"txid":"T-2","a":1}',
    b'{"txid":"T-3"}',
    b"",
    b'{"result":null}',
    b"{broken",
    b"{}",
    b'{"txid":"T-9","a":2}',
]


def blocks(*sizes: int) -> list[Records]:
    """The lines in blocks of so many."""
    made: list[Records] = []
    place, rest = Place(0, 1, 0, 1), LINES
    for size in sizes:
        lines, rest = rest[:size], rest[size:]
        block = Block(place, b"".join(lines)[:-1], lines)
        made.append(block)
        place = block.end
    return made


async def given(pieces: list[Records]) -> AsyncGenerator[Records]:
    for piece in pieces:
        yield piece


async def read(pieces: list[Records], number: int = 1) -> list[Records]:
    start = Place(0, number, 0, 1)
    return [piece async for piece in unnested(given(pieces), start, preset("kraken"))]


@pytest.mark.parametrize("sizes", [(7,), (1, 1, 1, 1, 1, 1, 1), (2, 3, 2)])
@pytest.mark.parametrize("number", range(1, 10))
async def test_records_are_numbered_through(sizes: tuple[int, ...], number: int) -> None:
    """From any of them on they have the same numbers, texts, lines and offsets, however the source is cut."""
    seen = {}
    for piece in await read(blocks(*sizes), number):
        assert isinstance(piece, Objects)
        assert piece.end.number == piece.start.number + len(piece.texts)
        for index, text in enumerate(piece.texts):
            reason = piece.refused.get(index)
            place = (piece.origin.line(index), piece.origin.offset(index))
            seen[piece.start.number + index] = (text, reason.code if reason else None, place)

    begins = [sum(map(len, LINES[:line])) for line in range(len(LINES))]
    places = [
        (1, 0),
        (2, begins[1] + LINES[1].index(b'{"a"')),
        (2, begins[1] + LINES[1].index(b"{}")),
        (3, begins[2]),
        (5, begins[4]),
        (6, begins[5]),
        (7, begins[6] + LINES[6].index(b"7,")),
        (7, begins[6] + LINES[6].index(b'{"a"')),
    ]
    codes = [None, None, None, None, "no-trades", None, "not-an-object", None]
    whole = {n: row for n, row in enumerate(zip(TEXTS, codes, places, strict=True), 1) if n >= number}
    assert whole == seen


async def test_a_rejected_record_stands_for_itself() -> None:
    """As it is in the source, in a reply of its own if it was in one."""
    (piece,) = await read(blocks(7))

    assert isinstance(piece, Objects)
    assert [
        b'{"txid":"T-1"}',
        b'{"result":{"trades":{"T-2":{"a":1}}}}',
        b'{"result":{"trades":{"T-3":{}}}}',
        b"",
        b'{"result":null}',
        b"{broken",
        b'{"result":{"trades":{"T-8":7}}}',
        b'{"result":{"trades":{"T-9":{"a":2}}}}',
    ] == [piece.origin.data(index) for index in range(len(piece.texts))]


async def test_lines_within_an_element_count() -> None:
    """Of a reply that is written over several lines."""
    reply = b'{"result":\n {"trades":\n  {"T-1":\n   {"a":1},\n  "T-2":{"a":2}}}}'
    begin, end = Place(0, 1, 10, 5), Place(0, 2, 10 + len(reply), 9)
    texts = [reply.replace(b"\n", b" ")]

    (piece,) = await read([Objects(begin, end, texts, ElementOrigin([reply], [5], [10]))])

    assert isinstance(piece, Objects)
    assert [b'{"txid":"T-1","a":1}', b'{"txid":"T-2","a":2}'] == piece.texts
    assert [8, 9] == [piece.origin.line(index) for index in range(2)]
    assert [10 + reply.index(b'{"a":1'), 10 + reply.index(b'{"a":2')] == [
        piece.origin.offset(index) for index in range(2)
    ]
    assert (Place(0, 1, 10, 5), Place(0, 3, 10 + len(reply), 9)) == (piece.start, piece.end)


async def test_tables_pass() -> None:
    """Cells are no JSON, and begin where they begin."""
    table = Table(Place(0, 8, 90, 8), Place(0, 9, 99, 9), ("txid",), [["T-1"]], ElementOrigin([], [], []))

    assert [table] == await read([table], 8)
