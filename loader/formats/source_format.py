"""The format of a source, and of the file for its rejected rows. No I/O.

To add a format, see read.py: this is what is known of a source once its format was detected.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

import msgspec

from loader.model import BEGIN, Place
from loader.settings import Format

_DATABASES = frozenset({"parquet", "sqlite"})


@dataclass(frozen=True, slots=True)
class SourceFormat:
    """The format of a source.

    Attributes:
        format: see settings.Format; TSV is ``csv`` with tabs.
        text: the format in words, for people.
        has_separators: of JSON Lines, whether commas or array brackets are around the rows.
        is_array: of JSON, and of JSON Lines with separators, whether it is an array.
        delimiter: of CSV.
        columns: of CSV.
        header: of CSV, in UTF-8, with its newline; empty if the source has none.
        begin: where the first row begins; the number of the source in it is not set.
        encoding: of text, as Python names it; empty: UTF-8.
        quote: of CSV, what cells may be enclosed in; empty: quotes are part of the cells.
        spaced: of CSV, whether blanks before a cell are no part of it.
        trailing: of CSV, whether rows have a delimiter behind their last cell.
        comment: of CSV, how lines begin that are no rows; empty: there are none.
        all_quoted: of CSV, whether each cell of the first rows stands in quotes, so that an empty cell may be
            null nevertheless.
    """

    format: Format
    text: str
    has_separators: bool = False
    is_array: bool = False
    delimiter: str = ""
    columns: tuple[str, ...] = ()
    header: bytes = b""
    begin: Place = BEGIN
    encoding: str = ""
    quote: str = '"'
    spaced: bool = False
    trailing: bool = False
    comment: str = ""
    all_quoted: bool = False

    @property
    def usual(self) -> bool:
        """Whether the source is plain JSON Lines, which need no remark."""
        return self.format == "jsonl" and not self.has_separators

    @property
    def is_database(self) -> bool:
        """Whether a library reads it, which must seek in its file."""
        return self.format in _DATABASES

    @property
    def rejects(self) -> RejectFile:
        """The file for its rejected rows."""
        if self.is_database:
            return JSONL
        suffix = "jsonl"
        if self.format == "copy":
            suffix = "copy"
        elif self.format == "csv":  # a TSV has no quotes, unless it shows them: see detect.py
            suffix = "tsv" if self.delimiter == "\t" and not self.quote else "csv"
        return RejectFile(suffix, self.header, self.encoding)


@dataclass(frozen=True, slots=True)
class RejectFile:
    """A file for rejected rows, which can be loaded like their source.

    Attributes:
        suffix: of the file's name.
        header: its first line or lines, in UTF-8, with their newline; empty: none.
        encoding: its encoding, as Python names it; empty: UTF-8.
        has_bad_quotes: whether its rows have quotes that do not match, which would swallow other rows.
    """

    suffix: str
    header: bytes = b""
    encoding: str = ""
    has_bad_quotes: bool = False


def alike(first: SourceFormat, second: SourceFormat) -> bool:
    """Return whether sources are written alike, so that their rejected rows may share a file."""
    return first.format == second.format and _comparable(first.rejects) == _comparable(second.rejects)


def _comparable(reject_file: RejectFile) -> RejectFile:
    return replace(reject_file, header=reject_file.header.rstrip(b"\r\n"))


JSONL = RejectFile("jsonl")
_REJECTS = re.compile(r"rejects(\.\d+)?\.(jsonl|csv|tsv|copy)")


def is_reject_file(name: str) -> bool:
    """Return whether this is the name of a file for rejected rows."""
    return _REJECTS.fullmatch(name) is not None


def dumps(source_format: SourceFormat) -> bytes:
    """Return a SourceFormat as bytes, for the journal."""
    return msgspec.json.encode(source_format)


def loads(data: bytes) -> SourceFormat:
    """Return the SourceFormat that ``dumps`` made these bytes of."""
    return msgspec.json.decode(data, type=SourceFormat)
