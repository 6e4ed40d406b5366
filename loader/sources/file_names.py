"""What the name of a file says of its format. No I/O."""

from __future__ import annotations

from loader.settings import Format
from loader.sources.compression import named

SQLITE = b"SQLite format 3\0"  # the first bytes of such a database
_SUFFIXES: dict[str, Format] = {
    **dict.fromkeys((".jsonl", ".ndjson", ".jl"), "jsonl"),
    ".json": "json",
    ".csv": "csv",
    **dict.fromkeys((".tsv", ".tab"), "tsv"),
    **dict.fromkeys((".parquet", ".pq"), "parquet"),
    **dict.fromkeys((".sqlite", ".sqlite3", ".db", ".db3"), "sqlite"),
}


def claimed(name: str) -> Format | None:
    """The format that a source's name claims, whatever it is compressed with."""
    lower = name.lower()
    if (compressed := named(lower)) is not None:
        lower = lower.removesuffix(compressed.suffix)
    return next((form for suffix, form in _SUFFIXES.items() if lower.endswith(suffix)), None)
