"""Which column a refusal is about: PostgreSQL names the value or the type only."""

# ruff: noqa: E501 - a row of a table is a line

from __future__ import annotations

import json
from typing import Any

import pytest

from loader.model import Place, Reason, Row
from loader.send.refused_value import with_column

TYPES = {
    "id": "integer",
    "n": "integer",
    "big": "bigint",
    "name": "text",
    "code": "character varying",
    "market": "core.market_enum",
    "price": "numeric",
    "amount": "numeric",
    "day": "date",
    "at": "timestamp with time zone",
    "local": "timestamp without time zone",
    "yes": "boolean",
    "key": "uuid",
    "tags": "integer[]",
    "data": "bytea",
    "other": "",
}


def reason(code: str, message: str, details: str | None = None) -> Reason:
    return Reason(code, message, details)


FIELD = "A field with precision 48, scale 18 must round to an absolute value less than 10^30."
# fmt: off
CASES: list[tuple[Reason, dict[str, Any], str | None]] = [
    # refusal                                                                              row                                          column
    (reason("22P02", 'invalid input syntax for type integer: "x"'),                        {"id": 1, "name": "x", "n": "x"},            "n"),
    (reason("22P02", 'invalid input syntax for type integer: "x"'),                        {"id": "x", "n": "x", "key": "x"},           "id, n"),
    (reason("22P02", 'invalid input syntax for type integer: ""'),                         {"id": 1, "name": "", "n": ""},              "n"),
    (reason("22P02", "ungültige Eingabesyntax für Typ integer: »x«"),                      {"id": 1, "name": "x", "n": "x"},            "n"),
    (reason("22P02", 'invalid input value for enum core.market_enum: "binance"'),          {"market": "binance", "name": "binance"},    "market"),
    (reason("22P02", 'invalid input value for enum market_enum: "binance"'),               {"market": "binance", "code": "binance"},    "market"),
    (reason("22P02", 'invalid input syntax for type uuid: "7"'),                           {"id": 7, "key": "7"},                       "key"),
    (reason("22P02", 'invalid input syntax for type boolean: "7"'),                        {"id": 7, "yes": 7},                         "yes"),
    (reason("22P02", 'invalid input syntax for type integer: "b"'),                        {"name": "b", "tags": "{1,b}"},              "tags"),
    (reason("22P02", 'malformed array literal: "plain"'),                                  {"name": "plain", "tags": "plain"},          "tags"),
    (reason("22P02", 'invalid input syntax for type point: "1"'),                          {"id": 1, "other": "1"},                     "other"),
    (reason("22003", 'value "99999999999" is out of range for type integer'),              {"n": 99999999999, "big": 99999999999},      "n"),
    (reason("22003", "numeric field overflow", FIELD),                                     {"price": "1e31", "amount": 1, "name": "1e40"}, "price"),
    (reason("22003", "numeric field overflow", FIELD),                                     {"price": "9" * 30 + ".9", "amount": 1},     "price"),
    (reason("22003", "numeric field overflow", FIELD),                                     {"price": 1, "amount": 1},                   None),
    (reason("22003", "value overflows numeric format"),                                    {"price": "1e200000", "amount": 1},          "price"),
    (reason("22007", 'invalid input syntax for type date: "soon"'),                        {"day": "soon", "at": "soon"},               "day"),
    (reason("22007", 'invalid input syntax for type timestamp with time zone: "soon"'),    {"local": "soon", "at": "soon"},             "at"),
    (reason("22007", 'invalid input syntax for type timestamp: "soon"'),                   {"local": "soon", "at": "now"},              "local"),
    (reason("22008", 'date/time field value out of range: "31/12/2024"'),                  {"day": "31/12/2024", "name": "31/12/2024"}, "day"),
    (reason("22001", "value too long for type character varying(3)"),                      {"code": "abcd", "id": 12345},               "code"),
    (reason("22023", 'invalid hexadecimal digit: "q"'),                                    {"data": "\\xqq", "name": "q"},              "data"),
    (reason("23502", 'null value in column "name" of relation "t" violates not-null constraint'), {"id": 1},                            "name"),
    (reason("23514", 'new row for relation "t" violates check constraint "c"'),            {"id": 1},                                   None),
    (reason("22P02", 'invalid input syntax for type integer: "from a trigger"'),           {"id": 1, "name": "x"},                      None),
]
# fmt: on


@pytest.mark.parametrize(("refusal", "fields", "column"), CASES)
def test_column(refusal: Reason, fields: dict[str, Any], column: str | None) -> None:
    """The column whose value and type the refusal speaks of; none where that is not sure."""
    row = Row(json.dumps(fields).encode(), None, Place(0, 1, 0, 1))

    named = with_column(refusal, row, TYPES)

    assert column == named.column


def test_message() -> None:
    """The column stands before the server's words."""
    row = Row(b'{"n":"x","id":"x"}', None, Place(0, 1, 0, 1))
    refusal = Reason("22P02", 'invalid input syntax for type integer: "x"')

    assert (
        'columns n, id: invalid input syntax for type integer: "x"'
        == with_column(refusal, row, TYPES).message
    )


def test_without_types() -> None:
    """The value alone tells, where the API tells no types."""
    row = Row(b'{"n":"x","id":1}', None, Place(0, 1, 0, 1))
    refusal = Reason("22P02", 'invalid input syntax for type integer: "x"')

    assert "n" == with_column(refusal, row, {}).column


def test_long_value() -> None:
    """A value is found by its beginning, where the words are cut off."""
    row = Row(json.dumps({"n": "x" * 5000}).encode(), None, Place(0, 1, 0, 1))
    refusal = Reason("22P02", f'invalid input syntax for type integer: "{"x" * 1900}...')

    assert "n" == with_column(refusal, row, TYPES).column
