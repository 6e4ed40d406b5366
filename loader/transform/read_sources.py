"""The sources of a load, one after another, whatever they are -> portions, and the rows that these hold."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Iterator, Mapping, Sequence
from contextlib import aclosing
from functools import partial
from pathlib import Path

from loader.errors import SourceError, SourceUnfit
from loader.events import Event, FormatDetected, Notice
from loader.formats.announce import ONLY_FOR, Announcer
from loader.formats.read import SourceHints, records
from loader.formats.records import Records, cell_of, of_block
from loader.formats.source_format import SourceFormat
from loader.model import BEGIN, Block, Place, Reject
from loader.settings import Settings
from loader.sources.find import Source
from loader.transform.group_records import Groups, RecordGroups
from loader.transform.mapping import ColumnMapping
from loader.transform.presets import Preset
from loader.transform.required_columns import refuse_everywhere
from loader.transform.transform import Transformer

_PORTIONS_A_BATCH = 4  # blocks are checked whole: small ones keep odd rows from slowing many others down
_NAMED = "which --map or --drop names"
_LINE = 1024  # bytes by which a block may be longer than was asked for


class SourceReader:
    """Reads sources, and makes rows of what they hold.

    Args:
        settings: how the sources are written.
        mapping: which of their columns are written.
        sources: in their order.
        spool: where a file may stand that its format needs to seek in.
        gathered: where records may wait that make a row together.
        preset: makes a preset for each source; None: there is none.
        watch: told of the bytes that were read, and of what a source was understood to be.
        describe: told how a source is written, by its number.
        known: how sources are written that an earlier run has read, by their numbers.
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
        self._sources = sources
        self._spool = spool
        self._gathered_file = gathered
        self._watch = watch
        self._known = known
        self._size = max(1, settings.batch_bytes // _PORTIONS_A_BATCH - _LINE)
        # Each source has a preset of its own, which remembers what it has understood of it.
        presets = [preset() if preset is not None else None for _ in sources]
        key = settings.assumed_key if settings.resolution != "none" else ()
        self._converters = [Transformer(mapping, preset=one, null=settings.null, key=key) for one in presets]
        self._preset = presets[0] if presets else None
        table = self._preset.table if self._preset is not None and settings.query is None else None
        named = settings.columns if preset is None else None
        self._hints = SourceHints(
            format=settings.format,
            delimiter=settings.delimiter,
            encoding=settings.encoding,
            columns=named,
            expected=None if named is None else mapping.expected(named),
            query=settings.query,
            table=settings.source_table or table,
        )
        self._lacking: dict[int, frozenset[str]] = {}  # what no row of a source has, where all were seen
        self._understanding = Announcer(
            [source.name for source in sources],
            [option for option in ONLY_FOR if getattr(settings, option)],
            has_preset=preset is not None,
            watch=watch,
            describe=describe,
        )

    def know(self, formats: Mapping[str, str]) -> None:
        """Take the types of the table's columns, once the target has told them."""
        for converter in self._converters:
            converter.know(formats)
        self._understanding.know(formats)

    def rows(self, portion: Records | Groups) -> Iterator[Block | Reject]:
        """The rows that a portion holds, and the records that cannot be rows, in order."""
        return self._converters[portion.start.source].convert(portion)

    async def portions(self, begin: Place, *, again: bool = False) -> AsyncGenerator[Records | Groups]:
        """What the sources hold, from ``begin`` on.

        Args:
            begin: the place of the first row.
            again: whether it is read a second time: nothing is told of it.

        Raises:
            SourceMissing: a source cannot be opened.
            SourceUnfit: a source is not what the command takes it for.
            SourceError: a source broke off, or is damaged.
        """
        if self._preset is not None and self._gathers:
            found: AsyncGenerator[Records | Groups] = self._gathered(self._preset, begin, again=again)
        else:
            found = self._one_by_one(begin, again=again)
        async with aclosing(found):
            async for portion in found:
                yield portion

    async def survey(self) -> None:
        """See of each of several files, before a row of any is sent, whether it is what it is taken for.

        Standard input, pipes and URLs are left to their turn, and so is a database that must be unpacked.

        Raises:
            SourceMissing, SourceUnfit, SourceError: as portions() does.
        """
        if len(self._sources) < 2 or self._gathers:
            return
        for number, source in enumerate(self._sources):
            if source.path is not None and source.size is not None:
                await self._look_at_first(number, spool=None)
        if len(self._lacking) == len(self._sources):
            refuse_everywhere(self._lacking.values())

    @property
    def _gathers(self) -> bool:
        """Whether all sources are read to their ends before the first row is made."""
        return self._preset is not None and self._preset.groups_by is not None

    async def _one_by_one(self, begin: Place, *, again: bool, told: int = 0) -> AsyncGenerator[Records]:
        """What each source holds; nothing is told of those before number ``told``."""
        for number in range(begin.source, len(self._sources)):
            start = begin if number == begin.source else BEGIN._replace(source=number)
            silent = again or number < told
            spool = self._spool
            if start.number > 1 and not self._converters[number].touches_nothing:
                # A source is what its first rows say that it is, also where it is not read from them on.
                await self._look_at_first(number, spool=spool)
                found = self._of_source(start, again=silent, spool=spool)
            else:
                found = self._looked_at(start, again=silent, spool=spool)
            async with aclosing(found):
                async for portion in found:
                    yield portion
            if not silent and (unseen := self._converters[number].fit.unseen):
                rows = f"no row from number {start.number:,} on" if start.number > 1 else "no row"
                self._watch(Notice(f"{self._sources[number].name}: {rows} has {', '.join(unseen)}, {_NAMED}"))

    async def _looked_at(self, start: Place, *, again: bool, spool: Path | None) -> AsyncGenerator[Records]:
        """What a source holds, once its first rows have shown whether it has what is asked of it."""
        async with aclosing(self._of_source(start, again=again, spool=spool)) as found:
            first = await anext(found, None)
            if first is None:
                self._look_at_header(start.source)
                return
            self._look(first, again=again)
            second, broken = None, None
            if self._converters[start.source].fit.unseen:
                try:
                    second = await anext(found, None)
                except SourceError as error:
                    broken = error  # what is before it is given first
                self._judge_unseen(start.source, all_seen=second is None and broken is None, again=again)
            yield first
            if broken is not None:
                raise broken
            if second is not None:
                yield second
            async for portion in found:
                yield portion

    def _judge_unseen(self, number: int, *, all_seen: bool, again: bool) -> None:
        """Refuse names that no row of the only source has; of others, or behind first rows, one may."""
        fit, name = self._converters[number].fit, self._sources[number].name
        if all_seen and len(self._sources) == 1:
            fit.refuse_unseen(name)
        elif all_seen:
            self._lacking[number] = frozenset(fit.unseen)
        elif not again:
            self._watch(Notice(f"{name}: its first rows lack {', '.join(fit.unseen)}, {_NAMED}"))

    def _of_source(self, start: Place, *, again: bool, spool: Path | None) -> AsyncGenerator[Records]:
        source = self._sources[start.source]
        return records(
            source,
            self._hints,
            start=start,
            size=self._size,
            spool=spool,
            watch=(lambda _: None) if again else self._watch,
            known=self._known.get(start.source),
            tell=lambda form: self._understanding.tell(start.source, form, again=again),
        )

    async def _look_at_first(self, number: int, *, spool: Path | None) -> None:
        begin = BEGIN._replace(source=number)
        async with aclosing(self._looked_at(begin, again=True, spool=spool)) as found:
            await anext(found, None)

    def _look_at_header(self, number: int) -> None:
        """See of a source without rows whether its header would do."""
        form = self._understanding.form(number)
        if form is not None and form.columns:
            self._converters[number].fit.refuse_header(self._sources[number].name, form)

    def _look(self, portion: Records, *, again: bool) -> None:
        number = portion.start.source
        text = self._converters[number].look(portion, self._sources[number].name)
        self._understanding.add(number, text, again=again)

    async def _gathered(self, preset: Preset, begin: Place, *, again: bool) -> AsyncGenerator[Groups]:
        """The records of all sources, those that belong together brought together."""
        with RecordGroups(
            self._gathered_file, together=preset.groups_by or "", once=preset.one_of
        ) as gathered:
            first: int | None = None  # a source that has records
            async with aclosing(self._one_by_one(BEGIN, again=again, told=begin.source)) as portions_found:
                async for portion in portions_found:
                    number = portion.start.source
                    first = number if first is None else first
                    if not self._understanding.alike(number, first):
                        raise SourceUnfit(
                            f"{self._sources[number].name} is not written like {self._sources[first].name}",
                            advice="Records that may belong together must be written alike in all sources: "
                            "in one format, with their columns in one order, and in one unit.",
                        )
                    piece = of_block(portion) if isinstance(portion, Block) else portion
                    found = list(self._converters[number].records(piece))
                    self._converters[number].refuse_doubts(found, self._sources[number].name)
                    await gathered.add(
                        number,
                        found,
                        piece.origin,
                        partial(cell_of, piece, preset.groups_by or ""),
                    )
            gathered.refuse_strays([source.name for source in self._sources])
            if not again:
                self._watch(FormatDetected(f"--preset {preset.name}", gathered.summary()))
            async for groups in gathered.groups(begin):
                yield groups
