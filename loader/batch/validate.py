"""Check blocks of lines: rows that can be sent become chunks, others are rejected on the spot. No I/O.

A row's bytes are checked (JSON, its shape, its key) and passed on untouched. Most blocks hold nothing
irregular: one decode of the whole block checks all of its rows (validate_block.py). Any other block is taken
apart here, and each of its lines checked alone.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from loader.batch.chunks import advance
from loader.batch.validate_block import OTHER, BlockValidator, ValueKinds, value_kinds
from loader.formats.json_fields import Fields, decode, fields, text
from loader.model import Block, Chunk, Key, Reason, Reject, Row, Shape

_SHAPES_KNOWN = 16 * 1024  # of some 700 bytes each: as many as the batcher keeps waiting
_KINDS_KNOWN = 256


class Validator:
    """Checks blocks of JSON Lines.

    Args:
        key: the columns of --on-conflict.
        upsert: whether a row must have a key (a plain insert may leave it to the database).
        columns: --columns; None: each row's own keys.

    Attributes:
        block_validator: checks the next block as a whole; None: its lines are checked one by one.
    """

    def __init__(
        self,
        *,
        key: tuple[str, ...],
        upsert: bool,
        columns: tuple[str, ...] | None,
    ) -> None:
        self.block_validator: BlockValidator | None = None
        self._key = key
        self._upsert = upsert
        self._columns = columns
        self._shapes: dict[tuple[str, ...], Shape] = {}  # by their sorted columns
        self._orders: dict[tuple[str, ...], Shape] = {}  # by their columns in the orders that rows have had
        self._kinds: dict[Shape, ValueKinds] = {}  # of the values in the rows so far

    def check(self, block: Block) -> Iterator[Chunk | Reject]:
        """Yield all rows of a block, in order. Blank lines are ignored."""
        validator = self.block_validator
        keys = validator.keys(block) if validator is not None else None
        if validator is not None and keys is not None:
            yield Chunk(validator.shape, block.start, block.data, keys, block.origin, block.at)
        else:
            yield from self._check_lines(block)

    def _check_lines(self, block: Block) -> Iterator[Chunk | Reject]:
        """Yield runs of neighbouring good rows of one shape, and refused rows."""
        run: _Run | None = None
        last_good = b""
        offset = 0
        for index, line_with_end in enumerate(block.lines):
            line = line_with_end.removesuffix(b"\n")
            checked = self._check_line(line)
            if isinstance(checked, tuple):
                shape, key = checked
                last_good = line
                if run is None or run.shape is not shape:
                    if run is not None:
                        yield run.chunk(block)
                    run = _Run(shape, index, offset)
                run.keys.append(key)
                run.end = offset + len(line)
            else:
                if run is not None:
                    yield run.chunk(block)
                    run = None
                if checked is not None:
                    place = advance(block.start, index, offset)
                    yield Row(line, None, place, block.origin, block.at + index).reject(checked)
            offset += len(line) + 1
        if run is not None:
            yield run.chunk(block)
            is_even = len(run.keys) == len(block.lines)
            self._learn(run.shape, block.lines if is_even else [last_good])

    def _check_line(self, line: bytes) -> tuple[Shape, Key] | Reason | None:
        """Return a line's shape and key, or why it is refused, or None for a blank one."""
        if not line.strip(b" \t\r"):
            return None
        row = fields(line)
        if isinstance(row, Reason):
            return row
        missing = [column for column in self._key if column not in row]
        if missing and self._upsert:
            return Reason("no-key", f"the row lacks {', '.join(missing)}, its key")
        shape = self._shape(row)
        if not shape.columns:
            return Reason("no-columns", "the row has none of the columns to write")
        return shape, None if missing else self._key_of(row)

    def _key_of(self, row: Fields) -> Key:
        parts = tuple(text(row[column]) for column in self._key)
        return parts[0] if len(parts) == 1 else parts

    def _shape(self, row: Fields) -> Shape:
        """Return the shape of a row: one for all rows with the same columns, in any order."""
        written = tuple(row) if self._columns is None else tuple(c for c in self._columns if c in row)
        shape = self._orders.get(written)
        if shape is None:
            if len(self._orders) >= _SHAPES_KNOWN:
                self._orders.clear()
            shape = self._orders[written] = self._shape_in_any_order(written)
        return shape

    def _shape_in_any_order(self, written: tuple[str, ...]) -> Shape:
        columns = tuple(sorted(written))
        shape = self._shapes.get(columns)
        if shape is None:
            if len(self._shapes) >= _SHAPES_KNOWN:
                # None is forgotten: its next row would make another shape of the same columns.
                return Shape(columns)
            shape = self._shapes[columns] = Shape(written)
        return shape

    def _learn(self, shape: Shape, lines: Sequence[bytes]) -> None:
        """Get ready to check the next block as a whole, in case its rows are like these.

        Args:
            shape: the shape of the rows.
            lines: good rows of that shape.
        """
        new_kinds = value_kinds(map(decode, lines))
        if not set(self._key) <= new_kinds.keys():
            return
        if self._columns is not None and shape.columns != self._columns:
            # A later row with more of --columns than this one would pass for it.
            return
        if len(self._kinds) >= _KINDS_KNOWN:
            self._kinds.clear()
        kinds = self._kinds.setdefault(shape, {})
        for column, kinds_of_column in new_kinds.items():
            kinds[column] = kinds.get(column, set()) | kinds_of_column
        self.block_validator = self._validator_for(shape, kinds)
        if self.block_validator is not None and not self.block_validator.decodes(lines):
            # They are of these kinds, and yet cannot be decoded as such: a number is beyond a double's range.
            self._kinds[shape] = {column: {OTHER} for column in kinds}
            self.block_validator = self._validator_for(shape, self._kinds[shape])

    def _validator_for(self, shape: Shape, kinds: ValueKinds) -> BlockValidator | None:
        try:
            return BlockValidator(
                shape,
                key=self._key,
                kinds=kinds,
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
