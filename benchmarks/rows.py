"""Make the rows that are loaded: trades of 246 bytes a line, as JSON Lines, as CSV and as bodies.

`python -m benchmarks.rows FILE ROWS` writes them, as CSV if the name of FILE says so.
"""

from __future__ import annotations

import csv
import io
import json
import sys
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

from examples.make_trades import row

COLUMNS = [
    *("id", "timestamp", "market", "symbol", "base_asset", "quote_asset", "is_buy"),
    *("amount", "price", "usd_value"),
]
BASE = 100_000  # rows that are made one by one; the others are copies with ids of their own
MOST = BASE * 256

_ID_LEFT = len('{"id":"0x') + 19  # of 32 digits: so that a line has 246 bytes in the mean
_ID_RIGHT = len('{"id":"0x') + 32
_COPY = b"@@"  # where an id has the number of the copy: at its end, so that keys come in no order


def write_jsonl(path: Path, rows: int) -> None:
    """Write a dump as JSON Lines. A longer dump begins with the rows of a shorter one."""
    _write(path, rows, b"".join(_lines(min(rows, BASE))))


def write_csv(path: Path, rows: int) -> None:
    """Write the same rows as CSV for psql, with each number as the dump has it."""
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    for line in _lines(min(rows, BASE)):
        writer.writerow(json.loads(line, parse_float=str, parse_int=str).values())
    _write(path, rows, text.getvalue().encode())


def bodies(path: Path, rows: int, batch: int) -> Iterator[tuple[int, bytes]]:
    """Yield the first rows of a dump as bodies of requests, with the number of rows in each."""
    with path.open("rb") as file:
        left = rows
        while left and (lines := list(islice(file, min(batch, left)))):
            left -= len(lines)
            yield len(lines), b"[" + b"".join(lines)[:-1].replace(b"\n", b",") + b"]"


def _lines(count: int) -> Iterator[bytes]:
    for index in range(count):
        line = row(index).encode()
        yield line[:_ID_LEFT] + _COPY + line[_ID_RIGHT:]


def _write(path: Path, rows: int, base: bytes) -> None:
    if rows > MOST:
        raise ValueError(f"{rows} rows are more than there are different ones: {MOST}")
    with path.open("wb") as file:
        for copy in range(-(-rows // BASE)):
            block = base.replace(_COPY, b"%02x" % copy)
            left = rows - copy * BASE
            if left < BASE:
                block = b"".join(block.splitlines(keepends=True)[:left])
            file.write(block)


def main() -> None:
    """Write a dump."""
    path, rows = Path(sys.argv[1]), int(sys.argv[2])
    (write_csv if path.suffix == ".csv" else write_jsonl)(path, rows)


if __name__ == "__main__":
    main()
