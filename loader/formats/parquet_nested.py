"""Write Parquet's lists and objects, and texts that are JSON, into rows of JSON. No I/O."""

from __future__ import annotations

import math
from json import dumps
from typing import Any

import msgspec
import polars as pl

from loader.formats.origin import on_one_line
from loader.model import Reason
from loader.pg_types import Holds, PgType, element_type, type_of

_encode = msgspec.json.Encoder(decimal_format="number").encode
_raw = msgspec.json.Decoder(msgspec.Raw)


def with_nested(
    texts: list[bytes], name: str, values: list[Any], type_name: str, refused: dict[int, Reason]
) -> list[bytes]:
    """Return the objects with one more value each: a list, an object, or a text that is JSON.

    Args:
        texts: the objects.
        name: of the value.
        values: for each object.
        type_name: of the column that they are written to.
        refused: takes the objects whose value cannot be written.
    """
    objects = []
    key = _encode(name) + b":"
    is_list = Holds.LIST in type_of(type_name).holds
    for index, (text, value) in enumerate(zip(texts, values, strict=True)):
        json = b"null"
        if isinstance(value, str):
            try:
                json = on_one_line(bytes(_raw.decode(value)))
            except msgspec.DecodeError as error:
                json = _encode(value)
                if not is_list:
                    message = f"{name} is for JSON, and this is not: {error}"
                    refused.setdefault(index, Reason("not-json", message))
            if is_list and json[:1] != b"[":
                json = _encode(value)  # an array literal
        elif is_list and isinstance(value, list):
            json = _encode(_elements(value, element_type(type_name)))
        elif _is_finite(value):
            json = _encode(value)
        else:
            json = dumps(value, default=str).encode()  # NaN is not JSON: a retry refuses the row again
            refused.setdefault(index, Reason("not-finite", f"{name} contains a number that is not finite"))
        before = text[:-1] + (b"," if text != b"{}" else b"")
        objects.append(before + key + json + b"}")
    return objects


def _elements(value: Any, wanted: PgType) -> Any:
    """Return the elements of an array, or one of them, as their type takes it.

    JSON has no NaN: it goes as a text. Whole numbers in floats go as such; the server refuses others.
    """
    if isinstance(value, list):
        return [_elements(element, wanted) for element in value]
    if not isinstance(value, float):
        return value
    if not math.isfinite(value):
        return str(value)
    return int(value) if Holds.WHOLE in wanted.holds and value.is_integer() else value


def _is_finite(value: Any) -> bool:
    if isinstance(value, float):
        return math.isfinite(value)
    if isinstance(value, dict):
        return all(map(_is_finite, value.values()))
    return all(map(_is_finite, value)) if isinstance(value, list) else True


def unwritable(dtype: pl.DataType, *, inner: bool = False) -> str:
    """Return the part of a type that cannot be written as JSON; empty if all can.

    Args:
        dtype: of a column, or of the values within one.
        inner: whether it is within a list or an object.
    """
    if isinstance(dtype, pl.List | pl.Array):
        return unwritable(dtype.inner, inner=True)  # type: ignore[arg-type]
    if isinstance(dtype, pl.Struct):
        parts = (unwritable(member.dtype, inner=True) for member in dtype.fields)  # type: ignore[arg-type]
        return next(filter(None, parts), "")
    # A type may also be a class here, which is equal to its instances.
    if dtype == pl.Object or (inner and any(dtype == other for other in (pl.Binary, pl.Duration, pl.Time))):
        return str(dtype)
    if inner and isinstance(dtype, pl.Datetime) and dtype.time_unit == "ns":
        return "nanoseconds within another value"
    return ""
