"""How the keys of a relation are compared, where PostgreSQL may hold two equal whose texts differ. No I/O.

Rows whose keys are the same text have the same key for every type, so a batch may leave out all but one
of them. Rows whose keys only *may* be equal (``citext``, ``uuid`` in capitals, ``1`` and ``1.0``) must
still keep their order. What each type does is in pg_types.py.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import cast

from loader.batch.key_columns import read_column
from loader.model import Key
from loader.pg_types import type_of
from loader.pg_values import ANY, ReadText, read_text

__all__ = ["ANY", "ReadKey", "reader"]


class ReadKey:
    """Maps keys to values that are the same for all keys that may be equal; ANY for one that may equal each.

    Args:
        readers: how the texts of each column of the key are compared.
    """

    def __init__(self, readers: Sequence[ReadText]) -> None:
        self._readers = readers

    def __call__(self, key: Key) -> Key:
        """Return what one key is compared as."""
        if len(self._readers) == 1:
            (read_only,) = self._readers
            return read_only(key) if isinstance(key, str) else key
        if not isinstance(key, tuple):
            return key
        parts = tuple(
            None if part is None else read(part) for read, part in zip(self._readers, key, strict=True)
        )
        return ANY if ANY in parts else parts

    def all(self, keys: Sequence[Key]) -> list[Key]:
        """Return the same for many keys: column by column, in C where their texts are written alike."""
        kinds = set(map(type, keys))
        if len(self._readers) == 1:
            if kinds <= {str, type(None)}:
                return list(read_column(self._readers[0], cast("Sequence[str | None]", keys)))
        elif kinds == {tuple}:
            columns = list(
                map(read_column, self._readers, zip(*cast("Sequence[tuple[str]]", keys), strict=True))
            )
            compared: list[Key] = list(zip(*columns, strict=True))
            if any(ANY in column for column in columns):
                return [ANY if ANY in cast("tuple[str]", key) else key for key in compared]
            return compared
        return list(map(self, keys))


def reader(columns: Sequence[str], formats: Mapping[str, str]) -> ReadKey | None:
    """Return what maps keys to values that are compared. None: keys are equal where their texts are.

    Args:
        columns: the key columns.
        formats: the columns' types, as OpenAPI names them; unknown ones are compared as texts.
    """
    readers = [type_of(formats[column]).read_key if column in formats else read_text for column in columns]
    return None if all(read is read_text for read in readers) else ReadKey(readers)
