"""PostgreSQL's COPY text and dumps: recognised by what only they have, and decoded as PostgreSQL does."""

from __future__ import annotations

from pathlib import Path

import pytest

from loader.errors import SourceError, SourceUnfit
from loader.events import Event
from loader.formats.detect import detect_format
from loader.formats.read import records
from loader.formats.records import Table
from loader.formats.source_format import SourceFormat
from loader.formats.source_hints import SourceHints
from loader.model import BEGIN
from loader.sources.find import find

Cells = list[tuple[object, ...]]


def write(path: Path, data: str) -> None:
    path.write_text(data, newline="")


async def read(
    path: Path, data: str, options: dict[str, object] | None = None, size: int = 1 << 18
) -> tuple[Cells, SourceFormat, list[Table]]:
    write(path, data)
    (source,) = find((str(path),))
    formats: list[SourceFormat] = []
    events: list[Event] = []
    pieces = records(
        source,
        SourceHints(**options or {}),  # type: ignore[arg-type]
        start=BEGIN,
        size=size,
        spool=None,
        known=None,
        watch=events.append,
        tell=formats.append,
    )
    tables = [piece async for piece in pieces if isinstance(piece, Table)]
    cells: Cells = [
        tuple(record)
        for table in tables
        for place, record in enumerate(table.records)
        if place not in table.refused
    ]
    return cells, formats[0], tables


# name, text, options, whether it is COPY text
KNOWN: list[tuple[str, str, dict[str, object], bool]] = [
    ("t.tsv", "1\t\\N\n2\ta\\tb\n", {}, True),
    ("t.tsv", "id\ts\n1\t\\N\n", {}, True),
    ("stdin", "1\t\\N\n", {}, True),
    ("t.csv", "1\t\\N\n", {}, True),
    ("t.txt", "1\ta\n\\.\n", {}, True),
    ("t.copy", "1\ta\n", {}, True),
    ("t.txt", "1\ta\n", {"format": "copy"}, True),
    ("t.tsv", "1\ta\\tb\n", {}, False),
    ("t.tsv", "1\tC:\\new\n", {}, False),
    ("t.tsv", "1\tC:\\Users\t\\N\n", {}, False),
    ("t.tsv", "1\t\\N\n2\ta\tb\n", {}, False),
    ("t.tsv", "1\t\\N\n", {"null_tokens": ("NULL",)}, False),
    ("t.tsv", "1\t\\N\n", {"null_tokens": ("\\N",)}, True),
    ("t.tsv", "1\t\\N\n", {"format": "tsv"}, False),
    ("t.tsv", "1\t\\N\n", {"quote": '"'}, False),
    ("t.csv", "1,\\N\n", {}, False),
]


@pytest.mark.parametrize(("name", "text", "options", "is_copy"), KNOWN)
def test_copy_text_is_known_by_what_only_it_has(
    name: str, text: str, options: dict[str, object], is_copy: bool
) -> None:
    """A cell that is backslash-N, or a line that ends the data; and all escapes as PostgreSQL writes them."""
    width = text.splitlines()[0].count("\t") + text.splitlines()[0].count(",") + 1
    columns = ("id", "s", "n")[:width]
    hints = SourceHints(columns=columns, **options)  # type: ignore[arg-type]

    found = detect_format(text.encode(), name, whole=True, hints=hints)

    assert is_copy == (found.format == "copy")


@pytest.mark.parametrize("size", [1, 1 << 18])
async def test_escapes_are_decoded_as_postgresql_decodes_them(tmp_path: Path, size: int) -> None:
    """Backslash-N alone is null, an empty cell an empty text; hex and octal give bytes of UTF-8."""
    rows = [
        ("1\t\\N", ("1", None)),
        ("2\t", ("2", "")),
        ("3\ta\\tb\\nc\\\\d\\re\\bf\\fg\\vh", ("3", "a\tb\nc\\d\re\bf\fg\vh")),
        ("4\t\\\\N", ("4", "\\N")),
        ("5\t\\x41\\102\\xc3\\xa4", ("5", "ABä")),
        ('6\t"q"', ("6", '"q"')),
        ("7\ta\\\tb", ("7", "a\tb")),
        ("8\ta\\\nb", ("8", "a\nb")),
        ("9\tx\\\\", ("9", "x\\")),
        ("10\t\\qé", ("10", "qé")),
    ]

    text = "".join(f"{line}\n" for line, _ in rows)
    cells, _, tables = await read(tmp_path / "t.copy", text, {"columns": ("id", "s"), "format": "copy"}, size)

    origins = [table.origin.data(place).decode() for table in tables for place in range(len(table.records))]
    assert [row for _, row in rows] == cells
    assert [line for line, _ in rows] == origins


async def test_an_escape_that_postgresql_does_not_write_is_refused(tmp_path: Path) -> None:
    """Where the format is not told but detected: the backslash may be part of the text."""
    text = "1\t\\N\n" * 20_000 + "2\tC:\\Users\n3\tx\n"

    cells, _, tables = await read(tmp_path / "t.tsv", text, {"columns": ("id", "s")})

    refused = [reason.code for table in tables for reason in table.refused.values() if reason]
    assert (20_001, ["not-copy"]) == (len(cells), refused)


async def test_lines_of_a_wrong_length_are_refused(tmp_path: Path) -> None:
    """With their own bytes; blank lines are ignored."""
    cells, _, (table,) = await read(tmp_path / "t.copy", "1\ta\n2\n\n3\tb\tc\n", {"columns": ("id", "s")})

    assert [("1", "a")] == cells
    assert {1: "short-line", 2: None, 3: "long-line"} == {
        place: reason and reason.code for place, reason in table.refused.items()
    }
    assert b"3\tb\tc" == table.origin.data(3)


@pytest.mark.parametrize("data", ["1\ta\n\\.\n2\tb\n", "1\t\\N\n\\.\n\n2\tb"])
async def test_rows_behind_the_end_mark_are_an_error(tmp_path: Path, data: str) -> None:
    """They are not read, and not lost in silence."""
    with pytest.raises(SourceError, match="behind the"):
        await read(tmp_path / "t.copy", data, {"columns": ("id", "s")})


def test_copy_text_without_names_of_columns_is_refused() -> None:
    """It has no header unless it was asked for."""
    with pytest.raises(SourceUnfit, match="columns have no names\nName them in their order: --columns"):
        detect_format(b"1\t\\N\n", "t.tsv", whole=True)


BLOCK = 'COPY public.trades (id, "Mixed, ""x""") FROM stdin;\n1\t\\N\n2\ta\\tb\n\\.\n'
OTHER = "COPY public.other (id) FROM stdin;\n7\n\\.\n"
START = "--\n-- PostgreSQL database dump\n--\n\nSET client_encoding = 'UTF8';\n"
ROWS: Cells = [("1", None), ("2", "a\tb")]


@pytest.mark.parametrize(
    ("data", "options"),
    [
        (START + BLOCK + "\n--\n-- PostgreSQL database dump complete\n--\n", {}),
        (BLOCK, {}),
        (START + OTHER + BLOCK, {"table": "trades"}),
        (START + BLOCK + OTHER, {"table": "public.trades"}),
        (START + "-- x\n" * 30_000 + BLOCK, {}),
        (START.replace("\n", "\r\n") + BLOCK.replace("\n", "\r\n"), {}),
    ],
)
@pytest.mark.parametrize("name", ["t.sql", "t.dump"])
async def test_a_dump_has_a_copy_block(
    tmp_path: Path, name: str, data: str, options: dict[str, object]
) -> None:
    """Its statement names the columns; --source-table chooses one of several."""
    cells, source_format, tables = await read(tmp_path / name, data, options)

    assert ROWS == cells
    assert ("id", 'Mixed, "x"') == source_format.columns
    line = data[: data.index("1\t\\N")].count("\n") + 1
    assert line == tables[0].origin.line(0)
    assert data.encode()[tables[0].origin.offset(0) :].startswith(b"1\t\\N")


async def test_the_rejects_of_a_dump_can_be_loaded(tmp_path: Path) -> None:
    """Their file begins with the statement, and needs no end mark."""
    _, source_format, _ = await read(tmp_path / "t.sql", START + BLOCK)
    rejects = source_format.rejects
    again = rejects.header.decode() + "2\ta\\tb\n"

    cells, _, _ = await read(tmp_path / f"rejects.{rejects.suffix}", again)

    assert [("2", "a\tb")] == cells


@pytest.mark.parametrize(
    ("data", "options", "words"),
    [
        (
            START + OTHER + BLOCK,
            {},
            "t.sql has 2 COPY blocks, of public.other, public.trades\nName the table",
        ),
        (START + OTHER, {"table": "trades"}, "t.sql has no COPY block of trades\nIt has public.other."),
        (START + "ALTER TABLE t ADD x text;\n", {}, "t.sql is a dump without COPY blocks"),
        (
            START + BLOCK,
            {"columns": ("id", "x")},
            "t.sql:6: the COPY statement lacks x, which --columns names",
        ),
        (START + BLOCK, {"header": ("id",)}, "t.sql:6: the COPY statement has 2 columns"),
        (START + BLOCK.removesuffix("\\.\n"), {}, "t.sql: the COPY block has no end"),
    ],
)
async def test_a_dump_that_cannot_be_read_is_told(
    tmp_path: Path, data: str, options: dict[str, object], words: str
) -> None:
    """Before a row is sent, unless the dump breaks off."""
    with pytest.raises(SourceError) as found:
        await read(tmp_path / "t.sql", data, options)

    assert str(found.value).removeprefix(f"{tmp_path}/").startswith(words)
