"""Cells -> values: nulls, quoted texts, and what a type makes of a text."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loader.errors import SourceUnfit
from loader.formats.origin import LineOrigin
from loader.formats.records import Table, cell_of
from loader.model import BEGIN, Reason
from loader.settings.values import parse_null
from loader.transform.cell_dates import date_reader
from loader.transform.cell_notation import CellNotation
from loader.transform.cell_numbers import number_reader, whole_number
from loader.transform.cells import Cells
from loader.transform.mapping import ColumnMapping
from loader.transform.null_tokens import NullTokens
from loader.transform.record_texts import record_texts

PLACEHOLDERS = {"\ue000": "", "\ue001": "NA", "\ue002": "1.0"}
NOTHING = ColumnMapping()


def table(columns: str, *records: tuple[str, ...], quoted: Mapping[str, str] = PLACEHOLDERS) -> Table:
    lines = LineOrigin([b"\n"] * len(records), BEGIN)
    end = BEGIN._replace(number=1 + len(records))
    return Table(BEGIN, end, tuple(columns.split()), records, lines, typeless=True, quoted=quoted)


def nulls(*options: str) -> CellNotation:
    """Return the notation that --null gives."""
    return CellNotation(NullTokens.of(map(parse_null, options)))


def first_row(cells: Cells, record: tuple[str, ...]) -> str | list[tuple[int, str]]:
    """The row that a record makes, or why it makes none."""
    lines, odd = cells.rows(table("a b", record))
    reasons = [(place, reason.code) for place, reason in odd.items() if reason is not None]
    return reasons or lines[0].decode().removesuffix("\n")


# --null, types, whether all cells are quoted, cells under a and b, what they become
NULLS: list[tuple[list[str], dict[str, str], bool, tuple[str, str], str]] = [
    ([], {}, False, ("", "\ue000"), '{"a":null,"b":""}'),
    ([], {"b": "text"}, True, ("x", "\ue000"), '{"a":"x","b":""}'),
    ([], {"b": "core.mood"}, True, ("x", "\ue000"), '{"a":"x","b":""}'),
    ([], {"b": "integer"}, False, ("x", "\ue000"), '{"a":"x","b":""}'),
    ([], {"b": "integer"}, True, ("\ue000", "\ue000"), '{"a":"","b":null}'),
    ([], {"b": "date", "a": "uuid"}, True, ("\ue000", "\ue000"), '{"a":null,"b":null}'),
    ([], {"b": "jsonb", "a": "text[]"}, True, ("\ue000", "\ue000"), '{"a":null,"b":null}'),
    ([], {"b": "boolean", "a": "bytea"}, True, ("\ue000", "\ue000"), '{"a":"","b":null}'),
    (["NA"], {"b": "integer"}, True, ("", ""), '{"a":"","b":null}'),
    (["NA"], {}, False, ("NA", "\ue001"), '{"a":null,"b":"NA"}'),
    (["NA"], {}, False, ("", "NA,"), '{"a":"","b":"NA,"}'),
    (["NA", ""], {}, False, ("NA", ""), '{"a":null,"b":null}'),
    (["a=NA"], {}, False, ("NA", "NA"), '{"a":null,"b":"NA"}'),
    (["a=NA"], {}, False, ("\ue001", ""), '{"a":"NA","b":null}'),
    (["b=NA", "-"], {}, False, ("-", "NA"), '{"a":null,"b":null}'),
    (["1.0"], {"a": "integer", "b": "integer"}, False, ("1.0", "\ue002"), '{"a":null,"b":1}'),
    (["1"], {"a": "integer", "b": "integer"}, False, ("1.0", "1"), '{"a":1,"b":null}'),
    (["NA"], {"a": "jsonb"}, False, ('{"x":"NA","b":""}', "NA"), '{"a":{"x":"NA","b":""},"b":null}'),
    ([], {"a": "jsonb[]"}, False, ('[{"x":""}]', ""), '{"a":[{"x":""}],"b":null}'),
    (["b=x"], {"a": "jsonb"}, False, ('{"b":"x"}', "x"), '{"a":{"b":"x"},"b":null}'),
]


@pytest.mark.parametrize(("options", "types", "all_quoted", "record", "expected"), NULLS)
def test_only_a_bare_cell_is_null(
    options: list[str], types: dict[str, str], all_quoted: bool, record: tuple[str, str], expected: str
) -> None:
    """What stood in quotes is a text, but an empty one where all cells are quoted and the type has none."""
    cells = Cells(("a", "b"), NOTHING, types, nulls(*options), all_quoted=all_quoted)

    assert expected == first_row(cells, record)


def test_a_constant_is_never_null() -> None:
    """Nor is it a placeholder, whatever it looks like."""
    for text in ("NA", "\ue000"):
        cells = Cells(("a", "b"), ColumnMapping(constants=(("c", text),)), {}, nulls("NA"))

        expected = {"a": None, "b": "", "c": text}
        assert expected == json.loads(str(first_row(cells, ("NA", "\ue000"))))


@pytest.mark.parametrize("name", ['a"', 'x"a', "a:"])
def test_a_columns_name_may_hold_quotes(name: str) -> None:
    """And nulls are found in it, and in no other."""
    notation = CellNotation(NullTokens(by_column={"a": frozenset({"NA"})}))
    cells = Cells((name, "a"), NOTHING, {}, notation)

    lines, _ = cells.rows(
        Table(BEGIN, BEGIN, (name, "a"), [("NA", "NA")], LineOrigin([], BEGIN), typeless=True)
    )
    assert {name: "NA", "a": None} == json.loads(lines[0])


TEXTS = st.sampled_from(
    ["", "NA", "\ue000", "\ue001", "\ue002", '"', ':"NA"', ':""', "1.0", "2", "\\", '"a":"NA"']
)


@given(
    records=st.lists(st.tuples(TEXTS, TEXTS), min_size=1),
    options=st.lists(st.sampled_from(["", "NA", "a=1.0", "b=NA", '"', "\\"]), unique=True),
    types=st.sampled_from([{}, {"a": "integer"}, {"b": "integer"}, {"a": "numeric"}]),
    all_quoted=st.booleans(),
)
def test_rows_made_at_once_are_as_if_made_cell_by_cell(
    records: list[tuple[str, str]], options: list[str], types: dict[str, str], all_quoted: bool
) -> None:
    """Whatever the cells hold, and the names of columns."""
    notation = nulls(*options)
    lines, odd = Cells(("a", "b"), NOTHING, types, notation, all_quoted=all_quoted).rows(
        table("a b", *records)
    )

    def value(name: str, cell: str) -> Any:
        told = types.get(name)
        if cell in notation.nulls.of_column(name):
            return None
        text = PLACEHOLDERS.get(cell, cell)
        if not text:
            return None if all_quoted and told else ""
        return 1 if (told, text) == ("integer", "1.0") else text

    expected = [dict(zip("ab", map(value, "ab", record), strict=True)) for record in records]
    assert {} == odd
    # Whether an integer goes as a number or as a text makes no difference to the server.
    assert [{name: str(cell) for name, cell in row.items()} for row in expected] == [
        {name: str(cell) for name, cell in json.loads(line).items()} for line in lines
    ]


def test_a_preset_sees_texts_and_nulls() -> None:
    """It knows no types: an empty text is null for it, in quotes too."""
    records = table("a b", ("\ue001", "\ue000"), ("NA", "x"))

    assert [{"a": "NA", "b": None}, {"a": None, "b": "x"}] == list(
        record_texts(records, nulls("NA", "").nulls)
    )
    assert "NA" == cell_of(records, "a", 0)


def test_a_null_for_a_column_that_is_not_there_is_refused() -> None:
    """Texts would be stored where nulls were meant."""
    NullTokens.of([("a", "NA")]).check_columns("t", ("a", "b"))
    with pytest.raises(SourceUnfit, match=r"^t lacks q, which --null names\nIt has a, b\."):
        NullTokens.of([("q", "NA")]).check_columns("t", ("a", "b"))


# A text, and the whole number that it is; None: it is none, exactly.
WHOLE: list[tuple[str, int | str | None]] = [
    ("1", 1),
    ("1.0", 1),
    (" -1.00 ", -1),
    ("+7.", 7),
    ("2.5e3", 2500),
    ("1e3", 1000),
    ("1E+3", 1000),
    ("1200e-2", 12),
    ("0.05e2", 5),
    ("-0.0", 0),
    ("0e999999", 0),
    (".0", 0),
    ("9223372036854775807.0", 2**63 - 1),
    ("-9223372036854775808.0", -(2**63)),
    ("9007199254740993.0", 2**53 + 1),
    ("1.2345678901234568e+18", 1234567890123456800),
    ("1.5", None),
    ("-0.1", None),
    ("1e-1", None),
    ("1e-999999", None),
    ("1.0000000000000000001", None),
    ("1e19", None),
    ("1e999999", None),
    ("12345678901234567890", "12345678901234567890"),
    ("9" * 5000, "9" * 5000),
    ("", ""),
    (".", "."),
    ("e5", "e5"),
    ("NaN", "NaN"),
    ("1.0.0", "1.0.0"),
    ("1,0", "1,0"),
    ("0x1F", "0x1F"),
    ("\u0661.0", "\u0661.0"),  # an Arabic digit
]


@pytest.mark.parametrize(("text", "expected"), WHOLE)
def test_a_whole_number_may_be_written_as_a_float(text: str, expected: int | str | None) -> None:
    """To its last digit; what is no number at all is left to the server."""
    number = whole_number("n", text)

    if expected is None:
        assert isinstance(number, Reason)
        assert ("not-exact", True) == (number.code, number.message.startswith(f"n is {text}, "))
    else:
        assert expected == number


# --decimal, --thousands, a text, and what is sent for it; None: it is refused.
NUMBERS: list[tuple[str, str | None, str, str | None]] = [
    (",", None, "12,50", "12.50"),
    (",", None, "1.234,50", "1234.50"),
    (",", None, "1.234.567", "1234567"),
    (",", None, "1 234,5", "1234.5"),
    (",", None, "1\u202f234", "1234"),
    (",", None, "1'234", "1234"),
    (",", None, "-1,5e-3", "-1.5e-3"),
    (",", None, " +,5 ", "+.5"),
    (",", None, "5,", "5"),
    (",", None, "12", "12"),
    (",", None, "1e5", "1e5"),
    (",", None, "NaN", "NaN"),
    (",", None, "x.y", "x.y"),
    (",", None, "1.234", None),
    (",", None, "12.50", None),
    (",", None, "1.2345,0", None),
    (",", None, "1,234.50", None),
    (",", None, "1.234'567,0", None),
    (",", None, "1234.567,0", None),
    (",", None, "1,5,5", None),
    (",", None, "12,50 EUR", None),
    (",", ".", "1.234", "1234"),
    (",", ".", "1 234", "1 234"),
    (".", ",", "1,234,567.50", "1234567.50"),
    (".", ",", "1,234", "1234"),
    (".", ",", "12.5", "12.5"),
    (".", ",", "12,50", None),
    (".", " ", "1\u00a0234.5", "1234.5"),
    (".", "'", "1\u2019234", "1234"),
    (".", "_", "1_234", "1234"),
    (".", "_", "1_2", None),
]


@pytest.mark.parametrize(("decimal", "thousands", "text", "expected"), NUMBERS)
def test_a_number_is_read_in_one_way_or_refused(
    decimal: str, thousands: str | None, text: str, expected: str | None
) -> None:
    """Its digits are kept; what may be two numbers is none; the server refuses what is none at all."""
    number = number_reader(decimal, thousands)("n", text)

    assert expected == (None if isinstance(number, Reason) else number)
    if isinstance(number, Reason):
        assert ("not-a-number", True) == (number.code, number.message.startswith(f"n is {text!r}"))


# --date-order, a text, and what is sent for it; None: it is refused.
DATES: list[tuple[str, str, str | None]] = [
    ("dmy", "03/04/2024", "2024-04-03"),
    ("mdy", "03/04/2024", "2024-03-04"),
    ("ymd", "24/03/04", "2024-03-04"),
    ("dmy", " 3.4.24", "2024-04-03"),
    ("dmy", "1-1-69", "2069-01-01"),
    ("dmy", "1-1-70", "1970-01-01"),
    ("dmy", "31/12/2024 23:59:59.5+02", "2024-12-31 23:59:59.5+02"),
    ("dmy", "31/12/2024T10:00Z", "2024-12-31T10:00Z"),
    ("dmy", "31/12/2024, 10:00", "2024-12-31 10:00"),
    ("dmy", "15/3/0044 BC", "0044-03-15 BC"),
    ("dmy", "311224", "2024-12-31"),
    ("dmy", "2024-03-04", "2024-03-04"),
    ("dmy", "2024/03/04 10:00", "2024/03/04 10:00"),
    ("dmy", "20240304", "20240304"),
    ("dmy", "5 Jan 2024", "5 Jan 2024"),
    ("dmy", "infinity", "infinity"),
    ("dmy", "", ""),
    ("dmy", "29/02/2024", "2024-02-29"),
    ("dmy", "29/02/2023", None),
    ("dmy", "12/31/2024", None),
    ("mdy", "31/12/2024", None),
    ("ymd", "03/04/2024", None),
    ("dmy", "31/12-2024", None),
    ("dmy", "1/2/3/4", None),
    ("dmy", "1-2-2024-05", None),
    ("dmy", "991399", None),
    ("dmy", "1/2/0000", None),
]


@pytest.mark.parametrize(("order", "text", "expected"), DATES)
def test_a_date_is_read_in_the_order_that_is_told_or_refused(
    order: str, text: str, expected: str | None
) -> None:
    """It goes in ISO 8601; what can be read in one way only goes as it is."""
    day = date_reader(order)("d", text)

    assert expected == (None if isinstance(day, Reason) else day)
    if isinstance(day, Reason):
        assert ("not-a-date", f"d is {text!r}, which is no date with --date-order {order}") == (
            day.code,
            day.message,
        )
