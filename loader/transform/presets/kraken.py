"""Make trades from Kraken's export (trades.csv), or from the reply of its TradesHistory. No I/O.

The columns of the export are ``txid, ordertxid, pair, time, type, ordertype, price, cost, fee, vol, margin,
misc, ledgers``; newer ones also have ``costusd``, and more. Times are UTC. ``vol`` is in the base asset,
``cost`` in the quote asset. The reply has the same fields, but times in seconds since 1970, and ``txid`` is
the key of each trade (docs.kraken.com, "Get Trades History").
"""

from __future__ import annotations

from collections.abc import Sequence

from loader.formats.records import Record
from loader.model import Reason
from loader.transform.presets.kraken_pairs import Pair, is_above_one, split
from loader.transform.presets.kraken_reply import trades
from loader.transform.presets.times import any_milliseconds
from loader.transform.presets.usd_values import UsdValues
from loader.transform.presets.values import (
    COLUMNS,
    Member,
    TradeRow,
    not_a_number,
    null,
    number,
    plain,
    shown,
)

_IS_BUY = {"buy": True, "sell": False}


class Kraken:
    """Makes a row of each record of trades.csv (a Preset).

    Args:
        usd_values: for trades that are not in dollars and have no ``costusd``.
    """

    name: str = "kraken"
    needs: tuple[str, ...] = ("txid", "pair", "time", "type", "price", "cost", "vol")
    columns: tuple[str, ...] = COLUMNS
    groups_by: str | None = None
    table: str | None = None
    needs_all_records: bool = False
    nests: bool = True

    def __init__(self, usd_values: UsdValues | None = None) -> None:
        self._usd_values = usd_values or UsdValues()

    def look(self, _records: Sequence[Record]) -> str:
        """Return nothing: each record tells everything."""
        return ""

    def doubts(self, _records: Sequence[Record]) -> str:
        """Return nothing: nothing was detected that could be in doubt."""
        return ""

    def unnest(self, text: bytes) -> Sequence[Member] | Reason | None:
        """Return the trades of a reply of the REST API, or why it holds none; None if it is a trade."""
        return trades(text)

    def identity(self, _record: Record) -> tuple[str | None, ...]:
        """Return nothing: each record makes a row."""
        return ()

    def remark(self) -> str:
        """Return nothing: each record tells everything."""
        return ""

    def row(self, records: Sequence[Record]) -> TradeRow | Reason:
        """Return the row of one record. Numbers that need no arithmetic are left to the server to check."""
        (record,) = records
        name, time, side = record.get("pair"), record.get("time"), record.get("type")
        if name is None or time is None or side is None:
            return null("pair" if name is None else "time" if time is None else "type")
        pair = split(name)
        if isinstance(pair, Reason):
            return pair
        if isinstance(doubt := _inverted(name, pair, record.get("price")), Reason):
            return doubt
        timestamp = any_milliseconds(time)
        if timestamp is None:
            formats = "YYYY-MM-DD HH:MM:SS, nor seconds since 1970 from 2010 on"
            return Reason("not-a-time", f"time is {shown(time)}, which is not {formats}")
        is_buy = _IS_BUY.get(side)
        if is_buy is None:
            return Reason("not-a-side", f"type is {shown(side)}, which is neither buy nor sell")
        symbol, base, quote = pair
        usd = self._usd_value(record, pair, timestamp)
        if isinstance(usd, Reason):
            return usd
        return {
            "id": record.get("txid")
            or None,  # "" would be a key, so that all rows without an id were the same row
            "timestamp": str(timestamp),
            "market": "kraken",
            "symbol": symbol,
            "base_asset": base,
            "quote_asset": quote,
            "is_buy": is_buy,
            "amount": record.get("vol") or None,
            "price": record.get("price") or None,
            "usd_value": usd,
        }

    def _usd_value(self, record: Record, pair: Pair, timestamp: int) -> str | Reason | None:
        """Return the value in USD. Where the record has it, it is left as it is."""
        cost = record.get("cost") or None  # an empty cell in quotes is an empty text
        if pair.base == "USD":
            return record.get("vol") or None
        if self._usd_values.is_dollar(pair.quote):
            return cost
        if known := record.get("costusd"):
            return known
        if not cost:
            return null("cost")
        if (paid := number(cost)) is None:
            return not_a_number("cost", cost)
        value = self._usd_values.of(paid, pair.quote, timestamp)
        return value if isinstance(value, Reason) else plain(value)


def _inverted(name: str, pair: Pair, price: str | None) -> Reason | None:
    """Return why a trade of an inverted pair is in doubt: its price is one of the pair as it is today."""
    if not is_above_one(name, pair):
        return None
    value = number(price or "")
    if value is None or value > 1:
        return None
    today = f"{pair.quote}/{pair.base}"
    return Reason(
        "pair-in-doubt",
        f"the pair {shown(name)} had prices in {pair.quote} for one {pair.base}, all above 1, but price is "
        f"{shown(price or '')}: that may be {today}",
        hint=f"Write {pair.symbol} or {today}, with a slash.",
    )
