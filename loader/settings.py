"""The settings of a load: one frozen dataclass, checked when it is made."""

from __future__ import annotations

import codecs
import csv
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, get_args
from urllib.parse import urlsplit

from loader.errors import SettingsError

Format = Literal["jsonl", "json", "csv", "tsv", "parquet", "sqlite"]
FORMATS: tuple[str, ...] = get_args(Format)
Resolution = Literal["merge-duplicates", "ignore-duplicates", "none"]
RESOLUTIONS: tuple[str, ...] = get_args(Resolution)
InsertFirst = Literal["auto", "never"]
INSERT_FIRST: tuple[str, ...] = get_args(InsertFirst)

KIB, MIB = 1024, 1024 * 1024
_SUPABASE = (".supabase.co", ".supabase.in", ".supabase.red")


@dataclass(frozen=True, slots=True)
class MaxErrors:
    """How many rejected rows a load may have: a number, or a share of the rows read.

    A share is judged once JUDGED_FROM rows are settled, so that a bad first row is not 100 %.
    """

    number: int | None = None
    percent: float | None = None

    JUDGED_FROM = 1000

    @classmethod
    def parse(cls, text: str) -> MaxErrors:
        """Read ``N`` or ``N%``.

        Raises:
            SettingsError: it is neither.
        """
        text = text.strip()
        if re.fullmatch(r"\d+", text):
            return cls(number=int(text))
        if re.fullmatch(r"\d+(\.\d+)?\s*%", text) and float(text[:-1]) <= 100:
            return cls(percent=float(text[:-1]))
        raise SettingsError(
            f"--max-errors is {text!r}", advice="Give a number of rows, as in 100, or a share, as in 0.5%."
        )

    def exceeded(self, rejected: int, settled: int) -> bool:
        """Whether ``rejected`` of ``settled`` rows are too many."""
        if self.number is not None:
            return rejected > self.number
        assert self.percent is not None  # noqa: S101 - one of the two is set
        return settled >= self.JUDGED_FROM and rejected * 100 > self.percent * settled

    def __str__(self) -> str:
        return str(self.number) if self.percent is None else f"{self.percent:g}%"


def parse_size(text: str) -> int:
    """Read a size in bytes, as in ``500000``, ``256KiB``, ``1M``.

    Raises:
        SettingsError: it is not a size.
    """
    found = re.fullmatch(r"\s*(\d+)\s*(?:(k|m)(?:i?b)?|b)?\s*", text, re.IGNORECASE)
    if not found:
        raise SettingsError(f"{text!r} is not a size", advice="Write it as in 500000, 256KiB or 1MiB.")
    unit = (found[2] or "").lower()
    return int(found[1]) * {"": 1, "k": KIB, "m": MIB}[unit]


def parse_columns(text: str) -> tuple[str, ...]:
    """Read a comma-separated list of column names; one with a comma in it stands in double quotes.

    Raises:
        SettingsError: it names none, or one twice.
    """
    rows = list(csv.reader([text], skipinitialspace=True))
    names = tuple(name.strip() for row in rows for name in row if name.strip())
    if not names or len(set(names)) < len(names):
        raise SettingsError(f"{text!r} is not a list of columns", advice="Write it as in id,price,amount.")
    return names


def parse_delimiter(text: str) -> str:
    """Read what stands between cells: a character, or ``tab``, also as a backslash and a t.

    Raises:
        SettingsError: it is not one character, or one that cells or lines need themselves.
    """
    found = {"tab": "\t", "\\t": "\t"}.get(text.lower(), text)
    if len(found) != 1 or found in '"\r\n':
        raise SettingsError(f"--delimiter is {text!r}", advice="Give one character, as in ';', or tab.")
    return found


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Everything a load is told; each field is an option of the command line (see the README).

    ``timeout``, ``retry_for`` and ``jwt_ttl`` are seconds, ``batch_bytes`` is bytes,
    ``max_rate`` is rows a second.

    Raises:
        SettingsError: a value is out of its range, or the URL is not one.
    """

    url: str
    schema: str = "api"
    table: str = "all_trades"
    on_conflict: tuple[str, ...] | None = None
    resolution: Resolution = "merge-duplicates"
    insert_first: InsertFirst = "auto"
    columns: tuple[str, ...] | None = None
    format: Format | None = None
    delimiter: str | None = None
    null: str = ""
    encoding: str | None = None
    query: str | None = None
    source_table: str | None = None
    map: tuple[tuple[str, str], ...] = ()  # (target, source)
    set: tuple[tuple[str, str], ...] = ()  # (column, value)
    drop: tuple[str, ...] = ()
    preset: str | None = None
    id: str | None = None
    usd_rates: Path | None = None
    concurrency: int = 8
    batch_rows: int | None = None
    batch_bytes: int = MIB
    max_rate: float | None = None
    max_errors: MaxErrors = MaxErrors(number=100)
    timeout: float = 120.0
    retry_for: float = 300.0
    role: str = "api_data_producer"
    jwt_aud: str | None = None
    jwt_ttl: float = 300.0
    jwt_secret: str | None = field(default=None, repr=False)
    run_dir: Path | None = None
    fresh: bool = False
    dry_run: bool = False
    sandbox: bool = False

    def __post_init__(self) -> None:
        if not _is_web_address(self.url):
            shown = re.sub(r"//[^/]*@", "//***@", self.url)
            raise SettingsError(
                f"--url {shown!r} is not a web address", advice="Write it as in http://localhost:3000."
            )
        parts = urlsplit(self.url)
        if parts.query or parts.fragment or "@" in parts.netloc:
            raise SettingsError(
                "--url must be the base URL alone: no user, no ? and no #",
                advice="PostgREST reads query parameters as filters; tokens have settings of their own.",
            )
        if self.resolution not in RESOLUTIONS:
            raise SettingsError(
                f"--resolution is {self.resolution!r}", advice=f"One of {', '.join(RESOLUTIONS)}."
            )
        if self.insert_first not in INSERT_FIRST:
            raise SettingsError(
                f"--insert-first is {self.insert_first!r}", advice=f"One of {', '.join(INSERT_FIRST)}."
            )
        if not self.schema or not self.table:
            raise SettingsError("--schema and --table must not be empty")
        if not (self.schema + self.table).isprintable():
            raise SettingsError("--schema and --table must be printable text")
        self._check_sources()
        for name, low in _AT_LEAST.items():
            value = getattr(self, name)
            if value is not None and not low <= value < _TOO_MUCH:
                raise SettingsError(
                    f"--{name.replace('_', '-')} is {value}",
                    advice=f"It must be at least {low:g}, and finite.",
                )

    def _check_sources(self) -> None:
        """See that what is said of the sources goes together."""
        if self.format is not None and self.format not in FORMATS:
            raise SettingsError(f"--format is {self.format!r}", advice=f"One of {', '.join(FORMATS)}.")
        if self.encoding is not None and not _is_encoding(self.encoding):
            raise SettingsError(
                f"--encoding is {self.encoding!r}, which is no encoding of text",
                advice="Give one that Python knows, as in latin-1, cp1252 or utf-16.",
            )
        if self.query is not None and self.source_table is not None:
            raise SettingsError("--query and --source-table both say what to read of a database")
        for name, value in (("--id", self.id), ("--usd-rates", self.usd_rates)):
            if value is not None and self.preset is None:
                raise SettingsError(f"{name} is for --preset, and there is none")

    @property
    def assumed_key(self) -> tuple[str, ...]:
        """--on-conflict, else ``id``: the key until the API has told the primary key."""
        return self.on_conflict or ("id",)

    @property
    def endpoint(self) -> str:
        """The URL that requests go to: a Supabase project's gets ``/rest/v1``."""
        base = self.url.rstrip("/")
        parts = urlsplit(base)
        supabase = (parts.hostname or "").endswith(_SUPABASE)
        return f"{base}/rest/v1" if supabase and not parts.path else base

    @property
    def audience(self) -> str:
        """``aud`` of minted tokens: --jwt-aud, or the URL exactly as written."""
        return self.url if self.jwt_aud is None else self.jwt_aud


def _is_web_address(url: str) -> bool:
    try:
        parts = urlsplit(url)
        (parts.hostname or "").encode("idna")
        return (
            url.isprintable()
            and parts.scheme in ("http", "https")
            and bool(parts.hostname)
            and parts.port != 0
        )
    except ValueError:
        return False


# Encodings of host names and of Python itself, with underscores for what else may stand in their names.
_NO_FILES = frozenset({"idna", "punycode", "undefined", "unicode_escape", "raw_unicode_escape"})


def _is_encoding(name: str) -> bool:
    try:
        found = codecs.lookup(name).name.replace("-", "_")
        if found in _NO_FILES:
            return False
        "".encode(found)
    except (LookupError, UnicodeError, ValueError):
        return False  # LookupError also for what is a codec, but not of text
    return True


_TOO_MUCH = 2**40
_AT_LEAST: dict[str, float] = {
    "concurrency": 1,
    "batch_rows": 1,
    "batch_bytes": KIB,
    "max_rate": 1,
    "timeout": 0.1,
    "retry_for": 0,
    "jwt_ttl": 1,
}
