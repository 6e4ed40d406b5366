"""Whether a source has the columns that the command and its preset name. No I/O."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence

from loader.errors import SourceUnfit
from loader.formats.source_format import SourceFormat
from loader.transform.mapping import ColumnMapping
from loader.transform.presets import Preset

_TOLD = 100  # columns of rows of JSON, about, that a message lists


class RequiredColumns:
    """What one source must have, and how much of it was seen.

    Args:
        mapping: --map, --set and --drop; with a preset, of the columns that it gives.
        preset: makes the rows; None: a record is a row.
        key: columns that each row must have.
    """

    def __init__(self, mapping: ColumnMapping, *, preset: Preset | None, key: Sequence[str]) -> None:
        self._mapping = mapping
        self._preset = preset
        self._key = key
        self._lacking = set(mapping.sources) if preset is None else set()
        self._seen: dict[str, None] = {}  # the columns of rows of JSON, as long as some are lacking

    @property
    def unseen(self) -> list[str]:
        """The columns that the mapping names and no row of JSON has had; none before a row was seen."""
        return sorted(self._lacking) if self._seen else []

    def see(self, columns: Iterable[str]) -> bool:
        """See the columns of a row of JSON, which may lack some; gives whether all were seen by now."""
        if self._lacking:
            columns = tuple(columns)
            self._lacking.difference_update(columns)
            if len(self._seen) < _TOLD:
                self._seen.update(dict.fromkeys(columns))
        return not self._lacking

    def refuse_unseen(self, name: str) -> None:
        """See that a row has each column that the mapping names, where all of its source was seen.

        Raises:
            SourceUnfit: none has one of them.
        """
        _refuse(name, self.unseen, self._seen)

    def refuse(self, name: str, columns: Collection[str]) -> None:
        """See that a source, all rows of which have these columns, has what is asked of it.

        Raises:
            SourceUnfit: it has not.
        """
        if self._preset is None:
            _refuse(name, self._mapping.lacking(columns), columns)
            self._lacking.clear()
            self._refuse_keyless(name, columns)
            return
        _refuse(name, [one for one in self._preset.needs if one not in columns], columns)
        _refuse(f"what --preset {self._preset.name} gives", self._mapping.lacking(self._preset.columns), ())

    def refuse_header(self, name: str, form: SourceFormat) -> None:
        """See the same of a source that has no rows, only columns.

        Raises:
            SourceUnfit: rows under them could not be taken.
        """
        if form.header:  # else --columns may name those of the table
            self.refuse(name, form.columns)
        elif self._preset is None:
            self._refuse_keyless(name, form.columns)

    def _refuse_keyless(self, name: str, columns: Iterable[str]) -> None:
        written = {*self._mapping.targets(columns), *(column for column, _ in self._mapping.constants)}
        if lacking := [column for column in self._key if column not in written]:
            raise SourceUnfit(
                f"{name} gives no {', '.join(lacking)}, the key",
                advice=f"It has {', '.join(columns)}. --map {lacking[0]}=COLUMN names a column for it, "
                "--columns those of CSV without a header, --on-conflict another key.",
            )


def refuse_everywhere(lacking: Iterable[frozenset[str]]) -> None:
    """See that some source has each column that the mapping names.

    Args:
        lacking: what each source lacks, all rows of which were seen.

    Raises:
        SourceUnfit: no source has one of them.
    """
    _refuse("every source", sorted(frozenset.intersection(*lacking)), ())


def _refuse(name: str, lacking: Iterable[str], columns: Iterable[str]) -> None:
    if lacking := list(lacking):
        found = list(columns)
        raise SourceUnfit(
            f"{name} lacks {', '.join(lacking)}",
            advice=f"It has {', '.join(found)}." if found else "",
        )
