"""Rows of typed values (Parquet's) -> JSON, each value as the column that it goes to takes it. No I/O.

Decimals and 64-bit integers go out with all their digits, floats with as many as tell them apart. A value
that its column cannot hold as it is (a time of nanoseconds in a column of milliseconds) makes its row odd.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from itertools import chain
from json import dumps
from typing import Any

import msgspec
import polars as pl

from loader.errors import SourceError
from loader.formats.origin import on_one_line
from loader.formats.records import Objects
from loader.model import Place, Reason
from loader.pg_types import Holds, PgType, type_of

_LONGEST = 2**63 // 1000  # of milliseconds, as microseconds
_IN_MILLISECOND = {"ms": 1, "us": 1_000, "ns": 1_000_000}
_TEXTS = (pl.String, pl.Categorical, pl.Enum)
_DAY = {"ms": 86_400_000, "us": 86_400_000_000, "ns": 86_400_000_000_000}
_FIRST_DAY, _END_DAY = -719_162, 2_932_897  # of the years 1 to 9999, in days since 1970
_encode = msgspec.json.Encoder(decimal_format="number").encode
_decode = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode
_raw = msgspec.json.Decoder(msgspec.Raw)


class Frame:
    """Neighbouring rows of a file (portions.Typed), which are their own origin."""

    def __init__(self, start: Place, end: Place, frame: pl.DataFrame) -> None:
        self.start = start
        self.end = end
        self.columns = tuple(frame.columns)
        self._frame = frame
        self._types: Mapping[str, str] = {}
        self._inexact: frozenset[int] = frozenset()

    @property
    def origin(self) -> Frame:
        """Itself."""
        return self

    def data(self, index: int) -> bytes:
        """A row as JSON, as it was sent, or with all of its digits where it would have lost some.

        A reject file of them is a source in its turn.
        """
        types = {} if index in self._inexact else self._types
        return bytes(_objects(self._frame.slice(index, 1), types)[0][0])

    def line(self, index: int) -> int:
        """The number of a row, from 1."""
        return self.start.number + index

    def offset(self, _index: int) -> int:
        """Return 0: a row is at no place of its own."""
        return 0

    def objects(self, types: Mapping[str, str]) -> Objects:
        """The rows as JSON, each value as its column takes it (portions.Typed)."""
        self._types = types
        try:
            texts, odd = _objects(self._frame, types)
        except BaseException as error:
            # A panic of polars' Rust code is no Exception; within a list, Python knows no year beyond 9999.
            if type(error).__name__ != "PanicException" and not isinstance(error, ValueError | OverflowError):
                raise
            raise SourceError(
                f"rows {self.start.number:,} to {self.end.number - 1:,}: polars fails at a value: {error}",
                advice="Write it as text. Rows that were sent before are loaded.",
            ) from error
        self._inexact = frozenset(odd)
        return Objects(self.start, self.end, texts, self, odd)


def _objects(frame: pl.DataFrame, types: Mapping[str, str]) -> tuple[list[bytes], dict[int, Reason]]:
    odd: dict[int, Reason] = {}
    flat: list[pl.Expr] = []
    nested: list[str] = []
    for name, kind in frame.schema.items():
        wanted = type_of(types.get(name, ""))
        if kind.is_nested() or (isinstance(kind, _TEXTS) and Holds.JSON in wanted.holds):
            nested.append(name)
            continue
        column = pl.col(name)
        flat.append(_within(column, kind, wanted).alias(name))
        for inexact, message in chain(_beyond(column, kind, wanted), _inexact(column, kind, wanted)):
            for place in frame.select(inexact.arg_true()).to_series().to_list():
                odd.setdefault(place, Reason("not-exact", f"{name} {message}"))
    # As many objects as rows also where there is no flat column.
    texts = (
        frame.select(flat).write_ndjson().encode().split(b"\n")[: frame.height]
        if flat
        else [b"{}"] * frame.height
    )
    for name in nested:
        texts = _with_nested(texts, name, frame[name].to_list(), odd)
    return texts, odd


def _written(column: pl.Expr, kind: pl.DataType, wanted: PgType) -> pl.Expr:
    """A column as JSON writes it."""
    if isinstance(kind, pl.Datetime):
        return _timestamp(column, kind, wanted)
    if isinstance(kind, pl.Date):
        return (
            column.cast(pl.Datetime("ms")).dt.timestamp("ms")
            if Holds.MILLISECONDS in wanted.holds
            else column.cast(pl.String)
        )
    if isinstance(kind, pl.Time):
        return column.dt.to_string("%H:%M:%S%.9f")
    if isinstance(kind, pl.Duration):
        return pl.concat_str(column.dt.total_microseconds().cast(pl.String), pl.lit(" microseconds"))
    if isinstance(kind, pl.Binary):
        return pl.concat_str(pl.lit("\\x"), column.bin.encode("hex"))
    if kind.is_integer() or isinstance(kind, pl.Boolean | pl.Null | pl.String):
        return column
    if kind.is_float() and Holds.JSON in wanted.holds:
        return column
    return column.cast(pl.String)


def _timestamp(column: pl.Expr, kind: pl.Datetime, wanted: PgType) -> pl.Expr:
    """A timestamp: without a zone it counts as UTC, but in a column that has none either."""
    if Holds.MILLISECONDS in wanted.holds:
        return column.dt.timestamp("ms")
    if Holds.DAY in wanted.holds:
        return column.dt.replace_time_zone(None).cast(pl.String)
    if kind.time_zone is None and Holds.ZONE in wanted.holds:
        return pl.concat_str(column.cast(pl.String), pl.lit("+00:00"))
    if kind.time_zone is not None:
        utc = column.dt.convert_time_zone("UTC").dt.replace_time_zone(None)
        return pl.concat_str(utc.cast(pl.String), pl.lit("+00:00"))
    return column.cast(pl.String)


def _inexact(column: pl.Expr, kind: pl.DataType, wanted: PgType) -> Iterator[tuple[pl.Expr, str]]:
    """Where a value would lose something in its column, and what to say then."""
    if isinstance(kind, pl.Datetime) and Holds.MILLISECONDS in wanted.holds:
        part = _IN_MILLISECOND[kind.time_unit]
        if part > 1:
            yield (
                column.to_physical() % part != 0,
                "has a part of a millisecond, which the column cannot hold",
            )
    elif isinstance(kind, pl.Datetime | pl.Time | pl.Duration) and Holds.MICROSECONDS in wanted.holds:
        if isinstance(kind, pl.Time) or kind.time_unit == "ns":
            yield column.to_physical() % 1000 != 0, "has nanoseconds, which the column cannot hold"
        elif isinstance(kind, pl.Duration) and kind.time_unit == "ms":
            yield column.to_physical().abs() > _LONGEST, "is longer than its column can hold"
    elif isinstance(kind, pl.Binary) and Holds.BYTES not in wanted.holds:
        yield column.is_not_null(), f"holds bytes, and the column is {wanted.name}"
    elif isinstance(kind, pl.Datetime) and Holds.DAY in wanted.holds:
        yield column.dt.time() != pl.time(), "has a time of day, which the column cannot hold"
    elif kind.is_float() and Holds.JSON in wanted.holds:
        yield ~column.is_finite(), "is not a finite number"


def _beyond(column: pl.Expr, kind: pl.DataType, wanted: PgType) -> Iterator[tuple[pl.Expr, str]]:
    """Where a time is of a year that polars does not write as PostgreSQL reads it, and what to say then."""
    if (written := _is_written(column, kind)) is not None and Holds.MILLISECONDS not in wanted.holds:
        yield ~written, "is before the year 1, or after 9999: write such times as text"


def _within(column: pl.Expr, kind: pl.DataType, wanted: PgType) -> pl.Expr:
    """A column as JSON writes it; the times of other years, at some of which polars panics, as counts."""
    written = _is_written(column, kind)
    if written is None or Holds.MILLISECONDS in wanted.holds:
        return _written(column, kind, wanted)
    unit = "days" if isinstance(kind, pl.Date) else kind.time_unit  # type: ignore[attr-defined]
    count = pl.concat_str(column.to_physical().cast(pl.String), pl.lit(f" {unit} since 1970"))
    inside = pl.when(written).then(column)
    return pl.when(written | column.is_null()).then(_written(inside, kind, wanted)).otherwise(count)


def _is_written(column: pl.Expr, kind: pl.DataType) -> pl.Expr | None:
    """Whether a time is of the years 1 to 9999; None: all are."""
    day = 1 if isinstance(kind, pl.Date) else _DAY[kind.time_unit] if isinstance(kind, pl.Datetime) else None
    if day is None or day == _DAY["ns"]:  # 64 bits of nanoseconds reach no other year
        return None
    return column.to_physical().is_between(_FIRST_DAY * day, _END_DAY * day, closed="left")


def _with_nested(texts: list[bytes], name: str, values: list[Any], odd: dict[int, Reason]) -> list[bytes]:
    """The objects with one more value each: a list, an object, or a text that is JSON."""
    found = []
    for place, (text, value) in enumerate(zip(texts, values, strict=True)):
        json = b"null"
        if isinstance(value, str):
            try:
                json = on_one_line(bytes(_raw.decode(value)))
            except msgspec.DecodeError as error:
                json = _encode(value)
                odd.setdefault(place, Reason("not-json", f"{name} holds JSON, and this is none: {error}"))
        elif _is_finite(value):
            json = _encode(value)
        else:
            json = dumps(value, default=str).encode()  # NaN is no JSON: the row is refused again as it stands
            odd.setdefault(place, Reason("not-finite", f"{name} holds a number that is not finite"))
        found.append(_encode(_decode(text) | {name: msgspec.Raw(json)}))
    return found


def _is_finite(value: Any) -> bool:
    if isinstance(value, float):
        return math.isfinite(value)
    if isinstance(value, dict):
        return all(map(_is_finite, value.values()))
    return all(map(_is_finite, value)) if isinstance(value, list) else True


def unwritable(kind: pl.DataType, *, inner: bool = False) -> str:
    """What of a type cannot be written; empty: all can."""
    if isinstance(kind, pl.List | pl.Array):
        return unwritable(kind.inner, inner=True)  # type: ignore[arg-type]
    if isinstance(kind, pl.Struct):
        return next(filter(None, (unwritable(one.dtype, inner=True) for one in kind.fields)), "")  # type: ignore[arg-type]
    # A type may also be a class here, which is equal to its instances.
    if kind == pl.Object or (inner and any(kind == one for one in (pl.Binary, pl.Duration, pl.Time))):
        return str(kind)
    if inner and isinstance(kind, pl.Datetime) and kind.time_unit == "ns":
        return "nanoseconds within another value"
    return ""
