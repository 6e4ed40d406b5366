"""What the command tells about the format of its sources. No I/O."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class SourceHints:
    """What the command tells about the format of its sources; None where bulkload has to detect it.

    Attributes:
        format: one of settings.FORMATS.
        delimiter: between the cells of CSV.
        encoding: of text, as Python names it.
        columns: all columns of CSV without a header.
        expected: those of ``columns`` that a header of CSV must have; None: all.
        query: selects the rows of SQLite.
        table: of SQLite, to read.
        null_tokens: the texts of bare cells that mean null, in any column.
    """

    format: str | None = None
    delimiter: str | None = None
    encoding: str | None = None
    columns: tuple[str, ...] | None = None
    expected: tuple[str, ...] | None = None
    query: str | None = None
    table: str | None = None
    null_tokens: tuple[str, ...] = ("",)
