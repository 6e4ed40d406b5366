"""What a load would do, as far as it can be told without doing it. Values only; no I/O."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from dataclasses import dataclass, field

from loader.errors import Exit, LoadError
from loader.plan.columns import Fate, PlannedColumn
from loader.plan.rows import ShownRow


@dataclass(slots=True)
class PlannedSource:
    """A source as it is understood.

    Attributes:
        name: as it is shown.
        size: in bytes; None if it cannot be known.
        format: its format and dialect in words; empty if it could not be read.
        encoding: of its text; empty for a database.
        compression: as its name tells; empty: none.
        columns: its columns, in order; of JSON those of its first rows.
        error: why it cannot be loaded.
    """

    name: str
    size: int | None
    format: str = ""
    encoding: str = ""
    compression: str = ""
    columns: list[str] = field(default_factory=list)
    error: str | None = None


@dataclass(slots=True)
class Plan:
    """What a load would do.

    Attributes:
        sources: in their order.
        target: url, schema and table.
        asked: whether the target could be asked.
        key: the columns of the key; none for plain inserts.
        key_from: what tells the key.
        credential: its kind, never its value.
        columns: of the first source, and of the table.
        rows: the first ones as they would be sent, with the options that are suggested.
        rejects: those among them that would be rejected, with place and reason.
        warnings: what to look at before the load.
        options: what the command lacks, in the form of the command line.
        error: why the command would not load; None: it would.
        exit_code: that the load would end with, as far as this is known now.
        command: the command that would load; None: there is none without a decision of the user's.
    """

    sources: list[PlannedSource]
    target: dict[str, str]
    asked: bool = False
    key: list[str] = field(default_factory=list)
    key_from: str = ""
    credential: str = ""
    columns: list[PlannedColumn] = field(default_factory=list)
    rows: list[ShownRow] = field(default_factory=list)
    rejects: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    options: list[str] = field(default_factory=list)
    error: str | None = None
    exit_code: int = Exit.COMPLETE
    command: str | None = None

    def fail(self, error: LoadError, code: Exit | None = None) -> None:
        """Note why the command would not load; the first reason counts."""
        if self.error is None:
            self.error = str(error)
            self.exit_code = error.exit_code if code is None else code

    def has(self, fate: Fate) -> bool:
        """Return whether a column has this fate."""
        return any(column.fate is fate for column in self.columns)


def command_line(arguments: Sequence[str], options: Sequence[str]) -> str:
    """Return a load's command, quoted for a shell.

    Args:
        arguments: those of the plan's, without the word plan.
        options: what they lack.
    """
    return shlex.join(["bulkload", *options, *arguments])
