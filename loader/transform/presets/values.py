"""What all presets share: their interface, and how numbers and times are read and written. No I/O."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import date
from decimal import Context, Decimal, Inexact, InvalidOperation, Overflow
from functools import lru_cache
from typing import NamedTuple, Protocol

from loader.formats.records import Record
from loader.model import Reason

# Column of trades -> value. Numbers are texts of plain decimals, so that they are exact.
TradeRow = dict[str, str | bool | None]

COLUMNS = (
    "id",
    "timestamp",
    "market",
    "symbol",
    "base_asset",
    "quote_asset",
    "is_buy",
    "amount",
    "price",
    "usd_value",
)

# Other name of an asset -> its name in this table. XBT follows the rules of ISO 4217, XDG is Kraken's own.
COMMON_NAMES = {"XBT": "BTC", "XDG": "DOGE"}

# In this context, sums and products of numbers that `number` returns are exact, or raise an error.
EXACT = Context(prec=20_000, traps=[Inexact, InvalidOperation, Overflow])

_DIGITS = 200  # more than any column holds; a limit, so that no exponent makes a text of a gigabyte
_NUMBER = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d{1,6})?", re.ASCII)
_DAY = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)
_CLOCK = re.compile(r" ([01]\d|2[0-3]):([0-5]\d):([0-5]\d)", re.ASCII)
_EPOCH = date(1970, 1, 1).toordinal()


class Member(NamedTuple):
    """A record within a JSON value that holds many.

    Attributes:
        text: the record as a JSON object on one line, or why it is none.
        source: what stands for it in the reject file. It can be loaded again.
        offset: where it begins in the value, in bytes.
    """

    text: bytes | Reason
    source: bytes
    offset: int


class Preset(Protocol):
    """Makes rows of trades from the records of one kind of export.

    Attributes:
        name: of the preset, as --preset takes it.
        needs: columns that a source must have.
        columns: of a row, in order.
        groups_by: records that are equal in this column make one row together, wherever they are in the
            sources; None: each record makes a row.
        needs_all_records: whether a record that cannot be read, and may belong to any row, stops the load;
            else it is rejected alone.
        table: the table of a SQLite database to read; None: any.
        nests: whether a JSON value may hold many records, which `unnest` returns.
    """

    name: str
    needs: tuple[str, ...]
    columns: tuple[str, ...]
    groups_by: str | None
    needs_all_records: bool
    table: str | None
    nests: bool

    def unnest(self, text: bytes) -> Sequence[Member] | Reason | None:
        """Return the records within a JSON value, or why there are none; None if it is a record itself."""

    def identity(self, record: Record) -> tuple[str | None, ...]:
        """Return what tells a record from others, if records are grouped: those alike count once."""

    def remark(self) -> str:
        """Return what the user should know once all records went through `doubts`; empty for nothing."""

    def row(self, records: Sequence[Record]) -> TradeRow | Reason:
        """Return the row of one record, or of all records of a group, or why there is none."""

    def doubts(self, records: Sequence[Record]) -> str:
        """Return how later records contradict what `look` has detected; empty if they do not."""

    def look(self, records: Sequence[Record]) -> str:
        """Detect the units of the source from its first records, and return them in words; empty for none.

        It is called once, before any `row`.
        """


def milliseconds(text: str) -> int | None:
    """Return a time in ms since 1970; None if the text is not a time.

    Args:
        text: ``YYYY-MM-DD HH:MM:SS`` in UTC, with or without a fraction. Digits below a millisecond are cut
            off.
    """
    day, clock, fraction = _day(text[:10]), _clock(text[10:19]), text[19:]
    if day is None or clock is None:
        return None
    if not fraction:
        return day + clock
    digits = fraction[1:]
    if fraction[0] != "." or not (digits.isascii() and digits.isdigit()):
        return None
    return day + clock + int(digits[:3].ljust(3, "0"))


@lru_cache(maxsize=20_000)
def _day(text: str) -> int | None:
    if not _DAY.fullmatch(text):
        return None
    try:
        return (date.fromisoformat(text).toordinal() - _EPOCH) * 86_400_000
    except ValueError:
        return None


@lru_cache(maxsize=86_400)
def _clock(text: str) -> int | None:
    match = _CLOCK.fullmatch(text)
    if match is None:
        return None
    hour, minute, second = match.groups()
    return ((int(hour) * 60 + int(minute)) * 60 + int(second)) * 1000


def number(text: str) -> Decimal | None:
    """Return a finite decimal of at most 200 digits, written out; None for any other text.

    `Decimal` alone accepts ``1_000``, blanks, digits of other scripts, and exponents that fill the memory.
    """
    if len(text) > _DIGITS or not _NUMBER.fullmatch(text):
        return None
    value = Decimal(text)
    return value if -_DIGITS <= value.adjusted() <= _DIGITS else None


def plain(value: Decimal) -> str:
    """Return a number as text without an exponent, and without zeros at its end."""
    text = f"{value:f}"
    if "." in text:
        text = text.rstrip("0").rstrip(".")
    return "0" if text == "-0" else text


def null(column: str) -> Reason:
    """Return why a row cannot be made: a column is null."""
    return Reason("null", f"{column} is null")


def not_a_number(column: str, text: str) -> Reason:
    """Return why a row cannot be made: arithmetic needs a number in a column."""
    return Reason(
        "not-a-number", f"{column} is {shown(text)}, which is not a finite number of at most 200 digits"
    )


def no_rate(asset: str, timestamp: int) -> Reason:
    """Return why a row cannot be made: no rate of its quote asset is known at its time."""
    return Reason(
        "no-rate",
        f"no rate of {asset} in USD is known at {timestamp} ms",
        hint=f"Give --usd-rates FILE with a rate of {asset} at or before that.",
    )


def shown(text: str) -> str:
    """Return a text for a message: in quotes, and shortened."""
    return repr(text) if len(text) <= 60 else f"{text[:60]!r}..."
