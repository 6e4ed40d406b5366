"""What the command tells about the format of its sources. No I/O."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Self

from loader.settings.values import GIB


@dataclass(frozen=True, slots=True)
class SourceHints:
    """What the command tells about the format of its sources; None where bulkload has to detect it.

    Attributes:
        format: one of settings.FORMATS.
        delimiter: between the cells of CSV.
        encoding: of text, as Python names it.
        columns: all columns of CSV without a header.
        expected: those of ``columns`` that a header of CSV must have; None: all.
        header: names of the columns of CSV, in place of its header or where it has none.
        skip_lines: how many lines of CSV are passed over before the header; None: a preamble is detected.
        comment: how lines of CSV begin that are no rows; empty: there are none.
        quote: what cells of CSV may be enclosed in; empty: quotes are part of the cells.
        positions: columns of CSV that --map or --drop name by their position, counted from 1.
        null_tokens: the cells of CSV that mean null unless they are quoted.
        query: selects the rows of SQLite.
        table: of SQLite, to read.
        parquet_memory: bytes that a row group of Parquet may take, uncompressed.
    """

    format: str | None = None
    delimiter: str | None = None
    encoding: str | None = None
    columns: tuple[str, ...] | None = None
    expected: tuple[str, ...] | None = None
    header: tuple[str, ...] | None = None
    skip_lines: int | None = None
    comment: str = ""
    quote: str | None = None
    positions: frozenset[int] = frozenset()
    null_tokens: tuple[str, ...] = ("",)
    query: str | None = None
    table: str | None = None
    parquet_memory: int = GIB

    @property
    def expected_columns(self) -> tuple[str, ...]:
        """The columns that a header of CSV must have."""
        return (self.columns or ()) if self.expected is None else self.expected

    def with_delimiter(self, delimiter: str) -> Self:
        """Return the hints with another delimiter."""
        return replace(self, delimiter=delimiter)

    def with_quote(self, quote: str) -> Self:
        """Return the hints with another quote."""
        return replace(self, quote=quote)
