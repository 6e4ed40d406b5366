"""A look at a source: how it is written, by its name and its first lines. No I/O."""

from __future__ import annotations

import io
import re
from itertools import islice
from pathlib import PurePath

import msgspec

from loader.errors import SourceUnfit
from loader.formats import csv_header
from loader.formats.source_format import SourceFormat, is_reject_file
from loader.model import BEGIN
from loader.settings import Format
from loader.sources.file_names import SQLITE, format_by_name

HEAD = 64 * 1024  # bytes at the start of a source that are looked at

_BOM = b"\xef\xbb\xbf"
_MAGIC: dict[Format, bytes] = {"parquet": b"PAR1", "sqlite": SQLITE}
_TITLES = {"parquet": "Parquet", "sqlite": "SQLite database"}
# The byte order marks of UTF-32 and of UTF-16, and what begins with ASCII in them without one.
_WIDE = {
    "utf-32": re.compile(rb"\xff\xfe\0\0|\0\0\xfe\xff"),
    "utf-16": re.compile(rb"\xff\xfe|\xfe\xff"),
    "utf-32-le": re.compile(rb"(?:[^\0]\0\0\0){2}"),
    "utf-32-be": re.compile(rb"(?:\0\0\0[^\0]){2}"),
    "utf-16-le": re.compile(rb"(?:[^\0]\0){2}"),
    "utf-16-be": re.compile(rb"(?:\0[^\0]){2}"),
}
_decode = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode


def is_database(head: bytes) -> bool:
    """Whether these first bytes are no text, but those of a database."""
    return any(map(head.startswith, _MAGIC.values()))


def recognise(
    head: bytes,
    name: str,
    *,
    whole: bool,
    format: str | None = None,  # noqa: A002 - the option's name
    delimiter: str | None = None,
    columns: tuple[str, ...] | None = None,
    expected: tuple[str, ...] | None = None,
) -> SourceFormat:
    """How a source is written.

    Args:
        head: its first bytes, decompressed, HEAD of them or more.
        name: its name.
        whole: whether that is all of it.
        format: --format.
        delimiter: --delimiter.
        columns: --columns: all of CSV without a header.
        expected: those of --columns that a header must have; None: all.

    Raises:
        SourceUnfit: it is not what its name or --format says, or its header cannot be one.
    """
    said = format or format_by_name(name)
    found: Format | None = next((one for one, magic in _MAGIC.items() if head.startswith(magic)), None)
    if found is None and said in _MAGIC:
        begins = f"begins with the bytes {head[:8].hex(' ')}" if head else "is empty"
        why = "--format" if format else "its name"
        raise SourceUnfit(f"{name} is no {_TITLES[said]}, though {why} says so: it {begins}")
    if found is not None and format not in (None, found):
        raise SourceUnfit(f"{name} is a {_TITLES[found]} file, and --format is {format}")
    if found is not None:
        return SourceFormat(found, _TITLES[found])
    if wide := next((one for one, begins in _WIDE.items() if begins.match(head)), None):
        title = wide[:6].upper()
        raise SourceUnfit(f"{name}:1: it is not UTF-8 but {title}", advice=f"Load it with --encoding {wide}.")
    lines = _Lines(head, whole=whole)
    # Rejected rows stand as they were: an array alone is one of them, and was no row.
    refused = is_reject_file(PurePath(name).name)
    rejected = said == "jsonl" and lines.first[:1] == b"[" and refused
    kind = said if format or rejected else _textual(lines, said)
    if kind == "json":
        bracketed = lines.first[:1] == b"["
        text = "a JSON array" if bracketed else "JSON, one value after another"
        return SourceFormat("json", text, bracketed=bracketed)
    if kind == "jsonl":
        loose = not rejected and _is_loose(lines)
        text = "JSON Lines, with commas between the rows" if loose else "JSON Lines"
        return SourceFormat("jsonl", text, loose=loose, bracketed=loose and lines.first[:1] == b"[")
    if lines.first and not lines.rows:
        alone = b"\r" in head
        raise SourceUnfit(
            f"{name}: its lines end with a carriage return alone"
            if alone
            else f"{name}:1: the line has no end within {len(head):,} bytes",
            advice="Write it with newlines, as `tr '\\r' '\\n'` does." if alone else "Is it CSV?",
        )
    begin = BEGIN._replace(offset=len(_BOM) if lines.bom else 0)
    delimiter = delimiter or ("\t" if kind == "tsv" else None)
    read = csv_header.read(
        lines.rows,
        name,
        begin=begin,
        delimiter=delimiter,
        columns=columns,
        expected=columns if expected is None else expected,
        refused=refused,
    )
    return SourceFormat(
        "csv",
        read.text,
        delimiter=read.delimiter,
        columns=read.columns,
        header=read.header,
        begin=read.begin,
    )


class _Lines:
    """The first lines of a text.

    Attributes:
        bom: whether it begins with a byte order mark.
        rows: each line whose end is known, with its newline.
        lines: those that are not blank, without blanks around them.
        first: the first of these, or what there is of it.
    """

    def __init__(self, head: bytes, *, whole: bool) -> None:
        self.bom = head.startswith(_BOM)
        text = head.removeprefix(_BOM)
        self.rows = io.BytesIO(text).readlines()
        if not whole and self.rows and not self.rows[-1].endswith(b"\n"):
            self.rows.pop()  # it goes on
        self.lines = [line for row in self.rows if (line := row.strip())]
        self.first = self.lines[0] if self.lines else text.strip()


def _is_object(line: bytes) -> bool:
    try:
        _decode(line)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return False
    return True


def _textual(lines: _Lines, said: str | None) -> str:
    """Which of the formats that are text it is; what it holds counts more than its name."""
    first = lines.first
    if first[:1] == b"{":
        if said in ("csv", "tsv") and not _is_object(first.rstrip(b",")):
            return said
        pretty = bool(lines.lines) and not _is_object(first.strip(b", \t"))
        return "json" if pretty and (said == "json" or (said is None and first == b"{")) else "jsonl"
    if first[:1] == b"[":
        if said in ("csv", "tsv"):
            return said
        # A whole array on the first line, and more behind it: it is a row, and a bad one.
        more = first[-1:] == b"]" and len(lines.lines) > 1
        is_row = more and (said == "jsonl" or _is_object(lines.lines[1]))
        # Where nothing says that each row has a line of its own, an array may be laid out in any way.
        return "jsonl" if is_row or (said == "jsonl" and _is_loose(lines)) else "json"
    if said is not None:
        return "jsonl" if said == "json" else said
    return "csv" if lines.lines and csv_header.looks_like_one(first) else "jsonl"


def _is_loose(lines: _Lines) -> bool:
    """Whether each row is on a line of its own, but with commas or brackets around."""
    rows = [line for line in lines.lines[:4] if line not in (b"[", b"]")]
    if not rows or not _is_object(bare(rows[0])):
        return False
    # One comma alone is a mistake of its line, but where there are no more rows; two are a habit.
    commas = all(row[-1:] == b"," for row in rows[:-1] or rows) or all(row[:1] == b"," for row in rows[1:])
    if lines.first == b"[" or (commas and (b"," in (rows[0][-1:], rows[-1][:1]))):
        return True
    with_comma = (line for line in lines.lines if b"," in (line[-1:], line[:1]) and _is_object(bare(line)))
    return lines.first[:1] == b"{" and len(list(islice(with_comma, 2))) == 2


def bare(line: bytes) -> bytes:
    """A line of JSON Lines without the commas around it; nothing where it is only a bracket."""
    line = line.strip()
    if line in (b"[", b"]", b"],", b","):
        return b""
    line = line.removesuffix(b",").removeprefix(b",").strip()
    # No object begins or ends like this: the array's brackets stand beside its first or its last row.
    line = line.removeprefix(b"[") if line[:2] == b"[{" else line
    return line.removesuffix(b"]") if line[-2:] == b"}]" else line
