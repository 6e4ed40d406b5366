"""Keep chunks in little memory: where shapes take turns, each row is a chunk, and many wait. No I/O."""

from __future__ import annotations

from array import array
from collections.abc import Iterator

from loader.model import Chunk, Key, Origin, Place, Shape

_NUMBERS = 6  # of a chunk: its rows, ``at``, and the parts of its place


class PackedChunks:
    """Chunks of one shape: each costs some 100 bytes beside its data and keys, in place of 400.

    Args:
        shape: of all of them.
    """

    __slots__ = ("_data", "_keys", "_numbers", "_origins", "_shape")

    def __init__(self, shape: Shape) -> None:
        self._shape = shape
        self._data: list[bytes] = []
        self._keys: list[Key] = []
        self._origins: list[Origin | None] = []
        self._numbers = array("q")

    def add(self, chunk: Chunk) -> None:
        """Keep a chunk."""
        self._data.append(chunk.data)
        self._keys += chunk.keys
        self._origins.append(chunk.origin)
        self._numbers.extend((len(chunk.keys), chunk.at, *chunk.counted))

    def __iter__(self) -> Iterator[Chunk]:
        """Yield the chunks as they were."""
        begin = 0  # of a chunk's keys
        for number, (data, origin) in enumerate(zip(self._data, self._origins, strict=True)):
            rows, at, *place = self._numbers[number * _NUMBERS : (number + 1) * _NUMBERS]
            keys = self._keys[begin : begin + rows]
            yield Chunk(self._shape, Place(*place), data, keys, origin, at)
            begin += rows
