"""What a load says of its sources' formats. No I/O."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from loader.formats.source_format import SourceFormat

# Options that only some formats have a use for: these formats, and their name.
ONLY_FOR = {
    **dict.fromkeys(("query", "source_table"), (("sqlite",), "SQLite")),
    **dict.fromkeys(("delimiter", "null"), (("csv",), "CSV")),
    **dict.fromkeys(("decimal", "thousands", "date_order"), (("csv", "sqlite"), "CSV and SQLite")),
    "encoding": (("csv", "json", "jsonl"), "text"),
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
