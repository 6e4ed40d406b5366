"""Compares a dump of trades with the table that it was loaded into: python check_sums.py FILE.

How many rows there are, and the sums of their amounts, prices and values, to the last digit: read with
decimal arithmetic that fails rather than round. The database is the one that psql connects to (PGHOST and
so on); no id may stand twice in the file. Exits 1 where anything differs.
"""

from __future__ import annotations

import json
import subprocess
import sys
from decimal import Context, Decimal, Inexact, InvalidOperation, localcontext
from pathlib import Path

COLUMNS = ("amount", "price", "usd_value")
EXACT = Context(prec=1000, traps=[Inexact, InvalidOperation])


def of_file(path: Path) -> list[Decimal]:
    """Rows and sums of the file."""
    rows, sums = 0, dict.fromkeys(COLUMNS, Decimal(0))
    with localcontext(EXACT), path.open("rb") as file:
        for line in file:
            trade = json.loads(line, parse_float=Decimal, parse_int=Decimal)
            rows += 1
            for column in COLUMNS:
                sums[column] += trade[column]
    return [Decimal(rows), *sums.values()]


def of_table() -> list[Decimal]:
    """Rows and sums of the table, as PostgreSQL adds them up."""
    query = f"select count(*), {', '.join(f'coalesce(sum({c}), 0)' for c in COLUMNS)} from api.all_trades"  # noqa: S608
    psql = ["psql", "--no-psqlrc", "--no-align", "--tuples-only", "--field-separator= ", "--command", query]
    answer = subprocess.run(psql, stdout=subprocess.PIPE, text=True, check=True).stdout
    return [Decimal(value) for value in answer.split()]


def main() -> None:
    """Print what both say, and whether it is the same."""
    names = ("rows", *(f"sum of {column}" for column in COLUMNS))
    pairs = list(zip(names, of_file(Path(sys.argv[1])), of_table(), strict=True))
    print(f"{'':17} {'file':>36} {'table':>36}  equal")
    for name, file, table in pairs:
        print(f"{name:17} {file:>36,f} {table:>36,f}  {'yes' if file == table else 'NO'}")
    sys.exit(any(file != table for _, file, table in pairs))


if __name__ == "__main__":
    main()
