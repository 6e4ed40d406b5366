"""Records -> rows: each value as it was, under the name that its column has in the table."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loader.errors import SettingsError, SourceUnfit
from loader.formats.json_fields import fields
from loader.formats.origin import Cell, DatabaseOrigin, ElementOrigin, LineOrigin
from loader.formats.records import Objects, Table
from loader.model import BEGIN, Block, Place, Reason, Reject
from loader.transform.cell_notation import CellNotation
from loader.transform.mapping import ColumnMapping
from loader.transform.null_tokens import NullTokens
from loader.transform.required_columns import RequiredColumns
from loader.transform.transform import Transformer


def table(columns: str, *records: tuple[Cell, ...], typeless: bool = True, **refused: Any) -> Table:
    lines = LineOrigin([f"line {number}\n".encode() for number in range(len(records))], BEGIN)
    end = BEGIN._replace(number=1 + len(records))
    return Table(BEGIN, end, tuple(columns.split()), records, lines, typeless=typeless, **refused)


def rows(converter: Transformer, portion: Any) -> list[str | tuple[int, str]]:
    """Each row's JSON, or the line and the code of a reject."""
    found: list[str | tuple[int, str]] = []
    for piece in converter.rows(portion):
        if isinstance(piece, Reject):
            found.append((piece.place.line, piece.reason.code))
        else:
            assert piece.data == b"".join(piece.lines).removesuffix(b"\n")
            found += [line.decode().removesuffix("\n") for line in piece.lines]
    return found


@given(
    st.lists(st.tuples(st.text(st.characters(codec="utf-8")), st.text(':",{}\\'), st.text("ab:")), min_size=1)
)
def test_a_cell_is_a_string_and_an_empty_one_null(cells: list[tuple[str, str, str]]) -> None:
    """Whatever is in it, quotes and colons too."""
    found = rows(Transformer(ColumnMapping(), {}), table("x a: b", *cells))

    expected = [
        {name: cell or None for name, cell in zip(("x", "a:", "b"), row, strict=True)} for row in cells
    ]
    assert expected == [json.loads(str(row)) for row in found]


# mapping, --null, the types of the target's columns, cells under a and b, what they become
TABLES: list[tuple[ColumnMapping, str, dict[str, str], tuple[Cell, Cell], str | tuple[int, str]]] = [
    (ColumnMapping(), "", {}, ("1.10", ""), '{"a":"1.10","b":null}'),
    (ColumnMapping(), "\\N", {}, ("", "\\N"), '{"a":"","b":null}'),
    (ColumnMapping(), ",", {}, (",", "x,"), '{"a":null,"b":"x,"}'),
    (ColumnMapping(renamed=(("c", "a"),)), "", {}, ("1", "2"), '{"b":"2","c":"1"}'),
    (ColumnMapping(renamed=(("a", "b"), ("b", "a"))), "", {}, ("1", "2"), '{"a":"2","b":"1"}'),
    (ColumnMapping(dropped=frozenset({"a"})), "", {}, ("1", "2"), '{"b":"2"}'),
    (ColumnMapping(constants=(("a", "x"), ("c", ""))), "", {}, ("1", "2"), '{"b":"2","a":"x","c":""}'),
    (ColumnMapping(), "", {"a": "jsonb"}, ('{"x": [1.10,\n"y"]}', "2"), '{"a":{"x": [1.10, "y"]},"b":"2"}'),
    (ColumnMapping(), "", {"a": "json"}, ("", "2"), '{"a":null,"b":"2"}'),
    (ColumnMapping(), "", {"a": "json"}, ("{", "2"), (1, "not-json")),
    (ColumnMapping(), "", {"a": "integer[]"}, ("{1,2}", "2"), '{"a":"{1,2}","b":"2"}'),
    (ColumnMapping(), "", {}, ("\udcff", "2"), (1, "not-utf8")),
]


@pytest.mark.parametrize(("mapping", "null", "types", "cells", "expected"), TABLES)
def test_cells_become_a_row(
    mapping: ColumnMapping,
    null: str,
    types: Mapping[str, str],
    cells: tuple[Cell, Cell],
    expected: str | tuple[int, str],
) -> None:
    """A cell that goes to a JSON column is JSON already; all others are strings for PostgreSQL to read."""
    converter = Transformer(mapping, types, notation=CellNotation(NullTokens(frozenset({null}))))

    assert [expected] == rows(converter, table("a b", cells))


# cells of SQLite under a and b, what they become
TYPED: list[tuple[tuple[Cell, Cell], str | tuple[int, str]]] = [
    ((9007199254740993, None), '{"a":9007199254740993,"b":null}'),
    (("", 0.1), '{"a":"","b":0.1}'),
    ((b"\x00\xff", -(2**63)), '{"a":"\\\\x00ff","b":-9223372036854775808}'),
    ((float("inf"), float("-inf")), '{"a":"Infinity","b":"-Infinity"}'),
    (("\udcff", 1), (1, "not-utf8")),
]


@pytest.mark.parametrize(("cells", "expected"), TYPED)
def test_values_of_a_database_become_a_row(cells: tuple[Cell, Cell], expected: str | tuple[int, str]) -> None:
    """Numbers as they are, an empty text is one, and bytes are written as bytea is."""
    assert [expected] == rows(Transformer(ColumnMapping(), {}), table("a b", cells, typeless=False))


def test_a_constant_for_a_json_column_is_json() -> None:
    """Whatever the source is; what is none is told before a row is sent."""
    converter = Transformer(ColumnMapping(constants=(("j", '{"k": 1.10}'),)), {"j": "jsonb"})

    assert ['{"a":"1","j":{"k": 1.10}}'] == rows(converter, table("a", ("1",)))
    with pytest.raises(SettingsError, match="--set j=nope: j holds JSON, and this is none"):
        Transformer(ColumnMapping(constants=(("j", "nope"),)), {"j": "json"})


def test_records_between_rows_keep_their_places() -> None:
    """What is no row is rejected with its line, or is nothing; the others keep their numbers."""
    refused = {1: Reason("short-line", ""), 3: None}
    found = list(
        Transformer(ColumnMapping(), {}).rows(table("a", ("0",), (), ("2",), (), ("4",), refused=refused))
    )

    assert [(1, 0), "2: line 1", (3, 2), (5, 4)] == [
        f"{piece.place.number}: {piece.data.decode()}"
        if isinstance(piece, Reject)
        else (piece.start.number, piece.at)
        for piece in found
    ]


def test_objects_keep_the_bytes_of_their_values() -> None:
    """Also under another name, and where a constant joins them."""
    texts = [b'{"id": 1.10, "a": {"x" : 1e400}}', b"", b"{", b'{"id":2}']
    portion = Objects(
        BEGIN, BEGIN._replace(number=5), texts, ElementOrigin(texts, [1, 2, 3, 4], [0, 1, 2, 3])
    )
    mapping = ColumnMapping(renamed=(("key", "id"),), constants=(("c", "x"),))

    assert ['{"c":"x","a":{"x" : 1e400},"key":1.10}', (3, "not-json"), '{"c":"x","key":2}'] == rows(
        Transformer(mapping, {}), portion
    )
    assert [text.decode() for text in texts if text] == rows(Transformer(ColumnMapping(), {}), portion)


def test_lines_that_are_written_as_they_are_pass_untouched() -> None:
    """The block itself is given, not one like it."""
    block = Block(Place(0, 1, 0, 1), b'{"id":1}', [b'{"id":1}\n'])

    (found,) = Transformer(ColumnMapping(), {}).rows(block)

    assert block is found


def test_a_row_of_a_database_is_a_source_for_a_next_load() -> None:
    """Rejected, it is JSON with the source's own columns."""
    origin = DatabaseOrigin(5, ("id", "a"), [("x", b"\x01"), (1, None)])

    assert (b'{"id":"x","a":"\\\\x01"}', b'{"id":1,"a":null}', 6) == (
        origin.data(0),
        origin.data(1),
        origin.line(1),
    )


def test_a_table_without_the_columns_of_the_mapping_is_refused() -> None:
    """With those that it has."""
    with pytest.raises(SourceUnfit, match=r"^t lacks x, y\nIt has a, b\."):
        RequiredColumns(MAPPED, preset=None).refuse("t", ["a", "b"])


MAPPED = ColumnMapping(renamed=(("c", "x"),), dropped=frozenset({"y"}))

# DatabaseOrigin of JSON, the names that none of them has
SPARSE: list[tuple[bytes, list[str]]] = [
    (b'{"a":1}\n{"b":1}\n', ["x", "y"]),
    (b'{"a":1}\n{"x":1}\n{\n', ["y"]),
    (b'{"y":1}\n{"a":1,"x":1}\n', []),
    (b'{"a"\n', []),  # no row, which could have had one
]


@pytest.mark.parametrize(("data", "unseen"), SPARSE)
def test_rows_of_json_may_lack_columns_of_the_mapping(data: bytes, unseen: list[str]) -> None:
    """Unless all of them do; rows that come later may have them."""
    required = RequiredColumns(MAPPED, preset=None)
    for row in map(fields, data.splitlines()):
        if isinstance(row, dict):
            required.see(row)

    assert unseen == required.unseen
    if unseen:
        with pytest.raises(SourceUnfit, match=rf"^t lacks {', '.join(unseen)}\nIt has a"):
            required.refuse_unseen("t")
    rows(Transformer(MAPPED, {}, required=required), Block(BEGIN, b"", [b'{"x":1,"y":2}\n']))
    assert [] == required.unseen
