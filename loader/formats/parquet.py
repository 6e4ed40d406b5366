"""Parquet: the rows of a file, a bounded number at a time. Needs polars, of the extra ``parquet``."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import anyio.to_thread

from loader.errors import SourceError, SourceUnfit
from loader.formats.csv_header import listed
from loader.formats.encoding import rows_of_portion
from loader.formats.records import Typed
from loader.model import Place

if TYPE_CHECKING:
    import polars as pl

_FIRST, _ROWS = 50, 4000  # rows of the first portion, and of any at most
_READ_ROWS, _READ = 32_000, 4 * 1024 * 1024  # rows and bytes read at once: each read costs a millisecond
_FOOTER = "Is it whole? What is in it stands at its end. Get it again, and load it with --fresh."
_BEHIND = "The rows before it are loaded. Get the file again, and load it with --fresh."
_run = partial(anyio.to_thread.run_sync, abandon_on_cancel=True)


async def frames(path: Path, name: str, *, start: Place) -> AsyncIterator[Typed]:
    """The rows of a file, from ``start`` on.

    Args:
        path: the file.
        name: the source's, for messages.
        start: the place of the first row.

    Raises:
        SourceUnfit: polars is not installed, or the file has columns of a type that cannot be written.
        SourceError: the file is damaged.
    """
    scan = await _run(_scan, path, name)
    from loader.formats.parquet_values import Frame  # noqa: PLC0415 - it needs polars

    number, rows = start.number, _FIRST
    damage: SourceError | None = None
    while damage is None:
        read, damage = await _run(_slice, scan, number - 1, rows, name)
        if read is None or not read.height:
            break
        size = int(read.estimated_size())
        rows = rows_of_portion(read.height, size, _READ_ROWS, _READ)
        for frame in read.iter_slices(rows_of_portion(read.height, size, _ROWS)):
            begin = Place(start.source, number, 0, number)
            number += frame.height
            yield Frame(begin, Place(start.source, number, 0, number), frame)
    if damage is not None:
        raise damage


def understood(path: Path, name: str) -> str:
    """What is in it, for people.

    Raises:
        SourceUnfit, SourceError: as frames() does.
    """
    scan = _scan(path, name)
    return f"Parquet, {count(path, name):,} rows; {listed(scan.collect_schema().names())}"


def count(path: Path, name: str) -> int:
    """How many rows there are."""
    import polars as pl  # noqa: PLC0415 - an extra

    scan = _scan(path, name)
    with _translated(name):
        found: int = scan.select(pl.len()).collect().item()
        return found


def _scan(path: Path, name: str) -> pl.LazyFrame:
    try:
        import polars as pl  # noqa: PLC0415 - an extra, and a tenth of a second
    except ImportError as error:
        raise SourceUnfit(
            f"{name} is Parquet, which needs polars", advice="pip install 'bulkload[parquet]' brings it."
        ) from error
    from loader.formats.parquet_values import unwritable  # noqa: PLC0415

    with _translated(name):
        scan = pl.scan_parquet(path, glob=False)
        schema = scan.collect_schema()
    for column, kind in schema.items():
        if refused := unwritable(kind):
            raise SourceUnfit(
                f"{name}: column {column} is of type {kind}, and {refused} cannot be written",
                advice="Write the file without it, or cast it.",
            )
    return scan


def _slice(
    scan: pl.LazyFrame, begin: int, rows: int, name: str
) -> tuple[pl.DataFrame | None, SourceError | None]:
    """Rows from ``begin`` on, counted from 0; where there is damage, all before it that can be read."""
    cause: BaseException | None = None
    frame: pl.DataFrame | None = None
    good, bad = 0, rows + 1  # so many can be read, and so many cannot
    wanted = rows
    while wanted > good:
        try:
            with _translated(name):
                frame, good = scan.slice(begin, wanted).collect(), wanted
        except SourceError as error:
            cause, bad = error.__cause__, wanted
        wanted = (good + bad) // 2
    return frame, None if cause is None else _damaged(f"{name}:{begin + bad}:", cause, _BEHIND)


@contextmanager
def _translated(name: str) -> Iterator[None]:
    """The errors of polars as ours; its Rust code panics over some damage, which is no Exception."""
    try:
        yield
    except (KeyboardInterrupt, SystemExit, GeneratorExit):
        raise
    except BaseException as error:
        if not isinstance(error, Exception) and type(error).__name__ != "PanicException":
            raise
        raise _damaged(name, error, _FOOTER) from error


def _damaged(where: str, cause: BaseException, advice: str) -> SourceError:
    first = (str(cause).splitlines() or [type(cause).__name__])[0]
    return SourceError(f"{where} cannot be read as Parquet: {first}", advice=advice)
