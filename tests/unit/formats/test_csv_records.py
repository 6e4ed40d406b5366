"""CSV: cells of any content come out unchanged, and lines that are not rows are refused."""

from __future__ import annotations

import csv
import io
import tracemalloc
from collections.abc import Sequence
from unittest.mock import patch

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from loader.errors import SourceError
from loader.formats import csv_records
from loader.formats.csv_records import CsvReader
from loader.formats.detect import detect_format
from loader.formats.records import Table
from loader.formats.source_hints import SourceHints
from loader.model import BEGIN, Place


class Pieces:
    """Gives bytes in pieces of these sizes."""

    def __init__(self, data: bytes, sizes: Sequence[int] = (1 << 20,)) -> None:
        self._data = data
        self._sizes = sizes
        self._turn = 0

    async def read(self, size: int) -> bytes:
        del size
        step = self._sizes[self._turn % len(self._sizes)]
        self._turn += 1
        piece, self._data = self._data[:step], self._data[step:]
        return piece


async def read(
    data: bytes, start: Place | None = None, sizes: Sequence[int] = (1 << 20,), size: int = 1 << 18
) -> list[Table]:
    source_format = detect_format(data, "t.csv", whole=True, hints=SourceHints(delimiter=","))
    begin = start or source_format.begin
    reader = CsvReader(Pieces(data[begin.offset :], sizes), source_format, "t.csv", size)
    return [table async for table in reader.records(begin)]


Record = tuple[int, int, bytes, tuple[object, ...]]  # number, line, bytes in the source, cells


def records(tables: list[Table]) -> list[Record]:
    found: list[Record] = []
    for table in tables:
        for place, cells in enumerate(table.records):
            if place not in table.refused:
                origin = table.origin
                number = table.start.number + place
                texts = tuple(table.quoted.get(str(cell), cell) for cell in cells)
                found.append((number, origin.line(place), origin.data(place), texts))
    return found


cells = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=6)


@given(
    rows=st.lists(st.tuples(cells, cells), max_size=30),
    quoting=st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL]),
    ending=st.sampled_from(["\n", "\r\n"]),
    sizes=st.lists(st.integers(1, 40), min_size=1, max_size=5),
    size=st.integers(1, 200),
    long=st.sampled_from([1, 10, 40, 1 << 17]),
    data=st.data(),
)
@settings(max_examples=200, deadline=None)
async def test_each_cell_comes_as_it_was_written(
    rows: list[tuple[str, str]],
    quoting: int,
    ending: str,
    sizes: list[int],
    size: int,
    long: int,
    data: st.DataObject,
) -> None:
    """For any pieces of bytes, from any record on, and with any limit for long records."""
    if quoting == csv.QUOTE_MINIMAL:  # a carriage return that is not quoted belongs to the end of a line
        rows = [(one.replace("\r", ""), other.replace("\r", "")) for one, other in rows]
    file = io.StringIO(newline="")
    writer = csv.writer(file, quoting=quoting, lineterminator=ending)  # type: ignore[arg-type]
    writer.writerow(("id", "a"))
    places = [len(file.getvalue().encode())]
    for row in rows:
        writer.writerow(row)
        places.append(len(file.getvalue().encode()))
    text = file.getvalue().encode()
    expected = [
        (number, text[:begin].count(b"\n") + 1, text[begin:end].removesuffix(b"\n"), row)
        for number, (begin, end, row) in enumerate(zip(places, places[1:], rows, strict=False), 1)
    ]

    with patch.object(csv_records, "_LONG_RECORD", long):
        found = await read(text, sizes=sizes, size=size)

        assert expected == records(found)
        if found:
            again = data.draw(st.sampled_from(found)).end
            rest = [one for one in records(found) if one[0] >= again.number]
            assert rest == records(await read(text, start=again, sizes=sizes, size=size))


# CSV after its header, the cells of the rows, and the refused rows: number, line, reason
ODD: list[tuple[bytes, list[tuple[str, ...]], list[tuple[int, int, str]]]] = [
    (b"1,2\n1\n1,2,3\n4,5\n", [("1", "2"), ("4", "5")], [(2, 3, "short-line"), (3, 4, "long-line")]),
    (b"1,2\n\n  \n4,5", [("1", "2"), ("4", "5")], []),
    (b'"a"x,2\n"1","2"\n', [("1", "2")], [(1, 2, "not-csv")]),
    (b'5" pipe,2\n', [('5" pipe', "2")], []),
    (b'1,"2\n3\n', [], [(1, 2, "not-csv")]),
    (b'0,0\n1,"a\nb"x\n2,2\n', [("0", "0"), ("2", "2")], [(2, 3, "not-csv")]),
    (b"1,a\rb\n2,2\n", [("2", "2")], [(1, 2, "not-csv")]),
    (b'"",\n,""\n', [("", ""), ("", "")], []),
    (b'" 1 ", 2 \n', [(" 1 ", " 2 ")], []),
    (b'"a""b",""""\n', [('a"b', '"')], []),
]


@pytest.mark.parametrize("long", [1, 1 << 17])
@pytest.mark.parametrize(("text", "rows", "odd"), ODD)
async def test_a_line_that_is_no_row_takes_no_other_with_it(
    text: bytes, rows: list[tuple[str, ...]], odd: list[tuple[int, int, str]], long: int
) -> None:
    """A short or long line is refused, not padded; an unclosed quote refuses all that follows it."""
    with patch.object(csv_records, "_LONG_RECORD", long):
        tables = await read(b"id,a\n" + text, size=1)

    found = [
        (table.start.number + place, table.origin.line(place), reason.code)
        for table in tables
        for place, reason in table.refused.items()
        if reason is not None
    ]
    assert (rows, odd) == ([cells for *_, cells in records(tables)], found)


@pytest.mark.parametrize("long", [1000, 1 << 17])
async def test_a_cell_without_an_end_is_bounded(monkeypatch: pytest.MonkeyPatch, long: int) -> None:
    """The rows before it are returned, and then an error names its line."""
    monkeypatch.setattr(csv_records, "LONGEST_RECORD", 50_000)
    monkeypatch.setattr(csv_records, "_LONG_RECORD", long)
    source_format = detect_format(b"id,a\n", "t.csv", whole=True)
    data = b"1,2\n" * 100 + b'3,"' + b"x,y\n" * 50_000
    tables = CsvReader(Pieces(data, (4096,)), source_format, "t.csv", 4096).records(BEGIN)

    assert 100 == sum([len((await anext(tables)).records)])
    with pytest.raises(SourceError, match=r"t\.csv:101: the row is longer than"):
        await anext(tables)


async def read_with(text: bytes, hints: SourceHints, size: int = 1 << 18) -> list[Table]:
    source_format = detect_format(text, "t.csv", whole=True, hints=hints)
    stream = Pieces(text[source_format.begin.offset :], (7,))
    reader = CsvReader(stream, source_format, "t.csv", size)
    return [table async for table in reader.records(source_format.begin)]


@pytest.mark.parametrize("size", [1, 1 << 18])
@pytest.mark.parametrize("long", [1, 1 << 17])
async def test_comments_are_ignored_but_not_within_cells(long: int, size: int) -> None:
    """Also with quotes in them that do not match, or with carriage returns; each counts as a line."""
    text = b'# made, by "x\nid,a\n1,#\n# a "quote\n2,"x\n# y"\n#3,z\n"#4",z\n\n5,y\n# end'

    with patch.object(csv_records, "_LONG_RECORD", long):
        found = records(await read_with(text, SourceHints(comment="#"), size))

    assert [(3, ("1", "#")), (5, ("2", "x\n# y")), (8, ("#4", "z")), (10, ("5", "y"))] == [
        (line, texts) for _, line, _, texts in found
    ]
    assert [b"1,#", b'2,"x\n# y"', b'"#4",z', b"5,y"] == [data for _, _, data, _ in found]


@pytest.mark.parametrize("long", [1, 1 << 17])
async def test_an_empty_cell_behind_the_last_delimiter_is_no_cell(long: int) -> None:
    """One that is not empty makes its line too long; the reject has the delimiter."""
    text = b'id,a\n1,x,\n2,"y",\n3,z\n4,u,v\n5,,\n6,\n7,w,\n'

    with patch.object(csv_records, "_LONG_RECORD", long):
        tables = await read_with(text, SourceHints())

    expected = [("1", "x"), ("2", "y"), ("3", "z"), ("5", ""), ("6", ""), ("7", "w")]
    assert expected == [texts for *_, texts in records(tables)]
    assert [b"4,u,v"] == [table.origin.data(place) for table in tables for place in table.refused]


async def test_quotes_that_are_part_of_cells_are_kept() -> None:
    """With --quote none: none opens a cell, closes one or spans lines."""
    text = b'id,a\n1,"x"\n"2,y\n3,""\n4,a"b\n'

    found = records(await read_with(text, SourceHints(quote="")))

    assert [("1", '"x"'), ('"2', "y"), ("3", '""'), ("4", 'a"b')] == [texts for *_, texts in found]


async def test_a_cell_of_many_lines_needs_a_few_times_its_size() -> None:
    """20 MB, with doubled quotes, in four times as much memory; the row behind it is read."""
    cell = b'some ""quoted"" text\n' * 1_000_000
    data = b'id,a\n1,"' + cell + b'"\n2,x\n'
    source_format = detect_format(data[:5], "t.csv", whole=True)
    stream = Stream(data[5:])
    sizes = []

    tracemalloc.start()
    try:
        async for table in CsvReader(stream, source_format, "t.csv", 1 << 18).records(source_format.begin):
            sizes += [len(str(record[1])) for record in table.records]
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert [len(cell) - 2_000_000, 1] == sizes
    assert most < 5 * len(cell)


class Stream:
    """Gives bytes without a copy of the rest."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    async def read(self, size: int) -> bytes:
        self._at += size
        return self._data[self._at - size : self._at]
