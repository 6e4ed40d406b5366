"""Detect in which unit Hummingbot has written prices and amounts. No I/O.

Its SQLite database has them as integers of 10^-6 (``SqliteDecimal(6)`` in hummingbot/model/trade_fill.py),
and cuts off what is smaller. In a database that was migrated to this, amounts stand in a column of floats
(FLOAT in hummingbot/model/db_migration/transformations.py): ``1500000.0``, ``2.5e+16``. The CSV that the bot
writes while it trades has decimals, and a column ``age``.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from decimal import Decimal

from loader.errors import SourceUnfit
from loader.formats.records import Record
from loader.model import Reason
from loader.transform.presets.values import EXACT, number, shown

_COLUMNS = ("price", "amount")
_INTEGER = re.compile(r"[+-]?\d+", re.ASCII)
_WITH_POINT = re.compile(r"[+-]?\d+\.0*", re.ASCII)  # a whole number, written as floats and decimals are
_FEW_DIGITS = 3  # so many digits of an integer, or fewer, are worth a warning


class Unit:
    """The unit of the prices and amounts of one source.

    Attributes:
        is_integer: whether they are integers of 10^-6; else they are decimals.
    """

    def __init__(self) -> None:
        self.is_integer = True
        self._seen = 0
        self._short = 0  # records with a price or an amount of few digits
        self._example = ""  # the first of them

    def detect(self, records: Sequence[Record]) -> str:
        """Detect the unit by the first records, and return it in words.

        Raises:
            SourceUnfit: it is ambiguous.
        """
        self._seen = len(records)
        self.is_integer = False
        if any("age" in record for record in records):
            return "price and amount are decimals: there is a column age, as in the bot's own log of trades"
        texts = [(column, record.get(column) or "") for record in records for column in _COLUMNS]
        for column, text in texts:
            if _has_fraction(text):
                return f"price and amount are decimals: {column} is {shown(text)} in a record"
        prices = [text for column, text in texts if column == "price" and number(text) is not None]
        amounts = [text for column, text in texts if column == "amount" and number(text) is not None]
        # Integers in the column of prices settle the unit: amounts may be floats beside them.
        decisive = prices if any(map(_INTEGER.fullmatch, prices)) else [*prices, *amounts]
        doubtful = [text for text in decisive if _WITH_POINT.fullmatch(text)]
        if doubtful or (decisive and not any(map(_INTEGER.fullmatch, decisive))):
            raise SourceUnfit(
                f"price and amount may be decimals or integers of 10^-6: {shown((doubtful or decisive)[0])}",
                advice="Write integers of 10^-6 without a point, or decimals with a column `age`.",
            )
        self.is_integer = True
        return "price and amount are integers of 10^-6"

    def doubts(self, records: Sequence[Record]) -> str:
        """Return a remark on a decimal, if the first records have integers; count those of few digits."""
        if not self.is_integer:
            return ""
        for record in records:
            is_counted = False
            for column in _COLUMNS:
                text = record.get(column) or ""
                is_plain = _INTEGER.fullmatch(text) is not None
                if not is_plain and (
                    _has_fraction(text) or (column == "price" and _WITH_POINT.fullmatch(text))
                ):
                    return f"{column} is {shown(text)}, but in the first rows it is an integer"
                if not is_counted and (len(text) <= _FEW_DIGITS or not is_plain or text[0] in "+-0"):
                    is_counted = self._count(record, column, text)
        return ""

    def value(self, column: str, text: str, value: Decimal) -> Decimal | Reason:
        """Return what a number of this source means, or why it is not of its unit.

        Args:
            column: price or amount.
            text: the number as the source has it.
            value: the same as a decimal.
        """
        if not self.is_integer:
            return value
        if not _has_fraction(text) and (column == "amount" or not _WITH_POINT.fullmatch(text)):
            return value.scaleb(-6, EXACT)
        message = f"{column} is {shown(text)}, but price and amount were detected to be integers of 10^-6"
        return Reason("not-an-integer", f"{message}, as they are in the first {self._seen} records")

    def remark(self) -> str:
        """Return a warning about integers of few digits, with their count; empty if there are none."""
        if not self._short:
            return ""
        records = "1 record has" if self._short == 1 else f"{self._short:,} records have"
        return (
            f"{records} a price or an amount that the bot stored as an integer below {10**_FEW_DIGITS:,}: "
            f"fewer than {_FEW_DIGITS + 1} digits are left of it ({self._example})"
        )

    def _count(self, record: Record, column: str, text: str) -> bool:
        """Count a record if a text of it is a number of few digits; return whether it is."""
        if not _is_short(text) or (column == "price" and not number(text)):
            return False  # a price of 0 is a reject
        self._short += 1
        order = shown(record.get("order_id") or "")
        self._example = self._example or f"{column} is {shown(text)} in order {order}"
        return True


def _is_short(text: str) -> bool:
    """Return whether a text is a whole number of at most three digits."""
    value = number(text) if text else None
    return value is not None and abs(value) < 10**_FEW_DIGITS


def _has_fraction(text: str) -> bool:
    """Return whether a text is a number that is not whole. ``2.5e+16`` is whole."""
    if _INTEGER.fullmatch(text):
        return False
    value = number(text)
    return value is not None and value != value.to_integral_value()
