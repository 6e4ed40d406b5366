"""Write the rows of a dump in another format: `python -m benchmarks.other_formats DUMP FILE`.

The name of FILE says which format.
"""

from __future__ import annotations

import csv
import gzip
import json
import sqlite3
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from benchmarks.rows import COLUMNS

Row = dict[str, Any]  # numbers are texts
KRAKEN = ["txid", "ordertxid", "pair", "time", "type", "ordertype", "price", "cost", "fee", "vol", "margin"]
KRAKEN += ["misc", "ledgers"]
HUMMINGBOT = ["config_file_path", "strategy", "market", "symbol", "base_asset", "quote_asset", "timestamp"]
HUMMINGBOT += ["order_id", "trade_type", "order_type", "price", "amount", "leverage", "trade_fee"]
HUMMINGBOT += ["exchange_trade_id", "position", "age"]
FEE = '{"fee_type": "AddedToCost", "percent": "0.0026", "percent_token": null, "flat_fees": []}'


def rows(dump: Path) -> Iterator[Row]:
    """Yield the rows of a dump."""
    with dump.open("rb") as file:
        for line in file:
            yield json.loads(line, parse_float=str, parse_int=str)


def write_csv(dump: Path, path: Path) -> None:
    """Write CSV or TSV, compressed if the name ends in .gz."""
    with gzip.open(path, "wt", 6) if path.suffix == ".gz" else path.open("w") as file:
        delimiter = "\t" if ".tsv" in path.suffixes else ","
        writer = csv.writer(file, delimiter=delimiter, lineterminator="\n")
        writer.writerow(COLUMNS)
        for row in rows(dump):
            writer.writerow([str(row[name]).lower() if name == "is_buy" else row[name] for name in COLUMNS])


def write_array(dump: Path, path: Path) -> None:
    """Write an array on one line."""
    with dump.open("rb") as lines, path.open("wb") as file:
        file.write(b"[" + next(lines).rstrip(b"\n"))
        file.writelines(b"," + line.rstrip(b"\n") for line in lines)
        file.write(b"]")


def write_commas(dump: Path, path: Path) -> None:
    """Write an array with each row on a line of its own."""
    with dump.open("rb") as lines, path.open("wb") as file:
        file.write(b"[\n" + next(lines).rstrip(b"\n"))
        file.writelines(b",\n" + line.rstrip(b"\n") for line in lines)
        file.write(b"\n]\n")


def write_parquet(dump: Path, path: Path) -> None:
    """Write Parquet, with decimals for the numbers."""
    import polars as pl  # noqa: PLC0415 - the other writers do without

    numbers = [pl.col(name).cast(pl.Decimal(38, 18)) for name in ("amount", "price", "usd_value")]
    frame = pl.DataFrame(rows(dump), schema_overrides={"is_buy": pl.Boolean})
    frame.with_columns(pl.col("timestamp").cast(pl.Int64), *numbers).write_parquet(path)


def write_sqlite(dump: Path, path: Path) -> None:
    """Write SQLite, with texts for the numbers, because it has no decimals."""
    with closing(sqlite3.connect(path)) as database:
        database.execute(f"create table trades ({', '.join(COLUMNS)})")
        marks = ", ".join("?" * len(COLUMNS))
        insert = f"insert into trades values ({marks})"  # noqa: S608 - marks
        database.executemany(insert, (tuple(row.values()) for row in rows(dump)))
        database.commit()


def write_kraken(dump: Path, path: Path) -> None:
    """Write an export as Kraken has it."""
    with path.open("w") as file:
        writer = csv.writer(file, lineterminator="\n", quoting=csv.QUOTE_NONNUMERIC)
        writer.writerow(KRAKEN)
        for number, row in enumerate(rows(dump)):
            time = datetime.fromtimestamp(int(row["timestamp"]) / 1000, UTC).strftime("%Y-%m-%d %H:%M:%S.%f")
            side = "buy" if row["is_buy"] else "sell"
            cells = [row["id"], f"O{number}", row["symbol"], time[:-2], side, "limit"]
            writer.writerow([*cells, row["price"], row["usd_value"], "0", row["amount"], "0", "", "L1,L2"])


def write_hummingbot(dump: Path, path: Path) -> None:
    """Write an export as Hummingbot has it, each row as an order of one fill."""
    with path.open("w") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(HUMMINGBOT)
        for number, row in enumerate(rows(dump)):
            base, quote = row["base_asset"], row["quote_asset"]
            cells = ["conf.yml", "pure_market_making", row["market"], f"{base}-{quote}", base, quote]
            cells += [row["timestamp"], row["id"], "BUY" if row["is_buy"] else "SELL", "LIMIT"]
            writer.writerow([*cells, row["price"], row["amount"], 1, FEE, f"T{number}", "NIL", "00:00:01"])


WRITERS: dict[str, Callable[[Path, Path], None]] = {
    "csv": write_csv,
    "csv.gz": write_csv,
    "tsv": write_csv,
    "json": write_array,
    "commas.jsonl": write_commas,
    "parquet": write_parquet,
    "sqlite": write_sqlite,
    "kraken.csv": write_kraken,
    "hummingbot.csv": write_hummingbot,
}


def main() -> None:
    """Write a file."""
    dump, path = map(Path, sys.argv[1:])
    WRITERS[path.name.partition(".")[2]](dump, path)


if __name__ == "__main__":
    main()
