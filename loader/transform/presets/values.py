"""What all presets speak of: records, rows, and the texts of numbers and times. No I/O."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import date
from decimal import Context, Decimal, Inexact, InvalidOperation, Overflow
from functools import lru_cache
from typing import Protocol

from loader.formats.records import Record
from loader.model import Reason

# Column of trades -> value. Numbers are texts: exact, plain decimals.
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

# Assets by the name that this table has for them. XBT is what ISO 4217 would call it, XDG is Kraken's own.
COMMON_NAMES = {"XBT": "BTC", "XDG": "DOGE"}

# Sums and products of numbers as `number` reads them are exact in it, or fail loudly.
EXACT = Context(prec=20_000, traps=[Inexact, InvalidOperation, Overflow])

_DIGITS = 200  # more than any column holds, and no exponent makes a text of a gigabyte
_NUMBER = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d{1,6})?", re.ASCII)
_DAY = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)
_CLOCK = re.compile(r" ([01]\d|2[0-3]):([0-5]\d):([0-5]\d)", re.ASCII)
_EPOCH = date(1970, 1, 1).toordinal()


class Preset(Protocol):
    """Turns records of one kind of export into rows of trades.

    Attributes:
        name: how it is called.
        needs: columns that a source must have.
        columns: what a row has, in order.
        groups_by: records with one value of this column make one row, wherever they stand; None: each
            record makes its own.
        table: the table of a SQLite database that it reads; None: it does not say.
        one_of: records that are alike in these are one record written twice, and the later counts;
            (): none are.
    """

    name: str
    needs: tuple[str, ...]
    columns: tuple[str, ...]
    groups_by: str | None
    table: str | None
    one_of: tuple[str, ...]

    def row(self, records: Sequence[Record]) -> TradeRow | Reason:
        """The row of one record, or of all records of a group, or why there is none."""

    def doubts(self, records: Sequence[Record]) -> str:
        """Whether later records are not as the first ones were understood, and how; "" for not."""

    def look(self, records: Sequence[Record]) -> str:
        """Be shown some first records, once, before any `row`; gives what was understood, "" for nothing."""


def milliseconds(text: str) -> int | None:
    """``YYYY-MM-DD HH:MM:SS``, with or without a fraction, in UTC, as ms since 1970; None for all else.

    Digits below a millisecond are cut off.
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
    """A finite decimal of at most 200 digits, written out; None for all else.

    `Decimal` alone takes ``1_000``, blanks, digits of other scripts, and exponents that fill the memory.
    """
    if len(text) > _DIGITS or not _NUMBER.fullmatch(text):
        return None
    value = Decimal(text)
    return value if -_DIGITS <= value.adjusted() <= _DIGITS else None


def plain(value: Decimal) -> str:
    """As a text without an exponent, and without zeros at its end."""
    text = f"{value:f}"
    if "." in text:
        text = text.rstrip("0").rstrip(".")
    return "0" if text == "-0" else text


def null(column: str) -> Reason:
    """A row that cannot be made, as this column holds nothing."""
    return Reason("null", f"{column} is null")


def not_a_number(column: str, text: str) -> Reason:
    """A row that cannot be made, as arithmetic needs this column."""
    return Reason(
        "not-a-number", f"{column} is {shown(text)}, which is no finite number of at most 200 digits"
    )


def no_rate(asset: str, timestamp: int) -> Reason:
    """A row whose value in USD is not known, as no rate of its quote asset at its time is."""
    return Reason(
        "no-rate",
        f"no rate of {asset} in USD is known at {timestamp} ms",
        hint=f"Give --usd-rates FILE with a rate of {asset} at or before that.",
    )


def shown(text: str) -> str:
    """A text for a message: in quotes, and not too long."""
    return repr(text) if len(text) <= 60 else f"{text[:60]!r}..."
