"""Make trades from the fills of Hummingbot (its table TradeFill, or a CSV of it). No I/O.

Its SQLite database has prices and amounts as integers of 10^-6 (``SqliteDecimal(6)`` in
hummingbot/model/trade_fill.py). The CSV that the bot writes while it trades has decimals, and a column
``age``.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from loader.errors import SourceUnfit
from loader.formats.records import Record
from loader.model import Reason
from loader.transform.presets.rates import Rates
from loader.transform.presets.values import (
    COLUMNS,
    EXACT,
    TradeRow,
    no_rate,
    not_a_number,
    null,
    number,
    plain,
    shown,
)

IDS = ("order_id", "exchange_trade_id")

_NEEDS = (
    "market",
    "base_asset",
    "quote_asset",
    "timestamp",
    "order_id",
    "trade_type",
    "price",
    "amount",
    "exchange_trade_id",
)
_SAME_IN_ORDER = ("market", "symbol", "base_asset", "quote_asset", "trade_type")  # of all fills of an order
_IS_BUY = {"BUY": True, "SELL": False}
_DOLLARS = frozenset({"USD", "USDT", "USDC"})
_INTEGER = re.compile(r"[+-]?\d+", re.ASCII)
_WHOLE = re.compile(r"[+-]?\d+\.0+", re.ASCII)
_TIME = re.compile(r"-?\d{1,19}", re.ASCII)
_FIRST, _END = 1_262_304_000_000, 10**14  # ms since 1970: 2010, before any exchange existed, and 5138
_SCALE = 10**18  # numeric(48, 18)


@dataclass(frozen=True, slots=True)
class _Fill:
    timestamp: int
    price: Decimal
    amount: Decimal


class Hummingbot:
    """Makes one row of all fills of an order, or one of each fill (a Preset).

    Args:
        id: the column that becomes a row's id, one of IDS.
        rates: of quote assets that are not dollars, in USD.
    """

    name: str = "hummingbot"
    columns: tuple[str, ...] = COLUMNS
    table: str | None = "TradeFill"
    needs: tuple[str, ...]
    groups_by: str | None
    one_of: tuple[str, ...]

    def __init__(self, id: str = "order_id", rates: Rates | None = None) -> None:  # noqa: A002 - the column's name
        by_order = id == "order_id"
        self.needs = _NEEDS if by_order else tuple(column for column in _NEEDS if column != "order_id")
        self.groups_by = "order_id" if by_order else None
        self.one_of = ("market", "order_id", "exchange_trade_id") if by_order else ()
        self._id = id
        self._rates = rates
        self._integers = True
        self._seen = 0

    def look(self, records: Sequence[Record]) -> str:
        """Detect the unit of price and amount, and return it in words.

        A cell that is not a number is ignored here; its record is refused later.

        Raises:
            SourceUnfit: the unit is ambiguous.
        """
        self._seen = len(records)
        self._integers = False
        if any("age" in record for record in records):
            return "price and amount are decimals: there is a column age, as in the bot's own log of trades"
        texts = [(column, record.get(column) or "") for record in records for column in ("price", "amount")]
        decimals = [(column, text) for column, text in texts if _is_decimal(text)]
        if decimals and all(_WHOLE.fullmatch(text) for _, text in decimals):
            raise SourceUnfit(
                f"price and amount may be decimals or integers of 10^-6: {shown(decimals[0][1])}",
                advice="Write integers of 10^-6 without a point, or decimals with a column `age`.",
            )
        if decimals:
            column, text = next(cell for cell in decimals if not _WHOLE.fullmatch(cell[1]))
            return f"price and amount are decimals: {column} is {shown(text)} in a record"
        self._integers = True
        return "price and amount are integers of 10^-6"

    def doubts(self, records: Sequence[Record]) -> str:
        """Return a remark on a decimal, if the first records have integers: all may be decimals."""
        if self._integers:
            for record in records:
                for column in ("price", "amount"):
                    text = record.get(column) or ""
                    if _is_decimal(text):
                        return f"{column} is {shown(text)}, but in the first rows it is an integer"
        return ""

    def row(self, records: Sequence[Record]) -> TradeRow | Reason:
        """Return the sum of the fills. One bad fill refuses all: a sum without it would be wrong."""
        fills: list[_Fill] = []
        for record in records:
            fill = self._fill(record)
            if isinstance(fill, Reason):
                trade = record.get("exchange_trade_id")
                where = f"fill {shown(trade)}: " if trade is not None and len(records) > 1 else ""
                return Reason(fill.code, f"{where}{fill.message}", hint=fill.hint)
            fills.append(fill)
        return _differing(records) or self._sum(records[0], fills)

    def _fill(self, record: Record) -> _Fill | Reason:
        if not all(map(record.get, self.needs)):
            return null(next(column for column in self.needs if not record.get(column)))
        side, time = record["trade_type"] or "", record["timestamp"] or ""
        if side not in _IS_BUY:
            return Reason("not-a-side", f"trade_type is {shown(side)}, which is neither BUY nor SELL")
        if not _TIME.fullmatch(time):
            return Reason(
                "not-a-time", f"timestamp is {shown(time)}, which is not an integer of ms since 1970"
            )
        if not _FIRST <= int(time) < _END:
            unit = "seconds" if int(time) < _FIRST else "microseconds"
            return Reason(
                "not-a-time", f"timestamp is {time}: {unit}? It must be ms since 1970, from 2010 on"
            )
        price, amount = self._number("price", record), self._number("amount", record)
        if isinstance(price, Reason):
            return price
        if isinstance(amount, Reason):
            return amount
        if amount < 0:
            return Reason("not-an-amount", f"amount is {plain(amount)}, which is less than 0")
        return _Fill(int(time), price, amount)

    def _number(self, column: str, record: Record) -> Decimal | Reason:
        text = record[column] or ""
        value = number(text)
        if value is None:
            return not_a_number(column, text)
        if not self._integers:
            return value
        if _INTEGER.fullmatch(text):
            return value.scaleb(-6, EXACT)
        message = f"{column} is {shown(text)}, but price and amount were detected to be integers of 10^-6"
        return Reason("not-an-integer", f"{message}, as they are in the first {self._seen} records")

    def _sum(self, first: Record, fills: Sequence[_Fill]) -> TradeRow | Reason:
        """Return the row. Apart from numbers and time, the records are the same."""
        base, quote, timestamp = (
            first["base_asset"],
            first["quote_asset"],
            max(fill.timestamp for fill in fills),
        )
        assert base and quote  # noqa: S101, PT018 - _fill refuses nulls
        amount = paid = Decimal(0)
        for fill in fills:
            amount = EXACT.add(amount, fill.amount)
            paid = EXACT.add(paid, EXACT.multiply(fill.price, fill.amount))
        if not amount:
            return Reason("no-amount", "amount is 0, so there is no price")
        usd = paid
        if quote not in _DOLLARS:
            rate = self._rates.at(quote, timestamp) if self._rates else None
            if rate is None:
                return no_rate(quote, timestamp)
            usd = EXACT.multiply(paid, rate)
        return {
            "id": first[self._id],
            "timestamp": str(timestamp),
            "market": first["market"],
            "symbol": f"{base}/{quote}",
            "base_asset": base,
            "quote_asset": quote,
            "is_buy": _IS_BUY[first["trade_type"] or ""],
            "amount": plain(amount),
            "price": plain(_quotient(paid, amount)),
            "usd_value": plain(usd),
        }


def _is_decimal(text: str) -> bool:
    return not _INTEGER.fullmatch(text) and number(text) is not None


def _differing(records: Sequence[Record]) -> Reason | None:
    """Return why these cannot be fills of one order: they differ, or symbol and assets do not agree."""
    cells = [list(map(record.get, _SAME_IN_ORDER)) for record in records]
    if cells.count(cells[0]) < len(cells):
        distinct = dict(zip(_SAME_IN_ORDER, map(dict.fromkeys, zip(*cells, strict=True)), strict=True))
        column, values = next((column, values) for column, values in distinct.items() if len(values) > 1)
        listed = " and ".join("null" if value is None else shown(value) for value in list(values)[:3])
        return Reason("fills-differ", f"{column} is {listed} in fills of one order")
    symbol, assets = records[0].get("symbol"), f"{records[0]['base_asset']}-{records[0]['quote_asset']}"
    if symbol is None or symbol == assets:
        return None
    return Reason(
        "symbol-differs", f"symbol is {shown(symbol)}, but base_asset and quote_asset give {assets!r}"
    )


def _quotient(paid: Decimal, amount: Decimal) -> Decimal:
    """Return paid / amount, rounded to 18 decimals as PostgreSQL rounds: half away from zero.

    Args:
        paid: any number.
        amount: greater than 0.
    """
    paid_numerator, paid_denominator = paid.as_integer_ratio()
    amount_numerator, amount_denominator = amount.as_integer_ratio()
    numerator = paid_numerator * amount_denominator * _SCALE
    denominator = paid_denominator * amount_numerator
    rounded = (2 * abs(numerator) + denominator) // (2 * denominator)
    return Decimal(rounded if numerator >= 0 else -rounded).scaleb(-18, EXACT)
