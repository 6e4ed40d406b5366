"""The format of a source is detected from its name and its first lines."""

from __future__ import annotations

import pytest

from loader.errors import SourceUnfit
from loader.formats.detect import detect_format
from loader.formats.source_format import SourceFormat
from loader.formats.source_hints import SourceHints

ROWS = b'{"id":1}\n{"id":2}\n'
PARQUET, SQLITE = b"PAR1....", b"SQLite format 3\0...."


def look(head: bytes, name: str = "stdin", **options: object) -> SourceFormat:
    return detect_format(head, name, whole=True, hints=SourceHints(**options))  # type: ignore[arg-type]


# name, first bytes, format
FORMS: list[tuple[str, bytes, str]] = [
    ("t.jsonl", ROWS, "jsonl"),
    ("t.ndjson.zst", ROWS, "jsonl"),
    ("t.json", ROWS, "jsonl"),
    ("t.csv", ROWS, "jsonl"),
    ("stdin", ROWS, "jsonl"),
    ("stdin", b"\xef\xbb\xbf\n\n" + ROWS, "jsonl"),
    ("stdin", b"", "jsonl"),
    ("stdin", b"nothing that is known\n", "jsonl"),
    ("t.jsonl", b"id,a\n1,2\n", "jsonl"),
    ("t.jsonl", b'["a"]\n{"id":1}\n', "jsonl"),
    ("t.jsonl", b'[{"id":1},{"id":2}]\n', "json"),
    ("t.json", b'[\n  {\n    "id": 1\n  }\n]\n', "json"),
    ("t.json", b'{\n  "id": 1\n}\n{\n  "id": 2\n}\n', "json"),
    ("stdin", b"[]", "json"),
    ("t.json", b'[\n{"id":1},\n{"id":2}]\n', "json"),
    ("t.json", b'{"id":1}{"id":2}\n', "json"),
    ("t.json", b'{"id":1,\n"a":2}\n{"id":2}\n', "json"),
    ("stdin", b"[1,", "json"),
    ("t.csv", b"id,a\n1,2\n", "csv"),
    ("t.csv.gz", b"id\n1\n", "csv"),
    ("t.csv", b"[id],{a}\n1,2\n", "csv"),
    ("t.csv", b"{id},a\n1,2\n", "csv"),
    ("t.tsv", b"id\ta\n1\t2\n", "csv"),
    ("stdin", b"id;a\n1;2\n", "csv"),
    ("stdin", b'"id","a"\n1,2\n', "csv"),
    ("t.parquet", PARQUET, "parquet"),
    ("t.csv", PARQUET, "parquet"),
    ("stdin", SQLITE, "sqlite"),
    ("bot.db", SQLITE, "sqlite"),
]


@pytest.mark.parametrize(("name", "head", "format"), FORMS)
def test_a_source_is_known_by_name_and_content(name: str, head: bytes, format: str) -> None:  # noqa: A002
    """The content counts more than the name."""
    assert format == look(head, name).format


@pytest.mark.parametrize("head", [b'[{"id":1}]\n', b'[{"id":1},\n', b'[{"id":1}]\n[{"id":2}]\n'])
def test_an_array_in_a_reject_file_is_a_row(head: bytes) -> None:
    """It was rejected as a row; in any other file it may contain the rows."""
    source_format = look(head, "run/rejects.2.jsonl")

    assert ("jsonl", False, False) == (
        source_format.format,
        source_format.has_separators,
        source_format.is_array,
    )


# first bytes, whether the rows have commas or brackets around them
SEPARATED: list[tuple[bytes, bool]] = [
    (ROWS, False),
    (b'{"id":1},\n{"id":2}\n{"id":3}\n', False),
    (b'{"id":1},\n{"id":2}\n{"id":3},\n{"id":4}\n', True),
    (b'{"id":1}\n{"id":2}\n' * 20 + b'{"id":3},\n{"id":4},\n{"id":5}\n', True),
    (b'{"id":1}\n' * 20 + b'{"id":3},\n{"id":4\n"a":1,\n', False),
    (b'{"id":1}\n{"id":2,\n"a":[1,\n2]}\n', False),
    (b'{"id":1},\n{"id":2},\n{"id":3}\n', True),
    (b'{"id":1},\n{"id":2}\n', True),
    (b'[\n{"id":1},\n{"id":2}\n]\n', True),
    (b'[\r\n{"id":1},\r\n{"id":2}\r\n]\r\n', True),
    (b'{"id":1}\n,{"id":2}\n,{"id":3}\n', True),
    (b'[\n{"id":1}\n]\n', True),
    (b'[{"id":1},\n{"id":2},\n{"id":3}]\n', True),
]


@pytest.mark.parametrize(("head", "separated"), SEPARATED)
def test_commas_between_rows_are_seen(head: bytes, separated: bool) -> None:
    """Between all rows, or some; a single comma is a mistake in its line."""
    source_format = look(head, "t.jsonl")

    assert ("jsonl", separated) == (source_format.format, source_format.has_separators)


# name, first bytes, options: delimiter, columns, header, place of the first row in bytes, its line
HEADERS: list[tuple[str, bytes, dict[str, object], tuple[str, tuple[str, ...], bytes, int, int]]] = [
    ("t.csv", b"id,a\n1,2\n", {}, (",", ("id", "a"), b"id,a\n", 5, 2)),
    ("t.csv", b"\xef\xbb\xbfid,a\r\n1,2\r\n", {}, (",", ("id", "a"), b"id,a\r\n", 9, 2)),
    ("t.csv", b"\n \nid,a\n1,2\n", {}, (",", ("id", "a"), b"id,a\n", 8, 4)),
    ("t.csv", b'"id","a\nb"\n1,2\n', {}, (",", ("id", "a\nb"), b'"id","a\nb"\n', 11, 3)),
    ("t.csv", b"id;a,b\n1;2\n", {}, (";", ("id", "a,b"), b"id;a,b\n", 7, 2)),
    ("t.csv", b'id,"a;b;c;d",b\n', {}, (",", ("id", "a;b;c;d", "b"), b'id,"a;b;c;d",b\n', 15, 2)),
    ("t.csv", b"id;a;b\n1;2;3\n", {}, (";", ("id", "a", "b"), b"id;a;b\n", 7, 2)),
    ("t.csv", b'"id","a ""x"""\n', {}, (",", ("id", 'a "x"'), b'"id","a ""x"""\n', 15, 2)),
    ("t.csv", b'"id";"a ""x"""\n', {}, (";", ("id", 'a "x"'), b'"id";"a ""x"""\n', 15, 2)),
    ("t.csv", b'"q1","say ""hi"""\n', {"columns": ("id", "a")}, (",", ("id", "a"), b"", 0, 1)),
    ("t.csv", b"id|a\n1|2\n", {}, ("|", ("id", "a"), b"id|a\n", 5, 2)),
    ("t.csv", b"id\n1\n", {}, (",", ("id",), b"id\n", 3, 2)),
    ("t.csv", b"sep=;\r\nid,x;a\r\n1;2\r\n", {}, (";", ("id,x", "a"), b"sep=;\r\nid,x;a\r\n", 15, 3)),
    ("t.csv", b"sep=;\n1;2\n", {"columns": ("id", "a")}, (";", ("id", "a"), b"sep=;\n", 6, 2)),
    ("t.csv", b"sep=^\nid^a\n1^2\n", {}, ("^", ("id", "a"), b"sep=^\nid^a\n", 11, 3)),
    ("t.csv", b",id,a\n0,1,2\n", {"columns": ("id", "a")}, (",", ("column 1", "id", "a"), b",id,a\n", 6, 2)),
    ("t.csv", b"sep=a,id\n1,2\n", {}, (",", ("sep=a", "id"), b"sep=a,id\n", 9, 2)),
    ("t.csv", "größe,ä\n".encode(), {}, (",", ("größe", "ä"), "größe,ä\n".encode(), 11, 2)),
    ("t.csv", b"id a\n1 2\n", {"delimiter": " "}, (" ", ("id", "a"), b"id a\n", 5, 2)),
    ("t.tsv", b"id,x\ta\n", {}, ("\t", ("id,x", "a"), b"id,x\ta\n", 7, 2)),
    ("t.csv", b"1,2\n3,4\n", {"columns": ("id", "a")}, (",", ("id", "a"), b"", 0, 1)),
    ("t.csv", b"\xef\xbb\xbf1,2\n", {"columns": ("id", "a")}, (",", ("id", "a"), b"", 3, 1)),
    ("t.csv", b"a,b,id\n1,2,3\n", {"columns": ("id", "a")}, (",", ("a", "b", "id"), b"a,b,id\n", 7, 2)),
    ("t.csv", b"", {"columns": ("id", "a")}, (",", ("id", "a"), b"", 0, 1)),
    ("rejects.csv", b"1,2,3\n4,5\n", {"columns": ("id", "a")}, (",", ("id", "a"), b"", 0, 1)),
]


@pytest.mark.parametrize(("name", "head", "options", "expected"), HEADERS)
def test_a_header_is_read(
    name: str,
    head: bytes,
    options: dict[str, object],
    expected: tuple[str, tuple[str, ...], bytes, int, int],
) -> None:
    """Delimiter, columns and the start of the rows; --columns may replace the header."""
    source_format = look(head, name, **options)

    assert expected == (
        source_format.delimiter,
        source_format.columns,
        source_format.header,
        source_format.begin.offset,
        source_format.begin.line,
    )


# name, first bytes, options, error
UNFIT: list[tuple[str, bytes, dict[str, object], str]] = [
    ("t.parquet", b"id,a\n", {}, "t.parquet is not Parquet, although its name says so: it begins with"),
    ("t.sqlite.gz", b"", {}, "t.sqlite.gz is not a SQLite database, although its name says so: it is empty"),
    ("t.txt", b"id,a\n", {"format": "parquet"}, "t.txt is not Parquet, although --format says so"),
    ("t.csv", SQLITE, {"format": "csv"}, "t.csv is a SQLite database file, and --format is csv"),
    (
        "t.csv",
        "id,ä\n".encode("latin-1"),
        {},
        "t.csv:1: the header is not in the encoding of its source, which is UTF-8",
    ),
    ("t.csv", "id,a\n".encode("utf-16"), {}, "t.csv:1: it is not UTF-8 but UTF-16\nLoad it with --encoding"),
    (
        "t.csv",
        "id,a\n".encode("utf-32"),
        {},
        "t.csv:1: it is not UTF-8 but UTF-32\nLoad it with --encoding utf-32.",
    ),
    (
        "t.csv",
        "id,a\n".encode("utf-16-le"),
        {},
        "t.csv:1: it is not UTF-8 but UTF-16\nLoad it with --encoding utf-16-le.",
    ),
    (
        "t.jsonl",
        '{"id":1}'.encode("utf-16-be"),
        {},
        "t.jsonl:1: it is not UTF-8 but UTF-16\nLoad it with --encoding utf-16-be.",
    ),
    (
        "t.json",
        '[{"id":1}]'.encode("utf-32-le"),
        {},
        "t.json:1: it is not UTF-8 but UTF-32\nLoad it with --encoding utf-32-le.",
    ),
    ("t.csv", b"id,a\r1,2\r", {}, "t.csv: its lines end with a carriage return alone"),
    ("t.csv", b"id,a,id\n", {}, "t.csv:1: the header has id twice"),
    (
        "t.csv",
        b"\n,a,b\n",
        {},
        "t.csv:2: column 1 of the header has no name\nName it with --map COLUMN=#1, or leave it out",
    ),
    ("t.csv", b'"id"x,a\n', {}, "t.csv:1: the header cannot be read"),
    ("t.csv", b"1,2,3\n", {"columns": ("id", "a")}, "t.csv:1: 3 cells, and --columns names 2 columns"),
    ("t.csv", b"id,b\n", {"columns": ("id", "a")}, "t.csv:1: the header lacks a, which --columns names"),
]


@pytest.mark.parametrize(("name", "head", "options", "words"), UNFIT)
def test_what_cannot_be_read_as_it_claims_is_told(
    name: str, head: bytes, options: dict[str, object], words: str
) -> None:
    """The error names the source, and the line if it has lines."""
    with pytest.raises(SourceUnfit) as found:
        look(head, name, **options)

    assert str(found.value).startswith(words)
