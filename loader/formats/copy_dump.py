"""Dumps of pg_dump: SQL with a COPY block for each table. No I/O."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from loader.errors import SourceUnfit
from loader.formats.column_names import list_columns
from loader.formats.source_format import SourceFormat
from loader.formats.source_hints import SourceHints
from loader.model import BEGIN

_NAME = rb'(?:"(?:[^"\n]|"")+"|[^\s"(.;]+)'
STATEMENT = re.compile(
    rb"^COPY (?P<table>%b(?:\.%b)?)(?: \((?P<columns>[^\n]+)\))? FROM stdin;\r?$" % (_NAME, _NAME),
    re.MULTILINE,
)
_END = re.compile(rb"^\\\.\r?$", re.MULTILINE)
_DUMP = b"-- PostgreSQL database dump"
_COLUMN = re.compile(r'"((?:[^"]|"")+)"|([^\s",]+)')


@dataclass(frozen=True, slots=True)
class CopyBlock:
    """The data of one table in a dump.

    Attributes:
        table: its name, as the statement writes it.
        columns: their names; none if the statement does not tell them.
        statement: the statement, with its newline.
        offset: of the first row, in bytes.
        line: of the first row.
    """

    table: str
    columns: tuple[str, ...]
    statement: bytes
    offset: int
    line: int


def is_dump(head: bytes) -> bool:
    """Return whether these are the first bytes of a dump, or of a COPY statement with its data."""
    text = head.removeprefix(b"\xef\xbb\xbf").lstrip()
    if STATEMENT.match(text.partition(b"\n")[0]):
        return True
    return text.startswith(b"--") and (_DUMP in head or STATEMENT.search(text) is not None)


class BlockScanner:
    """Finds the COPY blocks of a dump, whose bytes come in pieces.

    Attributes:
        blocks: those that were found.
    """

    def __init__(self) -> None:
        self.blocks: list[CopyBlock] = []
        self._rest = b""
        self._offset, self._line = 0, 1  # of the rest
        self._in_data = False

    def feed(self, data: bytes) -> None:
        """Take the next bytes; none at the end."""
        text = self._rest + data
        stop = text.rfind(b"\n") + 1 if data else len(text)
        at = counted = 0
        line = self._line
        while match := (_END if self._in_data else STATEMENT).search(text, at, stop):
            at = min(match.end() + 1, stop)
            if not self._in_data:
                line += text.count(b"\n", counted, at)
                counted = at
                columns = _columns((match["columns"] or b"").decode(errors="replace"))
                table = match["table"].decode(errors="replace")
                statement = text[match.start() : at]
                self.blocks.append(CopyBlock(table, columns, statement, self._offset + at, line))
            self._in_data = not self._in_data
        self._line = line + text.count(b"\n", counted, stop)
        self._offset += stop
        self._rest = text[stop:]


def block_format(blocks: Sequence[CopyBlock], name: str, hints: SourceHints) -> SourceFormat:
    """Return the format of a dump: where the rows of its table begin, and their columns.

    Args:
        blocks: those of the dump, as far as it was read.
        name: the source's name, for messages.
        hints: --source-table chooses a block; --header or --columns name columns that a statement does not.

    Raises:
        SourceUnfit: no block is to be read, or several may be.
    """
    tables = ", ".join(dict.fromkeys(block.table for block in blocks))
    chosen = [block for block in blocks if hints.table is None or _is_called(block.table, hints.table)]
    if not chosen:
        missing = f"has no COPY block of {hints.table}" if hints.table else "is a dump without COPY blocks"
        advice = f"It has {tables}." if blocks else "bulkload reads what pg_dump writes without --inserts."
        raise SourceUnfit(f"{name} {missing}", advice=advice)
    if len(chosen) > 1:
        raise SourceUnfit(
            f"{name} has {len(chosen)} COPY blocks, of {tables}",
            advice="Name the table to read with --source-table, and load one after the other.",
        )
    block = chosen[0]
    columns = hints.header or block.columns or hints.columns or ()
    if not columns or (block.columns and len(columns) != len(block.columns)):
        raise SourceUnfit(
            f"{name}:{block.line - 1}: the COPY statement has {list_columns(block.columns)}",
            advice="--header names all of them, in their order.",
        )
    if lacking := [column for column in hints.expected_columns if column not in columns]:
        raise SourceUnfit(
            f"{name}:{block.line - 1}: the COPY statement lacks {', '.join(lacking)}, which --columns names",
            advice=f"It has {', '.join(columns)}.",
        )
    return SourceFormat(
        "copy",
        f"PostgreSQL dump, table {block.table}; {list_columns(columns)}",
        delimiter="\t",
        columns=columns,
        header=block.statement,
        begin=BEGIN._replace(offset=block.offset, line=block.line),
    )


def _columns(text: str) -> tuple[str, ...]:
    return tuple(
        match[1].replace('""', '"') if match[1] is not None else match[2] for match in _COLUMN.finditer(text)
    )


def _is_called(table: str, name: str) -> bool:
    """Return whether a table has this name, with or without its schema."""
    parts = re.findall(r'"((?:[^"]|"")+)"|([^".]+)', table)
    names = [quoted.replace('""', '"') or bare for quoted, bare in parts]
    return name in (table, ".".join(names), names[-1])
