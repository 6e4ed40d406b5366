"""Records of a source -> rows, each a JSON object on a line, in the columns of the table. No I/O.

JSON Lines that are written as they are pass through here untouched.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice

from loader.errors import SourceUnfit
from loader.formats.json_fields import fields, text
from loader.formats.records import Objects, Records, Table, of_block
from loader.model import Block, Reason, Reject
from loader.model import Row as SentRow
from loader.transform.cells import Cells, Odd, Row, constants, encode
from loader.transform.group_records import Groups
from loader.transform.mapping import ColumnMapping
from loader.transform.presets import Preset, Record
from loader.transform.required_columns import RequiredColumns

_SAMPLE = 1000  # records that a preset is shown at first
_SHAPES_KNOWN = 256


class Transformer:
    """Makes rows of records.

    Args:
        mapping: --map, --set and --drop; with a preset, of the columns that it gives.
        preset: makes a row of a record, or of several; None: a record is a row.
        null: the text that stands for null where cells are texts.
        key: columns that each row must have.

    Attributes:
        fit: which of the columns that are asked for were seen.
    """

    def __init__(
        self, mapping: ColumnMapping, *, preset: Preset | None = None, null: str = "", key: Sequence[str] = ()
    ) -> None:
        self._mapping = mapping
        self._preset = preset
        self._null = null
        self._formats: Mapping[str, str] = {}
        self._cells: dict[tuple[str, ...], Cells] = {}
        self._targets: dict[tuple[str, ...], dict[str, str]] = {}
        self._constants = constants(mapping, {})
        self.fit = RequiredColumns(mapping, preset=preset, key=key)

    @property
    def touches_nothing(self) -> bool:
        """Whether lines of JSON go out as they are."""
        return self._preset is None and self._mapping.changes_nothing

    def know(self, formats: Mapping[str, str]) -> None:
        """Take the types of the table's columns, once the target has told them."""
        self._formats = formats
        self._cells.clear()
        self._constants = constants(self._mapping, formats)

    def look(self, portion: Records | Groups, name: str) -> str:
        """See by its first portion whether a source has what is asked of it; gives what there is to say.

        Args:
            portion: the first of the source.
            name: the source's, for messages.

        Raises:
            SourceUnfit: it lacks columns that the mapping or the preset names. Rows of JSON may lack them, as
                ``fit`` knows.
        """
        if isinstance(portion, Groups) or (self.touches_nothing and isinstance(portion, Block | Objects)):
            return ""
        if self._preset is None and isinstance(portion, Block | Objects):
            self._see(portion)
            return ""
        records = [one for one in islice(self.records(portion), _SAMPLE) if isinstance(one, dict)]
        if not isinstance(portion, Block | Objects):
            self.fit.refuse(name, portion.columns)
        elif columns := list(dict.fromkeys(column for record in records for column in record)):
            self.fit.refuse(name, columns)
        else:
            return ""
        return "" if self._preset is None else self._preset.look(records)

    def _see(self, portion: Block | Objects) -> None:
        """See which columns rows of JSON have, until all that are asked for were there."""
        found = map(fields, filter(None, self._objects(portion, {}).texts))
        any(self.fit.see(one) for one in found if isinstance(one, dict))

    def refuse_doubts(self, records: Iterable[Record | Reason | None], name: str) -> None:
        """See that records are as the first ones of their source were understood.

        Raises:
            SourceUnfit: they are not, so that perhaps all were misunderstood.
        """
        if self._preset is None:
            return
        if doubts := self._preset.doubts([one for one in records if isinstance(one, dict)]):
            raise SourceUnfit(f"{name}: {doubts}", advice="Write all of it alike.")

    def convert(self, portion: Records | Groups) -> Iterator[Block | Reject]:
        """The rows of a portion, and the records that cannot be rows, in order."""
        if isinstance(portion, Block) and self.touches_nothing:
            yield portion
            return
        if isinstance(portion, Block):  # its lines are the source's, and the rows no longer are
            portion = of_block(portion)
        if self._preset is not None:
            lines, odd = self._by_preset(portion, self._preset)
        elif isinstance(portion, Table):
            lines, odd = self._cells_of(portion.columns).rows(portion)
        else:
            assert not isinstance(portion, Groups)  # noqa: S101 - only a preset asks for them
            lines, odd = self._of_objects(portion)
        yield from _pieces(portion, lines, odd)

    def records(self, portion: Records | Groups) -> Iterator[Record | Reason | None]:
        """Each record as texts, or why it cannot be read; None: it is nothing."""
        if isinstance(portion, Table):
            null = self._null if portion.typeless else None
            for place, cells in enumerate(portion.records):
                if place in portion.refused:
                    yield portion.refused[place]
                else:
                    texts = [None if one is None or one == null else str(one) for one in cells]
                    yield dict(zip(portion.columns, texts, strict=True))
            return
        objects = self._objects(portion, {})
        for place, line in enumerate(objects.texts):
            found = objects.refused.get(place) or fields(line) if line else None
            if isinstance(found, dict):
                yield {name: text(value) for name, value in found.items()}
            else:
                yield found

    def _by_preset(self, portion: Records | Groups, preset: Preset) -> tuple[list[bytes], Odd]:
        groups: Iterable[Sequence[Record] | Reason | None]
        if isinstance(portion, Groups):
            groups = portion.groups
        else:
            groups = (
                one if one is None or isinstance(one, Reason) else (one,) for one in self.records(portion)
            )
        targets = self._targets_of(preset.columns)
        rows: list[Row] = []
        places: list[int] = []
        odd: Odd = {}
        for place, group in enumerate(groups):
            row = group if group is None or isinstance(group, Reason) else preset.row(group)
            if row is None or isinstance(row, Reason):
                odd[place] = row
                continue
            places.append(place)
            if self._mapping.changes_nothing:
                rows.append(row)
            else:
                rows.append(self._constants | {target: row[source] for target, source in targets.items()})
        return encode(rows, places, odd), odd

    def _of_objects(self, portion: Records | Groups) -> tuple[list[bytes], Odd]:
        objects = self._objects(portion, self._formats)
        odd: Odd = {place: None for place, line in enumerate(objects.texts) if not line} | dict(
            objects.refused
        )
        lines = ((place, line) for place, line in enumerate(objects.texts) if place not in odd)
        if self._mapping.changes_nothing:
            return [line + b"\n" for _, line in lines], odd
        rows: list[Row] = []
        places: list[int] = []
        for place, line in lines:
            found = fields(line)
            if isinstance(found, Reason):
                odd[place] = found
            else:
                targets = self._targets_of(tuple(found))
                rows.append(self._constants | {target: found[source] for target, source in targets.items()})
                places.append(place)
        return encode(rows, places, odd), odd

    def _objects(self, portion: Records | Groups, formats: Mapping[str, str]) -> Objects:
        if isinstance(portion, Block):
            return of_block(portion)
        if isinstance(portion, Objects):
            return portion
        assert not isinstance(portion, Table | Groups)  # noqa: S101 - they are no JSON
        types = {source: formats.get(target, "") for target, source in self._typed(portion.columns)}
        return portion.objects(types)

    def _typed(self, columns: tuple[str, ...]) -> Iterable[tuple[str, str]]:
        return self._targets_of(columns).items()

    def _targets_of(self, columns: tuple[str, ...]) -> dict[str, str]:
        found = self._targets.get(columns)
        if found is None:
            if len(self._targets) >= _SHAPES_KNOWN:
                self._targets.clear()
            found = self._targets[columns] = self._mapping.targets(columns)
            self.fit.see(columns)
        return found

    def _cells_of(self, columns: tuple[str, ...]) -> Cells:
        found = self._cells.get(columns)
        if found is None:
            found = self._cells[columns] = Cells(columns, self._mapping, self._formats, self._null)
        return found


def _pieces(portion: Records | Groups, lines: list[bytes], odd: Odd) -> Iterator[Block | Reject]:
    """Runs of neighbouring rows, and between them what is rejected."""
    start, number = portion.start, portion.start.number
    origin = portion.origin
    begin = taken = 0
    for place in [*sorted(odd), len(lines) + len(odd)]:
        some = lines[taken : taken + place - begin]
        if some:
            yield Block(start._replace(number=number + begin), b"".join(some)[:-1], some, origin, begin)
        if (reason := odd.get(place)) is not None:
            yield SentRow(b"", None, start._replace(number=number + place), origin, place).reject(reason)
        begin, taken = place + 1, taken + len(some)
