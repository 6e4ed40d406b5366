"""Which columns of a source are written, and under which names: --map, --set, --drop, --columns. No I/O."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Self

from loader.errors import SettingsError
from loader.settings import Settings

_POSITION = re.compile(r"#([1-9]\d{0,4})")


@dataclass(frozen=True, slots=True)
class ColumnMapping:
    """From the columns of a source to those of the table.

    A column of the source is named as the source names it, or by its position: ``#3`` is the third. A column
    that is called ``#3`` wins.

    Attributes:
        renamed: (target, source) of each --map.
        constants: (column, value) of each --set.
        dropped: the columns of --drop.
        columns: those of --columns; None: all.

    Raises:
        SettingsError: a column is given twice.
    """

    renamed: tuple[tuple[str, str], ...] = ()
    constants: tuple[tuple[str, str], ...] = ()
    dropped: frozenset[str] = field(default_factory=frozenset)
    columns: tuple[str, ...] | None = None

    def __post_init__(self) -> None:
        given = [name for name, _ in (*self.renamed, *self.constants)]
        if twice := sorted({name for name in given if given.count(name) > 1}):
            raise SettingsError(f"--map and --set give {', '.join(twice)} more than once")
        sources = {source for _, source in self.renamed}
        if both := sorted(sources & self.dropped):
            raise SettingsError(f"--drop and --map both name {', '.join(both)}")

    @classmethod
    def of(cls, settings: Settings) -> Self:
        """Return what the settings say of columns.

        Raises:
            SettingsError: they contradict each other, or leave out a column of --on-conflict.
        """
        mapping = cls(settings.map, settings.set, frozenset(settings.drop), settings.columns)
        if settings.on_conflict is not None and settings.resolution != "none":
            mapping.check_key(settings.on_conflict)
        return mapping

    def check_key(self, key: Sequence[str]) -> None:
        """Check that the columns of the key, which an upsert must write, are written.

        Raises:
            SettingsError: they are not.
        """
        elsewhere = self.sources.difference(name for name, _ in self.renamed)
        if gone := [name for name in key if name in elsewhere]:
            raise SettingsError(
                f"--drop or --map takes {', '.join(gone)} away, the key",
                advice="An upsert must write the columns of --on-conflict.",
            )
        if self.all_written is not None and not set(key) <= set(self.all_written):
            raise SettingsError(
                f"--columns lacks the key, {','.join(key)}",
                advice="An upsert must write the columns of --on-conflict.",
            )

    @property
    def all_written(self) -> tuple[str, ...] | None:
        """The columns that are written, if --columns says so; None: those that a row has."""
        return None if self.columns is None else self.written(self.columns)

    @property
    def named(self) -> dict[str, tuple[str, ...]]:
        """The columns of the table that the command names, by option."""
        return {
            "--map": tuple(target for target, _ in self.renamed),
            "--set": tuple(column for column, _ in self.constants),
            "--columns": self.all_written or (),
        }

    @property
    def changes_nothing(self) -> bool:
        """Whether rows go out as they are."""
        return not (self.renamed or self.constants or self.dropped)

    @property
    def sources(self) -> frozenset[str]:
        """The columns that a source must have."""
        return frozenset(source for _, source in self.renamed) | self.dropped

    @property
    def positions(self) -> frozenset[int]:
        """The positions by which columns of a source are named, counted from 1."""
        return frozenset(int(match[1]) for name in self.sources if (match := _POSITION.fullmatch(name)))

    def targets(self, columns: Iterable[str], *, by_position: bool = True) -> dict[str, str]:
        """What is written from a source with these columns: target -> source, without the constants.

        A column that --map names is written under its new name only, and makes way for no other: what --map
        and --set give replaces a source's column of that name.

        Args:
            columns: the source's, in their order.
            by_position: whether they have an order, as those of JSON have not.
        """
        columns = list(columns)
        renamed = {
            target: column
            for target, source in self.renamed
            if (column := _column(source, columns, by_position=by_position)) is not None
        }
        elsewhere = {
            *self.sources,
            *renamed.values(),
            *(name for name, _ in (*self.renamed, *self.constants)),
        }
        for name in self.dropped:
            if (dropped := _column(name, columns, by_position=by_position)) is not None:
                elsewhere.add(dropped)
        found = {column: column for column in columns if column not in elsewhere}
        return found | renamed

    def written(self, columns: Iterable[str]) -> tuple[str, ...]:
        """What is written where --columns names these, be they the table's or those of a source."""
        names = [name for name, _ in (*self.renamed, *self.constants)]
        gone = self.sources.difference(names)
        return tuple(dict.fromkeys([*(column for column in columns if column not in gone), *names]))

    def expected(self, columns: Iterable[str]) -> tuple[str, ...]:
        """Those of these columns, the table's, that a source must have."""
        names = {name for name, _ in (*self.renamed, *self.constants)}
        return tuple(column for column in columns if column not in names)

    def lacking(self, columns: Collection[str]) -> list[str]:
        """The columns that a source with these lacks, sorted."""
        ordered = list(columns)
        return sorted(name for name in self.sources if _column(name, ordered, by_position=True) is None)


def _column(name: str, columns: Sequence[str], *, by_position: bool) -> str | None:
    """Return the column of a source that --map or --drop names; None if it has no such column."""
    if name in columns:
        return name
    match = _POSITION.fullmatch(name)
    if not by_position:
        return None
    if match is not None and int(match[1]) <= len(columns):
        return columns[int(match[1]) - 1]
    # CSV with a blank behind each delimiter has names without it.
    return stripped if (stripped := name.strip()) in columns else None
