"""What a load says of its sources' formats. No I/O."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Mapping, Sequence

import orjson

from loader.formats.source_format import SourceFormat
from loader.pg_types import is_known, nearest_names, type_of

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


def unknown_types(
    types: Mapping[str, str], written: Iterable[str], refused: int = 0, *, key: Sequence[str] = ()
) -> str:
    """Return a warning about columns whose types are not known; empty if there are none.

    How a value is written may depend on the type: in a json column a text is JSON, not a string.

    Args:
        types: of the table's columns, as OpenAPI or --types names them; none where neither tells any.
        written: the columns that rows write.
        refused: the HTTP status with which the server refuses to describe its tables; 0: it does not.
        key: the columns that are taken for the key without having been told.
    """
    columns = [column for column in {**dict.fromkeys(written, ""), **types} if not types.get(column)]
    if types and not columns:
        return ""
    who = f"the server does not tell the type of {', '.join(columns)}"
    if not types:
        answer = f"HTTP {refused} for GET /: " if refused else ""
        why = "not to this credential" if refused in (401, 403) else "is its openapi-mode disabled?"
        who = f"the server does not tell the types of its columns ({answer}{why})"
    assumed = f". The key is taken to be {', '.join(key)}: --on-conflict names another" if key else ""
    return (
        f"{who}: a text for a json column is stored as a JSON string, a list is sent as text, and so is a "
        f"timestamp. --types COLUMN=TYPE,... tells them{assumed}. JSON Lines do not depend on it"
    )


def told_types(told: Iterable[tuple[str, str]], described: Mapping[str, str]) -> list[str]:
    """Return what to tell of --types: types that are not known here, and such as the server tells otherwise.

    Args:
        told: column and type.
        described: the types that the server tells.
    """
    remarks = []
    for column, name in told:
        if not is_known(name):
            near = " or ".join(nearest_names(name))
            meant = f" ({near}?)" if near else ""
            remarks.append(
                f"--types: {column} is {name}{meant}, which is taken for an enum or a domain of text"
            )
        theirs = described.get(column, "")
        if theirs and type_of(theirs).name != type_of(name).name:
            remarks.append(f"--types: {column} is {name}, and the server says {theirs}: {name} counts")
    return remarks
