"""The sources of a load, one after another -> their records."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import aclosing
from functools import partial
from pathlib import Path

from loader.errors import SourceUnfit
from loader.events import Event, FormatDetected, Notice
from loader.formats.announce import ONLY_FOR
from loader.formats.records import Records, cell_of, of_block
from loader.formats.source_format import SourceFormat, alike
from loader.formats.source_hints import SourceHints
from loader.model import BEGIN, Block, Place
from loader.settings import Settings
from loader.sources.find import Source
from loader.transform.cell_notation import CellNotation
from loader.transform.checked_source import CheckedSource
from loader.transform.group_records import RecordGroups
from loader.transform.groups import Groups
from loader.transform.mapping import ColumnMapping
from loader.transform.presets import Preset
from loader.transform.record_texts import record_texts
from loader.transform.required_columns import refuse_everywhere

_BLOCKS_A_BATCH = 4  # blocks are checked whole: a bad row in a small one slows few others down
_LINE = 1024  # bytes by which a block may be longer than was asked for


class SourceReader:
    """Reads the sources of a load in their order.

    Args:
        settings: how the sources are written.
        mapping: which of their columns are written.
        sources: in their order.
        spool: where a file may stand that its format needs to seek in.
        gathered: where records may wait that make a row together.
        preset: makes a preset for each source; None: there is none.
        watch: told of the bytes that were read, and of the formats that were detected.
        describe: told the format of each source, by its number.
        known: the formats of sources that an earlier run has read, by their numbers.

    Attributes:
        sources: each with its preset, and with the columns that were seen in it.
    """

    def __init__(
        self,
        settings: Settings,
        mapping: ColumnMapping,
        sources: Sequence[Source],
        spool: Path,
        gathered: Path,
        *,
        preset: Callable[[], Preset] | None,
        watch: Callable[[Event], None],
        describe: Callable[[int, SourceFormat], None],
        known: Mapping[int, SourceFormat],
    ) -> None:
        self._gathered = gathered
        self._watch = watch
        notation = CellNotation.of(settings)
        self._nulls = notation.nulls
        # Each source has a preset of its own, which remembers what it found out about it.
        presets = [preset() if preset is not None else None for _ in sources]
        self.preset = presets[0] if presets else None
        make = partial(
            CheckedSource,
            hints=_hints(settings, mapping, self.preset, notation),
            mapping=mapping,
            notation=notation,
            size=max(1, settings.batch_bytes // _BLOCKS_A_BATCH - _LINE),
            spool=spool,
            watch=watch,
            describe=describe,
            key=settings.on_conflict or () if settings.resolution != "none" else (),
            options=[option for option in ONLY_FOR if getattr(settings, option)],
        )
        self.sources = [
            make(source, number, preset=own, known=known.get(number))
            for number, (source, own) in enumerate(zip(sources, presets, strict=True))
        ]

    async def records(self, begin: Place, *, again: bool = False) -> AsyncGenerator[Records | Groups]:
        """Yield what the sources hold, from ``begin`` on.

        Args:
            begin: the place of the first row.
            again: whether they are read a second time, so that nothing is told of them.

        Raises:
            SourceMissing: a source cannot be opened.
            SourceUnfit: a source is not what the command takes it for.
            SourceError: a source broke off, or is damaged.
        """
        if self.preset is not None and self.preset.groups_by is not None:
            groups = self._groups(self.preset, begin, again=again)
            async with aclosing(groups):
                async for group in groups:
                    yield group
        else:
            records = self._one_after_another(begin, again=again)
            async with aclosing(records):
                async for batch in records:
                    yield batch

    async def survey(self) -> None:
        """Check each of several files before anything is sent.

        Standard input, pipes and URLs are left to their turn, and so are databases that must be unpacked.

        Raises:
            SourceMissing, SourceUnfit, SourceError: as records() does.
        """
        if len(self.sources) < 2 or (self.preset is not None and self.preset.groups_by is not None):
            return
        for source in self.sources:
            if source.is_local_file:
                await source.check(unpacks=False)
        lacking = [source.lacking for source in self.sources if source.lacking is not None]
        if len(lacking) == len(self.sources):
            refuse_everywhere(lacking)

    def check_keys(self, key: Sequence[str]) -> None:
        """Check that the sources that were surveyed have the key, once the target has told it.

        Raises:
            SourceUnfit: one lacks a column of the key.
        """
        for source in self.sources:
            source.check_key(key)

    async def _one_after_another(
        self, begin: Place, *, again: bool, told: int = 0
    ) -> AsyncGenerator[Records]:
        """Yield the records of each source; nothing is told of those before number ``told``."""
        only = len(self.sources) == 1
        for number in range(begin.source, len(self.sources)):
            start = begin if number == begin.source else BEGIN
            records = self.sources[number].records(start, silent=again or number < told, only=only)
            async with aclosing(records):
                async for batch in records:
                    yield batch

    async def _groups(self, preset: Preset, begin: Place, *, again: bool) -> AsyncGenerator[Groups]:
        """Yield the records of all sources, those that make a row together brought together."""
        together = preset.groups_by or ""
        with RecordGroups(self._gathered, together=together, identity=preset.identity) as groups:
            first: CheckedSource | None = None  # the first source that has records
            all_records = self._one_after_another(BEGIN, again=again, told=begin.source)
            async with aclosing(all_records):
                async for batch in all_records:
                    number = batch.start.source
                    source = self.sources[number]
                    first = first or source
                    _check_alike(source, first)
                    records = of_block(batch) if isinstance(batch, Block) else batch
                    texts = list(record_texts(records, self._nulls))
                    source.refuse_doubts(texts)
                    await groups.add(number, texts, records.origin, partial(cell_of, records, together))
            names = [source.name for source in self.sources]
            if preset.needs_all_records:
                groups.refuse_strays(names)
            if not again:
                self._watch(FormatDetected(f"--preset {preset.name}", groups.summary()))
                if repeats := groups.repeats(names):
                    self._watch(Notice(repeats))
                for source in self.sources:
                    source.pass_on_remark()
            async for group in groups.groups(begin):
                yield group


def _hints(
    settings: Settings, mapping: ColumnMapping, preset: Preset | None, notation: CellNotation
) -> SourceHints:
    """Return what the command says of the formats of its sources."""
    columns = settings.columns if preset is None else None
    table = preset.table if preset is not None and settings.query is None else None
    return SourceHints(
        format=settings.format,
        delimiter=settings.delimiter,
        encoding=settings.encoding,
        columns=columns,
        expected=None if columns is None else mapping.expected(columns),
        header=settings.header,
        skip_lines=settings.skip_lines,
        comment=settings.comment,
        quote=settings.quote,
        positions=mapping.positions if preset is None else frozenset(),
        query=settings.query,
        table=settings.source_table or table,
        parquet_memory=settings.parquet_memory,
        null_tokens=notation.nulls.texts,
    )


def _check_alike(source: CheckedSource, first: CheckedSource) -> None:
    """Check that records of two sources may make a row together: their rejects share a file.

    Raises:
        SourceUnfit: they are written differently.
    """
    assert source.format is not None  # noqa: S101 - both have
    assert first.format is not None  # noqa: S101 - given records
    if not alike(source.format, first.format) or source.dialect != first.dialect:
        raise SourceUnfit(
            f"{source.name} is not written like {first.name}",
            advice="Records that may belong together must be written alike in all sources: "
            "in one format, with their columns in one order, and in one unit.",
        )
