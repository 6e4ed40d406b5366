"""Make a plan: read the first rows of each source, and ask the target. No row is sent, no file is left."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import aclosing
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

from loader.batch.make_rows import depends_on_types, row_maker
from loader.credentials.choose import token_source
from loader.credentials.tokens import Tokens
from loader.errors import Exit, LoadError, SettingsError, SourceUnfit, TargetUnavailable
from loader.events import Event, FormatDetected, Notice, Observers
from loader.formats.announce import told_types, unknown_types, wrapped_rows
from loader.formats.json_fields import fields
from loader.formats.records import Objects, Records, of_block
from loader.formats.source_format import SourceFormat
from loader.halt import Halt
from loader.model import BEGIN, Block, Reject, Shape
from loader.plan.columns import Fate, planned_columns, suggested_names
from loader.plan.plan import Plan, PlannedSource, command_line
from loader.plan.rows import shown_rows
from loader.postgrest.client import PostgREST
from loader.postgrest.description import Description
from loader.send.relation import USUAL_KEY, ask
from loader.send.retry import Requests
from loader.settings import Settings
from loader.sources.compression import compression_by_name
from loader.sources.find import Source
from loader.throttle.throttle import Throttle
from loader.transform.first_shape import first_shape, rows_within, written_shape
from loader.transform.groups import Groups
from loader.transform.mapping import ColumnMapping
from loader.transform.presets import Preset
from loader.transform.read_sources import SourceReader
from loader.transport import Transport, clear_text_warning

_JSON_SAMPLE = 1000  # records whose columns are looked at
_MADE_BY_DATABASE = frozenset({"smallint", "integer", "bigint", "uuid"})  # types of keys that have a default


async def make_plan(
    settings: Settings,
    sources: tuple[Source, ...],
    arguments: Sequence[str],
    *,
    preset: Callable[[], Preset] | None,
    has_target: bool,
    tell: Callable[[str], None] = lambda _: None,
) -> Plan:
    """Return what a load would do. What is wrong stands in the plan.

    Args:
        settings: of the load.
        sources: what it would load.
        arguments: of the load's command line.
        preset: makes a preset for each source; None: there is none.
        has_target: whether the command names a target; if not, none is asked.
        tell: given each line that --token-command writes for its user.
    """
    planner = _Planner(settings, sources, has_target=has_target, tell=tell)
    with TemporaryDirectory(prefix="bulkload-plan-") as folder:
        planner.use(Path(folder), preset)
        await planner.read()
        await planner.ask()
        planner.show_rows()
    return planner.finish(arguments)


class _Planner:
    def __init__(
        self,
        settings: Settings,
        sources: tuple[Source, ...],
        *,
        has_target: bool,
        tell: Callable[[str], None],
    ) -> None:
        self._settings = settings
        self._tell = tell
        self._sources = sources
        self._has_target = has_target
        self._mapping = ColumnMapping.of(settings)
        self._transport = Transport.of(settings) if has_target else Transport()
        self._records: Records | Groups | None = None
        self._columns: list[str] = []  # what the mapping is applied to
        self._description = Description()
        self._near: dict[str, str] = {}
        self._solved = True  # whether the options that are suggested make the command load
        self.plan = Plan(
            sources=[_planned(source) for source in sources],
            target={
                "url": settings.url if has_target else "",
                "schema": settings.schema,
                "table": settings.table,
            },
            credential=token_source(settings).describe(),
        )

    def use(self, folder: Path, preset: Callable[[], Preset] | None) -> None:
        """Get ready to read, with a folder for files that must be unpacked."""
        self._reader = SourceReader(
            self._settings,
            self._mapping,
            self._sources,
            folder / "spool",
            folder / "gathered",
            preset=preset,
            watch=self._on,
            describe=self._describe,
            known={},
        )

    async def read(self) -> None:
        """Read the first records of each source."""
        reader, preset = self._reader, self._reader.preset
        for source, planned in zip(reader.sources, self.plan.sources, strict=True):
            try:
                async with aclosing(source.records(BEGIN, only=len(self._sources) == 1)) as pieces:
                    records = await anext(pieces, None)
            except LoadError as error:
                planned.error = str(error)
                self.plan.fail(error, Exit.USAGE if isinstance(error, SourceUnfit) else None)
                self._solved = False
                continue
            if records is not None:
                planned.columns = _columns_of(records)
                self._records = records if self._records is None else self._records
                if preset is None and (field := rows_within(records)):
                    self.plan.warnings.append(wrapped_rows(field))
        if self._records is not None and preset is not None and preset.groups_by is not None:
            await self._read_groups()
        self._columns = list(preset.columns) if preset is not None else self._source_columns()
        first = self._source_columns()
        for planned in self.plan.sources:
            if planned.columns and set(planned.columns) != set(first):
                self.plan.warnings.append(_differences(planned, first))

    async def _read_groups(self) -> None:
        """Read all records, for those that make a row together may be anywhere."""
        try:
            async with aclosing(self._reader.records(BEGIN)) as groups:
                self._records = await anext(groups, None)
        except LoadError as error:
            self.plan.fail(error, Exit.USAGE if isinstance(error, SourceUnfit) else None)
            self._solved = False

    def _source_columns(self) -> list[str]:
        return next((planned.columns for planned in self.plan.sources if planned.columns), [])

    async def ask(self) -> None:
        """Ask the target for its columns, and whether it takes such rows, also with the options suggested."""
        if not self._has_target:
            self.plan.fail(
                SettingsError("no target: --url is missing", advice="Give --url URL or set BULKLOAD_URL.")
            )
        else:
            self.plan.warnings += filter(None, [clear_text_warning(self._settings, self._transport)])
            source = token_source(self._settings, transport=self._transport, tell=self._tell)
            tokens = Tokens(source, lambda: None, refuse_expired=True)
            async with PostgREST(self._settings, tokens, self._transport) as client:
                await self._ask(client, tokens)
        self._find_key()
        self._plan_columns()

    async def _ask(self, client: PostgREST, tokens: Tokens) -> None:
        try:
            self._requests = Requests(
                client,
                tokens,
                settings=self._settings,
                throttle=Throttle(
                    batch_rows=None, batch_bytes=self._settings.batch_bytes, max_rate=None, concurrency=1
                ),
                halt=Halt(),
                observer=Observers(),
            )
            self._description = await self._requests.describe()
            self._near = suggested_names(self._columns, self._mapping, self._description)
            shape = self._shape(self._mapping)
            if shape.columns:
                await ask(self._requests, self._settings, shape, self._mapping.named)
            self.plan.asked = True
        except TargetUnavailable as error:
            self.plan.fail(error)
        except LoadError as error:
            self.plan.asked = bool(self._description.types)
            self.plan.fail(error)
            await self._ask_again()

    async def _ask_again(self) -> None:
        """Ask whether the target takes the rows with their names mended; else no command is given."""
        unknown = [name for name in self._shape(self._mapping).columns if name not in self._description.types]
        if not self._near:
            self._solved = self._solved and not (self._description.types and unknown)
            return
        settings, mapping = self._suggested()
        try:
            await ask(self._requests, settings, self._shape(mapping), mapping.named)
        except LoadError:
            self._solved = False

    def _shape(self, mapping: ColumnMapping) -> Shape:
        """Return the columns of the first row, or those of the source where it has no row."""
        shape = None
        if self._records is not None:
            shape = first_shape(self._records, mapping, self._reader.preset, ())
        return shape or written_shape(self._columns, mapping)

    def _suggested(self) -> tuple[Settings, ColumnMapping]:
        """Return the settings with the options that the command lacks."""
        pairs = tuple((target, source) for source, target in self._near.items())
        settings = replace(self._settings, map=(*self._settings.map, *pairs))
        if "--resolution" in self.plan.options:
            settings = replace(settings, resolution="none")
        return settings, ColumnMapping.of(settings)

    def _find_key(self) -> None:
        """Find the key, and what to do where the rows lack it."""
        settings, plan, told = self._settings, self.plan, self._description
        if settings.resolution == "none":
            plan.key_from = "none: rows are inserted without looking at keys (--resolution none)"
            return
        plan.key = list(settings.on_conflict or told.primary_key or USUAL_KEY)
        if settings.on_conflict:
            plan.key_from = "--on-conflict"
        else:
            plan.key_from = (
                "the table's primary key" if told.primary_key else "assumed, for the API tells none"
            )
        _, mapping = self._suggested()
        written = written_shape(self._columns, mapping).columns
        missing = [name for name in plan.key if name not in written]
        if not self._columns or not missing:
            return
        if not plan.asked and not settings.on_conflict:
            plan.warnings.append(f"the rows have no {', '.join(missing)}: does the table have another key?")
            return
        advice = ""
        if settings.on_conflict and told.primary_key:
            advice = f"The primary key of {settings.table} is {', '.join(told.primary_key)}."
        plan.fail(SettingsError(f"the rows have no {', '.join(missing)}, the key", advice=advice))
        if not settings.on_conflict and {self._types.get(name, "") for name in missing} <= _MADE_BY_DATABASE:
            plan.options += ["--resolution", "none"]
            plan.warnings.append(
                f"the rows have no {', '.join(missing)}, so they can only be inserted, each time anew, "
                "and if the table has a default for it"
            )
        else:
            self._solved = False

    def _plan_columns(self) -> None:
        plan, table = self.plan, self._settings.table
        plan.columns = planned_columns(
            self._columns, self._mapping, self._description, key=plan.key, near=self._near
        )
        for source, target in self._near.items():
            plan.options += ["--map", f"{target}={source}"]
        if unknown := [
            column.source or column.target or "" for column in plan.columns if column.fate is Fate.UNKNOWN
        ]:
            plan.warnings.append(f"{table} lacks {', '.join(unknown)}: rows with it are refused")
        if required := [column.target or "" for column in plan.columns if column.fate is Fate.REQUIRED]:
            plan.warnings.append(
                f"{', '.join(required)} of {table} must not be null, and the rows do not give it: they are "
                "refused, unless the database fills it (a sequence, a trigger)"
            )
        if (
            self._records is not None
            and self._reader.preset is None
            and plan.asked
            and depends_on_types(self._records)
        ):
            told = self._description
            is_assumed = not (self._settings.on_conflict or told.primary_key)
            written = written_shape(self._columns, self._mapping).columns
            warning = unknown_types(self._types, written, told.refused, key=plan.key if is_assumed else ())
            plan.warnings += filter(None, [warning])
        plan.warnings += told_types(self._settings.types, self._description.types)

    @property
    def _types(self) -> dict[str, str]:
        """The types of the columns, as the server or --types tells them."""
        return {**self._description.types, **dict(self._settings.types)}

    def show_rows(self) -> None:
        """Make the first rows as they would be sent."""
        if self._records is None:
            return
        settings, mapping = self._suggested()
        written = written_shape(self._columns, mapping).columns
        key = self._settings.on_conflict or self._description.primary_key or USUAL_KEY
        if not set(key) <= set(written) and self._reader.preset is None and depends_on_types(self._records):
            settings = replace(settings, resolution="none")  # all rows lack it, which is told elsewhere
        try:
            maker = row_maker(settings, mapping, self._reader.sources, key, self._types)
            self.plan.rows, rejects = shown_rows(maker.rows(self._records), mapping.all_written)
        except LoadError as error:
            self.plan.fail(error, Exit.USAGE if isinstance(error, SourceUnfit) else None)
            self._solved = False
            return
        self.plan.rejects = list(map(self._rejected, rejects))

    def _rejected(self, reject: Reject) -> str:
        name = self.plan.sources[reject.place.source].name
        return f"{name}:{reject.place.line}: {reject.reason.code} {reject.reason.message}"

    def finish(self, arguments: Sequence[str]) -> Plan:
        """Return the plan, with the command if there is one."""
        if self._solved:
            options = self.plan.options if self._has_target else ["--url", "URL", *self.plan.options]
            self.plan.command = command_line(arguments, options)
        return self.plan

    def _on(self, event: Event) -> None:
        match event:
            case FormatDetected(source=name, text=text):
                planned = next((each for each in self.plan.sources if each.name == name), None)
                if planned is None:
                    self.plan.warnings.append(f"{name}: {text}")
                elif text not in planned.format:
                    planned.format = "; ".join(filter(None, [planned.format, text]))
            case Notice(message=message) if message not in self.plan.warnings:
                self.plan.warnings.append(message)
            case _:
                pass

    def _describe(self, number: int, source_format: SourceFormat) -> None:
        planned = self.plan.sources[number]
        planned.encoding = "" if source_format.is_database else source_format.encoding or "UTF-8"
        planned.columns = planned.columns or list(source_format.columns)


def _planned(source: Source) -> PlannedSource:
    compression = compression_by_name(source.name)
    return PlannedSource(
        source.name, source.size, compression="" if compression is None else compression.name
    )


def _columns_of(records: Records) -> list[str]:
    """Return the columns of records, in the order in which they come."""
    if not isinstance(records, Block | Objects):
        return list(records.columns)
    texts = (of_block(records) if isinstance(records, Block) else records).texts
    rows = map(fields, filter(None, texts[:_JSON_SAMPLE]))
    return list(dict.fromkeys(column for row in rows if isinstance(row, dict) for column in row))


def _differences(planned: PlannedSource, first: Sequence[str]) -> str:
    more = [name for name in planned.columns if name not in first]
    less = [name for name in first if name not in planned.columns]
    parts = [f"it has {', '.join(more)} more"] if more else []
    parts += [f"it lacks {', '.join(less)}"] if less else []
    return f"{planned.name} has other columns than the first source: {', and '.join(parts)}"
