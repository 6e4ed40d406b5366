"""How --types is read: names of columns and of types, from a text or a file."""

# ruff: noqa: E501 - a row of a table is a line

from __future__ import annotations

import os
from pathlib import Path

import pytest

from loader.errors import SettingsError
from loader.formats.announce import told_types, unknown_types
from loader.pg_types import canonical_name
from loader.settings.column_types import parse_types

# fmt: off
TYPES = [
    # as it is given                    as OpenAPI names it
    ("int",                             "integer"),
    ("INT4",                            "integer"),
    ("bigserial",                       "bigint"),
    ("numeric(48,18)",                  "numeric"),
    ("decimal",                         "numeric"),
    ("double  precision",               "double precision"),
    ("float8",                          "double precision"),
    ("timestamptz(3)",                  "timestamp with time zone"),
    ("timestamp(3) with time zone",     "timestamp with time zone"),
    ("timestamp",                       "timestamp without time zone"),
    ("varchar(5)[]",                    "character varying[]"),
    ("text[3][4]",                      "text[]"),
    ("integer ARRAY",                   "integer[]"),
    ("int array[4]",                    "integer[]"),
    ("jsonb",                           "jsonb"),
    ("core.market_enum",                "core.market_enum"),
    ("Mood",                            "Mood"),
]
# fmt: on


@pytest.mark.parametrize(("given", "expected"), TYPES)
def test_name_of_a_type(given: str, expected: str) -> None:
    """PostgreSQL's other names become OpenAPI's, lengths fall away, and unknown names stay."""
    assert expected == canonical_name(given)


# fmt: off
ENTRIES = [
    # given                                                  pairs
    ("a=int",                                                [("a", "integer")]),
    ("a = int , b=numeric(48, 18),c=text[]",                 [("a", "integer"), ("b", "numeric"), ("c", "text[]")]),
    ('"a,b"=jsonb,"say ""x"""=text,"e=f"=bool',              [("a,b", "jsonb"), ('say "x"', "text"), ("e=f", "boolean")]),
    ("# types\na=int\n\n  # more\nb=timestamp with time zone,\n", [("a", "integer"), ("b", "timestamp with time zone")]),
    ("with space=date",                                      [("with space", "date")]),
]
# fmt: on


@pytest.mark.parametrize(("given", "expected"), ENTRIES)
def test_entries(tmp_path: Path, given: str, expected: list[tuple[str, str]]) -> None:
    """Commas and newlines stand between them, on the command line and in a file alike."""
    path = tmp_path / "types"
    path.write_text(given)

    assert tuple(expected) == parse_types(given)
    assert tuple(expected) == parse_types(str(path))


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ("a=int,b", "'b' is not COLUMN=TYPE"),
        ("a=", "'a=' is not COLUMN=TYPE"),
        ("=int", "'=int' is not COLUMN=TYPE"),
        ("a=int,a=text", "names a twice"),
        ("no-such-file", "No such file"),
        ("", "--types"),
        ("#a=int", "names no column"),
    ],
)
def test_what_is_no_list_of_types(given: str, words: str) -> None:
    """It is told, and how to write it."""
    with pytest.raises(SettingsError, match="--types") as caught:
        parse_types(given)

    assert words in str(caught.value)


def test_pipe_in_place_of_a_file(tmp_path: Path) -> None:
    """Nothing waits for it."""
    os.mkfifo(tmp_path / "pipe")

    with pytest.raises(SettingsError, match="Is not a regular file"):
        parse_types(str(tmp_path / "pipe"))


def test_file_that_is_too_large(tmp_path: Path) -> None:
    """It is not read to its end."""
    (tmp_path / "types").write_text("#" * 2**21)

    with pytest.raises(SettingsError, match="larger than 1 MiB"):
        parse_types(str(tmp_path / "types"))


def test_remarks_on_told_types() -> None:
    """A type that is not known is told with near names, and so is another than the server's."""
    told = (("a", "jsonbb"), ("b", "numeric"), ("c", "bigint"), ("d", "core.mood[]"))

    remarks = told_types(told, {"b": "numeric", "c": "integer"})

    assert [
        "--types: a is jsonbb (jsonb or json?), which is taken for an enum or a domain of text",
        "--types: c is bigint, and the server says integer: bigint counts",
        "--types: d is core.mood[], which is taken for an enum or a domain of text",
    ] == remarks


def test_columns_whose_types_nobody_tells() -> None:
    """Those that rows write are named, where --types tells some."""
    assert "" == unknown_types({"id": "integer", "a": "json"}, ["id", "a"])
    assert "the type of b:" in unknown_types({"id": "integer"}, ["id", "b"])
    refused = unknown_types({}, ["id"], 403, key=("id",))
    assert "HTTP 403 for GET /: not to this credential" in refused
    assert "--types COLUMN=TYPE" in refused
    assert "The key is taken to be id: --on-conflict" in refused
