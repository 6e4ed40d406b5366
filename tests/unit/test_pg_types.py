"""The table of types: names, keys that may be equal, stored texts that may be the sent ones."""

from __future__ import annotations

import pytest

from loader.batch.key_equality import reader
from loader.pg_types import BY_ERROR_NAME, Holds, element_type, type_of
from loader.pg_values import ANY

NEW_YEAR = "2024-01-01T00:00:00+00:00"

# A column's format, as OpenAPI gives it, and its type's name.
NAMES = [
    ("bigint", "bigint"),
    ("numeric(48,18)", "numeric"),
    ("character varying(8)", "character varying"),
    ("core.market_enum", "market_enum"),
    ('core."My type"', "My type"),
    ("", ""),
    ("numeric(10,2)[]", "numeric(10,2)[]"),
]

# A type; texts of keys; the same where the type may hold them equal, ANY where it may equal others.
KEYS = [
    ("text", ["a", "a ", "A"], ["a", "a ", "A"]),
    ("core.market_enum", ["kraken"], ["kraken"]),
    ("bigint", ["7", "+7", " 007 ", "-7", "-0", "0", "0x1F"], ["7", "7", "7", "-7", "0", "0", ANY]),
    ("bigint", ["9007199254740993", "9007199254740992"], ["9007199254740993", "9007199254740992"]),
    ("numeric(48,18)", ["1", "1.0", "01.", "1.5", "1e0", "NaN"], ["1", "1", "1", ANY, ANY, ANY]),
    ("double precision", ["0.1", "1e-1", "-0", "x"], ["0.1", "0.1", "0.0", ANY]),
    ("real", ["0.1"], [ANY]),
    ("uuid", ["{A0EE-BC99}", "a0eebc99"], ["a0eebc99", "a0eebc99"]),
    ("citext", ["GRÖSSE", "größe"], ["grösse", "grösse"]),
    ("character(4)", ["a  ", "a", " a"], ["a", "a", " a"]),
    ("boolean", ["yes", "T", "on", "1", "no", "of", "0"], ["t", "t", "t", "t", "f", "f", "f"]),
    ("date", ["2024-01-02", "January 2, 2024"], ["2024-01-02", ANY]),
    ("timestamp with time zone", ["2024-01-01T01:00+01", "2024-01-01 00:00Z"], [NEW_YEAR] * 2),
    ("timestamp with time zone", ["2024-01-01 00:00", "2024-01-01Z", "0001-01-01 00:00+01"], [ANY, ANY, ANY]),
    ("timestamp without time zone", ["2024-01-01", "2024-01-01 00:00:00.000"], ["2024-01-01T00:00:00"] * 2),
    ("timestamp without time zone", ["2024-13-01", "now"], [ANY, ANY]),
    ("jsonb", ['{"a":1}'], [ANY]),
    ("text[]", ["{a}"], [ANY]),
    ("int4range", ["[1,2)"], [ANY]),
]  # fmt: skip

# A type, what is sent, what is stored, and whether the second may be the first.
STORED = [
    ("numeric(10,2)", "1.005", "1.01", True),
    ("numeric(10,2)", "1.005", "1.00", False),
    ("numeric", "1e3", "1000", True),
    ("numeric", "nan", "NaN", True),
    ("numeric", "NaN", "1", False),
    ("numeric", "1", "NaN", False),
    ("numeric", "-inf", "-Infinity", True),
    ("double precision", "nan", "NaN", True),
    ("double precision", "inf", "Infinity", True),
    ("double precision", "inf", "-Infinity", False),
    ("real", "nan", "NaN", True),
    ("bigint", " 7 ", "7", True),
    ("bigint", "9223372036854775807", "9223372036854775806", False),
    ("real", "16777217", "16777216", True),
    ("real", "0.1", "0.2", False),
    ("double precision", "1e-1", "0.1", True),
    ("text", "a", "b", False),
    ("character(4)", "a", "a   ", True),
    ("boolean", "yes", "true", True),
    ("boolean", "yes", "false", False),
    ("timestamp with time zone", "now", "2024-01-01T00:00:00+00:00", True),
    ("jsonb", '{"a": 1.0}', '{"a":1}', True),
    ("core.market_enum", "a", "b", True),
]

# A type, and what its columns hold.
HELD = [
    ("bigint", Holds.MILLISECONDS | Holds.NUMBER | Holds.WHOLE | Holds.NO_EMPTY),
    ("numeric(48,18)", Holds.MILLISECONDS | Holds.NUMBER | Holds.NAN | Holds.NO_EMPTY),
    ("double precision", Holds.NUMBER | Holds.NAN | Holds.NO_EMPTY),
    ("money", Holds.NUMBER | Holds.NO_EMPTY),
    ("numeric(48,18)[]", Holds.LIST | Holds.NO_EMPTY),
    ("ARRAY", Holds.LIST | Holds.NO_EMPTY),
    ("date", Holds.DAY | Holds.DATE | Holds.NO_EMPTY),
    ("timestamp with time zone", Holds.MICROSECONDS | Holds.DATE | Holds.ZONE | Holds.NO_EMPTY),
    ("interval", Holds.MICROSECONDS | Holds.NO_EMPTY),
    ("json", Holds.JSON | Holds.NO_EMPTY),
    ("jsonb", Holds.JSON | Holds.NO_EMPTY),
    ("int4range", Holds.NO_EMPTY),
    ("boolean", Holds.NO_EMPTY),
    ("text", Holds.NOTHING_SPECIAL),
    ("hstore", Holds.NOTHING_SPECIAL),
    ("bytea", Holds.BYTES),
    ("", Holds.BYTES),
    ("core.market_enum", Holds.NOTHING_SPECIAL),
]


@pytest.mark.parametrize(("column_format", "name"), NAMES)
def test_a_type_is_found_by_its_columns_format(column_format: str, name: str) -> None:
    """Without schema, length or quotes; an array is a type of its own."""
    assert name == type_of(column_format).name


@pytest.mark.parametrize(("column_format", "texts", "expected"), KEYS)
def test_keys_that_may_be_equal_are_read_as_one(
    column_format: str, texts: list[str], expected: list[str]
) -> None:
    """As the type compares them, or ANY; other keys stay apart."""
    assert expected == [type_of(column_format).read_key(text) for text in texts]


@pytest.mark.parametrize(("column_format", "sent", "stored", "expected"), STORED)
def test_only_a_sure_difference_is_one(column_format: str, sent: str, stored: str, expected: bool) -> None:
    """A stored text may be what the type made of the sent one."""
    assert expected is type_of(column_format).is_same(sent, stored)


@pytest.mark.parametrize(("column_format", "expected"), HELD)
def test_what_a_column_holds(column_format: str, expected: Holds) -> None:
    """Times, JSON, bytes, NaN, lists, an empty text."""
    assert expected is type_of(column_format).holds


def test_a_name_that_may_be_a_domains_is_ambiguous() -> None:
    """PostgREST tells the base type of a domain by names that are not."""
    ambiguous = ["core.market_enum", "citext", "point", "bigint", "numeric(48,18)", "x.d[]", "jsonb", ""]

    assert ["core.market_enum", "citext", "point"] == [name for name in ambiguous if type_of(name).ambiguous]


def test_errors_have_names_of_their_own_for_times() -> None:
    """The others are OpenAPI's."""
    others = {said: row.name for said, row in BY_ERROR_NAME.items() if said != row.name}

    assert {"timestamp": "timestamp without time zone", "time": "time without time zone"} == others


def test_an_array_tells_the_type_of_its_elements() -> None:
    """Also one of numbers with a scale."""
    assert ["numeric", "text"] == [element_type(name).name for name in ("numeric(48,18)[]", "text[]")]


def test_keys_of_texts_need_no_reader() -> None:
    """Also where the type is not told."""
    assert None is reader(("id",), {"id": "text"})
    assert None is reader(("id", "n"), {"id": "core.market_enum"})


def test_a_key_of_several_columns_is_read_by_column() -> None:
    """A null stays null; one part that may equal others makes the whole key so."""
    read = reader(("id", "n"), {"id": "citext", "n": "numeric"})

    assert read is not None
    assert [("a", "1"), ("a", None), ANY, None] == [
        read(("A", "1.0")),
        read(("A", None)),
        read(("A", "1.5")),
        read(None),
    ]
