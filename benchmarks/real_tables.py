"""Make tables as people have them: `python -m benchmarks.real_tables TABLE FILE ROWS`.

The name of FILE says the format. The same number of rows always gives the same file.
"""

from __future__ import annotations

import csv
import json
import sqlite3
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any
from uuid import UUID

from benchmarks.rows import COLUMNS as TRADE_COLUMNS
from examples.make_trades import row as trade

TIMESTAMPTZ = "timestamp with time zone"
_BEGIN = datetime(2013, 1, 1, tzinfo=UTC)
_GAPS = 0.05  # of the cells of trades are empty
# So that NA stands in 3 % of all cells, as in the table that this one is like.
_NULLABLE = ("dep_time", "dep_delay", "arr_time", "arr_delay", "tailnum", "air_time")
_UNKNOWN = 0.095
_WORDS = ["a", "row", "holds", "what", "its", "maker", "wrote,", 'with "marks"', "and", "commas,", "\u20ac"]

Cells = Sequence[Any]


@dataclass(frozen=True, slots=True)
class Made:
    """A table.

    Attributes:
        columns: the type of each, as PostgREST tells it.
        key: columns.
        cells: returns the cells of a row, given its number and random numbers.
        null: what a cell of CSV holds where the row has null.
    """

    columns: Mapping[str, str]
    key: tuple[str, ...]
    cells: Callable[[int, Random], Cells]
    null: str = ""


def _flight(number: int, random: Random) -> Cells:
    hours = number // 38
    day = _BEGIN + timedelta(hours=hours)
    sched, delay = day.hour * 100 + number % 60, random.randrange(-20, 90)
    cells: list[Any] = [day.year, day.month, day.day, sched + delay % 40, sched, delay]
    cells += [sched + 200 + delay % 30, sched + 200, delay + random.randrange(-9, 9)]
    cells += [("UA", "AA", "B6", "DL")[number % 4], number % 38 + 1000, f"N{random.randrange(10000, 99999)}"]
    cells += [("EWR", "LGA", "JFK")[number % 3], ("IAH", "MIA", "BQN", "ATL", "ORD")[random.randrange(5)]]
    cells += [random.randrange(20, 600), random.randrange(80, 4983), day.hour, number % 60]
    cells.append(day.strftime("%Y-%m-%dT%H:%M:%SZ"))
    for place, name in enumerate(FLIGHTS):
        if name in _NULLABLE and random.random() < _UNKNOWN:
            cells[place] = None
    return cells


def _trade_with_gaps(number: int, random: Random) -> Cells:
    cells: list[Any] = list(json.loads(trade(number), parse_float=str).values())
    return [cells[0], *(None if random.random() < _GAPS else cell for cell in cells[1:])]


def _keyed(key: Callable[[int, Random], Sequence[object]]) -> Callable[[int, Random], Cells]:
    return lambda number, random: [*key(number, random), number, f"text {number}", number % 7 == 0]


def _moment(number: int, _random: Random) -> Sequence[object]:
    return [(_BEGIN + timedelta(milliseconds=number * 1731)).isoformat(sep=" ", timespec="microseconds")[:-3]]


FLIGHTS = {
    **dict.fromkeys(("year", "month", "day", "dep_time", "sched_dep_time", "dep_delay"), "integer"),
    **dict.fromkeys(("arr_time", "sched_arr_time", "arr_delay"), "integer"),
    "carrier": "text",
    "flight": "integer",
    **dict.fromkeys(("tailnum", "origin", "dest"), "text"),
    **dict.fromkeys(("air_time", "distance", "hour", "minute"), "integer"),
    "time_hour": TIMESTAMPTZ,
}
_TRADE_TYPES = dict.fromkeys(("amount", "price", "usd_value"), "numeric")
_TRADE_TYPES |= {"timestamp": "bigint", "is_buy": "boolean"}
_REST = {"number": "integer", "words": "text", "flag": "boolean"}

TABLES = {
    "flights": Made(FLIGHTS, ("carrier", "flight", "time_hour"), _flight, null="NA"),
    "gaps": Made({name: _TRADE_TYPES.get(name, "text") for name in TRADE_COLUMNS}, ("id",), _trade_with_gaps),
    "narrow": Made(
        {"id": "integer", "name": "text", "amount": "numeric"},
        ("id",),
        lambda number, random: [number, f"name {number % 977}", f"{random.randrange(10**6) / 100:.2f}"],
    ),
    "broad": Made(
        {"id": "integer"} | {f"c{place}": "numeric" if place % 2 else "text" for place in range(1, 200)},
        ("id",),
        lambda number, random: [number, *(random.randrange(10**6) for _ in range(199))],
    ),
    "texts": Made(
        {"id": "integer", "title": "text", "body": "text"},
        ("id",),
        lambda number, random: [number, f"title {number}", " ".join(random.choices(_WORDS, k=400))],
    ),
    "key_uuid": Made(
        {"k": "uuid", **_REST},
        ("k",),
        _keyed(lambda _, random: [str(UUID(int=random.getrandbits(128)))]),
    ),
    "key_timestamptz": Made({"k": TIMESTAMPTZ, **_REST}, ("k",), _keyed(_moment)),
    "key_numeric": Made({"k": "numeric", **_REST}, ("k",), _keyed(lambda number, _: [number * 10**9 + 7])),
    "key_pair": Made(
        {"a": "text", "b": "bigint", **_REST},
        ("a", "b"),
        _keyed(lambda number, _: [f"part {number % 97}", number]),
    ),
}
KEYS = tuple(name for name in TABLES if name.startswith("key_"))


def as_texts(name: str) -> str:
    """Return the name of the table that is the same as another, but for its key, which is of texts."""
    return f"{name}_of_text"


def definitions() -> dict[str, Any]:
    """Return the tables as PostgREST's OpenAPI describes them."""
    types = {name: made.columns for name, made in TABLES.items()}
    for name in KEYS:
        types[as_texts(name)] = {**types[name], **dict.fromkeys(TABLES[name].key, "text")}
    return {
        name: {"properties": {column: {"format": kind} for column, kind in columns.items()}}
        for name, columns in types.items()
    }


def rows(made: Made, count: int) -> Iterator[Cells]:
    """Yield the rows of a table."""
    random = Random(16)
    for number in range(count):
        yield made.cells(number, random)


def write_csv(made: Made, path: Path, count: int) -> None:
    """Write CSV with a header."""
    with path.open("w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(made.columns)
        for cells in rows(made, count):
            writer.writerow([made.null if cell is None else _csv_cell(cell) for cell in cells])


def _csv_cell(cell: object) -> object:
    return str(cell).lower() if isinstance(cell, bool) else cell


def write_jsonl(made: Made, path: Path, count: int) -> None:
    """Write JSON Lines without a blank between tokens."""
    encode = json.JSONEncoder(separators=(",", ":"), ensure_ascii=False).encode
    with path.open("w") as file:
        file.writelines(
            encode(dict(zip(made.columns, cells, strict=True))) + "\n" for cells in rows(made, count)
        )


def write_parquet(made: Made, path: Path, count: int) -> None:
    """Write Parquet, with times as such."""
    import polars as pl  # noqa: PLC0415 - the other writers do without

    frame = pl.DataFrame(list(rows(made, count)), schema=list(made.columns), orient="row")
    times = [
        pl.col(name).str.to_datetime(time_zone="UTC")
        for name, kind in made.columns.items()
        if kind == TIMESTAMPTZ
    ]
    frame.with_columns(times).write_parquet(path)


def write_sqlite(made: Made, path: Path, count: int) -> None:
    """Write a database with one table."""
    with closing(sqlite3.connect(path)) as database:
        database.execute(f"create table made ({', '.join(made.columns)})")
        insert = f"insert into made values ({', '.join('?' * len(made.columns))})"  # noqa: S608 - marks
        database.executemany(insert, rows(made, count))
        database.commit()


WRITERS: dict[str, Callable[[Made, Path, int], None]] = {
    ".csv": write_csv,
    ".jsonl": write_jsonl,
    ".parquet": write_parquet,
    ".sqlite": write_sqlite,
}


def main() -> None:
    """Write a file."""
    name, path, count = sys.argv[1], Path(sys.argv[2]), int(sys.argv[3])
    WRITERS[path.suffix](TABLES[name], path, count)


if __name__ == "__main__":
    main()
