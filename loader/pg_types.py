"""The table of PostgreSQL's types: all that the loader knows of one stands in its row. No I/O.

The functions that compare texts are in pg_values.py.
"""

from __future__ import annotations

import difflib
import re
from dataclasses import dataclass
from enum import Flag, auto

from loader.pg_values import (
    ReadText,
    SameText,
    read_any,
    read_boolean,
    read_date,
    read_double,
    read_integer,
    read_numeric,
    read_padded,
    read_text,
    read_timestamp,
    read_timestamptz,
    read_uuid,
    same_always,
    same_numeric,
    same_padded,
    same_real,
    same_unless_unequal,
)


class Holds(Flag):
    """What a column of a type can hold, where the loader must know."""

    NOTHING_SPECIAL = 0
    NAN = auto()  # "NaN" and "Infinity" as numbers
    MILLISECONDS = auto()  # whole numbers: a time is written as milliseconds since 1970
    MICROSECONDS = auto()  # times: more than six digits of a second would be rounded
    ZONE = auto()  # an instant: a time without an offset is taken for UTC
    DAY = auto()  # a date: a time of day would be lost
    JSON = auto()  # any JSON value: a text is written as the JSON that it is
    BYTES = auto()  # bytes, written as \x and hexadecimal digits
    NUMBER = auto()  # numbers: a decimal comma is none for PostgreSQL
    WHOLE = auto()  # whole numbers only: PostgreSQL refuses the text 1.0
    DATE = auto()  # a date, alone or with a time: the order of day and month matters
    LIST = auto()  # an array: PostgreSQL takes a JSON array for it
    NO_EMPTY = auto()  # no empty text, which PostgreSQL refuses


@dataclass(frozen=True, slots=True)
class PgType:
    """What is known of a type. The defaults are those of types that the table lacks: enums, mostly.

    Attributes:
        name: as OpenAPI's ``format`` gives it, without schema and length.
        error_name: as PostgreSQL's errors 22P02 and 22007 name it for a text that it refuses; empty where
            they name none, or another type.
        read_key: maps a key's text to a value that is the same for all texts that may be equal.
        is_same: whether a stored text may be what became of a sent one.
        holds: what a column of it can hold.
        ambiguous: whether OpenAPI may give this name to a domain, whose type is then unknown.
    """

    name: str
    error_name: str = ""
    read_key: ReadText = read_text
    is_same: SameText = same_always
    holds: Holds = Holds.NOTHING_SPECIAL
    ambiguous: bool = True


def _type(
    name: str,
    read_key: ReadText,
    is_same: SameText = same_always,
    holds: Holds = Holds.NOTHING_SPECIAL,
    *,
    in_errors: str | None = None,
) -> PgType:
    """Return a row whose name is only this type's; errors give the same name unless told otherwise."""
    return PgType(name, name if in_errors is None else in_errors, read_key, is_same, holds, ambiguous=False)


_INTEGER, _DOUBLE = same_unless_unequal(read_integer), same_unless_unequal(read_double)
_BOOLEAN, _UUID, _DATE = map(same_unless_unequal, (read_boolean, read_uuid, read_date))

_NO_EMPTY = Holds.NO_EMPTY
_WHOLE = Holds.MILLISECONDS | Holds.NUMBER | Holds.WHOLE | _NO_EMPTY
_FLOAT = Holds.NAN | Holds.NUMBER | _NO_EMPTY
_TIME = Holds.MICROSECONDS | _NO_EMPTY
_TIMESTAMP = _TIME | Holds.DATE

# fmt: off
_TABLE = (
    #     name                         keys              stored, or same_always
    _type("smallint",                  read_integer,     _INTEGER, _WHOLE),
    _type("integer",                   read_integer,     _INTEGER, _WHOLE),
    _type("bigint",                    read_integer,     _INTEGER, _WHOLE),
    _type("numeric",                   read_numeric,     same_numeric, Holds.MILLISECONDS | _FLOAT),
    _type("real",                      read_any,         same_real, _FLOAT),
    _type("double precision",          read_double,      _DOUBLE, _FLOAT),
    _type("money",                     read_any,         holds=Holds.NUMBER | _NO_EMPTY),
    _type("boolean",                   read_boolean,     _BOOLEAN, _NO_EMPTY),
    _type("uuid",                      read_uuid,        _UUID, _NO_EMPTY),
    _type("text",                      read_text,        same_padded, in_errors=""),
    _type("character varying",         read_padded,      same_padded, in_errors=""),
    _type("character",                 read_padded,      same_padded, in_errors=""),
    _type("date",                      read_date,        _DATE, Holds.DAY | Holds.DATE | _NO_EMPTY),
    _type("timestamp with time zone",  read_timestamptz, holds=_TIMESTAMP | Holds.ZONE),
    _type("timestamp without time zone", read_timestamp, holds=_TIMESTAMP, in_errors="timestamp"),
    _type("time with time zone",       read_any,         holds=_TIME),
    _type("time without time zone",    read_any,         holds=_TIME, in_errors="time"),
    _type("interval",                  read_any,         holds=_TIME),
    _type("json",                      read_any,         holds=Holds.JSON | _NO_EMPTY),
    # Errors of jsonb say json.
    _type("jsonb",                     read_any,         holds=Holds.JSON | _NO_EMPTY, in_errors=""),
    _type("bytea",                     read_any,         holds=Holds.BYTES, in_errors=""),
    _type("inet",                      read_any,         holds=_NO_EMPTY),
    _type("cidr",                      read_any,         holds=_NO_EMPTY),
    _type("xml",                       read_any,         in_errors=""),
    _type("bit",                       read_any,         holds=_NO_EMPTY, in_errors=""),
    _type("bit varying",               read_any,         in_errors=""),
    _type("tsvector",                  read_any,         in_errors=""),
    # An extension's: its name may be a domain's too.
    PgType("citext", read_key=str.casefold, is_same=same_padded),
)
# fmt: on
# Types that write one value in several ways, and of which nothing else is of use here.
_MANY_TEXTS = ("name", "hstore", "ltree", "tsquery")
_MANY_TEXTS_NOT_EMPTY = (
    *("oid", "regclass", "pg_lsn", "macaddr", "macaddr8"),
    *("point", "box", "line", "lseg", "path", "polygon", "circle"),
    *("int4range", "int8range", "numrange", "tsrange", "tstzrange", "daterange"),
    *("int4multirange", "int8multirange", "nummultirange"),
    *("tsmultirange", "tstzmultirange", "datemultirange"),
)
_LIST = Holds.LIST | _NO_EMPTY
# The server does not tell the type, so it decides what to make of bytes.
_UNTOLD = _type("", read_text, holds=Holds.BYTES, in_errors="")
_BY_NAME = {
    row.name: row
    for row in (
        *_TABLE,
        *(PgType(name, read_key=read_any) for name in _MANY_TEXTS),
        *(PgType(name, read_key=read_any, holds=_NO_EMPTY) for name in _MANY_TEXTS_NOT_EMPTY),
        PgType("ARRAY", read_key=read_any, holds=_LIST),
        _UNTOLD,
    )
}
# Names that PostgreSQL takes (its docs, "Data Types"), and OpenAPI's for the same type.
_ALIASES = {
    **dict.fromkeys(("int2", "smallserial", "serial2"), "smallint"),
    **dict.fromkeys(("int", "int4", "serial", "serial4"), "integer"),
    **dict.fromkeys(("int8", "bigserial", "serial8"), "bigint"),
    **dict.fromkeys(("decimal", "dec"), "numeric"),
    **dict.fromkeys(("float", "float8", "double"), "double precision"),
    "float4": "real",
    "bool": "boolean",
    "string": "text",
    "varchar": "character varying",
    **dict.fromkeys(("char", "bpchar"), "character"),
    "timestamptz": "timestamp with time zone",
    "timestamp": "timestamp without time zone",
    "timetz": "time with time zone",
    "time": "time without time zone",
    "varbit": "bit varying",
}
_LENGTH = re.compile(r"\s*\([^)]*\)")
_ARRAY = re.compile(r"(\s*\[\d*\]|\s+array(\s*\[\d*\])?)+$", re.IGNORECASE)
BY_ERROR_NAME = {row.error_name: row for row in _TABLE if row.error_name}


def type_of(format: str) -> PgType:  # noqa: A002 - OpenAPI's name for it
    """Return the type of a column.

    Args:
        format: as OpenAPI gives it, with a schema, a length or quotes: ``numeric(48,18)``,
            ``core."My enum"``, ``text[]``. Empty: the server does not tell the type.

    Returns:
        Its row of the table. An array has many texts for one value. A type that the table lacks is taken for
        an enum, where other texts are other values.
    """
    if format.endswith("[]"):
        return PgType(format, read_key=read_any, holds=_LIST, ambiguous=False)
    name = format.split("(", 1)[0].strip().rsplit(".", 1)[-1].strip('"')
    return _BY_NAME.get(name) or PgType(name)


def canonical_name(name: str) -> str:
    """Return the name that OpenAPI gives a type, of any that PostgreSQL takes for it.

    Args:
        name: as in ``int4``, ``NUMERIC(48,18)``, ``timestamp(3) with time zone``, ``varchar(5)[]``.

    Returns:
        The name without a length. One that the table of types lacks is left as it is.
    """
    bare, arrays = _ARRAY.subn("", name.strip())
    plain = " ".join(_LENGTH.sub(" ", bare).split())
    known = _ALIASES.get(plain.lower(), plain.lower())
    return (known if known in _BY_NAME else plain) + ("[]" if arrays else "")


def is_known(format: str) -> bool:  # noqa: A002 - OpenAPI's name for it
    """Return whether the table has a type, or that of an array's elements."""
    return element_type(format).name in _BY_NAME


def nearest_names(name: str) -> list[str]:
    """Return the types of the table whose names are spelled nearly as this one."""
    names = [known for known in (*_BY_NAME, *_ALIASES) if known]
    return difflib.get_close_matches(name.removesuffix("[]").lower(), names, n=2, cutoff=0.75)


def element_type(format: str) -> PgType:  # noqa: A002 - OpenAPI's name for it
    """Return the type of an array's elements, be it of one dimension or of several: both have one name.

    Args:
        format: of the array, as OpenAPI gives it: ``text[]``.
    """
    return type_of(format.removesuffix("[]"))
