"""Make trades from the fills of Hummingbot (its table TradeFill, or a CSV of it). No I/O.

Fills that share an order and a trade id, but differ in price, amount or time, are different fills: some
connectors wrote the id of the order, or ``N/A``, where the id of the trade belongs, and paper trades have
none.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from loader.formats.records import Record
from loader.model import Reason
from loader.transform.presets.hummingbot_unit import Unit
from loader.transform.presets.usd_values import UsdValues
from loader.transform.presets.values import COLUMNS, EXACT, TradeRow, not_a_number, null, number, plain, shown

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
_NUMBERS = ("timestamp", "price", "amount")
_SEPARATORS = re.compile(r"[-/_ ]")
_IS_BUY = {"BUY": True, "SELL": False}
_TIME = re.compile(r"-?\d{1,19}", re.ASCII)
_FIRST, _END = 1_262_304_000_000, 10**14  # ms since 1970: 2010, before any exchange existed, and 5138
_SCALE = 10**18  # numeric(48, 18)


@dataclass(frozen=True, slots=True)
class _Fill:
    timestamp: int
    price: Decimal
    amount: Decimal


class Hummingbot:
    """Makes one row of all fills of an order, or of all fills with one trade id (a Preset).

    Args:
        id: the column that becomes a row's id, order_id or exchange_trade_id.
        usd_values: of quote assets in USD.
    """

    name: str = "hummingbot"
    columns: tuple[str, ...] = COLUMNS
    table: str | None = "TradeFill"
    nests: bool = False
    needs: tuple[str, ...]
    groups_by: str | None
    needs_all_records: bool

    def __init__(self, id: str = "order_id", usd_values: UsdValues | None = None) -> None:  # noqa: A002 - the column's name
        by_order = id == "order_id"
        self.needs = _NEEDS if by_order else tuple(column for column in _NEEDS if column != "order_id")
        self.groups_by = id
        self.needs_all_records = by_order
        # A trade id may be empty: its fills belong to their order all the same.
        self._not_null = tuple(
            column for column in self.needs if column == id or column != "exchange_trade_id"
        )
        self._same = _SAME_IN_ORDER if by_order else (*_SAME_IN_ORDER, "order_id")
        self._id = id
        self._usd_values = usd_values or UsdValues()
        self._unit = Unit()

    def look(self, records: Sequence[Record]) -> str:
        """Detect the unit of price and amount, and return it in words.

        A cell that is not a number is ignored here; its record is refused later.

        Raises:
            SourceUnfit: the unit is ambiguous.
        """
        self._unit = Unit()
        return self._unit.detect(records)

    def doubts(self, records: Sequence[Record]) -> str:
        """Return a remark on a decimal, if the first records have integers: all may be decimals."""
        return self._unit.doubts(records)

    def unnest(self, _text: bytes) -> None:
        """Return nothing: a JSON value is a fill."""

    def remark(self) -> str:
        """Return how many fills have lost digits because the bot stored them as integers; empty if none."""
        return self._unit.remark()

    def identity(self, record: Record) -> tuple[str | None, ...]:
        """Return what tells a fill from others: all of it that goes into a row, and its ids."""
        texts = (record.get(column) or None for column in ("order_id", "exchange_trade_id", *_SAME_IN_ORDER))
        return (*texts, *(_canonical(record.get(column)) for column in _NUMBERS))

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
        return _differing(records, self._same, self._id) or self._sum(records[0], fills)

    def _fill(self, record: Record) -> _Fill | Reason:
        if not all(map(record.get, self._not_null)):
            return null(next(column for column in self._not_null if not record.get(column)))
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
        if not price and amount and self._unit.is_integer:
            return Reason(
                "price-cut-off",
                "price is 0, but amount is not: the price was below 10^-6, and the bot has cut it off",
                hint="The exchange's own export has the price.",
            )
        return _Fill(int(time), price, amount)

    def _number(self, column: str, record: Record) -> Decimal | Reason:
        text = record[column] or ""
        value = number(text)
        return not_a_number(column, text) if value is None else self._unit.value(column, text, value)

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
        usd = amount if base == "USD" else self._usd_values.of(paid, quote, timestamp)
        if isinstance(usd, Reason):
            return usd
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


def _canonical(text: str | None) -> str | None:
    """Return one text for all texts of a number, so that 0.5 and 0.50 are the same; others as they are."""
    if text is None or (text.isdecimal() and text.isascii() and text[0] != "0"):
        return text
    value = number(text)
    return text if value is None else plain(value)


def _differing(records: Sequence[Record], same: Sequence[str], id: str) -> Reason | None:  # noqa: A002 - the column's name
    """Return why these cannot be fills of one row: they differ, or symbol and assets do not agree."""
    cells = [[record.get(column) or None for column in same] for record in records]
    if cells.count(cells[0]) < len(cells):
        distinct = dict(zip(same, map(dict.fromkeys, zip(*cells, strict=True)), strict=True))
        column, values = next((column, values) for column, values in distinct.items() if len(values) > 1)
        listed = " and ".join("null" if value is None else shown(value) for value in list(values)[:3])
        which = "order" if id == "order_id" else id
        return Reason("fills-differ", f"{column} is {listed} in fills of one {which}")
    symbol, base, quote = (records[0].get(column) for column in ("symbol", "base_asset", "quote_asset"))
    if not symbol or _letters(symbol) == _letters(f"{base}{quote}"):
        return None
    assets = f"{base}-{quote}"
    return Reason(
        "symbol-differs", f"symbol is {shown(symbol)}, but base_asset and quote_asset give {assets!r}"
    )


def _letters(pair: str) -> str:
    """Return a pair without its separator: ETH-USDT, ETH/USDT and ETHUSDT are the same."""
    return _SEPARATORS.sub("", pair)


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
