"""The columns that the first row of a load writes, by which the target is asked before any row. No I/O."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence

from loader.formats.json_fields import fields
from loader.formats.records import Objects, Records, Table, Typed, of_block
from loader.model import Block, Shape
from loader.transform.groups import Groups
from loader.transform.mapping import ColumnMapping
from loader.transform.presets import Preset

_LIST_OF_OBJECTS = re.compile(rb"\[\s*\{")


def first_shape(
    records: Records | Groups, mapping: ColumnMapping, preset: Preset | None, key: Sequence[str]
) -> Shape | None:
    """Return the columns of the first row that these records make; None if none of them can be a row.

    Args:
        records: neighbouring records of a source.
        mapping: --map, --set, --drop and --columns.
        preset: makes the rows; None: a record is a row.
        key: columns that each row must have.
    """
    for columns in _columns(records, preset):
        shape = written_shape(columns, mapping)
        if shape.columns and set(key) <= set(shape.columns):
            return shape
    return None


def rows_within(records: Records | Groups) -> str:
    """Return the field of a JSON document that holds a list of objects, which may be the rows; else nothing.

    APIs wrap their rows like this: ``{"data": [{"id": 1}], "count": 1}``.
    """
    if not isinstance(records, Block | Objects):
        return ""
    texts = list(filter(None, (of_block(records) if isinstance(records, Block) else records).texts))
    row = fields(texts[0]) if len(texts) == 1 else None
    if not isinstance(row, dict):
        return ""
    return next((name for name, value in row.items() if _LIST_OF_OBJECTS.match(bytes(value))), "")


def hold_columns(records: Records | Groups, preset: Preset | None) -> bool:
    """Return whether there is a record among these that has columns, be they the wrong ones."""
    return any(True for _ in _columns(records, preset))


def _columns(records: Records | Groups, preset: Preset | None) -> Iterator[Iterable[str]]:
    """Yield the columns of records, as long as they may differ."""
    if preset is not None:
        yield preset.columns
    elif isinstance(records, Block | Objects):
        objects = of_block(records) if isinstance(records, Block) else records
        for line in filter(None, objects.texts):
            if isinstance(row := fields(line), dict):
                yield row
    elif not isinstance(records, Groups) and not _all_refused(records):
        yield records.columns


def _all_refused(records: Table | Typed) -> bool:
    return isinstance(records, Table) and len(records.refused) == len(records.records)


def written_shape(columns: Iterable[str], mapping: ColumnMapping) -> Shape:
    """Return what is written of a record with these columns."""
    names = (*mapping.targets(columns), *(name for name, _ in mapping.constants))
    if mapping.all_written is None:
        return Shape(names)
    return Shape(tuple(name for name in mapping.all_written if name in names))
