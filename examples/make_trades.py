"""Writes a deterministic dump of trades, as JSON Lines: python make_trades.py ROWS FILE.

The same number of rows always gives the same bytes. Amounts, prices and values have 18 decimals.
"""

from __future__ import annotations

import sys
from pathlib import Path

ASSETS = [("ETH", 1_800), ("BTC", 43_000), ("SOL", 95), ("DOGE", 0), ("XMR", 160), ("ADA", 0)]
START = 1_577_836_800_000  # 2020-01-01, in milliseconds
SCALE = 10**18


def number(units: int) -> str:
    """A count of 10^-18 as a decimal with 18 places."""
    return f"{units // SCALE}.{units % SCALE:018d}"


def row(index: int) -> str:
    """The trade with this index."""
    # A linear congruential generator (Knuth's MMIX constants), so that no library's version matters.
    state = (index * 6364136223846793005 + 1442695040888963407) % 2**64
    mixed = (state ^ (state >> 29)) * 0xBF58476D1CE4E5B9 % 2**64
    base, whole_price = ASSETS[mixed % len(ASSETS)]
    amount = mixed % (50 * SCALE) + 1
    price = whole_price * SCALE + state % SCALE + 1
    value = amount * price // SCALE
    buys = "true" if mixed >> 40 & 1 else "false"
    return (
        f'{{"id":"0x{state:016x}{mixed:016x}","timestamp":{START + index * 173},"market":"kraken",'
        f'"symbol":"{base}/USD","base_asset":"{base}","quote_asset":"USD","is_buy":{buys},'
        f'"amount":{number(amount)},"price":{number(price)},"usd_value":{number(value)}}}\n'
    )


def main() -> None:
    """Write the dump."""
    rows, path = int(sys.argv[1]), Path(sys.argv[2])
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", encoding="ascii") as file:
        for start in range(0, rows, 10_000):
            file.write("".join(map(row, range(start, min(rows, start + 10_000)))))


if __name__ == "__main__":
    main()
