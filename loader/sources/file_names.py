"""The format that the name of a file stands for. No I/O."""

from __future__ import annotations

from loader.settings import Format
from loader.sources.compression import compression_by_name

SQLITE = b"SQLite format 3\0"  # the first bytes of each SQLite database
_FORMATS: dict[str, Format] = {
    **dict.fromkeys((".jsonl", ".ndjson", ".jl"), "jsonl"),
    ".json": "json",
    ".csv": "csv",
    **dict.fromkeys((".tsv", ".tab"), "tsv"),
    ".copy": "copy",
    **dict.fromkeys((".parquet", ".pq"), "parquet"),
    **dict.fromkeys((".sqlite", ".sqlite3", ".db", ".db3"), "sqlite"),
}


def format_by_name(name: str) -> Format | None:
    """Return the format that the suffix of a source's name stands for; None if it stands for none.

    The suffix of a compression, as in ``rows.csv.gz``, is ignored.
    """
    lower = name.lower()
    if (compression := compression_by_name(lower)) is not None:
        lower = lower.removesuffix(compression.suffix)
    return next((name_format for suffix, name_format in _FORMATS.items() if lower.endswith(suffix)), None)
