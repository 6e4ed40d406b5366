"""Make trades from Kraken's export (trades.csv). No I/O.

Its columns are ``txid, ordertxid, pair, time, type, ordertype, price, cost, fee, vol, margin, misc,
ledgers``; newer exports also have ``costusd``, and more. Times are UTC. ``cost`` is in the quote asset.
"""

from __future__ import annotations

from collections.abc import Sequence

from loader.formats.records import Record
from loader.model import Reason
from loader.transform.presets.kraken_pairs import split
from loader.transform.presets.rates import Rates
from loader.transform.presets.values import (
    COLUMNS,
    EXACT,
    TradeRow,
    milliseconds,
    no_rate,
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
        rates: of quote assets in USD, for trades that are not in USD and have no ``costusd``.
    """

    name: str = "kraken"
    needs: tuple[str, ...] = ("txid", "pair", "time", "type", "price", "cost", "vol")
    columns: tuple[str, ...] = COLUMNS
    groups_by: str | None = None
    table: str | None = None
    one_of: tuple[str, ...] = ()

    def __init__(self, rates: Rates | None = None) -> None:
        self._rates = rates

    def look(self, _records: Sequence[Record]) -> str:
        """Return nothing: each record tells everything."""
        return ""

    def doubts(self, _records: Sequence[Record]) -> str:
        """Return nothing: nothing was detected that could be in doubt."""
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
        timestamp = milliseconds(time)
        if timestamp is None:
            return Reason("not-a-time", f"time is {shown(time)}, which is not YYYY-MM-DD HH:MM:SS")
        is_buy = _IS_BUY.get(side)
        if is_buy is None:
            return Reason("not-a-side", f"type is {shown(side)}, which is neither buy nor sell")
        symbol, base, quote = pair
        usd = record.get("cost") if quote == "USD" else record.get("costusd")
        if not usd and quote != "USD":
            value = self._usd_value(record.get("cost"), quote, timestamp)
            if isinstance(value, Reason):
                return value
            usd = value
        return {
            "id": record.get("txid")
            or None,  # "" would be a key, so that all rows without an id were the same row
            "timestamp": str(timestamp),
            "market": "kraken",
            "symbol": symbol,
            "base_asset": base,
            "quote_asset": quote,
            "is_buy": is_buy,
            "amount": record.get("vol"),
            "price": record.get("price"),
            "usd_value": usd,
        }

    def _usd_value(self, cost: str | None, quote: str, timestamp: int) -> str | Reason:
        if not cost:
            return null("cost")
        if (value := number(cost)) is None:
            return not_a_number("cost", cost)
        rate = self._rates.at(quote, timestamp) if self._rates else None
        return no_rate(quote, timestamp) if rate is None else plain(EXACT.multiply(value, rate))
