r"""PostgreSQL's COPY text format: its escapes, how it is recognised, and its columns. No I/O.

https://www.postgresql.org/docs/current/sql-copy.html describes it: tabs between cells, ``\N`` for null,
backslashes before what would be misread, and ``\.`` alone on a line at the end.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from loader.errors import SourceUnfit
from loader.formats.column_names import list_columns, name_columns
from loader.formats.header_evidence import are_names
from loader.formats.source_format import SourceFormat
from loader.formats.source_hints import SourceHints
from loader.model import Place

END = b"\\."  # a line that ends the data
NULL = b"\\N"
_ESCAPE = re.compile(rb"\\(?:x([0-9A-Fa-f]{1,2})|([0-7]{1,3})|(.))", re.DOTALL)
_LETTERS = {b"b": b"\b", b"f": b"\f", b"n": b"\n", b"r": b"\r", b"t": b"\t", b"v": b"\v"}
_WRITTEN = re.compile(rb"(?:[^\\]|\\[bfnrtv\\])*+")  # what PostgreSQL writes itself


def unescape(cell: bytes) -> bytes:
    """Return what a cell with backslashes stands for; it is not null."""
    return _ESCAPE.sub(_meaning, cell)


def is_written(cell: bytes) -> bool:
    """Return whether PostgreSQL itself may have written a cell like this."""
    return cell == NULL or _WRITTEN.fullmatch(cell) is not None


def split(line: bytes, delimiter: bytes) -> list[bytes]:
    """Return the cells of a record. A delimiter behind a backslash is part of its cell."""
    if b"\\" + delimiter not in line:
        return line.split(delimiter)
    cells = []
    begin = at = 0
    while (end := line.find(delimiter, at)) >= 0:
        at = end + len(delimiter)
        if not is_continued(line[begin:end]):
            cells.append(line[begin:end])
            begin = at
    cells.append(line[begin:])
    return cells


def is_continued(text: bytes) -> bool:
    """Return whether the last backslash of a text belongs to what follows it."""
    return (len(text) - len(text.rstrip(b"\\"))) % 2 == 1


def is_copy_text(lines: Sequence[bytes], hints: SourceHints) -> bool:
    r"""Return whether some lines are COPY text, by what only it has: ``\N`` or ``\.``, and no bad escape.

    Args:
        lines: each with its newline.
        hints: --delimiter, --quote, and --null, which may say that ``\N`` is a text.
    """
    if hints.delimiter not in (None, "\t") or hints.quote:
        return False
    if hints.null_tokens not in ((), ("",)) and "\\N" not in hints.null_tokens:
        return False
    stripped = [line.rstrip(b"\r\n") for line in lines]
    if END in stripped:
        stripped = stripped[: stripped.index(END) + 1]
    rows = [split(line, b"\t") for line in stripped if line and line != END]
    has_null = any(NULL in row for row in rows)
    if not has_null and not (stripped and stripped[-1] == END and rows):
        return False
    cells = [cell for row in rows for cell in row]
    return (
        len(set(map(len, rows))) == 1
        and all(map(is_written, cells))
        and not (len(rows[0]) == 1 and not has_null and any(cell[:1] in b"{[" for cell in cells))
        and not any(len(cell) > 1 and cell[:1] == b'"' == cell[-1:] and b'""' in cell[1:-1] for cell in cells)
    )


def read_copy_header(
    lines: Sequence[bytes], name: str, *, begin: Place, hints: SourceHints, is_reject_file: bool
) -> SourceFormat:
    """Return the format of COPY text without a statement. --header, --columns or a header name its columns.

    Args:
        lines: the first lines, each with its newline.
        name: the source's name, for messages.
        begin: where the first line begins.
        hints: what the command tells.
        is_reject_file: whether the source holds rejected rows.

    Raises:
        SourceUnfit: the columns have no names, or the first line may be a header or a row.
    """
    delimiter = hints.delimiter or "\t"
    where = f"{name}:{begin.line}"
    rows = [_texts(line, delimiter) for line in lines[:200] if line.rstrip(b"\r\n") != END]
    columns = hints.header or hints.columns or ()
    title = "PostgreSQL's COPY text"
    if not rows:
        return SourceFormat("copy", f"{title}, and empty", delimiter=delimiter, columns=columns, begin=begin)
    if not columns and (not are_names(rows[0]) or NULL in lines[0]):
        raise SourceUnfit(
            f"{where}: {title} has no header here, so the columns have no names",
            advice="Name them in their order: --columns id,price. `\\copy ... with (header)` writes them.",
        )
    names = name_columns(
        rows[0],
        rows[1:],
        where,
        hints=hints,
        above=begin.line - 1,
        line_above=None,
        is_reject_file=is_reject_file,
    )
    if not names.is_header:
        text = f"{title}, without a header"
        return SourceFormat("copy", text, delimiter=delimiter, columns=names.columns, begin=begin)
    return SourceFormat(
        "copy",
        f"{title}; {list_columns(names.columns)}",
        delimiter=delimiter,
        columns=names.columns,
        header=lines[0],
        begin=begin._replace(offset=begin.offset + len(lines[0]), line=begin.line + 1),
    )


def _texts(line: bytes, delimiter: str) -> list[str]:
    cells = split(line.rstrip(b"\r\n"), delimiter.encode())
    return ["" if cell == NULL else unescape(cell).decode(errors="surrogateescape") for cell in cells]


def _meaning(escape: re.Match[bytes]) -> bytes:
    if escape[1] is not None:
        return bytes([int(escape[1], 16)])
    if escape[2] is not None:
        return bytes([int(escape[2], 8) & 0xFF])
    return _LETTERS.get(escape[3], escape[3])
