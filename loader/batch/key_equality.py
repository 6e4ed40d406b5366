"""How the keys of a relation are compared, where PostgreSQL may hold two equal whose texts differ. No I/O.

Rows whose keys are the same text have the same key for every type, so a batch may leave out all but one
of them. Rows whose keys only *may* be equal (``citext``, ``uuid`` in capitals, ``1`` and ``1.0``) must
still keep their order. What each type does is in pg_types.py.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from loader.model import Key
from loader.pg_types import type_of
from loader.pg_values import ANY, read_text

__all__ = ["ANY", "ReadKey", "reader"]

ReadKey = Callable[[Key], Key]


def reader(columns: Sequence[str], formats: Mapping[str, str]) -> ReadKey | None:
    """Return a function that maps a key to a value that is the same for all keys that may be equal.

    It returns ANY for a key that may equal every other. None: keys are equal where their texts are.

    Args:
        columns: the key columns.
        formats: the columns' types, as OpenAPI names them; unknown ones are compared as texts.
    """
    readers = [type_of(formats[column]).read_key if column in formats else read_text for column in columns]
    if all(read_column is read_text for read_column in readers):
        return None
    if len(readers) == 1:
        (read_only,) = readers
        return lambda key: read_only(key) if isinstance(key, str) else key

    def read(key: Key) -> Key:
        if not isinstance(key, tuple):
            return key
        parts = tuple(
            None if part is None else read_column(part)
            for read_column, part in zip(readers, key, strict=True)
        )
        return ANY if ANY in parts else parts

    return read
