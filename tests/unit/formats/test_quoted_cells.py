"""A quoted cell is told from a bare one where its text is a null token."""

from __future__ import annotations

import csv
import io
from unittest.mock import patch

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loader.formats import csv_records
from loader.formats.csv_records import CsvReader
from loader.formats.detect import detect_format
from loader.formats.source_hints import SourceHints
from tests.unit.formats.test_csv_records import Pieces

TOKENS = ("", "NA", 'a"b')
Cell = tuple[str, bool]  # its text, and whether it is quoted


async def read(data: bytes, delimiter: str, sizes: list[int], size: int) -> list[list[str | None]]:
    """Return the records, with None for each null."""
    source_format = detect_format(data, "t.csv", whole=True, hints=SourceHints(delimiter=delimiter))
    reader = CsvReader(
        Pieces(data[source_format.begin.offset :], sizes), source_format, "t.csv", size, TOKENS
    )
    return [
        [None if cell in TOKENS else table.quoted.get(str(cell), str(cell)) for cell in record]
        async for table in reader.records(source_format.begin)
        for place, record in enumerate(table.records)
        if place not in table.refused
    ]


def write(rows: list[list[Cell]], delimiter: str, newline: str) -> bytes:
    lines = (
        delimiter.join('"' + text.replace('"', '""') + '"' if quoted else text for text, quoted in row)
        for row in rows
    )
    return f"k{delimiter}a{delimiter}b{newline}{''.join(line + newline for line in lines)}".encode()


bare = st.text(st.sampled_from('aN\ue000 ä"'), max_size=3).filter(lambda text: not text.startswith('"'))
texts = st.one_of(st.sampled_from(TOKENS), st.text(st.sampled_from('a",;§\n\ue000N'), max_size=5))
cell = st.one_of(st.tuples(texts, st.just(True)), st.tuples(st.one_of(bare, st.just("NA")), st.just(False)))


@given(
    rows=st.lists(st.lists(cell, min_size=3, max_size=3), max_size=12),
    delimiter=st.sampled_from([",", ";", "§"]),
    newline=st.sampled_from(["\n", "\r\n"]),
    sizes=st.lists(st.integers(1, 40), min_size=1, max_size=4),
    size=st.integers(1, 100),
    long=st.sampled_from([1, 1 << 17]),
)
async def test_a_quoted_cell_is_never_null_and_a_bare_token_is(
    rows: list[list[Cell]], delimiter: str, newline: str, sizes: list[int], size: int, long: int
) -> None:
    """For any tokens, delimiters and pieces of bytes, also where texts look like placeholders."""
    rows = [[("x", False), *row[1:]] for row in rows]  # no line is blank
    expected = [[None if not quoted and text in TOKENS else text for text, quoted in row] for row in rows]

    with patch.object(csv_records, "_LONG_RECORD", long):
        assert expected == await read(write(rows, delimiter, newline), delimiter, sizes, size)


@pytest.mark.parametrize("quoting", [csv.QUOTE_MINIMAL, csv.QUOTE_ALL, csv.QUOTE_NONNUMERIC])
@given(rows=st.lists(st.lists(st.text(st.sampled_from('ab",\n\r ä'), max_size=4), min_size=3, max_size=3)))
async def test_what_python_writes_comes_back(quoting: int, rows: list[list[str]]) -> None:
    """An empty text is null where Python does not quote it."""
    file = io.StringIO(newline="")
    writer = csv.writer(file, quoting=quoting, lineterminator="\n")  # type: ignore[arg-type]
    writer.writerow(["k", "a", "b"])
    rows = [["x", *row[1:]] for row in rows]
    if quoting == csv.QUOTE_MINIMAL:
        rows = [[text.replace("\r", "") for text in row] for row in rows]
    writer.writerows(rows)
    empty = None if quoting == csv.QUOTE_MINIMAL else ""

    read_rows = await read(file.getvalue().encode(), ",", [1 << 20], 1 << 18)

    assert [[text or empty for text in row] for row in rows] == read_rows
