"""Parquet's values become JSON as their target columns expect it, and none loses anything."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from loader.errors import SourceError, SourceUnfit
from loader.formats.parquet import ParquetReader
from loader.formats.parquet_nested import unwritable
from loader.formats.parquet_values import TypedRows
from loader.model import BEGIN

TIME = dt.datetime(2024, 3, 19, 19, 43, 31, 679800)  # noqa: DTZ001 - Parquet has such
MIDNIGHT = TIME.replace(hour=0, minute=0, second=0, microsecond=0)
BERLIN = pl.Datetime("us", "Europe/Berlin")


def written(values: list[Any], kind: Any, wanted: str) -> tuple[list[str], dict[int, str]]:
    """Return a column's values as JSON, without the objects around them, and the refused rows."""
    frame = pl.DataFrame({"x": pl.Series(values, dtype=kind)})
    found = TypedRows(BEGIN, BEGIN, frame).objects({"x": wanted})
    texts = [text.decode().removeprefix('{"x":').removesuffix("}") for text in found.texts]
    return texts, {place: reason.code for place, reason in found.refused.items()}


# values, their type, the type of the target column, JSON
VALUES: list[tuple[list[Any], Any, str, list[str]]] = [
    ([2**63 - 1, -(2**63), None], pl.Int64, "bigint", [str(2**63 - 1), str(-(2**63)), "null"]),
    ([2**64 - 1], pl.UInt64, "numeric", ["18446744073709551615"]),
    ([2**100], pl.Int128, "numeric", [str(2**100)]),
    ([Decimal("1.10"), Decimal(-1) / 10**18, None], pl.Decimal(38, 18), "numeric(48,18)",
     ['"1.100000000000000000"', '"-0.000000000000000001"', "null"]),
    ([Decimal("9" * 38)], pl.Decimal(38, 0), "numeric", [f'"{"9" * 38}"']),
    ([0.1, 1e22, 5e-324, float("nan"), float("inf")], pl.Float64, "double precision",
     ['"0.1"', '"1e+22"', '"5e-324"', '"NaN"', '"inf"']),
    ([0.1], pl.Float32, "real", ['"0.1"']),
    ([1.5, None], pl.Float64, "jsonb", ["1.5", "null"]),
    ([1.0, -0.0, 2.0**62, -(2.0**63), 2.0**53 + 2, None], pl.Float64, "bigint",
     ["1", "0", str(2**62), str(-(2**63)), str(2**53 + 2), "null"]),
    ([1.0, None, 3.0], pl.Float32, "smallint", ["1", "null", "3"]),
    ([Decimal("1.00"), Decimal("-20.00"), None], pl.Decimal(10, 2), "integer", ['"1"', '"-20"', "null"]),
    ([Decimal(100)], pl.Decimal(38, 0), "bigint", ['"100"']),
    ([float("nan"), float("-inf")], pl.Float64, "numeric", ['"NaN"', '"-inf"']),
    ([[0.1, float("nan"), float("-inf"), None]], pl.List(pl.Float64), "double precision[]",
     ['[0.1,"nan","-inf",null]']),
    ([[[1.0], [2.0]]], pl.List(pl.List(pl.Float64)), "integer[]", ["[[1],[2]]"]),
    (['["a","b"]', "{a,b}", "[0:1]={1,2}", "{}", None], pl.String, "text[]",
     ['["a","b"]', '"{a,b}"', '"[0:1]={1,2}"', '"{}"', "null"]),
    ([True, False, None], pl.Boolean, "boolean", ["true", "false", "null"]),
    (['a"\n', ""], pl.String, "text", ['"a\\"\\n"', '""']),
    (["b"], pl.Categorical, "market_enum", ['"b"']),
    (['{"a": 1.10}'], pl.Categorical, "jsonb", ['{"a": 1.10}']),
    (["[1]"], pl.Enum(["[1]"]), "json", ["[1]"]),
    ([b"\x00\xff"], pl.Binary, "bytea", ['"\\\\x00ff"']),
    ([None], pl.Null, "text", ["null"]),
    ([TIME], pl.Datetime("us"), "timestamp without time zone", ['"2024-03-19 19:43:31.679800"']),
    ([TIME], pl.Datetime("us"), "", ['"2024-03-19 19:43:31.679800"']),
    ([TIME], BERLIN, "timestamp with time zone", ['"2024-03-19 19:43:31.679800+00:00"']),
    ([TIME.replace(microsecond=679000), None], pl.Datetime("us"), "bigint", ["1710877411679", "null"]),
    ([TIME.replace(microsecond=679000)], pl.Datetime("ns"), "bigint", ["1710877411679"]),
    ([TIME.replace(microsecond=679000)], BERLIN, "numeric", ["1710877411679"]),
    ([dt.datetime(1969, 12, 31, 23, 59, 59, 999000)], pl.Datetime("us"), "bigint", ["-1"]),  # noqa: DTZ001
    ([MIDNIGHT], pl.Datetime("ms"), "date", ['"2024-03-19 00:00:00.000"']),
    ([dt.date(2024, 3, 19)], pl.Date, "date", ['"2024-03-19"']),
    ([dt.date(1970, 1, 2)], pl.Date, "bigint", ["86400000"]),
    ([dt.time(1, 2, 3, 4)], pl.Time, "time without time zone", ['"01:02:03.000004000"']),
    ([dt.timedelta(days=-1, microseconds=5)], pl.Duration("us"), "interval", ['"-86399999995 microseconds"']),
    ([[1, None], None, []], pl.List(pl.Int64), "bigint[]", ["[1,null]", "null", "[]"]),
    ([{"a": Decimal("1.10"), "b": ["x"]}],
     pl.Struct({"a": pl.Decimal(10, 2), "b": pl.List(pl.String)}), "jsonb",
     ['{"a":1.10,"b":["x"]}']),
]  # fmt: skip


@pytest.mark.parametrize(("values", "kind", "wanted", "expected"), VALUES)
def test_a_value_is_written_as_its_column_takes_it(
    values: list[Any], kind: Any, wanted: str, expected: list[str]
) -> None:
    """No digit is lost; a time becomes milliseconds in a column of integers."""
    assert (expected, {}) == written(values, kind, wanted)


# values, their type, the type of the target column, the refused rows and why
LOSSES: list[tuple[list[Any], Any, str, dict[int, str]]] = [
    ([TIME, None, TIME.replace(microsecond=1000)], pl.Datetime("us"), "bigint", {0: "not-exact"}),
    ([1, 1000], pl.Datetime("ns"), "timestamp with time zone", {0: "not-exact"}),
    ([1, 1000], pl.Time, "time without time zone", {0: "not-exact"}),
    ([1, 1000], pl.Duration("ns"), "interval", {0: "not-exact"}),
    ([TIME, MIDNIGHT], pl.Datetime("us"), "date", {0: "not-exact"}),
    ([-719_163, -719_162, 2_932_896, 2_932_897, None], pl.Date, "date", {0: "not-exact", 3: "not-exact"}),
    ([-62_135_596_800_001, -62_135_596_800_000, 253_402_300_799_999, 253_402_300_800_000], pl.Datetime("ms"),
     "timestamp without time zone", {0: "not-exact", 3: "not-exact"}),
    ([253_402_300_799_999_999, 253_402_300_800_000_000], BERLIN, "", {1: "not-exact"}),
    ([1.0, 1.5, float("nan"), float("inf"), 2.0**63, -1e30, None], pl.Float64, "bigint",
     {1: "not-exact", 2: "not-exact", 3: "not-exact", 4: "not-exact", 5: "not-exact"}),
    ([Decimal("1.50"), Decimal("1.00")], pl.Decimal(10, 2), "integer", {0: "not-exact"}),
    ([1.0, float("nan"), float("-inf")], pl.Float64, "jsonb", {1: "not-exact", 2: "not-exact"}),
    ([[1.0], [float("nan")]], pl.List(pl.Float64), "jsonb", {1: "not-finite"}),
]  # fmt: skip


@pytest.mark.parametrize(("values", "kind", "wanted", "expected"), LOSSES)
def test_a_value_that_would_lose_something_is_refused(
    values: list[Any], kind: Any, wanted: str, expected: dict[int, str]
) -> None:
    """PostgreSQL would round it, or drop a part of it, without an error."""
    assert expected == written(values, kind, wanted)[1]


def test_a_row_that_would_lose_something_is_kept_whole() -> None:
    """It has all its digits in the reject file; a row that the server refuses is there as it was sent."""
    frame = pl.DataFrame({"x": pl.Series([TIME, MIDNIGHT], dtype=pl.Datetime("us"))})
    portion = TypedRows(BEGIN, BEGIN, frame)

    assert [0] == list(portion.objects({"x": "bigint"}).refused)
    assert b'{"x":"2024-03-19 19:43:31.679800"}' == portion.data(0)
    assert b'{"x":1710806400000}' == portion.data(1)


def test_columns_that_cannot_be_written_are_told() -> None:
    """No column accepts bytes within a list, in any form."""
    assert "" == unwritable(pl.List(pl.Int64))
    assert "Binary" == unwritable(pl.List(pl.Binary))
    assert "Time" == unwritable(pl.Struct({"a": pl.List(pl.Time)}))


async def test_a_file_is_read_from_any_row(tmp_path: Path) -> None:
    """In pieces, whatever its row groups are; a row is identified by its number."""
    pl.DataFrame({"id": range(10_001)}).write_parquet(tmp_path / "t.parquet", row_group_size=3000)

    start = BEGIN._replace(number=4999)
    found = [one async for one in ParquetReader(tmp_path / "t.parquet", "t").records(start)]

    assert (4999, 10_002) == (found[0].start.number, found[-1].end.number)
    assert [f'{{"id":{number}}}'.encode() for number in range(4998, 10_001)] == [
        text for one in found for text in one.objects({}).texts
    ]
    assert (5000, b'{"id":4999}') == (found[0].origin.line(1), found[0].origin.data(1))


async def test_a_type_that_cannot_be_written_is_told_before_a_row(tmp_path: Path) -> None:
    """With the column's name."""
    pl.DataFrame({"id": [1], "x": [[b"a"]]}).write_parquet(tmp_path / "t.parquet")

    with pytest.raises(SourceUnfit, match=r"t: column x is of type List\(Binary\), and Binary cannot"):
        await anext(ParquetReader(tmp_path / "t.parquet", "t").records(BEGIN))


@pytest.mark.parametrize(
    "wanted", ["", "text", "date", "timestamp without time zone", "timestamp with time zone"]
)
@pytest.mark.parametrize(
    ("value", "kind", "text"),
    [
        (2**63 // 1000, pl.Datetime("ms"), "9223372036854775 ms since 1970"),
        (-(2**62), pl.Datetime("us", "Europe/Berlin"), "-4611686018427387904 us since 1970"),
        (2**31 - 1, pl.Date, "2147483647 days since 1970"),
    ],
)
def test_times_of_no_year_are_refused_and_kept(value: int, kind: Any, text: str, wanted: str) -> None:
    """Polars would panic; the reject file has them as numbers, which no column of times accepts."""
    whole = pl.Int32 if kind == pl.Date else pl.Int64
    portion = TypedRows(BEGIN, BEGIN, pl.DataFrame({"x": pl.Series([value, None], dtype=whole).cast(kind)}))

    assert [0] == list(portion.objects({"x": wanted}).refused)
    assert (f'{{"x":"{text}"}}', '{"x":null}') == (portion.data(0).decode(), portion.data(1).decode())


def test_numbers_that_are_none_stay_in_the_reject_file() -> None:
    """As words that are not JSON, so that the row is refused again until it is mended."""
    portion = TypedRows(BEGIN, BEGIN, pl.DataFrame({"x": [{"a": float("nan"), "b": [1.5, float("inf")]}]}))

    assert [0] == list(portion.objects({"x": "json"}).refused)
    assert b'{"x":{"a": NaN, "b": [1.5, Infinity]}}' == portion.data(0)


def test_far_times_within_lists_are_told() -> None:
    """Neither polars nor Python can write them: the load stops, and names the rows between which they are."""
    far = pl.Series("x", [[2**62]], dtype=pl.List(pl.Int64)).cast(pl.List(pl.Datetime("us")))

    with pytest.raises(SourceError, match="rows 1 to 1: polars cannot write a value"):
        TypedRows(BEGIN, BEGIN._replace(number=2), pl.DataFrame({"x": far})).objects({})
