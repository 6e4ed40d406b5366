"""Write rows of typed values (Parquet's) as JSON, each value as its target column expects it. No I/O.

Decimals and 64-bit integers are written with all their digits, floats with the fewest that identify them. If
a column cannot hold a value exactly (nanoseconds in a column of milliseconds), the row is refused.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import chain

import polars as pl

from loader.errors import SourceError
from loader.formats.parquet_nested import with_nested
from loader.formats.records import Objects
from loader.model import Place, Reason
from loader.pg_types import Holds, PgType, type_of

_LONGEST_DURATION = 2**63 // 1000  # milliseconds: more would overflow as microseconds
_IN_MILLISECOND = {"ms": 1, "us": 1_000, "ns": 1_000_000}
_TEXTS = (pl.String, pl.Categorical, pl.Enum)
_DAY = {"ms": 86_400_000, "us": 86_400_000_000, "ns": 86_400_000_000_000}
_FIRST_DAY, _END_DAY = -719_162, 2_932_897  # of the years 1 to 9999, in days since 1970
_VALUE = "{value}"  # stands for the value in a message


class TypedRows:
    """Neighbouring rows of a file (records.Typed). They are their own origin."""

    def __init__(self, start: Place, end: Place, frame: pl.DataFrame) -> None:
        self.start = start
        self.end = end
        self.columns = tuple(frame.columns)
        self._frame = frame
        self._types: Mapping[str, str] = {}
        self._inexact: frozenset[int] = frozenset()

    @property
    def origin(self) -> TypedRows:
        """The rows themselves."""
        return self

    def data(self, index: int) -> bytes:
        """Return a row as JSON: as it was sent, or with all of its digits if it would have lost some.

        A file of rejected rows can be loaded again.
        """
        types = {} if index in self._inexact else self._types
        return bytes(_objects(self._frame.slice(index, 1), types)[0][0])

    def line(self, index: int) -> int:
        """Return the number of a row, counted from 1."""
        return self.start.number + index

    def offset(self, _index: int) -> int:
        """Return 0: the rows have no offsets."""
        return 0

    def objects(self, types: Mapping[str, str]) -> Objects:
        """Return the rows as JSON, each value as its target column expects it (records.Typed)."""
        self._types = types
        try:
            texts, refused = _objects(self._frame, types)
        except BaseException as error:
            # A panic of polars' Rust code is not an Exception. Within a list, a year after 9999 is more than
            # Python's types can hold.
            if type(error).__name__ != "PanicException" and not isinstance(error, ValueError | OverflowError):
                raise
            raise SourceError(
                f"rows {self.start.number:,} to {self.end.number - 1:,}: "
                f"polars cannot write a value: {error}",
                advice="Write it as text. Rows that were sent before are loaded.",
            ) from error
        self._inexact = frozenset(refused)
        return Objects(self.start, self.end, texts, self, refused)


def _objects(frame: pl.DataFrame, types: Mapping[str, str]) -> tuple[list[bytes], dict[int, Reason]]:
    refused: dict[int, Reason] = {}
    flat: list[pl.Expr] = []
    nested: list[str] = []
    for name, dtype in frame.schema.items():
        wanted = type_of(types.get(name, ""))
        if dtype.is_nested() or (isinstance(dtype, _TEXTS) and wanted.holds & (Holds.JSON | Holds.LIST)):
            nested.append(name)
            continue
        column = pl.col(name)
        flat.append(_written_in_range(column, dtype, wanted).alias(name))
        for is_inexact, why in chain(
            _out_of_range(column, dtype, wanted),
            _inexact(column, dtype, wanted),
            _inexact_number(column, dtype, wanted),
        ):
            for index in frame.select(is_inexact.arg_true()).to_series().to_list():
                # A message about a time has no value: polars panics at those out of range.
                message = why.replace(_VALUE, str(frame[name][index])) if _VALUE in why else why
                refused.setdefault(index, Reason("not-exact", f"{name} {message}"))
    # Without a flat column, each row begins as an empty object.
    texts = (
        frame.select(flat).write_ndjson().encode().split(b"\n")[: frame.height]
        if flat
        else [b"{}"] * frame.height
    )
    for name in nested:
        texts = with_nested(texts, name, frame[name].to_list(), types.get(name, ""), refused)
    return texts, refused


def _written(column: pl.Expr, dtype: pl.DataType, wanted: PgType) -> pl.Expr:
    """Return a column as JSON writes it."""
    if isinstance(dtype, pl.Datetime):
        return _timestamp(column, dtype, wanted)
    if isinstance(dtype, pl.Date):
        return (
            column.cast(pl.Datetime("ms")).dt.timestamp("ms")
            if Holds.MILLISECONDS in wanted.holds
            else column.cast(pl.String)
        )
    if isinstance(dtype, pl.Time):
        return column.dt.to_string("%H:%M:%S%.9f")
    if isinstance(dtype, pl.Duration):
        return pl.concat_str(column.dt.total_microseconds().cast(pl.String), pl.lit(" microseconds"))
    if isinstance(dtype, pl.Binary):
        return pl.concat_str(pl.lit("\\x"), column.bin.encode("hex"))
    if dtype.is_integer() or isinstance(dtype, pl.Boolean | pl.Null | pl.String):
        return column
    if Holds.WHOLE in wanted.holds and dtype.is_float():
        return pl.when(_is_whole(column)).then(column).cast(pl.Int64)
    if Holds.WHOLE in wanted.holds and isinstance(dtype, pl.Decimal):
        return column.cast(pl.String).str.replace(r"\.0*$", "")
    if dtype.is_float() and Holds.JSON in wanted.holds:
        return column
    return column.cast(pl.String)


def _is_whole(column: pl.Expr) -> pl.Expr:
    """Return the condition that a float is a whole number which 64 bits can hold; false for NaN."""
    return (column == column.floor()) & (column >= -(2.0**63)) & (column < 2.0**63)


def _timestamp(column: pl.Expr, dtype: pl.Datetime, wanted: PgType) -> pl.Expr:
    """Return a timestamp. One without a time zone is UTC, unless the target column has none either."""
    if Holds.MILLISECONDS in wanted.holds:
        return column.dt.timestamp("ms")
    if Holds.DAY in wanted.holds:
        return column.dt.replace_time_zone(None).cast(pl.String)
    if dtype.time_zone is None and Holds.ZONE in wanted.holds:
        return pl.concat_str(column.cast(pl.String), pl.lit("+00:00"))
    if dtype.time_zone is not None:
        utc = column.dt.convert_time_zone("UTC").dt.replace_time_zone(None)
        return pl.concat_str(utc.cast(pl.String), pl.lit("+00:00"))
    return column.cast(pl.String)


def _inexact(column: pl.Expr, dtype: pl.DataType, wanted: PgType) -> Iterator[tuple[pl.Expr, str]]:
    """Return conditions under which a value does not fit its column exactly, each with a message."""
    if isinstance(dtype, pl.Datetime) and Holds.MILLISECONDS in wanted.holds:
        part = _IN_MILLISECOND[dtype.time_unit]
        if part > 1:
            yield (
                column.to_physical() % part != 0,
                "has a part of a millisecond, which the column cannot hold",
            )
    elif isinstance(dtype, pl.Datetime | pl.Time | pl.Duration) and Holds.MICROSECONDS in wanted.holds:
        if isinstance(dtype, pl.Time) or dtype.time_unit == "ns":
            yield column.to_physical() % 1000 != 0, "has nanoseconds, which the column cannot hold"
        elif isinstance(dtype, pl.Duration) and dtype.time_unit == "ms":
            yield column.to_physical().abs() > _LONGEST_DURATION, "is longer than its column can hold"
    elif isinstance(dtype, pl.Binary) and Holds.BYTES not in wanted.holds:
        yield column.is_not_null(), f"contains bytes, and the column is {wanted.name}"
    elif isinstance(dtype, pl.Datetime) and Holds.DAY in wanted.holds:
        yield column.dt.time() != pl.time(), "has a time of day, which the column cannot hold"


def _inexact_number(column: pl.Expr, dtype: pl.DataType, wanted: PgType) -> Iterator[tuple[pl.Expr, str]]:
    """Return the condition under which a number does not fit its column exactly, with a message."""
    if dtype.is_float() and Holds.WHOLE in wanted.holds:
        # A double beyond 2^53 is the whole number that it is, to its last digit.
        yield ~_is_whole(column), f"is {_VALUE}, and the column holds whole numbers only"
    elif isinstance(dtype, pl.Decimal) and Holds.WHOLE in wanted.holds:
        has_decimals = column.cast(pl.String).str.contains(r"\.[0-9]*[1-9]")
        yield has_decimals, f"is {_VALUE}, and the column holds whole numbers only"
    elif dtype.is_float() and Holds.JSON in wanted.holds:
        yield ~column.is_finite(), "is not a finite number"


def _out_of_range(column: pl.Expr, dtype: pl.DataType, wanted: PgType) -> Iterator[tuple[pl.Expr, str]]:
    """Return the condition under which polars writes a year that PostgreSQL cannot read, with a message."""
    if (in_range := _is_in_range(column, dtype)) is not None and Holds.MILLISECONDS not in wanted.holds:
        yield ~in_range, "is before the year 1, or after 9999: write such times as text"


def _written_in_range(column: pl.Expr, dtype: pl.DataType, wanted: PgType) -> pl.Expr:
    """Return a column as JSON writes it, but times out of range as counts: polars panics at some of them."""
    in_range = _is_in_range(column, dtype)
    if in_range is None or Holds.MILLISECONDS in wanted.holds:
        return _written(column, dtype, wanted)
    unit = "days" if isinstance(dtype, pl.Date) else dtype.time_unit  # type: ignore[attr-defined]
    count = pl.concat_str(column.to_physical().cast(pl.String), pl.lit(f" {unit} since 1970"))
    safe = pl.when(in_range).then(column)
    return pl.when(in_range | column.is_null()).then(_written(safe, dtype, wanted)).otherwise(count)


def _is_in_range(column: pl.Expr, dtype: pl.DataType) -> pl.Expr | None:
    """Return the condition that a time is of the years 1 to 9999; None if no other is possible."""
    if isinstance(dtype, pl.Date):
        day = 1
    elif isinstance(dtype, pl.Datetime) and dtype.time_unit != "ns":
        day = _DAY[dtype.time_unit]
    else:  # no time; or 64 bits of nanoseconds, which reach no other year
        return None
    return column.to_physical().is_between(_FIRST_DAY * day, _END_DAY * day, closed="left")
