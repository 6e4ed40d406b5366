"""Records of any source -> checked rows: transformed into the columns of the table, and validated. No I/O."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Protocol

from loader.batch.validate import Validator
from loader.formats.records import Objects, Records
from loader.model import Block, Chunk, Reject
from loader.settings import Settings
from loader.transform.cell_notation import CellNotation
from loader.transform.groups import Groups
from loader.transform.mapping import ColumnMapping
from loader.transform.presets import Preset
from loader.transform.required_columns import RequiredColumns
from loader.transform.transform import Transformer


class RowSource(Protocol):
    """What is known of a source whose records become rows (transform.checked_source.CheckedSource)."""

    name: str
    preset: Preset | None
    required: RequiredColumns

    def is_all_quoted(self) -> bool:
        """Return whether it quotes all its cells, those that mean null too."""


class RowMaker:
    """Makes checked rows.

    Args:
        transformers: of the sources, in their order.
        validator: checks the rows of all.
    """

    def __init__(self, transformers: Sequence[Transformer], validator: Validator) -> None:
        self._transformers = transformers
        self._validator = validator

    def rows(self, records: Records | Groups) -> Iterator[Chunk | Reject]:
        """Yield the checked rows of records, and those that are rejected on the spot, in their order.

        Raises:
            SourceUnfit: all rows of the source lack a column of the key.
        """
        for rows in self._transformers[records.start.source].rows(records):
            if isinstance(rows, Reject):
                yield rows
            else:
                yield from self._validator.check(rows)

    def doubts(self, records: Records | Groups) -> list[str]:
        """Return warnings about records that the server may read in another way than meant, each once.

        Raises:
            SourceUnfit: all rows of the source lack a column of the key.
        """
        return self._transformers[records.start.source].doubts(records)


def depends_on_types(records: Records | Groups) -> bool:
    """Return whether the types of the table's columns decide how values of these records are written."""
    return not isinstance(records, Block | Objects | Groups)


def row_maker(
    settings: Settings,
    mapping: ColumnMapping,
    sources: Iterable[RowSource],
    key: tuple[str, ...],
    types: Mapping[str, str],
) -> RowMaker:
    """Return what makes checked rows of the records that the sources hold.

    Args:
        settings: how cells are written, resolution.
        mapping: which columns are written.
        sources: in their order.
        key: columns that each row must have, if it is upserted.
        types: of the table's columns, as far as they are known.
    """
    upsert = settings.resolution != "none"
    transformers = [
        Transformer(
            mapping,
            types,
            name=source.name,
            preset=source.preset,
            notation=CellNotation.of(settings),
            all_quoted=source.is_all_quoted,
            key=key if upsert else (),
            required=source.required,
        )
        for source in sources
    ]
    validator = Validator(key=key, upsert=upsert, columns=mapping.all_written)
    return RowMaker(transformers, validator)
