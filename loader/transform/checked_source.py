"""One source of a load: its records, once the first of them have shown what the command asks of it."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Iterable, Sequence
from contextlib import aclosing
from itertools import islice
from pathlib import Path

from loader.errors import SourceError, SourceUnfit
from loader.events import Event, FormatDetected, Notice
from loader.formats import read
from loader.formats.announce import idle_options
from loader.formats.json_fields import fields
from loader.formats.records import Objects, Record, Records, Table
from loader.formats.source_format import SourceFormat
from loader.formats.source_hints import SourceHints
from loader.model import BEGIN, Block, Place, Reason
from loader.sources.find import Source
from loader.transform.cell_notation import CellNotation
from loader.transform.mapping import ColumnMapping
from loader.transform.nested import unnested
from loader.transform.presets import Preset
from loader.transform.record_texts import json_objects, record_texts
from loader.transform.required_columns import RequiredColumns, check_key

_PRESET_SAMPLE = 1000  # records that a preset is shown at first
_NAMED = "which --map or --drop names"


class CheckedSource:
    """Reads one source, and checks by its first records that it has the columns that the command names.

    Args:
        source: what to read.
        number: which source of the load, counted from 0.
        hints: what the command says of its format.
        mapping: --map, --set and --drop; with a preset, of the columns that it gives.
        preset: makes its rows; None: a record is a row. It remembers what it found out about the source.
        notation: how cells write nulls, numbers and dates.
        size: of a block of lines, in bytes.
        spool: where a file may stand that its format needs to seek in.
        known: its format, if an earlier run has read it.
        watch: told of bytes that were read, and of what the source was found to be.
        describe: told its format once it is detected.
        key: columns that each row must have, as far as the command names them.
        options: options given by the command that some formats have no use for.

    Attributes:
        required: which of the columns that the command names were seen.
        format: its format, once it is detected.
        lacking: the columns that the command names and no row has, if all rows were seen; None: if not.
    """

    def __init__(
        self,
        source: Source,
        number: int,
        hints: SourceHints,
        *,
        mapping: ColumnMapping,
        preset: Preset | None,
        notation: CellNotation,
        size: int,
        spool: Path,
        known: SourceFormat | None,
        watch: Callable[[Event], None],
        describe: Callable[[int, SourceFormat], None],
        key: Sequence[str],
        options: Sequence[str],
    ) -> None:
        self.name = source.name
        self.preset = preset
        self.required = RequiredColumns(mapping, preset=preset)
        self.format: SourceFormat | None = None
        self.dialect = ""  # what the preset found out about it, as far as all sources must agree
        self.lacking: frozenset[str] | None = None
        self.is_local_file = source.path is not None and source.size is not None
        self._source = source
        self._number = number
        self._hints = hints
        self._mapping = mapping
        self._columns: tuple[str, ...] | None = None  # of all its records
        self._notation = notation
        self._key = key
        self._size = size
        self._spool = spool
        self._known = known
        self._watch = watch
        self._describe = describe
        self._options = options

    async def records(
        self, start: Place = BEGIN, *, silent: bool = False, only: bool = False
    ) -> AsyncGenerator[Records]:
        """Yield its records from ``start`` on, after the first ones of the source were checked.

        Args:
            start: the place of the first record.
            silent: whether it is read a second time, so that nothing is told of it.
            only: whether it is the only source, so that it must have all columns that the command names.

        Raises:
            SourceMissing: it cannot be opened.
            SourceUnfit: it is not what the command takes it for.
            SourceError: it broke off, or is damaged.
        """
        start = start._replace(source=self._number)
        if start.number > 1 and not self._passes_through:
            # The first rows decide what a source is, also where reading begins behind them.
            await self.check()
            records = self._read(start, silent=silent, spool=self._spool)
        else:
            records = self._checked(start, silent=silent, only=only, spool=self._spool)
        async with aclosing(records):
            async for batch in records:
                yield batch
        if not silent and (unseen := self.required.unseen):
            rows = f"no row from number {start.number:,} on" if start.number > 1 else "no row"
            self._watch(Notice(f"{self.name}: {rows} has {', '.join(unseen)}, {_NAMED}"))

    async def check(self, *, unpacks: bool = True) -> None:
        """Check the first records, and tell nothing of them.

        Args:
            unpacks: whether a compressed database may be unpacked for it; else it is not checked.

        Raises:
            SourceMissing, SourceUnfit, SourceError: as records() does.
        """
        begin = BEGIN._replace(source=self._number)
        records = self._checked(begin, silent=True, only=False, spool=self._spool if unpacks else None)
        async with aclosing(records):
            first = await anext(records, None)
        if first is not None and not isinstance(first, Block | Objects):
            self._columns = first.columns

    def check_key(self, key: Sequence[str]) -> None:
        """Check that the records have the key, as far as their columns were seen by check().

        Raises:
            SourceUnfit: they lack a column of the key.
        """
        if self._columns is not None and self.preset is None:
            check_key(self.name, self._columns, self._mapping, key)

    def is_all_quoted(self) -> bool:
        """Return whether it quotes all its cells, those that mean null too."""
        return self.format is not None and self.format.all_quoted

    @property
    def _passes_through(self) -> bool:
        """Whether lines of JSON are sent as they are."""
        return self.preset is None and self._mapping.changes_nothing

    async def _checked(
        self, start: Place, *, silent: bool, only: bool, spool: Path | None
    ) -> AsyncGenerator[Records]:
        async with aclosing(self._read(start, silent=silent, spool=spool)) as records:
            first = await anext(records, None)
            if first is None:
                self._check_header()
                return
            self._look(first, silent=silent)
            second, broken = None, None
            if self.required.unseen:
                try:
                    second = await anext(records, None)
                except SourceError as error:
                    broken = error  # raised once the records before the damage were given
                self._judge_unseen(all_seen=second is None and broken is None, only=only, silent=silent)
            yield first
            if broken is not None:
                raise broken
            if second is not None:
                yield second
            async for later in records:
                yield later

    def _read(self, start: Place, *, silent: bool, spool: Path | None) -> AsyncGenerator[Records]:
        nests = self.preset is not None and self.preset.nests
        # A record within another one has no place from which it can be read.
        from_begin = nests and self._known is not None and self._known.format in ("json", "jsonl")
        records = read.records(
            self._source,
            self._hints,
            start=BEGIN._replace(source=self._number) if from_begin else start,
            size=self._size,
            spool=spool,
            watch=(lambda _: None) if silent else self._watch,
            known=self._known,
            tell=lambda source_format: self._tell(source_format, silent=silent),
        )
        return records if self.preset is None or not nests else unnested(records, start, self.preset)

    def _tell(self, source_format: SourceFormat, *, silent: bool) -> None:
        self.format, self.dialect = source_format, ""
        if not silent:
            self._describe(self._number, source_format)
            idle = idle_options(self._options, source_format)
            usual = source_format.usual and not idle
            self._watch(FormatDetected(self.name, source_format.text + idle, usual=usual))

    def _check_header(self) -> None:
        """Check the header of a source without rows, if there is one."""
        if self.format is None or not self.format.columns:
            return
        if self.format.header:  # else --columns may name those of the table
            self.required.refuse(self.name, self.format.columns)
        if self.preset is None:
            check_key(self.name, self.format.columns, self._mapping, self._key)

    def _look(self, first: Records, *, silent: bool) -> None:
        """Check that the first records have what is asked of the source."""
        is_json = isinstance(first, Block | Objects)
        if is_json and self._passes_through:
            return
        if self.preset is None and is_json:
            self._look_at_json(first)
            return
        records = record_texts(first, self._notation.nulls)
        texts = list(islice((record for record in records if isinstance(record, dict)), _PRESET_SAMPLE))
        if not isinstance(first, Block | Objects):
            self.required.refuse(self.name, first.columns)
            if isinstance(first, Table) and first.typeless:
                self._notation.nulls.check_columns(self.name, first.columns)
        elif columns := list(dict.fromkeys(column for record in texts for column in record)):
            self.required.refuse(self.name, columns)
        else:
            return
        if self.preset is not None and (understood := self.preset.look(texts)):
            self.dialect = understood.partition(":")[0]  # what is behind it differs from source to source
            if not silent:
                self._watch(FormatDetected(self.name, understood))

    def _look_at_json(self, first: Records) -> None:
        """Note the columns of JSON rows, until all that the command names were seen."""
        rows = map(fields, filter(None, json_objects(first, {}).texts))
        any(self.required.see(row) for row in rows if isinstance(row, dict))
        unseen = self.required.unseen
        positions = {f"#{position}" for position in self._mapping.positions}
        if by_position := [name for name in unseen if name in positions]:
            raise SourceUnfit(
                f"{self.name}: its rows are JSON, and {', '.join(by_position)} is the position of a column",
                advice="The columns of JSON have names and no order.",
            )

    def _judge_unseen(self, *, all_seen: bool, only: bool, silent: bool) -> None:
        """Refuse names that no row of the only source has; a row of another one may have them."""
        if all_seen and only:
            self.required.refuse_unseen(self.name)
        elif all_seen:
            self.lacking = frozenset(self.required.unseen)
        elif not all_seen and not silent:
            unseen = ", ".join(self.required.unseen)
            self._watch(Notice(f"{self.name}: its first rows lack {unseen}, {_NAMED}"))

    def refuse_doubts(self, records: Iterable[Record | Reason | None]) -> None:
        """Check that records are as the preset understood the first ones.

        Raises:
            SourceUnfit: they are not, so that perhaps all were misunderstood.
        """
        if self.preset is None:
            return
        if doubts := self.preset.doubts([record for record in records if isinstance(record, dict)]):
            raise SourceUnfit(f"{self.name}: {doubts}", advice="Write all of it alike.")

    def pass_on_remark(self) -> None:
        """Tell what the preset has to say once all records were checked."""
        if self.preset is not None and (remark := self.preset.remark()):
            self._watch(Notice(f"{self.name}: {remark}"))
