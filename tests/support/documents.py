"""The files that the examples of README.md and docs/ load."""

from __future__ import annotations

import csv
import gzip
import io
import json
import re
import sqlite3
from contextlib import closing
from pathlib import Path

import polars as pl

SAMPLE = Path(__file__).parents[2] / "examples" / "trades-100.jsonl"

KRAKEN = """\
"txid","ordertxid","pair","time","type","ordertype","price","cost","fee","vol","margin","misc","ledgers"
"TX-1","O-1","XXBTZUSD","2024-03-19 19:43:31.6798","buy","limit",63021.5,630.215,1.63,0.01,0.0,"",""
"TX-2","O-2","XETHZEUR","2024-03-19 19:43:32.1","sell","market",3000.10,3000.10,7.8,1.0,0.0,"",""
"""
RATES = "asset,timestamp,usd\nEUR,2024-03-19,1.0855\n"
FILLS = [  # exchange_trade_id, order_id, price and amount in 10^-6, milliseconds of the day
    ("f1", "o1", 1_000_000_000, 1_000_000, 1_000),
    ("f2", "o1", 1_001_000_000, 2_000_000, 3_000),
    ("f3", "o2", 2_000_500_000, 500_000, 4_000),
]


def write(folder: Path) -> None:
    """Write each file that an example names into ``folder``."""
    lines = SAMPLE.read_text(encoding="ascii").splitlines(keepends=True)
    (folder / "dump.jsonl").write_text("".join(lines))
    (folder / "dump.jsonl.gz").write_bytes(gzip.compress("".join(lines).encode()))
    (folder / "one.jsonl").write_text("".join(lines[:50]))
    (folder / "two.jsonl").write_text("".join(lines[50:]))
    bad = re.sub('"amount":[^,]*', '"amount":"lots"', lines[2])
    (folder / "bad.jsonl").write_text("".join([*lines[:2], bad, *lines[3:]]))
    rows = [json.loads(line, parse_float=str) for line in lines]
    (folder / "dump.json").write_text(json.dumps([json.loads(line) for line in lines], indent=2))
    (folder / "trades.csv").write_text(_csv(rows))
    (folder / "trades.csv.gz").write_bytes(gzip.compress(_csv(rows).encode()))
    (folder / "trades.tsv").write_text(_csv(rows, "\t"))
    orders = [{"order_id": row["id"], **row, "note": "old"} for row in rows]
    (folder / "orders.csv").write_text(_csv([_without(row, "id", "market") for row in orders]))
    (folder / "kraken.csv").write_text(KRAKEN)
    (folder / "rates.csv").write_text(RATES)
    pl.DataFrame(rows).write_parquet(folder / "trades.parquet")
    _write_trades(folder / "trades.sqlite", rows)
    _write_fills(folder / "bot.sqlite")


def _without(row: dict[str, object], *names: str) -> dict[str, object]:
    return {name: value for name, value in row.items() if name not in names}


def _csv(rows: list[dict[str, object]], delimiter: str = ",") -> str:
    file = io.StringIO(newline="")
    writer = csv.DictWriter(file, list(rows[0]), delimiter=delimiter, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return file.getvalue()


def _write_trades(path: Path, rows: list[dict[str, object]]) -> None:
    names = list(rows[0])
    with closing(sqlite3.connect(path)) as database, database:
        database.execute(f"create table trades ({', '.join(names)})")
        marks = ", ".join("?" * len(names))
        database.executemany(
            f"insert into trades values ({marks})",  # noqa: S608 - names of ours
            [tuple(row.values()) for row in rows],
        )


def _write_fills(path: Path) -> None:
    columns = "market, symbol, base_asset, quote_asset, timestamp, order_id, trade_type, price, amount"
    with closing(sqlite3.connect(path)) as database, database:
        database.execute(f"create table TradeFill ({columns}, exchange_trade_id)")
        database.executemany(
            "insert into TradeFill values ('kraken', 'ETH-USD', 'ETH', 'USD', ?, ?, 'BUY', ?, ?, ?)",
            [
                (1_710_000_000_000 + milliseconds, order, price, amount, fill)
                for fill, order, price, amount, milliseconds in FILLS
            ],
        )
