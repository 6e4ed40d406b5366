"""Records of a source -> rows, each a JSON object on a line, in the columns of the table. No I/O.

JSON Lines that are written as they are pass through untouched.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

from loader.formats.json_fields import fields
from loader.formats.records import Objects, Record, Records, Table, Typed, of_block
from loader.model import Block, Reason, Reject, Row
from loader.transform.cell_notation import CellNotation
from loader.transform.cells import Cells, Odd, RowValues, constants, encode
from loader.transform.groups import Groups
from loader.transform.mapping import ColumnMapping
from loader.transform.presets import Preset
from loader.transform.record_texts import record_texts
from loader.transform.required_columns import RequiredColumns, check_key

_SHAPES_KNOWN = 256


class Transformer:
    """Makes rows of the records of one source.

    Args:
        mapping: --map, --set and --drop; with a preset, of the columns that it gives.
        types: of the table's columns, as far as the target tells them.
        name: the source's, for messages.
        preset: makes a row of a record, or of several; None: a record is a row.
        notation: how cells write nulls, numbers and dates.
        all_quoted: tells whether the source quotes all its cells, once its records are read.
        key: columns that each row must have; none if a row needs no key.
        required: notes the columns of each record.

    Raises:
        SettingsError: --set gives a column of JSON a value that is no JSON.
    """

    def __init__(
        self,
        mapping: ColumnMapping,
        types: Mapping[str, str],
        *,
        name: str = "",
        preset: Preset | None = None,
        notation: CellNotation | None = None,
        all_quoted: Callable[[], bool] = lambda: False,
        key: Sequence[str] = (),
        required: RequiredColumns | None = None,
    ) -> None:
        self._mapping = mapping
        self._types = types
        self._name = name
        self._preset = preset
        self._notation = notation or CellNotation()
        self._all_quoted = all_quoted
        self._key = key
        self._required = required or RequiredColumns(mapping, preset=preset)
        self._constants = constants(mapping, types)
        self._cells: dict[tuple[str, ...], Cells] = {}
        self._targets: dict[tuple[str, ...], dict[str, str]] = {}

    def rows(self, records: Records | Groups) -> Iterator[Block | Reject]:
        """Yield the rows that records make, and the records that cannot be rows, in their order.

        Raises:
            SourceUnfit: all rows of the source lack a column of the key.
        """
        if isinstance(records, Block):
            if self._preset is None and self._mapping.changes_nothing:
                yield records
                return
            records = of_block(records)  # its lines are the source's, and the rows no longer are
        if self._preset is not None:
            lines, odd = self._by_preset(records, self._preset)
        else:
            assert not isinstance(records, Groups)  # noqa: S101 - only a preset asks for them
            if isinstance(records, Table):
                lines, odd = self._cells_of(records.columns).rows(records)
            else:
                lines, odd = self._of_objects(records)
        yield from _pieces(records, lines, odd)

    def doubts(self, records: Records | Groups) -> list[str]:
        """Return a warning for each column that the server may read in another way than meant, once.

        Raises:
            SourceUnfit: all rows of the source lack a column of the key.
        """
        if self._preset is not None or not isinstance(records, Table):
            return []
        doubts = self._cells_of(records.columns).doubts(records)
        return [f"{self._name}: {doubt}" for doubt in doubts]

    def _by_preset(self, records: Records | Groups, preset: Preset) -> tuple[list[bytes], Odd]:
        groups: Iterable[Sequence[Record] | Reason | None]
        if isinstance(records, Groups):
            groups = records.groups
        else:
            texts = record_texts(records, self._notation.nulls)
            groups = (text if text is None or isinstance(text, Reason) else (text,) for text in texts)
        targets = self._targets_of(preset.columns)
        is_mapped = not self._mapping.changes_nothing
        rows: list[RowValues] = []
        places: list[int] = []
        odd: Odd = {}
        for place, group in enumerate(groups):
            row = group if group is None or isinstance(group, Reason) else preset.row(group)
            if row is None or isinstance(row, Reason):
                odd[place] = row
                continue
            places.append(place)
            if is_mapped:
                rows.append(self._constants | {target: row[source] for target, source in targets.items()})
            else:
                rows.append(row)
        return encode(rows, places, odd), odd

    def _of_objects(self, records: Objects | Typed) -> tuple[list[bytes], Odd]:
        objects = (
            records if isinstance(records, Objects) else records.objects(self._types_of(records.columns))
        )
        odd: Odd = {place: None for place, line in enumerate(objects.texts) if not line} | dict(
            objects.refused
        )
        lines = ((place, line) for place, line in enumerate(objects.texts) if place not in odd)
        if self._mapping.changes_nothing:
            return [line + b"\n" for _, line in lines], odd
        rows: list[RowValues] = []
        places: list[int] = []
        for place, line in lines:
            row = fields(line)
            if isinstance(row, Reason):
                odd[place] = row
            else:
                targets = self._targets_of(tuple(row), by_position=not isinstance(records, Objects))
                rows.append(self._constants | {target: row[source] for target, source in targets.items()})
                places.append(place)
        return encode(rows, places, odd), odd

    def _types_of(self, columns: tuple[str, ...]) -> dict[str, str]:
        """Return the types of the columns that a source's columns are written to."""
        targets = self._checked_targets(columns)
        return {source: self._types.get(target, "") for target, source in targets.items()}

    def _checked_targets(self, columns: tuple[str, ...]) -> dict[str, str]:
        """Return the targets of columns that all records have, once it is known that they give a key."""
        if columns not in self._targets:
            check_key(self._name, columns, self._mapping, self._key)
        return self._targets_of(columns)

    def _targets_of(self, columns: tuple[str, ...], *, by_position: bool = True) -> dict[str, str]:
        targets = self._targets.get(columns)
        if targets is None:
            if len(self._targets) >= _SHAPES_KNOWN:
                self._targets.clear()
            targets = self._targets[columns] = self._mapping.targets(columns, by_position=by_position)
            self._required.see(columns)
        return targets

    def _cells_of(self, columns: tuple[str, ...]) -> Cells:
        cells = self._cells.get(columns)
        if cells is None:
            self._checked_targets(columns)
            cells = self._cells[columns] = Cells(
                columns, self._mapping, self._types, self._notation, all_quoted=self._all_quoted()
            )
        return cells


def _pieces(records: Records | Groups, lines: list[bytes], odd: Odd) -> Iterator[Block | Reject]:
    """Yield runs of neighbouring rows, and between them the records that are rejected."""
    start, number = records.start, records.start.number
    assert not isinstance(records, Block)  # noqa: S101 - rows made from lines are no lines of the source
    origin = records.origin
    begin = taken = 0
    for place in [*sorted(odd), len(lines) + len(odd)]:
        run = lines[taken : taken + place - begin]
        if run:
            yield Block(start._replace(number=number + begin), b"".join(run)[:-1], run, origin, begin)
        if (reason := odd.get(place)) is not None:
            yield Row(b"", None, start._replace(number=number + place), origin, place).reject(reason)
        begin, taken = place + 1, taken + len(run)
