"""The values that settings can have, and how their text is read. No I/O."""

from __future__ import annotations

import csv
import re
from dataclasses import dataclass
from typing import Literal, get_args

from loader.errors import SettingsError

Format = Literal["jsonl", "json", "csv", "tsv", "copy", "parquet", "sqlite"]
FORMATS: tuple[str, ...] = get_args(Format)
Resolution = Literal["merge-duplicates", "ignore-duplicates", "none"]
RESOLUTIONS: tuple[str, ...] = get_args(Resolution)
InsertFirst = Literal["auto", "never"]
INSERT_FIRST: tuple[str, ...] = get_args(InsertFirst)
Decimal = Literal[".", ","]
DECIMALS: tuple[str, ...] = get_args(Decimal)
Thousands = Literal[",", ".", "'", "_", " "]
THOUSANDS: tuple[str, ...] = get_args(Thousands)
DateOrder = Literal["dmy", "mdy", "ymd"]
DATE_ORDERS: tuple[str, ...] = get_args(DateOrder)
PRESETS = ("hummingbot", "kraken")  # those of transform/presets, which stands above the settings
UsdStablecoins = Literal["at-par", "at-rate"]
USD_STABLECOINS: tuple[str, ...] = get_args(UsdStablecoins)
JwtAlg = Literal["RS256", "PS256", "ES256", "EdDSA"]
JWT_ALGS: tuple[str, ...] = get_args(JwtAlg)
OAuthUse = Literal["access_token", "id_token"]
OAUTH_USES: tuple[str, ...] = get_args(OAuthUse)

_SHOWN = 60  # characters of a wrong value that a message repeats
KIB, MIB, GIB = 1024, 1024**2, 1024**3


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
        if re.fullmatch(r"[0-9]{1,18}", text):
            return cls(number=int(text))
        if re.fullmatch(r"[0-9]{1,3}(\.[0-9]{1,300})?\s*%", text) and float(text[:-1]) <= 100:
            return cls(percent=float(text[:-1]))
        raise SettingsError(
            f"--max-errors is {in_short(text)!r}",
            advice="Give a number of rows, as in 100, or a share, as in 0.5%.",
        )

    def exceeded(self, rejected: int, settled: int) -> bool:
        """Return whether ``rejected`` of ``settled`` rows are too many."""
        if self.number is not None:
            return rejected > self.number
        assert self.percent is not None  # noqa: S101 - one of the two is set
        return settled >= self.JUDGED_FROM and rejected * 100 > self.percent * settled

    def __str__(self) -> str:
        return str(self.number) if self.percent is None else f"{self.percent:g}%"


def in_short(text: str) -> str:
    """Return a wrong value as messages repeat it."""
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}..."


def parse_size(text: str) -> int:
    """Read a size in bytes, as in ``500000``, ``256KiB``, ``1M``.

    Raises:
        SettingsError: it is not a size.
    """
    size = re.fullmatch(r"\s*([0-9]{1,12})\s*(?:(k|m|g)(?:i?b)?|b)?\s*", text, re.IGNORECASE)
    if not size:
        raise SettingsError(
            f"{in_short(text)!r} is not a size", advice="Write it as in 500000, 256KiB or 1MiB."
        )
    unit = (size[2] or "").lower()
    return int(size[1]) * {"": 1, "k": KIB, "m": MIB, "g": GIB}[unit]


def parse_columns(text: str) -> tuple[str, ...]:
    """Read column names with commas between them; a name with a comma in it stands in double quotes.

    Raises:
        SettingsError: there is no name, or one comes twice.
    """
    names = tuple(name for name in _names(text) if name)
    if not names or len(set(names)) < len(names):
        raise SettingsError(
            f"{in_short(text)!r} is not a list of columns", advice="Write it as in id,price,amount."
        )
    return names


def _names(text: str) -> list[str]:
    try:
        return [name.strip() for line in csv.reader([text], skipinitialspace=True) for name in line]
    except csv.Error as error:  # a field of more than 128 KB, or a newline in it
        raise SettingsError(
            f"{in_short(text)!r} is not a list of columns: {error}", advice="Write it as in id,price,amount."
        ) from error


def parse_schema(text: str) -> str:
    """Read a schema's name.

    Raises:
        SettingsError: it is empty.
    """
    if not text:  # which Settings takes for the default
        raise SettingsError("--schema must not be empty")
    return text


def parse_delimiter(text: str) -> str:
    """Read the character between cells: itself, ``tab``, or a backslash and a t; a blank may follow it.

    Raises:
        SettingsError: it is not one character, or one that cells or lines need themselves.
    """
    delimiter = {"tab": "\t", "\\t": "\t"}.get(text.lower(), text)
    is_spaced = len(delimiter) == 2 and delimiter[1] == " " and delimiter[0] not in " \t"
    if (len(delimiter) != 1 and not is_spaced) or set(delimiter) & set('"\r\n'):
        raise SettingsError(
            f"--delimiter is {text!r}", advice="Give one character, as in ';', or tab; or ', ' with a blank."
        )
    return delimiter


def parse_header(text: str) -> tuple[str, ...]:
    """Read the names of all columns, with commas between them; a name with a comma stands in double quotes.

    Raises:
        SettingsError: a name is missing, or comes twice.
    """
    names = tuple(_names(text))
    if not all(names) or not names or len(set(names)) < len(names):
        raise SettingsError(
            f"--header is {in_short(text)!r}",
            advice="Name each column of the source, each once, as in id,price,amount.",
        )
    return names


def parse_quote(text: str) -> str:
    """Read what cells are enclosed in: ``none``, or a double quote. Return it, or an empty text for none.

    Raises:
        SettingsError: it is neither.
    """
    if text.lower() not in ("none", '"', ""):
        raise SettingsError(f"--quote is {text!r}", advice="""Give none, or '"'.""")
    return '"' if text == '"' else ""


def parse_comment(text: str) -> str:
    """Read how comments begin.

    Raises:
        SettingsError: it is a blank, a quote or several lines.
    """
    if text and (not text.strip() or text.startswith('"') or len(text.splitlines()) > 1):
        raise SettingsError(f"--comment is {text!r}", advice="Give what comments begin with, as in '#'.")
    return text


def parse_map(text: str) -> tuple[str, str]:
    """Read ``target=source``, two columns. The source keeps its spaces, unless one stands before the ``=``.

    Raises:
        SettingsError: a name is missing.
    """
    target, _, source = text.partition("=")
    if target.endswith(" "):
        source = source.strip()
    target = target.strip()
    if not target or not source.strip():
        raise SettingsError(f"--map is {text!r}", advice="Write it as in --map target=source.")
    return target, source


def parse_null(text: str) -> tuple[str, str]:
    """Read ``text``, which means null in all columns, or ``column=text``.

    Returns:
        The column and the text. The column is empty where there is none before the first ``=``.

    Raises:
        SettingsError: the text cannot stand in a source.
    """
    column, equals, token = text.partition("=")
    if not equals:
        column, token = "", text
    elif not column:  # a text that begins with =
        token = text
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise SettingsError(f"--null is {text!r}, which is not UTF-8") from error
    return column, token


def parse_set(text: str) -> tuple[str, str]:
    """Read ``column=value``; the value may be empty, and keeps its spaces.

    Raises:
        SettingsError: there is no ``=``, or no name before it.
    """
    column, equals, value = text.partition("=")
    if not equals or not column.strip():
        raise SettingsError(f"--set is {text!r}", advice="Write it as in --set column=value.")
    return column.strip(), value
