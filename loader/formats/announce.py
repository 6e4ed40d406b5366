"""What a load says of its sources' formats. No I/O."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Mapping

import orjson

from loader.formats.source_format import SourceFormat

# Options that only some formats have a use for: these formats, and their name.
ONLY_FOR = {
    "query": (("sqlite",), "SQLite"),
    "source_table": (("sqlite", "copy"), "SQLite and dumps of PostgreSQL"),
    **dict.fromkeys(("delimiter", "null"), (("csv", "copy"), "CSV")),
    **dict.fromkeys(("skip_lines", "comment"), (("csv",), "CSV")),
    "header": (("csv", "copy"), "CSV"),
    "quote": (("csv", "copy"), "CSV"),
    "encoding": (("csv", "copy", "json", "jsonl"), "text"),
    **dict.fromkeys(("decimal", "thousands", "date_order"), (("csv", "copy", "sqlite"), "CSV and SQLite")),
}


def idle_options(options: Iterable[str], source_format: SourceFormat) -> str:
    """Return a remark on each of the options that a format has no use for; empty if there is none.

    Args:
        options: those of ONLY_FOR that the command gives.
        source_format: that of a source.
    """
    remarks = []
    for option in options:
        formats, name = ONLY_FOR[option]
        if source_format.format not in formats:
            remarks.append(f"; --{option.replace('_', '-')} is for {name} only")
    return "".join(remarks)


def wrapped_rows(field: str) -> str:
    """Return what to tell of a document that holds a list of objects in a field."""
    path = shlex.quote(f".[{orjson.dumps(field).decode()}][]")
    return (
        f"the source is one row, and its {field} is a list: are the rows in it? "
        f"jq -c {path} FILE makes JSON Lines of them"
    )


def unknown_types(types: Mapping[str, str]) -> str:
    """Return a warning about columns whose types the server does not tell; empty if there are none.

    How a value is written may depend on the type: in a json column a text is JSON, not a string.

    Args:
        types: of the table's columns, as OpenAPI names them; none where it does not describe the table.
    """
    columns = [column for column, type_name in types.items() if not type_name]
    if types and not columns:
        return ""
    which = f" of {', '.join(columns)}" if columns else "s of its columns (is its openapi-mode disabled?)"
    return (
        f"the server does not tell the type{which}: a text for a json column is stored as a JSON string, "
        "and a timestamp is sent as text. JSON Lines do not depend on it"
    )
