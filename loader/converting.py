"""Records of a source -> rows, each a JSON object on a line, in the columns of the table. No I/O.

JSON Lines that are written as they are pass through here untouched.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from itertools import islice

from loader.cells import Cells, Odd, Row, constants, encode
from loader.chunks import reject
from loader.errors import SourceUnfit
from loader.fields import fields
from loader.form import Form
from loader.keys import text
from loader.mapping import Mapping as Columns
from loader.model import Block, Reason, Reject
from loader.model import Row as OneRow
from loader.portions import Groups, Objects, Portion, Table, of_block
from loader.presets import Preset, Record

_SAMPLE = 1000  # records that a preset is shown at first
_SHAPES_KNOWN = 256


class Converter:
    """Makes rows of records.

    Args:
        mapping: --map, --set and --drop; with a preset, of the columns that it gives.
        preset: makes a row of a record, or of several; None: a record is a row.
        null: the text that stands for null where cells are texts.
        key: columns that each row must have.
    """

    def __init__(
        self, mapping: Columns, *, preset: Preset | None = None, null: str = "", key: Sequence[str] = ()
    ) -> None:
        self._mapping = mapping
        self._preset = preset
        self._null = null
        self._key = key
        self._formats: Mapping[str, str] = {}
        self._cells: dict[tuple[str, ...], Cells] = {}
        self._targets: dict[tuple[str, ...], dict[str, str]] = {}
        self._constants = constants(mapping, {})
        self._unseen = set(mapping.sources)
        self._known: list[str] = []  # the columns of the first rows

    @property
    def touches_nothing(self) -> bool:
        """Whether lines of JSON go out as they are."""
        return self._preset is None and self._mapping.changes_nothing

    @property
    def unseen(self) -> list[str]:
        """The columns that the mapping names and no row of JSON has had yet, as far as rows were looked at."""
        seen_any = self._known or self._targets
        return sorted(self._unseen) if seen_any and self._preset is None else []

    def know(self, formats: Mapping[str, str]) -> None:
        """Take the types of the table's columns, once the target has told them."""
        self._formats = formats
        self._cells.clear()
        self._constants = constants(self._mapping, formats)

    def look(self, portion: Portion, name: str) -> str:
        """See by its first portion whether a source has what is asked of it; gives what there is to say.

        Args:
            portion: the first of the source.
            name: the source's, for messages.

        Raises:
            SourceUnfit: it lacks columns that the mapping or the preset names. Rows of JSON may lack them: see
                unseen.
        """
        if isinstance(portion, Groups) or (self.touches_nothing and isinstance(portion, Block | Objects)):
            return ""
        if self._preset is None and isinstance(portion, Block | Objects):
            self._look_for_names(portion)
            return ""
        records = [one for one in islice(self.records(portion), _SAMPLE) if isinstance(one, dict)]
        if isinstance(portion, Block | Objects):
            columns = list(dict.fromkeys(column for record in records for column in record))
        else:
            columns = list(portion.columns)
        if not columns:
            return ""
        self._refuse_columns(name, columns)
        if self._preset is None:
            self._unseen.clear()
            return ""
        _refuse(f"what --preset {self._preset.name} gives", self._mapping.lacking(self._preset.columns), ())
        return self._preset.look(records)

    def _look_for_names(self, portion: Block | Objects) -> None:
        """See which columns rows of JSON have; it ends with the first that has all which the mapping names."""
        known: dict[str, None] = {}
        for line in self._objects(portion, {}).texts:
            if not self._unseen:
                break
            found = fields(line)
            if isinstance(found, dict):
                known |= dict.fromkeys(found)
                self._unseen.difference_update(found)
        self._known = list(known)

    def refuse_unseen(self, name: str) -> None:
        """See that a row has each column that the mapping names, where all of its source was looked at.

        Raises:
            SourceUnfit: none has one of them.
        """
        if self._known:
            _refuse(name, self.unseen, self._known)

    def refuse_header(self, name: str, form: Form) -> None:
        """See that rows could be made of a source that has none, only columns.

        Raises:
            SourceUnfit: they could not.
        """
        if form.header:  # else --columns may name those of the table
            self._refuse_columns(name, form.columns)
        elif self._preset is None:
            self._refuse_keyless(name, form.columns)

    def _refuse_columns(self, name: str, columns: Collection[str]) -> None:
        """See that these columns are all that rows are made of."""
        if self._preset is not None:
            _refuse(name, [one for one in self._preset.needs if one not in columns], columns)
            return
        _refuse(name, self._mapping.lacking(columns), columns)
        self._refuse_keyless(name, columns)

    def _refuse_keyless(self, name: str, columns: Iterable[str]) -> None:
        """See that the rows have a key, where all of them have these columns."""
        written = {*self._mapping.targets(columns), *self._constants}
        if lacking := [column for column in self._key if column not in written]:
            raise SourceUnfit(
                f"{name} gives no {', '.join(lacking)}, the key",
                advice=f"It has {', '.join(columns)}. --map {lacking[0]}=COLUMN names a column for it, "
                "--columns those of CSV without a header, --on-conflict another key.",
            )

    def refuse_doubts(self, records: Iterable[Record | Reason | None], name: str) -> None:
        """See that records are as the first ones of their source were understood.

        Raises:
            SourceUnfit: they are not, so that perhaps all were misunderstood.
        """
        if self._preset is None:
            return
        if doubts := self._preset.doubts([one for one in records if isinstance(one, dict)]):
            raise SourceUnfit(f"{name}: {doubts}", advice="Write all of it alike.")

    def convert(self, portion: Portion) -> Iterator[Block | Reject]:
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

    def records(self, portion: Portion) -> Iterator[Record | Reason | None]:
        """Each record as texts, or why it cannot be read; None: it is nothing."""
        if isinstance(portion, Table):
            null = self._null if portion.typeless else None
            for place, cells in enumerate(portion.records):
                if place in portion.odd:
                    yield portion.odd[place]
                else:
                    texts = [None if one is None or one == null else str(one) for one in cells]
                    yield dict(zip(portion.columns, texts, strict=True))
            return
        objects = self._objects(portion, {})
        for place, line in enumerate(objects.texts):
            found = objects.odd.get(place) or fields(line) if line else None
            if isinstance(found, dict):
                yield {name: text(value) for name, value in found.items()}
            else:
                yield found

    def _by_preset(self, portion: Portion, preset: Preset) -> tuple[list[bytes], Odd]:
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

    def _of_objects(self, portion: Portion) -> tuple[list[bytes], Odd]:
        objects = self._objects(portion, self._formats)
        odd: Odd = {place: None for place, line in enumerate(objects.texts) if not line} | dict(objects.odd)
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

    def _objects(self, portion: Portion, formats: Mapping[str, str]) -> Objects:
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
            self._unseen.difference_update(columns)
        return found

    def _cells_of(self, columns: tuple[str, ...]) -> Cells:
        found = self._cells.get(columns)
        if found is None:
            found = self._cells[columns] = Cells(columns, self._mapping, self._formats, self._null)
        return found


def _pieces(portion: Portion, lines: list[bytes], odd: Odd) -> Iterator[Block | Reject]:
    """Runs of neighbouring rows, and between them what is rejected."""
    source, number, offset, _ = portion.start
    origin = portion.origin
    begin = taken = 0
    for place in [*sorted(odd), len(lines) + len(odd)]:
        some = lines[taken : taken + place - begin]
        if some:
            start = portion.start._replace(number=number + begin)
            yield Block(start, b"".join(some)[:-1], some, origin, begin)
        if (reason := odd.get(place)) is not None:
            yield reject(OneRow(b"", None, source, number + place, offset, origin, place), reason)
        begin, taken = place + 1, taken + len(some)


def _refuse(name: str, lacking: Iterable[str], columns: Iterable[str]) -> None:
    if lacking := list(lacking):
        found = list(columns)
        raise SourceUnfit(
            f"{name} lacks {', '.join(lacking)}",
            advice=f"It has {', '.join(found)}." if found else "",
        )
