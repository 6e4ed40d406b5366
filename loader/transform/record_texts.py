"""Records as their source wrote them: as texts by column, or as JSON objects. No I/O."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from loader.formats.json_fields import fields, text
from loader.formats.records import Objects, Record, Records, Table, of_block
from loader.model import Block, Reason
from loader.transform.null_tokens import NullTokens


def record_texts(records: Records, nulls: NullTokens) -> Iterator[Record | Reason | None]:
    """Yield each record as texts, or why it cannot be read; None for a blank line.

    Args:
        records: neighbouring records of a source.
        nulls: the texts that mean null where cells are texts. An empty text means it too where it stood in
            quotes: for a preset, which knows no types, there is no other use of one.
    """
    if isinstance(records, Table):
        nulls_of = [nulls.of_column(column) if records.typeless else () for column in records.columns]
        empty = None if "" in nulls.anywhere else ""
        true_texts = {placeholder: text or empty for placeholder, text in records.quoted.items()}
        for index, cells in enumerate(records.records):
            if index in records.refused:
                yield records.refused[index]
            else:
                texts = [
                    None if cell is None or cell in null_texts else str(cell)
                    for cell, null_texts in zip(cells, nulls_of, strict=True)
                ]
                if true_texts:
                    texts = [true_texts.get(text, text) if text else text for text in texts]
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
