"""Parse long records of CSV, of many lines, in memory that is a small multiple of the record. No I/O.

The csv module needs 4 to 8 bytes for each character of a cell, and a line of its own for each newline in it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from loader.formats.csv_errors import LONE_RETURN, OPEN_QUOTE, TEXT_BEHIND_QUOTE
from loader.formats.source_format import SourceFormat
from loader.model import Reason

_QUOTED = re.compile(rb'"(?:[^"]++|"")*+"')


def parse_long(
    data: bytes, source_format: SourceFormat, placeholder_of: Mapping[str, str], *, is_end: bool
) -> tuple[list[list[str]], list[int], dict[int, Reason | None], list[bytes]]:
    """Parse whole lines, some of which belong to one record.

    Args:
        data: the lines. All but the last of the source end with a newline.
        source_format: how the cells are written.
        placeholder_of: what a quoted cell becomes that is a null token, by its text.
        is_end: whether no line follows.

    Returns:
        The cells of each record, the number of lines up to its end, by index the records that are not CSV,
        and each record as it is in the source. A last record that may continue is left out.
    """
    records: list[list[str]] = []
    ends: list[int] = []
    refused: dict[int, Reason | None] = {}
    texts: list[bytes] = []
    comment = source_format.comment.encode()
    begin = lines = 0
    while begin < len(data):
        if comment and data.startswith(comment, begin):
            cells, end, error = list[str](), _after_newline(data, begin), ""
        else:
            cells, end, error = _record(data, begin, source_format, placeholder_of)
        if error == OPEN_QUOTE and not is_end:
            break
        if error:
            refused[len(records)] = Reason("not-csv", error)
            cells = []
        records.append(cells)
        lines += data.count(b"\n", begin, end) + (end == len(data) and data[-1:] != b"\n")
        ends.append(lines)
        texts.append(data[begin:end])
        begin = end
    return records, ends, refused, texts


def _record(
    data: bytes, begin: int, source_format: SourceFormat, placeholder_of: Mapping[str, str]
) -> tuple[list[str], int, str]:
    """Return the cells of a record, where the next one begins, and why it is not CSV (empty: it is)."""
    delimiter = source_format.delimiter.encode()
    cells: list[str] = []
    at = begin
    while True:
        while source_format.spaced and data.startswith(b" ", at):
            at += 1
        if source_format.quote and data.startswith(b'"', at):
            quoted = _QUOTED.match(data, at)
            if quoted is None:
                return cells, len(data), OPEN_QUOTE
            text = _decode(data[at + 1 : quoted.end() - 1].replace(b'""', b'"'))
            cells.append(placeholder_of.get(text, text))
            at = quoted.end()
            if data.startswith((b"\n", b"\r\n"), at) or data[at:] in (b"", b"\r"):
                return cells, _after_newline(data, at), ""
            if not data.startswith(delimiter, at):
                return cells, _after_newline(data, at), TEXT_BEHIND_QUOTE
        else:
            line_end = _after_newline(data, at)
            stop = data.find(delimiter, at, line_end)
            cell = data[at:stop] if stop >= 0 else _without_newline(data[at:line_end])
            if b"\r" in cell:
                return cells, line_end, LONE_RETURN
            if stop >= 0 or cells or cell:  # a blank line has no cell
                cells.append(_decode(cell))
            if stop < 0:
                return cells, line_end, ""
            at = stop
        at += len(delimiter)


def _after_newline(data: bytes, begin: int) -> int:
    return data.find(b"\n", begin) + 1 or len(data)


def _without_newline(line: bytes) -> bytes:
    return line.removesuffix(b"\n").removesuffix(b"\r")


def _decode(cell: bytes) -> str:
    return cell.decode(errors="surrogateescape")  # such records are refused when they are encoded
