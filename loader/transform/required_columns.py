"""Check that a source has the columns that the command and its preset name. No I/O."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence

from loader.errors import SourceUnfit
from loader.transform.mapping import ColumnMapping
from loader.transform.near_names import map_option, near_names
from loader.transform.presets import Preset

_LISTED = 100  # columns of JSON rows, about, that a message lists


class RequiredColumns:
    """The columns that one source must have, and which of them were seen.

    Args:
        mapping: --map, --set and --drop; with a preset, of the columns that it gives.
        preset: makes the rows; None: a record is a row.
    """

    def __init__(self, mapping: ColumnMapping, *, preset: Preset | None) -> None:
        self._mapping = mapping
        self._preset = preset
        self._unseen = set(mapping.sources) if preset is None else set()
        self._seen: dict[str, None] = {}  # columns of JSON rows, as long as some are unseen

    @property
    def unseen(self) -> list[str]:
        """The columns that the mapping names and no JSON row has had; none before the first row."""
        return sorted(self._unseen) if self._seen else []

    def see(self, columns: Iterable[str]) -> bool:
        """Note the columns of a JSON row, which may lack some. Return whether all were seen by now."""
        if self._unseen:
            columns = tuple(columns)
            self._unseen.difference_update(columns)
            if len(self._seen) < _LISTED:
                self._seen.update(dict.fromkeys(columns))
        return not self._unseen

    def refuse_unseen(self, name: str) -> None:
        """Check that a row has each column that the mapping names, once all rows were seen.

        Raises:
            SourceUnfit: no row has one of them.
        """
        _refuse(name, self.unseen, self._seen)

    def refuse(self, name: str, columns: Collection[str]) -> None:
        """Check a source all of whose rows have these columns.

        Raises:
            SourceUnfit: it lacks a column that the mapping or the preset names.
        """
        if self._preset is None:
            _refuse(name, self._mapping.lacking(columns), columns)
            self._unseen.clear()
            return
        _refuse(name, [column for column in self._preset.needs if column not in columns], columns)
        _refuse(f"what --preset {self._preset.name} gives", self._mapping.lacking(self._preset.columns), ())


def check_key(name: str, columns: Iterable[str], mapping: ColumnMapping, key: Sequence[str]) -> None:
    """Check that rows of these columns have a key.

    Args:
        name: the source's, for the message.
        columns: of each of its rows.
        mapping: --map, --set and --drop.
        key: the columns of the key; none: there is no need of one.

    Raises:
        SourceUnfit: they lack a column of the key.
    """
    columns = tuple(columns)
    written = {*mapping.targets(columns), *(column for column, _ in mapping.constants)}
    if lacking := [column for column in key if column not in written]:
        near = near_names(columns, lacking)
        given = "".join(f" {map_option(target, source)} gives it." for source, target in near.items())
        raise SourceUnfit(
            f"{name} gives no {', '.join(lacking)}, the key",
            advice=f"It has {', '.join(columns)}.{given} --map {lacking[0]}=COLUMN names a column for it, "
            "--columns those of CSV without a header, --on-conflict another key. "
            "--resolution none inserts rows without it, each time anew, if the table has a default for it.",
        )


def refuse_everywhere(lacking: Iterable[frozenset[str]]) -> None:
    """Check that some source has each column that the mapping names.

    Args:
        lacking: the columns that each source lacks, all rows of which were seen.

    Raises:
        SourceUnfit: no source has one of them.
    """
    _refuse("every source", sorted(frozenset.intersection(*lacking)), ())


def _refuse(name: str, lacking: Collection[str], columns: Iterable[str]) -> None:
    if lacking:
        listed = ", ".join(columns)
        raise SourceUnfit(f"{name} lacks {', '.join(lacking)}", advice=f"It has {listed}." if listed else "")
