"""Dirty files: each row is in the table to the last digit, or rejected byte for byte."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.support.dirty.cases import (
    BLOCKS,
    GOOD,
    JSON,
    TEXT,
    UTF8,
    among_good_rows,
    dirty_row,
    ending,
    good,
    load,
    rejected_as,
)
from tests.support.harness import Target

DIRTY = Path(__file__).parents[2] / "support" / "dirty"


LINES = [
    (b'{"id":"here","t":"x"', JSON),
    (b'{"id":"here","t":"x"}}', JSON),
    (b'{"id":"here","t":"x"},', JSON),
    (b'{"id":"here","t":"x"} {"id":"there","t":"x"}', JSON),
    (b'{"id":"here" "t":"x"}', JSON),
    (b'{"id":"here","t":"x"} // why', JSON),
    (b"{'id':'here'}", JSON),
    (b"{id:1}", JSON),
    (b"}", JSON),
    (b"id,big,n,d,t", JSON),
    (b"<html><body>502 Bad Gateway</body></html>", JSON),
    (b"\x00", JSON),
    (b"\x0c", JSON),
    (b"\x1f\x9d\x90\x00\x00\x00\x00\x00\x00\x03", UTF8),
    (b'{"id":"here","\xff":"x"}', UTF8),
    (rb'{"id":"here","\ud800":"x"}', JSON),
    (rb'{"id":"here","\u0000":"x"}', "nul"),
    (rb'{"id":"here","nope":"\u0000"}', "nul"),
    (b'[{"id":"here","t":"x"}]', "not-an-object"),
    (b"[]", "not-an-object"),
    (b'"here"', "not-an-object"),
    (b"1", "not-an-object"),
    (b"null", "not-an-object"),
    (b"{}", "no-key"),
    (b'{"t":"x"}', "no-key"),
    (b'{"ID":"here","t":"x"}', "no-key"),
    (b'{"id ":"here","t":"x"}', "no-key"),
]


@pytest.mark.parametrize("place", [0, 75, GOOD], ids=["first", "middle", "last"])
@pytest.mark.parametrize(("line", "code"), LINES)
async def test_line_is_rejected(dirty: Target, line: bytes, code: str, place: int) -> None:
    """A line that is no row, or no row for the table, is rejected, and all other rows are in."""
    source = among_good_rows((place, line))

    loaded = await load(dirty, source, **BLOCKS)

    rejected_as(loaded, source, [(place + 1, code)])
    assert (GOOD, 0, 0, 1) == loaded.counts
    assert [(str(GOOD), str(GOOD))] == dirty.texts(
        "select count(*), count(*) filter (where id like 'good%') from api.dirty"
    )


# A file of tests/support/dirty: the ids and texts that it puts into the table, and its rejected lines.
ABC = {"a": "x", "b": "x", "c": "x"}
FILES: list[tuple[str, Mapping[str, str], list[tuple[int, str]]]] = [
    ("empty", {}, []),
    ("newlines_only", {}, []),
    ("spaces_only", {}, []),
    ("bom_alone", {}, []),
    ("bom", {"a": "x", "b": "x"}, []),
    ("bom_then_bad_row", {"b": "x"}, [(1, JSON)]),
    ("bom_twice", {"b": "x"}, [(1, JSON)]),
    ("bom_on_a_later_line", {"a": "x"}, [(2, JSON)]),
    ("crlf", {"a": "x", "c": "x"}, [(2, JSON)]),
    ("cr_only", {}, [(1, JSON)]),
    ("blank_lines", ABC, [(9, JSON)]),
    ("no_newline_at_end", {"a": "x", "b": "x"}, []),
    ("no_newline_one_row", {"a": "x"}, []),
    ("spaces_and_tabs", {"a": " x ", "b": "x", "c": "x"}, []),
    ("keys_in_any_order", {"a": "1", "b": "2", "c": "3"}, []),
    ("keys_escaped", ABC, []),
    ("key_twice", {"a": "2", "b": "x", "c": "3"}, []),
    ("truncated_last_line", {"a": "x", "b": "x"}, [(3, JSON)]),
    ("two_objects_on_one_line", {"c": "x"}, [(1, JSON)]),
    ("one_object_over_two_lines", {"a": "x", "c": "x"}, [(2, JSON), (3, JSON)]),
    ("trailing_commas", {"c": "x"}, [(1, JSON), (2, JSON)]),
    ("json_array", {"a": "x", "b": "x"}, []),
    ("json_array_on_one_line", {"a": "x", "b": "x"}, []),
    ("comments", {"c": "x"}, [(1, JSON), (2, JSON), (3, JSON), (4, JSON)]),
    ("single_quotes", {"c": "x"}, [(1, JSON), (2, JSON)]),
    ("python_repr", {}, [(1, JSON), (2, JSON), (3, JSON)]),
    ("csv_by_mistake", {}, [(1, JSON), (2, JSON), (3, JSON)]),
    ("latin1", {"b": "Größe"}, [(1, UTF8)]),
    ("binary_garbage", {"a": "x"}, [(1, UTF8), (2, JSON), (4, UTF8), (5, JSON), (6, JSON), (7, UTF8)]),
    ("not_objects", {"a": "x"}, [
        (1, "not-an-object"), (2, "not-an-object"), (3, "not-an-object"), (4, "not-an-object"),
        (5, "not-an-object"), (6, "not-an-object"), (7, JSON), (8, JSON), (9, "no-key"),
    ]),
    ("ids", {
        "": "empty", "1": "string", " 1": "blank", "true": "bool", "1.10": "literal", 'a"b': "quote",
        "a,b": "comma again", "(a)": "parens", "a\\b": "backslash", "it's": "apostrophe", '["a", 1]': "array",
    }, [(7, "23502"), (8, "no-key"), (9, "no-key")]),
]  # fmt: skip


@pytest.mark.parametrize(("name", "held", "rejects"), FILES, ids=[case[0] for case in FILES])
async def test_file(
    dirty: Target, name: str, held: Mapping[str, str], rejects: list[tuple[int, str]]
) -> None:
    """Each file of tests/support/dirty gives exactly its table and its rejects."""
    path = DIRTY / f"{name}.jsonl"

    loaded = await load(dirty, path)

    assert held == dict(dirty.sql("select id, t from api.dirty"))
    rejected_as(loaded, path.read_bytes(), rejects)
    superseded = 2 if name == "ids" else 0  # two rows of the key "1", and two of "a,b"
    assert (len(held), superseded, 0, len(rejects)) == loaded.counts


def test_each_file_is_tested() -> None:
    """No file of tests/support/dirty is forgotten."""
    told = [*(name for name, *_ in FILES), "utf16_le", "utf16_be"]
    assert sorted(told) == sorted(path.stem for path in DIRTY.glob("*.jsonl"))


@pytest.mark.parametrize("name", ["utf16_le", "utf16_be"])
async def test_utf_16_is_told_and_can_be_read(dirty: Target, name: str) -> None:
    """The error names the line and --encoding; with it the rows are loaded."""
    path = DIRTY / f"{name}.jsonl"

    refused = await load(dirty, path)
    loaded = await load(dirty, path, encoding="utf-16", fresh=True)

    assert (2, 0) == (refused.report.exit_code, refused.report.rows_read)
    assert f"{path}:1: it is not UTF-8 but UTF-16\nLoad it with --encoding utf-16." == refused.report.error
    assert (0, 2) == (loaded.report.exit_code, loaded.report.rows_loaded)
    assert {"a": "x", "b": "x"} == dict(dirty.sql("select id, t from api.dirty"))


@pytest.mark.parametrize("name", ["empty", "newlines_only", "spaces_only", "bom_alone"])
async def test_nothing_is_asked_without_rows(dirty: Target, name: str) -> None:
    """A file without rows is complete, and needs no server."""
    loaded = await load(dirty, DIRTY / f"{name}.jsonl", url="http://127.0.0.1:9")

    assert (0, "complete") == ending(loaded)
    assert 0 == loaded.report.requests


@pytest.mark.parametrize("name", ["keys_in_any_order", "no_newline_at_end", "bom", "blank_lines"])
async def test_bytes_read(dirty: Target, name: str) -> None:
    """The report tells the bytes of the whole file."""
    path = DIRTY / f"{name}.jsonl"

    loaded = await load(dirty, path)

    assert path.stat().st_size == loaded.report.bytes_read


async def test_blank_line_near_two_objects_on_one_line(dirty: Target) -> None:
    """Where the lines are as many as the objects, a line is still a row, whatever the block's sum."""
    source = among_good_rows((100, b'{"id":"here","big":1,"n":1,"d":1,"t":"x"}' + good(-1)), (102, b""))

    loaded = await load(dirty, source, **BLOCKS)

    rejected_as(loaded, source, [(101, JSON)])
    assert (GOOD, 0, 0, 1) == loaded.counts


async def test_object_over_two_lines_near_two_objects_on_one_line(dirty: Target) -> None:
    """Three lines that hold three objects, and not one on each line, are three rejects."""
    source = among_good_rows(
        (100, good(-1) + good(-2)), (101, b'{"id":"here",'), (101, b'"big":1,"n":1,"d":1,"t":"x"}')
    )

    loaded = await load(dirty, source, **BLOCKS)

    rejected_as(loaded, source, [(101, JSON), (103, JSON), (104, JSON)])
    assert (GOOD, 0, 0, 3) == loaded.counts


async def test_crlf_in_many_blocks(dirty: Target) -> None:
    """A file with CRLF loads whole, and its rejects keep the CR."""
    source = among_good_rows((0, b"x"), (75, b'{"id":null,"t":"x"}')).replace(b"\n", b"\r\n")

    loaded = await load(dirty, source, **BLOCKS)

    assert [b"x\r", b'{"id":null,"t":"x"}\r'] == loaded.rejects
    rejected_as(loaded, source, [(1, JSON), (77, "23502")])
    assert [(str(GOOD),)] == dirty.texts("select count(*) from api.dirty where t = 'x'")


@pytest.mark.parametrize("size", [1_000_000, 1_048_576, 5_000_000])
async def test_long_rows(dirty: Target, size: int) -> None:
    """A row may be longer than a batch; those around it are not disturbed."""
    long = b'"' + "ä".encode() * (size // 2) + b'"'
    source = among_good_rows((0, dirty_row("a", "t", long)), (75, dirty_row("b", "t", long)))

    loaded = await load(dirty, source)

    assert (GOOD + 2, 0, 0, 0) == loaded.counts
    assert [("a", size // 2), ("b", size // 2)] == dirty.sql(
        "select id, length(t) from api.dirty where t = repeat('ä', length(t)) order by id"
    )


async def test_long_bad_rows(dirty: Target) -> None:
    """A long row that is refused stands in the rejects with all its bytes."""
    long = b'{"id":"a","big":"1.0","t":"' + b"x" * 2_000_000 + b'"}'
    cut_off = b'{"id":"a","t":"' + b"x" * 2_000_000
    source = among_good_rows((75, long), (80, cut_off))

    loaded = await load(dirty, source)

    rejected_as(loaded, source, [(76, TEXT), (82, JSON)])
    assert (GOOD, 0, 0, 2) == loaded.counts


@pytest.mark.parametrize("depth", [1_000, 5_000, 100_000])
async def test_deep_nesting(dirty: Target, depth: int) -> None:
    """A row that nests deeply is in the table exactly, or rejected alone (PostgreSQL's limit is 10,000)."""
    deep = b"[" * depth + b"]" * depth
    source = among_good_rows((75, dirty_row("here", "t", deep)))

    loaded = await load(dirty, source, **BLOCKS)

    held = dirty.texts("select t from api.dirty where id = 'here'")
    assert ([], [dirty_row("here", "t", deep)]) == (held, loaded.rejects) or (
        depth < 10_000 and ([(deep.decode(),)], []) == (held, loaded.rejects)
    )
    assert (GOOD + 1, GOOD) == (loaded.report.rows_read, loaded.report.rows_loaded - len(held))


async def test_endless_line(dirty: Target, tmp_path: Path) -> None:
    """A file without newlines is not read into memory: it stops the load, and says where."""
    path = tmp_path / "zeros.jsonl"
    with path.open("wb") as file:
        file.write(good(1) + b"\n")
        file.truncate(80 * 2**20)

    loaded = await load(dirty, path)

    assert (4, "stopped") == ending(loaded)
    assert "zeros.jsonl:2: the line is longer than 64 MiB" in (loaded.report.error or "")
