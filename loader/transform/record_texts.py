"""Records as their source wrote them: as texts by column, or as JSON objects. No I/O."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from loader.formats.json_fields import fields, text
from loader.formats.records import Objects, Record, Records, Table, of_block
from loader.model import Block, Reason


def record_texts(records: Records, null: str) -> Iterator[Record | Reason | None]:
    """Yield each record as texts, or why it cannot be read; None for a blank line.

    Args:
        records: neighbouring records of a source.
        null: the text that stands for null where cells are texts.
    """
    if isinstance(records, Table):
        null_text = null if records.typeless else None
        for index, cells in enumerate(records.records):
            if index in records.refused:
                yield records.refused[index]
            else:
                texts = [None if cell is None or cell == null_text else str(cell) for cell in cells]
                if records.quoted:
                    texts = [text and records.quoted.get(text, text) for text in texts]
                yield dict(zip(records.columns, texts, strict=True))
        return
    objects = json_objects(records, {})
    for index, line in enumerate(objects.texts):
        row = objects.refused.get(index) or (fields(line) if line else None)
        if isinstance(row, dict):
            yield {name: text(value) for name, value in row.items()}
        else:
            yield row


def json_objects(records: Records, types: Mapping[str, str]) -> Objects:
    """Return records that are not cells as JSON objects.

    Args:
        records: any but a Table.
        types: for each column of the source the type of the column that it is written to, if known.
    """
    if isinstance(records, Block):
        return of_block(records)
    if isinstance(records, Objects):
        return records
    assert not isinstance(records, Table)  # noqa: S101 - cells are no JSON
    return records.objects(types)
