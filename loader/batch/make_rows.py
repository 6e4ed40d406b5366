"""Records of any source -> checked rows: transformed into the columns of the table, and validated. No I/O."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from loader.batch.validate import Validator
from loader.formats.records import Objects, Records
from loader.model import Block, Chunk, Reject
from loader.transform.groups import Groups
from loader.transform.transform import Transformer


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
