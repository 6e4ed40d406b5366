"""Which keys PostgreSQL may hold equal although their texts differ. No I/O.

Rows whose keys are the same text have the same key for every type, so a batch may leave out all but one
of them. Rows whose keys only *may* be equal (``citext``, ``uuid`` in capitals, ``1`` and ``1.0``) must
still keep their order. A reader maps the text of a key to a value that is the same for all texts that the
column's type may hold equal; where that cannot be told it gives ANY, which may equal everything. Never
a float: keys beyond 2^53 stay apart.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime

from loader.model import Key
from loader.pg_types import type_name

ANY = "\0"  # no text in PostgreSQL

ReadKey = Callable[[Key], Key]


def _any(_value: str) -> str:
    return ANY


def _integer(value: str) -> str:
    # PostgreSQL takes blanks, a sign and leading zeros; newer versions 0x1F and 1_000 too.
    if value.isdigit() and value[0] != "0":
        return value
    found = re.fullmatch(r"\s*([+-]?)0*(\d+)\s*", value, re.ASCII)
    if not found:
        return ANY
    return f"-{found[2]}" if found[1] == "-" and found[2] != "0" else found[2]


def _numeric(value: str) -> str:
    # A column's scale, which is not told, may round any fraction to another's value.
    whole = re.fullmatch(r"(\s*[+-]?\d+)(?:\.0*)?\s*", value, re.ASCII)
    return _integer(whole[1]) if whole else ANY


def _double(value: str) -> str:
    try:
        return str(float(value) or 0.0)  # as PostgreSQL stores it: -0 is 0
    except ValueError:
        return ANY


def _uuid(value: str) -> str:
    return value.strip().strip("{}").replace("-", "").lower()


def _padded(value: str) -> str:
    return value.rstrip(" ")


def _boolean(value: str) -> str:
    word = value.strip().lower()
    truths = ("true", "yes", "on", "1")
    return "t" if word and any(truth.startswith(word) for truth in truths) and word != "o" else "f"


_MOMENT = re.compile(
    r"(\d{4}-\d\d-\d\d)(?:[T ](\d\d:\d\d)(?::(\d\d)(?:\.(\d{1,6})0*)?)?)?(Z|[+-]\d\d(?::?\d\d)?)?"
)


def _moment(value: str, *, zoned: bool) -> str:
    """A timestamp in ISO 8601. Without an offset, one with a zone depends on the session's."""
    found = _MOMENT.fullmatch(value.strip())
    if not found or (zoned and not (found[2] and found[5])):
        return ANY
    day, clock, seconds, fraction, offset = found.groups()
    text = f"{day}T{clock or '00:00'}:{seconds or '00'}.{fraction or '0':0<6}"
    try:
        if not zoned:
            return datetime.fromisoformat(text).isoformat()
        return datetime.fromisoformat(text + (offset or "")).astimezone(UTC).isoformat()
    except (ValueError, OverflowError):
        return ANY


def _with_zone(value: str) -> str:
    return _moment(value, zoned=True)


def _without_zone(value: str) -> str:
    return _moment(value, zoned=False)


def _day(value: str) -> str:
    return value if re.fullmatch(r"\d{4}-\d\d-\d\d", value, re.ASCII) else ANY


def _itself(value: str) -> str:
    return value


_READERS: dict[str, Callable[[str], str]] = {
    "text": _itself,
    "smallint": _integer,
    "integer": _integer,
    "bigint": _integer,
    "numeric": _numeric,
    "double precision": _double,
    "uuid": _uuid,
    "citext": str.casefold,
    "character": _padded,
    "character varying": _padded,
    "boolean": _boolean,
    "timestamp with time zone": _with_zone,
    "timestamp without time zone": _without_zone,
    "date": _day,
}
# Types of PostgreSQL's own that write one value in several ways. A type that is not even here is taken
# for an enum, where equal values are the same text.
_MANY_WAYS = frozenset(
    (
        *(
            "real",
            "money",
            "bit",
            "bit varying",
            "bytea",
            "name",
            "oid",
            "regclass",
            "pg_lsn",
            "hstore",
            "ltree",
        ),
        *("interval", "time without time zone", "time with time zone"),
        *("json", "jsonb", "xml", "tsvector", "tsquery"),
        *("inet", "cidr", "macaddr", "macaddr8"),
        *("point", "box", "line", "lseg", "path", "polygon", "circle"),
        *("int4range", "int8range", "numrange", "tsrange", "tstzrange", "daterange"),
        *("int4multirange", "int8multirange", "nummultirange"),
        *("tsmultirange", "tstzmultirange", "datemultirange"),
        "ARRAY",
    )
)


def reader(columns: Sequence[str], formats: Mapping[str, str]) -> ReadKey | None:
    """How keys of these columns are compared; None where their texts tell.

    Args:
        columns: the key columns.
        formats: the columns' types, as OpenAPI names them; unknown ones are compared as texts.
    """
    readers = [by_type(formats[column]) if column in formats else _itself for column in columns]
    if all(one is _itself for one in readers):
        return None
    if len(readers) == 1:
        (only,) = readers
        return lambda key: only(key) if isinstance(key, str) else key

    def read(key: Key) -> Key:
        if not isinstance(key, tuple):
            return key
        parts = tuple(None if part is None else one(part) for one, part in zip(readers, key, strict=True))
        return ANY if ANY in parts else parts

    return read


def by_type(format: str) -> Callable[[str], str]:  # noqa: A002 - OpenAPI's name for it
    """How texts of this type are compared: a function that gives the same for all that may be equal."""
    name = type_name(format)
    if name in _MANY_WAYS or format.endswith("[]"):
        return _any
    return _READERS.get(name, _itself)
