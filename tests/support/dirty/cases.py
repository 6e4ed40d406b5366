"""A table for dirty rows, files of good rows around them, and what a load must then have rejected."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path
from typing import Any, LiteralString

from tests.support.harness import Loaded, Target

JSON, UTF8 = "not-json", "not-utf8"
TEXT, RANGE = "22P02", "22003"
BOM = b"\xef\xbb\xbf"
GOOD = 150  # rows around a dirty one
BLOCKS = {"batch_bytes": 4096}  # so that they make several blocks, checked whole after the first


@contextmanager
def tables(servers: Target, ddl: LiteralString, drop: LiteralString) -> Iterator[Target]:
    """Make tables, have PostgREST know them, and drop them in the end."""
    servers.sql(ddl)
    servers.reload()
    yield servers
    servers.sql(drop)


@contextmanager
def dirty_table(servers: Target) -> Iterator[Target]:
    """Make api.dirty, with a column of each kind."""
    ddl: LiteralString = """
        create table api.dirty
            (id text primary key, big bigint, n numeric(48, 18), d double precision, t text);
        grant select, insert, update on api.dirty to api_data_producer
    """
    with tables(servers, ddl, "drop table api.dirty") as target:
        yield target


async def load(dirty: Target, source: bytes | Path, **changes: Any) -> Loaded:
    return await dirty.load(source, table="dirty", **changes)


def good(number: int) -> bytes:
    return b'{"id":"good%d","big":1,"n":1,"d":1,"t":"x"}' % number


def among_good_rows(*places: tuple[int, bytes]) -> bytes:
    """Return a file of good rows, with lines put before the rows of these numbers (from 0, ascending)."""
    lines = [good(number) for number in range(GOOD)]
    for place, line in reversed(places):
        lines.insert(place, line)
    return b"".join(line + b"\n" for line in lines)


def lines_of(source: bytes) -> list[tuple[int, bytes]]:
    """Return the lines with their offsets. A byte order mark belongs to no line."""
    first = len(BOM) if source.startswith(BOM) else 0
    offsets = [first] + [at + 1 for at, byte in enumerate(source) if byte == 10] + [len(source) + 1]
    return [(start, source[start : end - 1]) for start, end in pairwise(offsets)]


def rejected_as(loaded: Loaded, source: bytes, expected: list[tuple[int, str]]) -> None:
    """Assert that just these lines are rejected for these reasons, with their bytes and offsets."""
    lines = [lines_of(source)[number - 1] for number, _ in expected]
    assert expected == loaded.codes
    assert [line for _, line in lines] == loaded.rejects
    assert [offset for offset, _ in lines] == [error["offset"] for error in loaded.errors]
    assert len(expected) == loaded.counts[-1]
    assert ((1, "complete_with_rejects") if expected else (0, "complete")) == ending(loaded)


def ending(loaded: Loaded) -> tuple[int, str]:
    return loaded.report.exit_code, loaded.report.status


def dirty_row(id: str, column: str, given: bytes) -> bytes:  # noqa: A002 - the column's name
    values = {"id": b'"%b"' % id.encode(), "big": b"1", "n": b"1", "d": b"1", "t": b'"x"', column: given}
    return b"{" + b",".join(b'"%b":%b' % (name.encode(), value) for name, value in values.items()) + b"}"


def rows_of(target: Target, table: str) -> list[tuple[str | None, ...]]:
    """Return the rows of a table as PostgreSQL writes them, in a fixed order."""
    return sorted(target.texts(f"select * from {table}"), key=str)  # noqa: S608 - a test's own
