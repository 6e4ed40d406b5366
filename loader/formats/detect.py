"""Detect the format of a source from its name and its first lines. No I/O."""

from __future__ import annotations

import io
import re
from itertools import islice
from pathlib import PurePath

import msgspec

from loader.errors import SourceUnfit
from loader.formats import csv_header
from loader.formats.copy_text import is_copy_text, read_copy_header
from loader.formats.jsonl import without_separators
from loader.formats.other_formats import refuse_other_formats
from loader.formats.source_format import SourceFormat, is_reject_file
from loader.formats.source_hints import SourceHints
from loader.model import BEGIN
from loader.settings import Format
from loader.sources.file_names import SQLITE, format_by_name

HEAD = 64 * 1024  # bytes at the start of a source that are looked at

_BOM = b"\xef\xbb\xbf"
_MAGIC: dict[Format, bytes] = {"parquet": b"PAR1", "sqlite": SQLITE}
_TITLES: dict[str, str] = {"parquet": "Parquet", "sqlite": "SQLite database"}
_NAMES: dict[str, str] = {"parquet": "Parquet", "sqlite": "a SQLite database"}
# The byte order marks of UTF-32 and of UTF-16, and text without one that begins with ASCII.
_WIDE_ENCODINGS = {
    "utf-32": re.compile(rb"\xff\xfe\0\0|\0\0\xfe\xff"),
    "utf-16": re.compile(rb"\xff\xfe|\xfe\xff"),
    "utf-32-le": re.compile(rb"(?:[^\0]\0\0\0){2}"),
    "utf-32-be": re.compile(rb"(?:\0\0\0[^\0]){2}"),
    "utf-16-le": re.compile(rb"(?:[^\0]\0){2}"),
    "utf-16-be": re.compile(rb"(?:\0[^\0]){2}"),
}
_decode = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode


def is_database(head: bytes) -> bool:
    """Return whether these are the first bytes of a database, not of text."""
    return any(map(head.startswith, _MAGIC.values()))


def detect_format(
    head: bytes,
    name: str,
    *,
    whole: bool,
    hints: SourceHints | None = None,
) -> SourceFormat:
    """Return the format of a source. The content counts more than the name.

    Args:
        head: the first bytes of the source, decompressed and in UTF-8; HEAD of them or more.
        name: the source's name.
        whole: whether ``head`` is all of the source.
        hints: what the command tells about it; None: nothing.

    Raises:
        SourceUnfit: the source is not what its name or --format says, or its header cannot be one.
    """
    hints = hints or SourceHints()
    claimed = hints.format or format_by_name(name)
    if database := _database_format(head, name, hints.format, claimed):
        return database
    if wide := next((encoding for encoding, start in _WIDE_ENCODINGS.items() if start.match(head)), None):
        title = wide[:6].upper()
        raise SourceUnfit(f"{name}:1: it is not UTF-8 but {title}", advice=f"Load it with --encoding {wide}.")
    lines = _FirstLines(head, whole=whole)
    # In a reject file, an array alone on a line is a row that was rejected.
    from_rejects = is_reject_file(PurePath(name).name)
    is_rejected_array = claimed == "jsonl" and lines.first[:1] == b"[" and from_rejects
    kind = claimed if hints.format or is_rejected_array else _text_format(lines, claimed)
    may_be_copy = hints.format is None and claimed in (None, "csv", "tsv") and not from_rejects
    if may_be_copy and is_copy_text(lines.lines, hints):
        kind = "copy"
    is_certain = kind == "copy" or hints.format is not None
    if not is_certain and not any(map(_is_object, lines.stripped)):  # else lines are rejected one by one
        refuse_other_formats(head, name)
    is_array = lines.first[:1] == b"["
    if kind == "json":
        text = "a JSON array" if is_array else "JSON, one value after another"
        return SourceFormat("json", text, is_array=is_array)
    if kind == "jsonl":
        separated = not is_rejected_array and _has_separators(lines)
        text = "JSON Lines, with commas between the rows" if separated else "JSON Lines"
        return SourceFormat("jsonl", text, has_separators=separated, is_array=separated and is_array)
    if lines.first and not lines.lines:
        _refuse_first_line(head, name)
    begin = BEGIN._replace(offset=len(_BOM) if lines.has_bom else 0)
    if kind == "copy":
        return read_copy_header(lines.lines, name, begin=begin, hints=hints, is_reject_file=from_rejects)
    header = csv_header.read_header(
        lines.lines,
        name,
        begin=begin,
        hints=hints,
        claimed="tsv" if kind == "tsv" else claimed,
        is_reject_file=from_rejects,
    )
    dialect = header.dialect
    return SourceFormat(
        "csv",
        header.text,
        delimiter=dialect.delimiter,
        columns=header.columns,
        header=header.header,
        begin=header.begin,
        quote=dialect.quote,
        spaced=dialect.spaced,
        trailing=header.trailing,
        comment=hints.comment,
        all_quoted=header.all_quoted,
    )


def _database_format(
    head: bytes,
    name: str,
    format: str | None,  # noqa: A002 - the option's name
    claimed: str | None,
) -> SourceFormat | None:
    """Return the format of a database; None if the source is text.

    Raises:
        SourceUnfit: it is not the database that its name or --format says; or it is one, and --format says
            something else.
    """
    detected = next((database for database, magic in _MAGIC.items() if head.startswith(magic)), None)
    if detected is None:
        if claimed in _MAGIC:
            begins = f"begins with the bytes {head[:8].hex(' ')}" if head else "is empty"
            why = "--format" if format else "its name"
            raise SourceUnfit(f"{name} is not {_NAMES[claimed]}, although {why} says so: it {begins}")
        return None
    if format not in (None, detected):
        raise SourceUnfit(f"{name} is a {_TITLES[detected]} file, and --format is {format}")
    return SourceFormat(detected, _TITLES[detected])


def _refuse_first_line(head: bytes, name: str) -> None:
    """Refuse CSV whose first line has no end."""
    if b"\r" in head:
        raise SourceUnfit(
            f"{name}: its lines end with a carriage return alone",
            advice="Write it with newlines, as `tr '\\r' '\\n'` does.",
        )
    raise SourceUnfit(f"{name}:1: the line has no end within {len(head):,} bytes", advice="Is it CSV?")


class _FirstLines:
    """The first lines of a text.

    Attributes:
        has_bom: whether it begins with a byte order mark.
        lines: the complete lines, each with its newline.
        stripped: those that are not blank, without blanks around them.
        first: the first of ``stripped``; if no line is complete, the text without blanks around it.
    """

    def __init__(self, head: bytes, *, whole: bool) -> None:
        self.has_bom = head.startswith(_BOM)
        text = head.removeprefix(_BOM)
        self.lines = io.BytesIO(text).readlines()
        if not whole and self.lines and not self.lines[-1].endswith(b"\n"):
            self.lines.pop()  # it is not complete
        self.stripped = [stripped for line in self.lines if (stripped := line.strip())]
        self.first = self.stripped[0] if self.stripped else text.strip()


def _is_object(line: bytes) -> bool:
    try:
        _decode(line)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return False
    return True


def _text_format(lines: _FirstLines, claimed: str | None) -> str:
    """Return the format of a text. The content counts more than the name."""
    first = lines.first
    if first[:1] == b"{":
        if claimed in ("csv", "tsv") and not _is_object(first.rstrip(b",")):
            return claimed
        is_pretty = bool(lines.stripped) and not _is_object(first.strip(b", \t"))
        may_be_json = claimed == "json" or (claimed is None and first == b"{")
        return "json" if is_pretty and may_be_json else "jsonl"
    if first[:1] == b"[":
        if claimed in ("csv", "tsv"):
            return claimed
        # A whole array on the first line, and more after it: a row that will be rejected.
        more_follows = first[-1:] == b"]" and len(lines.stripped) > 1
        is_row = more_follows and (claimed == "jsonl" or _is_object(lines.stripped[1]))
        # Unless the name says that each row is on a line of its own, an array may have any layout.
        return "jsonl" if is_row or (claimed == "jsonl" and _has_separators(lines)) else "json"
    if claimed is not None:
        return "jsonl" if claimed == "json" else claimed
    return "csv" if lines.stripped and csv_header.looks_like_header(lines.lines) else "jsonl"


def _has_separators(lines: _FirstLines) -> bool:
    """Return whether each row is on a line of its own, but with commas or brackets around it."""
    rows = [line for line in lines.stripped[:4] if line not in (b"[", b"]")]
    if not rows or not _is_object(without_separators(rows[0])):
        return False
    # A single comma is a mistake in its line, unless there are no more rows; two are a habit.
    commas = all(row[-1:] == b"," for row in rows[:-1] or rows) or all(row[:1] == b"," for row in rows[1:])
    if lines.first == b"[" or (commas and (b"," in (rows[0][-1:], rows[-1][:1]))):
        return True
    with_comma = (
        line
        for line in lines.stripped
        if b"," in (line[-1:], line[:1]) and _is_object(without_separators(line))
    )
    return lines.first[:1] == b"{" and len(list(islice(with_comma, 2))) == 2
