"""Exports of Hummingbot's fills, as the bot or its user writes them."""

from __future__ import annotations

import csv
import sqlite3
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any


def fills(*some: tuple[Any, ...]) -> list[dict[str, Any]]:
    """Fills of TradeFill: id, order, symbol, type, price, amount, timestamp in ms behind a day in 2024."""
    return [
        {
            "config_file_path": "conf.yml",
            "market": "kraken",
            "symbol": symbol,
            "base_asset": symbol.split("-")[0],
            "quote_asset": symbol.split("-")[1],
            "timestamp": 1_710_000_000_000 + timestamp,
            "order_id": order,
            "trade_type": side,
            "order_type": "LIMIT",
            "price": price,
            "amount": amount,
            "leverage": 1,
            "trade_fee": '{"percent": "0.0026"}',
            "exchange_trade_id": trade,
        }
        for trade, order, symbol, side, price, amount, timestamp in some
    ]


def write_csv(path: Path, rows: Sequence[Mapping[str, Any]]) -> None:
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)


def write_sqlite(path: Path, rows: Sequence[Mapping[str, Any]]) -> None:
    with sqlite3.connect(path) as database:
        columns = ", ".join(rows[0])
        database.execute(f"create table TradeFill ({columns})")
        database.execute("create table Order_ (id)")
        marks = ", ".join("?" * len(rows[0]))
        insert = f"insert into TradeFill values ({marks})"  # noqa: S608 - marks
        database.executemany(insert, [tuple(row.values()) for row in rows])
    database.close()
