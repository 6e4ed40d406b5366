"""Recognise files that are in no format that bulkload reads, and say how to make a CSV of each. No I/O."""

from __future__ import annotations

import re

from loader.errors import SourceUnfit

_SAVE = "Save the sheet as CSV (UTF-8), and load that."
_EXPORT = "Export it as CSV or JSON Lines, and load that."
_POLARS = "Convert it, as `polars` or `pandas` do: read it, then write_csv or to_csv."
# The first bytes of a file -> what it is, and what to do. Earlier rows win.
_BY_CONTENT: tuple[tuple[re.Pattern[bytes], str, str], ...] = tuple(
    (re.compile(pattern, re.DOTALL | re.IGNORECASE), title, advice)
    for pattern, title, advice in (
        (
            rb"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1",
            "an old Excel or Office file",
            "Save the sheet as CSV (UTF-8).",
        ),
        (rb"Obj\x01", "an Avro file", _POLARS),
        (rb"(?:ARROW1|FEA1)[^\x20-\x7e\r\n]", "an Arrow (Feather) file", _POLARS),
        (rb"\xff\xff\xff\xff.{2}\x00\x00\x10\x00\x00\x00", "an Arrow stream", _POLARS),
        (rb"ORC[^\x20-\x7e\r\n]", "an ORC file", _POLARS),
        (rb"\x89HDF\r\n", "an HDF5 file", _POLARS),
        (rb"\x93NUMPY", "a NumPy file", _POLARS),
        (rb".{8}DUCK", "a DuckDB database", "Write the table with `copy t to 't.parquet'`."),
        (rb"PGDMP", "a dump of pg_dump in its custom format", "Restore it, or write the table with \\copy."),
        (rb"\x80[\x02-\x05][\x80-\xffc\(\]}]", "a Python pickle", "Write it as CSV or Parquet."),
        (rb"%PDF-", "a PDF", "Ask for the export as CSV."),
        (rb"\{\\rtf", "a rich text file", "Save it as plain text."),
        (rb"\x89PNG|\xff\xd8\xff|GIF8[79]a", "a picture", ""),
        (
            rb"\s*(?:<!--.*?-->\s*)*<(?:!doctype\s+html|html|head|body)\b",
            "a web page",
            "Was it downloaded without logging in? Get the export itself.",
        ),
        (rb"\s*<\?xml|\s*<[a-z_][^\n]*>[ \t]*\r?(?:\n|$)", "XML", _EXPORT),
        (rb"%YAML|---[ \t]*\r?\n", "YAML", _EXPORT),
    )
)
_BOM = b"\xef\xbb\xbf"
_BINARY = re.compile(rb"[\x01-\x08\x0e-\x1a\x1c-\x1f\x7f]")  # NUL alone is what a broken disk leaves
_MANY = 0.02  # of the bytes of a binary file are control characters, at least
_BY_NAME = {
    **dict.fromkeys((".yaml", ".yml"), ("YAML", _EXPORT)),
    ".xml": ("XML", _EXPORT),
    **dict.fromkeys((".xlsx", ".xlsm", ".xls", ".ods"), ("a spreadsheet", _SAVE)),
}


def refuse_other_formats(head: bytes, name: str) -> None:
    """Refuse a file that is known to be in another format, or that is no text.

    Args:
        head: the first bytes of the source, decompressed; it is no Parquet file and no SQLite database.
        name: the source's name.

    Raises:
        SourceUnfit: it is one.
    """
    start = head.removeprefix(_BOM)
    for pattern, title, advice in _BY_CONTENT:
        if pattern.match(start):
            raise _refused(name, title, advice)
    suffix = next((suffix for suffix in _BY_NAME if name.lower().endswith(suffix)), None)
    if suffix is not None:
        raise _refused(name, *_BY_NAME[suffix])
    if len(_BINARY.findall(head)) > _MANY * max(len(head), 1) and not _starts_like_text(start):
        begins = head[:8].hex(" ")
        raise _refused(
            name, f"binary data (it begins with the bytes {begins})", "Is it damaged, or encrypted?"
        )


def _starts_like_text(start: bytes) -> bool:
    """Return whether the first line is text, so that what follows may be rows with damage."""
    line = start.partition(b"\n")[0]
    return bool(line) and not _BINARY.search(line)


def _refused(name: str, title: str, advice: str) -> SourceUnfit:
    return SourceUnfit(f"{name} is {title}, which bulkload does not read", advice=advice)
