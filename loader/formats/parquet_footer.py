"""The sizes that the footer of a Parquet file tells, without a library that would unfold them.

A footer is a struct FileMetaData of parquet.thrift, in Thrift's compact protocol.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, BinaryIO

from loader.private_files import open_regular

_MAGIC = b"PAR1"
_TAIL = 8  # bytes: the length of the footer, and the magic number
_DEEPEST = 16  # structs in structs; a footer has 5
# Types of Thrift's compact protocol.
_TRUE, _FALSE, _BYTE, _INTEGERS, _DOUBLE, _BINARY, _LISTS, _MAP, _STRUCT = (
    1,
    2,
    3,
    (4, 5, 6),
    7,
    8,
    (9, 10),
    11,
    12,
)
# Fields of FileMetaData, RowGroup, ColumnChunk and ColumnMetaData.
_ROW_GROUPS, _COLUMNS, _TOTAL_SIZE, _ROWS, _META_DATA, _VALUES, _UNCOMPRESSED_SIZE = 4, 1, 2, 3, 3, 5, 6
_VALUE = 16  # bytes of a text or a list in memory, besides its content


def row_group_sizes(path: Path) -> list[int]:
    """Return about what each row group takes in memory, in bytes, as the footer tells it.

    It is the uncompressed size. Of columns of lists and maps, the number of their values counts where it is
    more: run-length encoding writes a billion equal ones in a few bytes.

    Raises:
        ValueError: the file has no footer that can be read.
        OSError: the file cannot be read.
    """
    with open_regular(path) as file:
        footer = _Compact(_footer(file)).struct()
    sizes = []
    for group in footer.get(_ROW_GROUPS, []):
        rows = group.get(_ROWS, 0)
        columns = [_column_size(column.get(_META_DATA, {}), rows) for column in group.get(_COLUMNS, [])]
        sizes.append(max(group.get(_TOTAL_SIZE, 0), sum(columns)))  # either may be left out
    return sizes


def _column_size(column: dict[int, Any], rows: int) -> int:
    values: int = column.get(_VALUES, 0)
    size: int = column.get(_UNCOMPRESSED_SIZE, 0)
    return max(size, values * _VALUE if values > rows else 0)


def _footer(file: BinaryIO) -> bytes:
    size = os.fstat(file.fileno()).st_size
    file.seek(max(0, size - _TAIL))
    tail = file.read(_TAIL)
    length = int.from_bytes(tail[:4], "little")
    if tail[4:] != _MAGIC or length > size - _TAIL - len(_MAGIC):
        raise ValueError("no footer")
    file.seek(size - _TAIL - length)
    return file.read(length)


class _Compact:
    """Reads structs of Thrift's compact protocol.

    Args:
        data: that begins with a struct.
    """

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    def struct(self, depth: int = 0) -> dict[int, Any]:
        """Return the fields of a struct by their numbers.

        Raises:
            ValueError: the data is not what the protocol says.
        """
        if depth > _DEEPEST:
            raise ValueError("too deep")
        fields: dict[int, Any] = {}
        number = 0
        while header := self._byte():
            delta, kind = header >> 4, header & 15
            number = number + delta if delta else self._integer()
            fields[number] = kind == _TRUE if kind in (_TRUE, _FALSE) else self._value(kind, depth)
        return fields

    def _value(self, kind: int, depth: int) -> Any:
        if kind in _INTEGERS:
            return self._integer()
        if kind == _BINARY:
            return self._skip(self._varint())
        if kind in _LISTS:
            header = self._byte()
            count = self._varint() if header >> 4 == 15 else header >> 4
            if count > len(self._data):  # each takes a byte at least
                raise ValueError("too long")
            return [self._value(header & 15, depth) for _ in range(count)]
        if kind == _STRUCT:
            return self.struct(depth + 1)
        if kind in (_TRUE, _FALSE, _BYTE):  # of a list
            return self._byte()
        if kind == _DOUBLE:
            return self._skip(8)
        raise ValueError(f"type {kind}")  # a map, which a footer does not have

    def _skip(self, size: int) -> None:
        self._at += size
        if self._at > len(self._data):
            raise ValueError("cut off")

    def _byte(self) -> int:
        if self._at >= len(self._data):
            raise ValueError("cut off")
        self._at += 1
        return self._data[self._at - 1]

    def _varint(self) -> int:
        value = shift = 0
        while True:
            byte = self._byte()
            value |= (byte & 127) << shift
            shift += 7
            if byte < 128:
                return value
            if shift > 63:
                raise ValueError("a number is too long")

    def _integer(self) -> int:
        value = self._varint()
        return (value >> 1) ^ -(value & 1)  # zigzag
