"""The settings of a load: one frozen dataclass, checked when it is made.

A new option is a new field here. The command line, its help, the environment, bulkload.toml and the identity
of an unfinished load follow from it; docs/options.md needs a row for it. Fields stand in the order in which
``--help`` shows them: by group, the everyday ones first.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, fields
from pathlib import Path
from urllib.parse import urlsplit

from loader.errors import SettingsError
from loader.pg_types import canonical_name
from loader.settings.checks import (
    check_encoding,
    check_path,
    check_text,
    check_url,
    is_supabase,
)
from loader.settings.column_types import parse_types
from loader.settings.credentials import CredentialSettings
from loader.settings.option import Group, Option, flag, option
from loader.settings.values import (
    DATE_ORDERS,
    DECIMALS,
    FORMATS,
    GIB,
    INSERT_FIRST,
    KIB,
    MIB,
    PRESETS,
    RESOLUTIONS,
    THOUSANDS,
    USD_STABLECOINS,
    DateOrder,
    Decimal,
    Format,
    InsertFirst,
    MaxErrors,
    Resolution,
    Thousands,
    UsdStablecoins,
    parse_columns,
    parse_comment,
    parse_delimiter,
    parse_header,
    parse_map,
    parse_null,
    parse_quote,
    parse_schema,
    parse_set,
    parse_size,
)

_TOO_MUCH = 2**40  # no number of a setting is as high


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings(CredentialSettings):
    """Everything that a load is told. Each field is an option of the command line (docs/options.md).

    ``timeout``, ``retry_for`` and ``jwt_ttl`` are seconds, ``batch_bytes`` and ``parquet_memory`` are bytes,
    ``max_rate`` is rows a second. An empty ``schema`` becomes ``public`` for Supabase, else ``api``. Pairs of
    ``map`` are (target, source), those of ``set`` (column, value), of ``types`` (column, type), those of
    ``null`` (column, text): the column is empty where the text means null in all.

    Raises:
        SettingsError: a value is out of its range, the URL is not one, or two fields contradict each other.
    """

    # Three lines for a field, not ten:
    # fmt: off
    url: str = field(
        metadata={
            "option": Option(
                Group.TARGET, "Base URL of PostgREST, or of a Supabase project.", "URL", identity=True
            )
        }
    )
    table: str = option(
        Group.TARGET, "Table or view to load into.", "NAME", default="all_trades", identity=True
    )
    schema: str = option(
        Group.TARGET, "Its schema.", "NAME", default="", identity=True,
        shown_default="api; public on Supabase", parse=parse_schema,
    )
    sandbox: bool = option(
        Group.TARGET, "Load into a sandbox that bulkload runs itself.", default=False, identity=True
    )
    ca_file: Path | None = option(
        Group.TARGET, "PEM file with the certificates to trust, in place of the system's.", "FILE",
        default=None, identity=False, parse=Path,
    )
    client_cert: Path | None = option(
        Group.TARGET, "PEM file with a client certificate and its key.", "FILE", default=None, identity=False,
        parse=Path,
    )

    format: Format | None = option(
        Group.SOURCES, "jsonl, json, csv, tsv, copy (of PostgreSQL), parquet or sqlite.", "FORMAT",
        default=None, identity=True, shown_default="detected", choices=FORMATS,
    )
    preset: str | None = option(
        Group.SOURCES, "Read a known export of trades: hummingbot or kraken.", "PRESET", default=None,
        identity=True, choices=PRESETS,
    )
    usd_rates: Path | None = option(
        Group.SOURCES, "With --preset: CSV of asset,timestamp,usd, for prices that the export lacks.", "FILE",
        default=None, identity=True, parse=Path,
    )
    usd_stablecoins: UsdStablecoins = option(
        Group.SOURCES, "With --preset: at-par counts USDT and USDC as dollars, at-rate takes their rates.",
        "HOW", default="at-par", identity=True, choices=USD_STABLECOINS,
    )
    delimiter: str | None = option(
        Group.SOURCES, "CSV: the character between cells, or tab.", "CHAR", default=None, identity=True,
        shown_default="detected", parse=parse_delimiter,
    )
    quote: str | None = option(
        Group.SOURCES, "CSV: what encloses cells: none, or '\"'.", "CHAR", default=None, identity=True,
        shown_default="'\"'; TSV: detected", parse=parse_quote,
    )
    header: tuple[str, ...] | None = option(
        Group.SOURCES, "CSV: names of all columns, in place of its header or where it has none.", "COLS",
        default=None, identity=True, shown_default="the first line", parse=parse_header,
    )
    skip_lines: int | None = option(
        Group.SOURCES, "CSV: pass over N lines at the start.", "N", default=None, identity=True,
        shown_default="a preamble is detected", parse=int, at_least=0,
    )
    comment: str = option(
        Group.SOURCES, "CSV: ignore lines that begin with TEXT.", "TEXT", default="", identity=True,
        shown_default="there are none", parse=parse_comment,
    )
    null: tuple[tuple[str, str], ...] = option(
        Group.SOURCES, "CSV: the bare cell that means null, in all columns or in one; repeatable.",
        "TEXT|COLUMN=TEXT", default=(), identity=True, shown_default="an empty cell", parse=parse_null,
        repeated=True,
    )
    decimal: Decimal | None = option(
        Group.SOURCES, "CSV: what stands before the decimals of a number, . or a comma.", "CHAR",
        default=None, identity=True, shown_default=".", choices=DECIMALS,
    )
    thousands: Thousands | None = option(
        Group.SOURCES, "CSV: what stands between groups of three digits: , . ' _ or a blank.", "CHAR",
        default=None, identity=True, choices=THOUSANDS,
    )
    date_order: DateOrder | None = option(
        Group.SOURCES, "CSV: the order of day, month and year: dmy, mdy or ymd.", "ORDER", default=None,
        identity=True, shown_default="the server's", choices=DATE_ORDERS,
    )
    encoding: str | None = option(
        Group.SOURCES, "Encoding of text, as in latin-1.", "NAME", default=None, identity=True,
        shown_default="UTF-8",
    )
    source_table: str | None = option(
        Group.SOURCES, "SQLite, dump of PostgreSQL: the table to read.", "NAME", default=None, identity=True,
        shown_default="the only one",
    )
    query: str | None = option(
        Group.SOURCES, "SQLite: the SELECT whose rows are loaded.", "SQL", default=None, identity=True
    )
    parquet_memory: int = option(
        Group.SOURCES, "Parquet: most bytes of a row group, uncompressed.", "SIZE", default=GIB,
        identity=False, shown_default="1GiB", parse=parse_size, at_least=KIB,
    )

    columns: tuple[str, ...] | None = option(
        Group.COLUMNS, "Columns to write, as in id,price; drop all others. Names the cells of a CSV "
        "that has no header.", "COLS", default=None, identity=True, shown_default="all", parse=parse_columns,
    )
    map: tuple[tuple[str, str], ...] = option(
        Group.COLUMNS, "Write column SOURCE as TARGET; repeatable.", "TARGET=SOURCE", default=(),
        identity=True, parse=parse_map, repeated=True,
    )
    set: tuple[tuple[str, str], ...] = option(
        Group.COLUMNS, "Write VALUE into COLUMN of each row; repeatable.", "COLUMN=VALUE", default=(),
        identity=True, parse=parse_set, repeated=True,
    )
    drop: tuple[str, ...] = option(
        Group.COLUMNS, "Leave out a column of the source; repeatable.", "COLUMN", default=(), identity=True,
        repeated=True,
    )
    types: tuple[tuple[str, str], ...] = option(
        Group.COLUMNS, "Types of the table's columns, as in id=bigint,tags=text[], or a file with them.",
        "FILE|COLUMN=TYPE,...", default=(), identity=True, shown_default="the server tells them",
        parse=parse_types,
    )
    id: str | None = option(
        Group.COLUMNS, "With --preset: the source's column that becomes id.", "COLUMN", default=None,
        identity=True, shown_default="the preset's",
    )

    on_conflict: tuple[str, ...] | None = option(
        Group.LOAD, "Columns of the key that rows are merged by.", "COLS", default=None, identity=True,
        shown_default="primary key, else id", parse=parse_columns,
    )
    resolution: Resolution = option(
        Group.LOAD, "If the key exists: merge-duplicates overwrites the row, ignore-duplicates keeps it, "
        "none rejects the new one.", "HOW", default="merge-duplicates", identity=True,
        choices=RESOLUTIONS,
    )
    max_errors: MaxErrors = option(
        Group.LOAD, "Stop when more rows than this are rejected.", "N|N%", default=MaxErrors(number=100),
        identity=False, parse=MaxErrors.parse,
    )
    dry_run: bool = option(
        Group.LOAD, "Check the sources and the target; send no row.", default=False, identity=False
    )
    run_dir: Path | None = option(
        Group.LOAD, "Folder for journal, rejects and report.", "DIR", default=None, identity=False,
        shown_default="SOURCE.bulkload", parse=Path,
    )
    fresh: bool = option(
        Group.LOAD, "Start over: forget an unfinished load.", default=False, identity=False
    )
    concurrency: int = option(
        Group.LOAD, "Most requests in flight.", "N", default=8, identity=False, parse=int, at_least=1
    )
    max_rate: float | None = option(
        Group.LOAD, "Most rows a second.", "N", default=None, identity=False, parse=float, at_least=1
    )
    batch_rows: int | None = option(
        Group.LOAD, "Most rows of a request.", "N", default=None, identity=False, shown_default="5000",
        parse=int, at_least=1,
    )
    batch_bytes: int = option(
        Group.LOAD, "Most bytes of a request.", "SIZE", default=MIB, identity=False, shown_default="1MiB",
        parse=parse_size, at_least=KIB,
    )
    timeout: float = option(
        Group.LOAD, "Time limit of a request.", "SECONDS", default=120.0, identity=False,
        parse=float, at_least=0.1,
    )
    retry_for: float = option(
        Group.LOAD, "How long to retry a batch on transient errors.", "SECONDS", default=300.0,
        identity=False, parse=float, at_least=0,
    )
    insert_first: InsertFirst = option(
        Group.LOAD, "auto sends rows that are likely new as plain inserts, which are faster; never does not.",
        "WHEN", default="auto", identity=False, choices=INSERT_FIRST,
    )

    # fmt: on

    def __post_init__(self) -> None:
        check_url(self.url)
        if not self.schema:
            object.__setattr__(self, "schema", "public" if self.is_supabase else "api")
        for name, about in OPTIONS.items():
            _check_value(name, getattr(self, name), about)
        object.__setattr__(self, "types", tuple((name, canonical_name(kind)) for name, kind in self.types))
        self.check_credentials()
        if not self.table:
            raise SettingsError("--table must not be empty")
        if not (self.schema + self.table).isprintable():
            raise SettingsError("--schema and --table must be printable text")
        if self.encoding is not None:
            check_encoding(self.encoding)
        self._check_combinations()

    def _check_combinations(self) -> None:
        """Check that no two fields contradict each other."""
        if self.thousands == (self.decimal or "."):
            raise SettingsError(
                f"--thousands is {self.thousands!r}, which stands before the decimals",
                advice="--decimal names what stands there.",
            )
        if self.query is not None and self.source_table is not None:
            raise SettingsError("--query and --source-table both say what to read from a database")
        for name in ("id", "usd_rates"):
            if getattr(self, name) is not None and self.preset is None:
                raise SettingsError(f"{flag(name)} needs --preset")
        if self.usd_stablecoins != "at-par" and self.preset is None:
            raise SettingsError("--usd-stablecoins needs --preset")

    def identity(self) -> dict[str, object]:
        """Return what must stay the same when an unfinished load is resumed, by field."""
        chosen = {name: getattr(self, name) for name, about in OPTIONS.items() if about.identity}
        # The sandbox has a new port each time; http://host and http://host/ are one target.
        return chosen | {"url": "sandbox" if self.sandbox else self.endpoint}

    @property
    def endpoint(self) -> str:
        """The URL that requests go to: a Supabase project's gets ``/rest/v1``, if it has no path."""
        base = self.url.rstrip("/")
        return f"{base}/rest/v1" if self.is_supabase and not urlsplit(base).path else base

    @property
    def is_supabase(self) -> bool:
        """Whether the target is a Supabase project: its host says so, or an API key is given."""
        return is_supabase(self.url) or self.apikey is not None

    @property
    def audience(self) -> str:
        """``aud`` of minted tokens: --jwt-aud, or the URL exactly as written."""
        return self.url if self.jwt_aud is None else self.jwt_aud


_GROUPS = list(Group)
# By field, in the order of --help.
OPTIONS: dict[str, Option] = {
    setting.name: setting.metadata["option"]
    for setting in sorted(fields(Settings), key=lambda each: _GROUPS.index(each.metadata["option"].group))
}


def _check_value(name: str, value: object, about: Option) -> None:
    """Check a value against the choices and the lowest number that its option allows."""
    if value is None:
        return
    if about.choices and value not in about.choices:
        raise SettingsError(f"{flag(name)} is {value!r}", advice=f"One of {', '.join(about.choices)}.")
    low = about.at_least
    if low is not None and isinstance(value, int | float) and not low <= value < _TOO_MUCH:
        raise SettingsError(
            f"{flag(name)} is {_in_short(value)}", advice=f"It must be at least {low:g}, and finite."
        )
    if isinstance(value, Path):
        check_path(flag(name), value)
    for text in _texts(value) if not about.secret else ():
        check_text(flag(name), text)


def _in_short(number: float) -> str:
    """Return a number as text. Python writes no integer of more than 4,300 digits."""
    return "too large" if isinstance(number, int) and number >= _TOO_MUCH else str(number)


def _texts(value: object) -> Iterator[str]:
    """Give each text of a value that is one, or is made of some."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, tuple):
        for part in value:
            yield from _texts(part)
