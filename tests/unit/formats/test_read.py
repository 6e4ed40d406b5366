"""Sources of all formats are read through one function."""

from __future__ import annotations

import gzip
import sqlite3
from contextlib import closing
from pathlib import Path

import polars as pl
import pytest

from loader.events import Event, Read, Skipped
from loader.formats.read import SourceHints, records
from loader.formats.source_format import SourceFormat
from loader.model import BEGIN, Place
from loader.settings import FORMATS
from loader.sources.find import find

ROWS = 3000


def write(path: Path) -> None:
    """Write ROWS rows in the format that the file's name stands for."""
    match path.suffix.removeprefix("."):
        case "jsonl":
            path.write_text("".join(f'{{"id":{number}}}\n' for number in range(ROWS)))
        case "json":
            path.write_text("[" + ",\n".join(f'{{"id":{number}}}' for number in range(ROWS)) + "]")
        case "csv" | "tsv" | "copy":
            path.write_text("id\n" + "".join(f"{number}\n" for number in range(ROWS)))
        case "parquet":
            pl.DataFrame({"id": range(ROWS)}).write_parquet(path)
        case "sqlite":
            with closing(sqlite3.connect(path)) as database, database:
                database.execute("create table rows (id)")
                database.executemany("insert into rows values (?)", ((number,) for number in range(ROWS)))


async def read(
    path: Path, start: Place, *, spool: Path | None = None, known: SourceFormat | None = None
) -> tuple[list[tuple[Place, Place]], list[SourceFormat], list[Event]]:
    """Return where each piece begins and where the next one does, the formats told, and the events."""
    (source,) = find((str(path),))
    told: list[SourceFormat] = []
    events: list[Event] = []
    pieces = records(
        source,
        SourceHints(),
        start=start,
        size=4096,
        spool=spool,
        known=known,
        watch=events.append,
        tell=told.append,
    )
    return [(piece.start, piece.end) async for piece in pieces], told, events


@pytest.mark.parametrize("name", FORMATS)
async def test_each_format_has_a_reader(tmp_path: Path, name: str) -> None:
    """It returns all rows in order, the format is told once, and all bytes count as read."""
    path = tmp_path / f"rows.{name}"
    write(path)

    pieces, told, events = await read(path, BEGIN)

    assert (1, ROWS + 1) == (pieces[0][0].number, pieces[-1][1].number)
    assert [end for _, end in pieces[:-1]] == [start for start, _ in pieces[1:]]
    assert ["csv" if name == "tsv" else name] == [source_format.format for source_format in told]
    assert path.stat().st_size == sum(event.size for event in events if isinstance(event, Read))


@pytest.mark.parametrize("name", FORMATS)
async def test_each_format_is_resumed_from_a_row(tmp_path: Path, name: str) -> None:
    """The rows before it are not returned, and the bytes that are skipped and read add up."""
    path = tmp_path / f"rows.{name}"
    write(path)
    all_pieces, (known,), _ = await read(path, BEGIN)
    start = all_pieces[0][1]

    pieces, told, events = await read(path, start, known=known)

    expected = [(start, all_pieces[-1][1])] if len(all_pieces) > 1 else []
    assert expected == ([(pieces[0][0], pieces[-1][1])] if pieces else [])
    assert [known] == told
    sizes = [event.size for event in events if isinstance(event, Read | Skipped)]
    assert path.stat().st_size == sum(sizes)


async def test_a_compressed_database_needs_a_file_to_be_spooled_to(tmp_path: Path) -> None:
    """Without one it gives nothing, and its format is not told."""
    path, spool = tmp_path / "rows.parquet.gz", tmp_path / "spool"
    write(tmp_path / "rows.parquet")
    path.write_bytes(gzip.compress((tmp_path / "rows.parquet").read_bytes()))

    pieces, told, _ = await read(path, BEGIN, spool=spool)

    assert (1, ROWS + 1) == (pieces[0][0].number, pieces[-1][1].number)
    assert ["Parquet, 3,000 rows; 1 column: id"] == [source_format.text for source_format in told]
    assert ([], []) == (await read(path, BEGIN))[:2]
