"""The values that settings can have, and how their text is read. No I/O."""

from __future__ import annotations

import csv
import re
from dataclasses import dataclass
from typing import Literal, get_args

from loader.errors import SettingsError

Format = Literal["jsonl", "json", "csv", "tsv", "parquet", "sqlite"]
FORMATS: tuple[str, ...] = get_args(Format)
Resolution = Literal["merge-duplicates", "ignore-duplicates", "none"]
RESOLUTIONS: tuple[str, ...] = get_args(Resolution)
InsertFirst = Literal["auto", "never"]
INSERT_FIRST: tuple[str, ...] = get_args(InsertFirst)
PRESETS = ("hummingbot", "kraken")  # those of transform/presets, which stands above the settings

_SHOWN = 60  # characters of a wrong value that a message repeats
KIB, MIB = 1024, 1024 * 1024


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
            f"--max-errors is {_in_short(text)!r}",
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


def _in_short(text: str) -> str:
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}..."


def parse_size(text: str) -> int:
    """Read a size in bytes, as in ``500000``, ``256KiB``, ``1M``.

    Raises:
        SettingsError: it is not a size.
    """
    size = re.fullmatch(r"\s*([0-9]{1,12})\s*(?:(k|m)(?:i?b)?|b)?\s*", text, re.IGNORECASE)
    if not size:
        raise SettingsError(
            f"{_in_short(text)!r} is not a size", advice="Write it as in 500000, 256KiB or 1MiB."
        )
    unit = (size[2] or "").lower()
    return int(size[1]) * {"": 1, "k": KIB, "m": MIB}[unit]


def parse_columns(text: str) -> tuple[str, ...]:
    """Read column names with commas between them; a name with a comma in it stands in double quotes.

    Raises:
        SettingsError: there is no name, or one comes twice.
    """
    try:
        lines = list(csv.reader([text], skipinitialspace=True))
    except csv.Error as error:  # a field of more than 128 KB, or a newline in it
        raise SettingsError(
            f"{_in_short(text)!r} is not a list of columns: {error}", advice="Write it as in id,price,amount."
        ) from error
    names = tuple(name.strip() for line in lines for name in line if name.strip())
    if not names or len(set(names)) < len(names):
        raise SettingsError(f"{text!r} is not a list of columns", advice="Write it as in id,price,amount.")
    return names


def parse_schema(text: str) -> str:
    """Read a schema's name.

    Raises:
        SettingsError: it is empty.
    """
    if not text:  # which Settings takes for the default
        raise SettingsError("--schema must not be empty")
    return text


def parse_delimiter(text: str) -> str:
    """Read the character between cells: itself, ``tab``, or a backslash and a t.

    Raises:
        SettingsError: it is not one character, or one that cells or lines need themselves.
    """
    delimiter = {"tab": "\t", "\\t": "\t"}.get(text.lower(), text)
    if len(delimiter) != 1 or delimiter in '"\r\n':
        raise SettingsError(f"--delimiter is {text!r}", advice="Give one character, as in ';', or tab.")
    return delimiter


def parse_map(text: str) -> tuple[str, str]:
    """Read ``target=source``, two columns.

    Raises:
        SettingsError: a name is missing.
    """
    target, _, source = (part.strip() for part in text.partition("="))
    if not target or not source:
        raise SettingsError(f"--map is {text!r}", advice="Write it as in --map target=source.")
    return target, source


def parse_set(text: str) -> tuple[str, str]:
    """Read ``column=value``; the value may be empty, and keeps its spaces.

    Raises:
        SettingsError: there is no ``=``, or no name before it.
    """
    column, equals, value = text.partition("=")
    if not equals or not column.strip():
        raise SettingsError(f"--set is {text!r}", advice="Write it as in --set column=value.")
    return column.strip(), value
