"""Parquet: the rows of a file, a bounded number at a time. Needs polars, of the extra ``parquet``."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import anyio.to_thread

from loader.errors import SourceError, SourceUnfit
from loader.formats.column_names import list_columns
from loader.formats.database_file import rows_per_piece
from loader.formats.parquet_footer import row_group_sizes
from loader.formats.records import Typed
from loader.formats.source_hints import SourceHints
from loader.model import Place
from loader.settings.values import MIB

if TYPE_CHECKING:
    import polars as pl

_FIRST_ROWS, _MOST_ROWS = 50, 4000  # of the first piece, and of any
_READ_ROWS, _READ_BYTES = 32_000, 4 * 1024 * 1024  # read at once: each read costs a millisecond
_BAD_FOOTER = "Is it whole? Its end describes its content. Get it again, and load it with --fresh."
_BAD_ROW = "The rows before it are loaded. Get the file again, and load it with --fresh."
_run = partial(anyio.to_thread.run_sync, abandon_on_cancel=True)


class ParquetReader:
    """Reads the rows of a Parquet file (a DatabaseReader).

    Args:
        path: the file.
        name: the source's name, for messages.
        hints: its ``parquet_memory``; all else the file tells.
    """

    def __init__(self, path: Path, name: str, hints: SourceHints | None = None) -> None:
        self._memory = (hints or SourceHints()).parquet_memory
        self._sizes_checked = False
        self._path = path
        self._name = name

    def describe(self) -> str:
        """Return how many rows there are, and the columns.

        Raises:
            SourceUnfit, SourceError: as records() does.
        """
        scan = self._scan()
        return f"Parquet, {self.count_rows():,} rows; {list_columns(scan.collect_schema().names())}"

    def count_rows(self) -> int:
        """Return how many rows there are."""
        import polars as pl  # noqa: PLC0415 - an extra

        scan = self._scan()
        with _translated_errors(self._name):
            rows: int = scan.select(pl.len()).collect().item()
            return rows

    async def records(self, start: Place) -> AsyncIterator[Typed]:
        """Return the rows from ``start`` on (FormatReader).

        Raises:
            SourceUnfit: polars is not installed, or a column has a type that cannot be written.
            SourceError: the file is damaged.
        """
        scan = await _run(self._scan)
        from loader.formats.parquet_values import TypedRows  # noqa: PLC0415 - it needs polars

        number, rows = start.number, _FIRST_ROWS
        damage: SourceError | None = None
        while damage is None:
            frame, damage = await _run(self._slice, scan, number - 1, rows)
            if frame is None or not frame.height:
                break
            size = int(frame.estimated_size())
            rows = rows_per_piece(frame.height, size, _READ_ROWS, _READ_BYTES)
            for piece in frame.iter_slices(rows_per_piece(frame.height, size, _MOST_ROWS)):
                begin = Place(start.source, number, 0, number)
                number += piece.height
                yield TypedRows(begin, Place(start.source, number, 0, number), piece)
        if damage is not None:
            raise damage

    def _scan(self) -> pl.LazyFrame:
        try:
            import polars as pl  # noqa: PLC0415 - an extra, and a tenth of a second
        except ImportError as error:
            raise SourceUnfit(
                f"{self._name} is Parquet, which needs polars",
                advice="Install it: pip install 'bulkload[parquet]'.",
            ) from error
        from loader.formats.parquet_nested import unwritable  # noqa: PLC0415

        self._check_sizes()
        with _translated_errors(self._name):
            scan = pl.scan_parquet(self._path, glob=False)
            schema = scan.collect_schema()
        for column, dtype in schema.items():
            if refused := unwritable(dtype):
                raise SourceUnfit(
                    f"{self._name}: column {column} is of type {dtype}, and {refused} cannot be written",
                    advice="Write the file without it, or cast it.",
                )
        return scan

    def _check_sizes(self) -> None:
        """Check that no row group unfolds to more than it may: polars reads whole ones.

        Raises:
            SourceUnfit: one does.
            SourceError: the file is damaged.
        """
        if self._sizes_checked:
            return
        try:
            sizes = row_group_sizes(self._path)
        except (OSError, ValueError, AttributeError, TypeError) as error:
            raise _damage_error(self._name, error, _BAD_FOOTER) from error
        for number, size in enumerate(sizes, 1):
            if size > self._memory:
                raise SourceUnfit(
                    f"{self._name}: row group {number} of {len(sizes)} takes {_mib(size)} MiB of memory, "
                    f"more than --parquet-memory allows ({_mib(self._memory)} MiB)",
                    advice=f"If you trust the file, give --parquet-memory {_mib(size)}MiB; "
                    "or write it with smaller row groups.",
                )
        self._sizes_checked = True

    def _slice(
        self, scan: pl.LazyFrame, begin: int, rows: int
    ) -> tuple[pl.DataFrame | None, SourceError | None]:
        """Return rows from index ``begin`` on; if some are damaged, all before them, and the error."""
        cause: BaseException | None = None
        frame: pl.DataFrame | None = None
        readable, unreadable = 0, rows + 1  # numbers of rows, between which the right one is searched
        attempt = rows
        while attempt > readable:
            try:
                with _translated_errors(self._name):
                    frame, readable = scan.slice(begin, attempt).collect(), attempt
            except SourceError as error:
                cause, unreadable = error.__cause__, attempt
            attempt = (readable + unreadable) // 2
        if cause is None:
            return frame, None
        return frame, _damage_error(f"{self._name}:{begin + unreadable}:", cause, _BAD_ROW)


@contextmanager
def _translated_errors(name: str) -> Iterator[None]:
    """Translate the errors of polars. Its Rust code panics over some damage, which is not an Exception."""
    try:
        yield
    except (KeyboardInterrupt, SystemExit, GeneratorExit):
        raise
    except BaseException as error:
        if not isinstance(error, Exception) and type(error).__name__ != "PanicException":
            raise
        raise _damage_error(name, error, _BAD_FOOTER) from error


def _mib(size: int) -> int:
    return -(-size // MIB)


def _damage_error(where: str, cause: BaseException, advice: str) -> SourceError:
    first_line = (str(cause).splitlines() or [type(cause).__name__])[0]
    return SourceError(f"{where} cannot be read as Parquet: {first_line}", advice=advice)
