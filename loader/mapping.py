"""Which columns of a source are written, and as which: --map, --set and --drop. No I/O."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field

from loader.errors import SettingsError


@dataclass(frozen=True, slots=True)
class Mapping:
    """From the columns of a source to those of the table.

    Attributes:
        renamed: (target, source) of each --map.
        constants: (column, value) of each --set.
        dropped: the columns of --drop.

    Raises:
        SettingsError: a column is given twice.
    """

    renamed: tuple[tuple[str, str], ...] = ()
    constants: tuple[tuple[str, str], ...] = ()
    dropped: frozenset[str] = field(default_factory=frozenset)

    def __post_init__(self) -> None:
        given = [name for name, _ in (*self.renamed, *self.constants)]
        if twice := sorted({name for name in given if given.count(name) > 1}):
            raise SettingsError(f"--map and --set give {', '.join(twice)} more than once")
        sources = {source for _, source in self.renamed}
        if both := sorted(sources & self.dropped):
            raise SettingsError(f"--drop and --map both name {', '.join(both)}")

    @property
    def changes_nothing(self) -> bool:
        """Whether rows go out as they are."""
        return not (self.renamed or self.constants or self.dropped)

    @property
    def sources(self) -> frozenset[str]:
        """The columns that a source must have."""
        return frozenset(source for _, source in self.renamed) | self.dropped

    def targets(self, columns: Iterable[str]) -> dict[str, str]:
        """What is written from a source with these columns: target -> source, without the constants.

        A column that --map names is written under its new name only, and makes way for no other: what --map
        and --set give replaces a source's column of that name.
        """
        columns = list(columns)
        elsewhere = {*self.dropped, *(name for name, _ in self.constants)}
        elsewhere.update(name for pair in self.renamed for name in pair)
        found = {column: column for column in columns if column not in elsewhere}
        return found | {target: source for target, source in self.renamed if source in columns}

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
        return sorted(self.sources - set(columns))


def parse_pairs(option: str, texts: Iterable[str]) -> tuple[tuple[str, str], ...]:
    """Read ``target=source`` or ``column=value``, each a text of its own.

    Raises:
        SettingsError: one has no ``=``, or no name before it.
    """
    pairs = []
    for text in texts:
        name, equals, value = text.partition("=")
        if not equals or not name.strip() or (option == "--map" and not value.strip()):
            form = "target=source" if option == "--map" else "column=value"
            raise SettingsError(f"{option} is {text!r}", advice=f"Write it as in {option} {form}.")
        pairs.append((name.strip(), value.strip() if option == "--map" else value))
    return tuple(pairs)
