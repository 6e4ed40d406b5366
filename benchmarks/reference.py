"""Only read a file, the fastest way that Python has: `python -m benchmarks.reference FILE`.

A load cannot be cheaper. Prints rows, seconds and CPU seconds as JSON, without the start of Python.
"""

from __future__ import annotations

import csv
import json
import resource
import sqlite3
import sys
import time
from collections import deque
from collections.abc import Callable, Sized
from contextlib import closing
from pathlib import Path


def read_csv(path: Path) -> int:
    """Read CSV with the csv module."""
    with path.open(newline="") as file:
        reader = csv.reader(file)
        deque(reader, maxlen=0)
        return reader.line_num - 1


def read_jsonl(path: Path) -> int:
    """Decode each line with orjson."""
    import orjson  # noqa: PLC0415 - only what is measured is imported

    with path.open("rb") as file:
        return sum(1 for _ in map(orjson.loads, file))


def read_parquet(path: Path) -> int:
    """Read all columns with polars."""
    import polars as pl  # noqa: PLC0415

    return pl.read_parquet(path).height


def read_sqlite(path: Path) -> int:
    """Fetch all rows of the only table."""
    with closing(sqlite3.connect(path)) as database:
        ((name,),) = database.execute("select name from sqlite_master where type = 'table'")
        rows: Sized = database.execute(f'select * from "{name}"').fetchall()  # noqa: S608 - ours
        return len(rows)


READERS: dict[str, Callable[[Path], int]] = {
    ".csv": read_csv,
    ".jsonl": read_jsonl,
    ".parquet": read_parquet,
    ".sqlite": read_sqlite,
}


def main() -> None:
    """Read a file, and print what it took."""
    path = Path(sys.argv[1])
    if path.suffix == ".parquet":
        import polars as pl  # noqa: PLC0415

        pl.select(1)  # the import takes longer than the reading
    before, start = resource.getrusage(resource.RUSAGE_SELF), time.perf_counter()
    rows = READERS[path.suffix](path)
    seconds, after = time.perf_counter() - start, resource.getrusage(resource.RUSAGE_SELF)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    json.dump({"rows": rows, "seconds": seconds, "cpu_seconds": cpu}, sys.stdout)


if __name__ == "__main__":
    main()
