"""How a source is written. No I/O."""

from __future__ import annotations

import codecs
import re
from dataclasses import dataclass, replace

import msgspec

from loader.model import BEGIN, Place
from loader.settings import Format

_DATABASES = frozenset({"parquet", "sqlite"})


@dataclass(frozen=True, slots=True)
class SourceFormat:
    """How a source is written.

    Attributes:
        format: see Format; ``tsv`` is ``csv`` with tabs.
        text: what was understood, for people.
        loose: of JSON Lines, whether there are commas or brackets around the rows.
        bracketed: of JSON, and of loose JSON Lines, whether it is an array.
        delimiter: of CSV.
        columns: of CSV.
        header: of CSV, in UTF-8, with its newline; empty where the source has none.
        begin: where the first row begins, but for the number of the source.
        encoding: of text, as Python names it; empty: UTF-8.
    """

    format: Format
    text: str
    loose: bool = False
    bracketed: bool = False
    delimiter: str = ""
    columns: tuple[str, ...] = ()
    header: bytes = b""
    begin: Place = BEGIN
    encoding: str = ""

    @property
    def usual(self) -> bool:
        """Whether its rows stand in it as they are sent."""
        return self.format == "jsonl" and not self.loose

    @property
    def is_database(self) -> bool:
        """Whether a library of its own must read it, which seeks in it."""
        return self.format in _DATABASES

    @property
    def is_typed(self) -> bool:
        """Whether how a value is written depends on the type of the column that it goes to."""
        return self.format not in ("jsonl", "json")

    @property
    def rejects(self) -> RejectFile:
        """The file that its rejected rows go to."""
        if self.is_database:
            return JSONL
        suffix = "jsonl" if self.format != "csv" else "tsv" if self.delimiter == "\t" else "csv"
        return RejectFile(suffix, self.header, self.encoding)


@dataclass(frozen=True, slots=True)
class RejectFile:
    """Where rejected rows go, so that they can be loaded like their source.

    Attributes:
        suffix: of the file's name.
        header: its first line or lines, in UTF-8, with their newline; empty: none.
        encoding: its encoding, as Python names it; empty: UTF-8.
        torn: whether its rows have quotes that are not in order.
    """

    suffix: str
    header: bytes = b""
    encoding: str = ""
    torn: bool = False


def alike(first: SourceFormat, second: SourceFormat) -> bool:
    """Return whether sources are written alike, so that their rejected rows may share a file."""
    return first.format == second.format and _comparable(first.rejects) == _comparable(second.rejects)


def _comparable(reject_file: RejectFile) -> RejectFile:
    return replace(reject_file, header=reject_file.header.rstrip(b"\r\n"))


JSONL = RejectFile("jsonl")
_REJECTS = re.compile(r"rejects(\.\d+)?\.(jsonl|csv|tsv)")


def is_reject_file(name: str) -> bool:
    """Whether a file of this name is one of rejected rows."""
    return _REJECTS.fullmatch(name) is not None


def lenient(encoding: str) -> str:
    """How Python is to treat what is not in an encoding: it passes, and comes out as it went in."""
    wide = codecs.lookup(encoding).name.startswith(("utf-16", "utf-32"))
    return "surrogatepass" if wide else "surrogateescape"


def dumps(form: SourceFormat) -> bytes:
    """A form as bytes, for the journal."""
    return msgspec.json.encode(form)


def loads(data: bytes) -> SourceFormat:
    """The form that these bytes are of."""
    return msgspec.json.decode(data, type=SourceFormat)
