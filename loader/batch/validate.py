"""Blocks of lines -> chunks of checked rows, and rows that are refused on the spot. No I/O.

A row's bytes are checked (JSON, its shape, its key) and passed on untouched. Most blocks hold nothing
odd: one decode of the whole block checks all of its rows (whole_block.py). A block that holds anything
odd is taken apart here, and each of its lines looked at alone.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from loader.batch.chunks import advance
from loader.batch.validate_block import OTHER, BlockValidator, Kinds, kinds
from loader.formats.json_fields import Fields, decode, fields, text
from loader.model import Block, Chunk, Key, Reason, Reject, Row, Shape
from loader.pg_types import Holds, type_of
from loader.pg_values import is_finite

_SHAPES_KNOWN = 256


class Validator:
    """Checks blocks of JSONL.

    Args:
        key: the columns of --on-conflict.
        upsert: whether a row must have a key (a plain insert may leave it to the database).
        columns: --columns; None: each row's own keys.
    """

    def __init__(
        self,
        *,
        key: tuple[str, ...],
        upsert: bool,
        columns: tuple[str, ...] | None = None,
        types: Mapping[str, str] | None = None,
    ) -> None:
        self._key = key
        self._upsert = upsert
        self._columns = columns
        self._numbers = frozenset(
            column for column, told in (types or {}).items() if Holds.NAN in type_of(told).holds
        )
        self._shapes: dict[frozenset[str], Shape] = {}
        self._kinds: dict[Shape, Kinds] = {}
        self._whole: BlockValidator | None = None

    def check(self, block: Block) -> Iterator[Chunk | Reject]:
        """Everything that the block holds, in its order; blank lines are nothing."""
        keys = self._whole.keys(block) if self._whole is not None else None
        if self._whole is not None and keys is not None:
            yield Chunk(self._whole.shape, block.start, block.data, keys, block.origin, block.at)
        else:
            yield from self._line_by_line(block)

    def _line_by_line(self, block: Block) -> Iterator[Chunk | Reject]:
        """Runs of neighbouring good rows of one shape, and refused rows."""
        run: _Run | None = None
        last = b""
        at = 0
        for index, whole_line in enumerate(block.lines):
            line = whole_line.removesuffix(b"\n")
            checked = self._line(line)
            if isinstance(checked, tuple):
                shape, key = checked
                last = line
                if run is None or run.shape is not shape:
                    if run is not None:
                        yield run.chunk(block)
                    run = _Run(shape, index, at)
                run.keys.append(key)
                run.end = at + len(line)
            else:
                if run is not None:
                    yield run.chunk(block)
                    run = None
                if checked is not None:
                    place = advance(block.start, index, at)
                    yield Row(line, None, place, block.origin, block.at + index).reject(checked)
            at += len(line) + 1
        if run is not None:
            yield run.chunk(block)
            even = len(run.keys) == len(block.lines)
            self._learn(run.shape, block.lines if even else [last])

    def _line(self, line: bytes) -> tuple[Shape, Key] | Reason | None:
        """One line's shape and key, or why it is refused, or None for a blank one."""
        if not line.strip(b" \t\r"):
            return None
        found = fields(line)
        if isinstance(found, Reason):
            return found
        missing = [column for column in self._key if column not in found]
        if missing and self._upsert:
            return Reason("no-key", f"the row lacks {', '.join(missing)}, its key")
        shape = self._shape(found)
        if not shape.columns:
            return Reason("no-columns", "the row has none of the columns to write")
        for column in self._numbers.intersection(shape.columns):
            value = text(found[column])
            if value is not None and not is_finite(value):
                return Reason("not-finite", f"{column} is {value!r}, which is not a finite number")
        return shape, None if missing else self._key_of(found)

    def _key_of(self, found: Fields) -> Key:
        parts = tuple(text(found[column]) for column in self._key)
        return parts[0] if len(parts) == 1 else parts

    def _shape(self, found: Fields) -> Shape:
        """The shape of a row; rows with the same keys in another order have the same one."""
        names = tuple(found) if self._columns is None else tuple(c for c in self._columns if c in found)
        known = frozenset(names)
        shape = self._shapes.get(known)
        if shape is None:
            if len(self._shapes) >= _SHAPES_KNOWN:
                self._shapes.clear()
            shape = self._shapes[known] = Shape(names)
        return shape

    def _learn(self, shape: Shape, lines: Sequence[bytes]) -> None:
        """Make ready to take the next block whole, where its rows are like these.

        Args:
            shape: that of the rows.
            lines: good rows of that shape.
        """
        found = kinds(map(decode, lines))
        if not set(self._key) <= found.keys():
            return
        if self._columns is not None and shape.columns != self._columns:
            # A later row with more of --columns than this one would pass for it.
            return
        if len(self._kinds) >= _SHAPES_KNOWN:
            self._kinds.clear()
        seen = self._kinds.setdefault(shape, {})
        for name, some in found.items():
            seen[name] = seen.get(name, set()) | some
        self._whole = self._whole_block(shape, seen)
        if self._whole is not None and not self._whole.decodes(lines):
            # They are of these kinds, and yet cannot be decoded as such: a number is beyond a double's range.
            self._kinds[shape] = {name: {OTHER} for name in seen}
            self._whole = self._whole_block(shape, self._kinds[shape])

    def _whole_block(self, shape: Shape, seen: Kinds) -> BlockValidator | None:
        try:
            return BlockValidator(
                shape,
                key=self._key,
                numbers=self._numbers,
                kinds=seen,
                other_keys=self._columns is not None,
            )
        except ValueError:
            return None  # a column's name that msgspec does not take: with a quote, say


class _Run:
    """Neighbouring good rows of one shape, while their block is taken apart."""

    __slots__ = ("begin", "end", "index", "keys", "shape")

    def __init__(self, shape: Shape, index: int, begin: int) -> None:
        self.shape = shape
        self.index = index
        self.begin = self.end = begin
        self.keys: list[Key] = []

    def chunk(self, block: Block) -> Chunk:
        data = block.data[self.begin : self.end]
        counted = advance(block.start, self.index, self.begin)
        return Chunk(self.shape, counted, data, self.keys, block.origin, block.at + self.index)
