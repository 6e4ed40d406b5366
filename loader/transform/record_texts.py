"""Records as their source wrote them: as texts by column, or as JSON objects. No I/O."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import cast

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
        yield from _cell_texts(records, nulls)
        return
    objects = json_objects(records, {})
    for index, line in enumerate(objects.texts):
        row = objects.refused.get(index) or (fields(line) if line else None)
        if isinstance(row, dict):
            yield {name: text(value) for name, value in row.items()}
        else:
            yield row


def _cell_texts(table: Table, nulls: NullTokens) -> Iterator[Record | Reason | None]:
    """Yield each record of a table likewise."""
    empty = None if "" in nulls.anywhere else ""
    quoted = {mark: text or empty for mark, text in table.quoted.items()}
    columns = table.columns
    # What a text is, where it is not itself; for all cells at once where that is the same in each column.
    meanings: list[dict[str, str | None]] = [
        {**dict.fromkeys(nulls.of_column(column)), **quoted} for column in columns
    ]
    is_same = all(meaning == meanings[0] for meaning in meanings)
    for index, cells in enumerate(table.records):
        texts: Iterable[str | None]
        if index in table.refused:
            yield table.refused[index]
            continue
        if not table.typeless:
            texts = (None if cell is None else str(cell) for cell in cells)
        else:
            own = cast("Sequence[str]", cells)
            if is_same:
                texts = map(meanings[0].get, own, own)
            else:
                texts = (meaning.get(text, text) for meaning, text in zip(meanings, own, strict=True))
        yield dict(zip(columns, texts, strict=True))


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
