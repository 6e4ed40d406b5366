"""The first lines of CSV tell how it is written; what may be a header or a row is a question."""

from __future__ import annotations

import pytest

from loader.errors import SourceUnfit
from loader.formats.detect import detect_format
from loader.formats.source_format import SourceFormat
from loader.formats.source_hints import SourceHints


def look(text: str, name: str = "t.csv", /, **options: object) -> SourceFormat:
    return detect_format(text.encode(), name, whole=True, hints=SourceHints(**options))  # type: ignore[arg-type]


CODE = "CODE,NAME\nDE,Germany\n"
# --header or --columns, --skip-lines, CSV: the columns, the line of the first row
NAMED: list[tuple[dict[str, object], str, tuple[str, ...], int]] = [
    ({"header": ("code", "name")}, CODE, ("code", "name"), 2),
    ({"header": ("code", "name"), "skip_lines": 0}, CODE, ("code", "name"), 1),
    ({"header": ("code", "name"), "skip_lines": 1}, CODE, ("code", "name"), 2),
    ({"header": ("x", "y"), "skip_lines": 1}, CODE, ("x", "y"), 2),
    ({"header": ("x", "y"), "skip_lines": 0}, CODE, ("x", "y"), 1),
    ({"columns": ("code", "name"), "skip_lines": 0}, CODE, ("code", "name"), 1),
    ({"header": ("id", "a", "b")}, ",a,b\n0,1,x\n", ("id", "a", "b"), 2),
    ({"header": ("id", "a", "b")}, '"","a","b"\n"1","x","y"\n', ("id", "a", "b"), 2),
    ({"header": ("id", "s", "n")}, "id,s,s\n1,a,b\n", ("id", "s", "n"), 2),
    ({"header": ("i", "p")}, "number,price\n1,2.50\n2,\n", ("i", "p"), 2),
    ({"header": ("i", "p")}, "1,2.50\n2,3\n", ("i", "p"), 1),
    ({"header": ("id", "s"), "skip_lines": 2}, "Report\n2024\nid,s\n1,a\n", ("id", "s"), 4),
    ({"header": ("id", "s"), "skip_lines": 3}, "Report\n2024\nid,s\n1,a\n", ("id", "s"), 4),
    ({"header": ("id", "s"), "columns": ("s",)}, "ID,S\n1,a\n", ("id", "s"), 2),
    ({"header": ("id", "a", "b")}, '"a","b"\n"1","x","y"\n', ("id", "a", "b"), 2),
    ({"positions": frozenset({1})}, ",a\n0,1\n", ("#1", "a"), 2),
    ({"positions": frozenset({3})}, "id,s,s\n1,a,b\n", ("id", "s", "#3"), 2),
    ({"positions": frozenset({1})}, "id,s\n1,a\n", ("id", "s"), 2),
]


@pytest.mark.parametrize(("options", "text", "columns", "line"), NAMED)
def test_columns_are_named_by_position(
    options: dict[str, object], text: str, columns: tuple[str, ...], line: int
) -> None:
    """In place of a header, or where there is none: a first line is a header by evidence only."""
    source_format = look(text, **options)

    assert (columns, line) == (source_format.columns, source_format.begin.line)


# --header or --columns, CSV, the words of the error: both ways out
ASKED: list[tuple[dict[str, object], str, str]] = [
    (
        {"columns": ("code", "name")},
        CODE,
        (
            "t.csv:1: CODE,NAME is almost what --columns names: it may be a header or a row\n"
            "If it is a header: --map code=CODE --map name=NAME. If it is a row: --skip-lines 0."
        ),
    ),
    (
        {"columns": ("user_id", "s")},
        '"User Id",x\n1,a\n',
        (
            "t.csv:1: User Id,x is almost what --columns names: it may be a header or a row\n"
            "If it is a header: --map 'user_id=User Id'. If it is a row: --skip-lines 0."
        ),
    ),
    (
        {"header": ("x", "y")},
        CODE,
        (
            "t.csv:1: CODE,NAME may be a header or a row\n"
            "If it is a header, pass over it with --skip-lines 1. If it is a row: --skip-lines 0."
        ),
    ),
    ({"header": ("a", "b")}, "b,a\n1,2\n", "t.csv:1: b,a may be a header or a row\n"),
    ({"header": ("land", "x", "y")}, "country,2020,2021\nDE,1,2\n", "t.csv:1: country,2020,2021 may be"),
    (
        {"header": ("a", "b"), "skip_lines": 1},
        "Report\nx,y\nu,v\n",
        "t.csv:2: x,y may be a header or a row\n",
    ),
    ({"header": ("id", "s")}, "id,s,n\n1,a,b\n", "t.csv:1: 3 cells, and --header names 2 columns\n"),
    ({"header": ("id", "s"), "columns": ("n",)}, "id,s\n", "t.csv:1: --header lacks n, which --columns"),
    (
        {"columns": ("id", "name")},
        "id,NAME\n1,a\n",
        "t.csv:1: the header lacks name, which --columns names\n",
    ),
    ({"skip_lines": 5}, "id,s\n1,a\n", "t.csv: it has 2 lines, and --skip-lines is 5"),
    ({}, "id,s,s\n1,a,b\n", "t.csv:1: the header has s twice\nName it with --map COLUMN=#3, or leave it out"),
    ({}, ",s\n1,a\n", "t.csv:1: column 1 of the header has no name\nName it with --map COLUMN=#1, or leave"),
]


@pytest.mark.parametrize(("options", "text", "words"), ASKED)
def test_a_line_that_may_be_a_header_or_a_row_is_a_question(
    options: dict[str, object], text: str, words: str
) -> None:
    """No row is added and none is lost in silence; the error names both ways out."""
    with pytest.raises(SourceUnfit) as found:
        look(text, **options)

    assert str(found.value).startswith(words)


def test_rejected_rows_do_not_tell_that_a_line_is_a_header() -> None:
    """Their values are odd, so the evidence of values counts for nothing."""
    with pytest.raises(SourceUnfit, match="may be a header or a row"):
        look("many,x\n1,a\n", "rejects.csv", header=("amount", "s"))


# CSV: the columns, how many lines stand above the header, whether rows end with a delimiter
LAYOUTS: list[tuple[str, tuple[str, ...], int, bool]] = [
    ("# exported by tool\n# 2024\nid,s\n1,a\n", ("id", "s"), 2, False),
    (
        "https://www.cryptodatadownload.com\nunix,date,symbol\n1,2,3\n1,2,4\n",
        ("unix", "date", "symbol"),
        1,
        False,
    ),
    (
        "Account;;\nIBAN;DE123;\n;;\n\nDate;Amount;Text\n1.1.2024;1,5;x\n",
        ("Date", "Amount", "Text"),
        4,
        False,
    ),
    ("Account\n\nid;s;\n1;a;\n", ("id", "s"), 2, True),
    ("Report,\nid,s\n1,a\n", ("id", "s"), 1, False),
    ("id,s\n1,a,\n2,b,\n", ("id", "s"), 0, True),
    ("id,s,\n1,a,\n2,b,\n", ("id", "s"), 0, True),
    ("id,s,\n1,a\n2,b\n", ("id", "s"), 0, True),
    ("Konto 1, EUR\nid;Betrag\n1;1,50\n2;2,50\n", ("id", "Betrag"), 1, False),
    ("score\nalice,5\nbob,7\n", ("score",), 0, False),
    ("a,b\n1,2,3\n4,5,6\n", ("a", "b"), 0, False),
    ("id,s\n1\n1,2,3\n4,5\n", ("id", "s"), 0, False),
    ("id,s\n1,a,\n2,b,c\n", ("id", "s"), 0, False),
]


@pytest.mark.parametrize(("text", "columns", "above", "trailing"), LAYOUTS)
def test_what_stands_around_a_table_is_no_part_of_it(
    text: str, columns: tuple[str, ...], above: int, trailing: bool
) -> None:
    """A preamble above the header, which a line tells, and a delimiter behind the last cell."""
    source_format = look(text)

    assert (columns, above + 2, trailing) == (
        source_format.columns,
        source_format.begin.line,
        source_format.trailing,
    )
    assert (above > 0) == ("above the header" in source_format.text)


def test_the_lines_that_are_skipped_are_part_of_the_reject_file() -> None:
    """The same command, with --skip-lines, must not pass over rejected rows."""
    source_format = look("x\ny,z\nid,s\n1,a\n", skip_lines=2)

    assert b"x\ny,z\nid,s\n" == source_format.rejects.header


# TSV: whether quotes enclose its cells
QUOTING: list[tuple[str, bool]] = [
    ('id\ts\n1\t"Giliap"\n', False),
    ('id\ts\n1\t"Rome" is burning\n2\t"say ""hi"""\n', False),
    ('id\ts\n1\t5" pipe\n2\t"say ""hi"""\n', False),
    ('id\ts\n1\t"Open\n2\tshut"\n', False),
    ('id\ts\n1\t"Open\n', False),
    ('id\ts\n1\t"say ""hi"""\n', True),
    ('id\ts\n1\t"a\tb"\n', True),
    ('id\ts\n1\t"a\nb"\n', True),
    ('id\ts\n1\t""\n', True),
    ('"id"\t"s"\n1\t"a"\n', True),
    ("id\ts\n1\ta\n", False),
]


def test_a_reject_file_is_read_as_its_source_was() -> None:
    """It may hold rows that show quotes or COPY text by chance, or that no longer show blanks as layout."""
    assert "" == look('id\ts\n1\t"say ""hi"""\n', "rejects.tsv").quote
    assert "csv" == look("id\ts\n1\t\\N\n", "rejects.tsv").format
    spaced = look('id, s\n1, "a,b"\n2, x\n')
    assert ("id", "s") == look(spaced.rejects.header.decode() + "2, x\n", "rejects.csv").columns
    quoted = look('"1"\t"a,b,c,d"\n2\tx\n', "t.tsv", columns=("id", "s"))
    again = look(quoted.rejects.header.decode() + "2\tx,y,z,u\n", "rejects.csv", columns=("id", "s"))
    assert ("csv", "\t", '"') == (quoted.rejects.suffix, again.delimiter, again.quote)


@pytest.mark.parametrize(("text", "quoted"), QUOTING)
def test_tsv_is_quoted_only_if_it_shows_it(text: str, quoted: bool) -> None:
    """By doubled quotes, or by tabs, newlines, nothing or a whole header within quotes; --quote overrides."""
    assert quoted == bool(look(text, "t.tsv").quote)
    assert "" == look(text, "t.tsv", quote="").quote
    assert '"' == look(text, "t.csv").quote == look(text, "rejects.csv").quote


# CSV: whether all cells of its rows are quoted
ALL_QUOTED: list[tuple[str, bool]] = [
    ('"id","s"\n"1",""\n"2","x"\n', True),
    ('id,s\n"1",""\n"2","x\ny"\n', True),
    ('id,s\n"1",""\n2,"x"\n', False),
    ('id,s\n"1",\n', False),
    ('"id","s"\n', False),
]


@pytest.mark.parametrize(("text", "quoted"), ALL_QUOTED)
def test_a_source_may_quote_all_of_its_cells(text: str, quoted: bool) -> None:
    """Then quotes do not tell an empty text from null."""
    assert quoted == look(text).all_quoted


def test_blanks_behind_delimiters_are_layout_where_quotes_follow_them() -> None:
    """Elsewhere they are part of the cells, unless --delimiter has a blank."""
    assert ("id", "s", "n") == look('id, s, n\n1, "a,b", c\n').columns
    assert ("id", " s", " n") == look("id, s, n\n1, a, c\n").columns
    assert ("id", "s", "n") == look("id, s, n\n1, a, c\n", delimiter=", ").columns
