"""Make rows with optional keys: `python -m benchmarks.optional_rows FILE ROWS SHAPES`.

A row of one shape has all twelve of its columns. Of more shapes, a power of two, each row has about half of
the columns that are optional, and none of the others.
"""

from __future__ import annotations

import sys
from pathlib import Path
from random import Random

COLUMNS = [f"c{number}" for number in range(1, 13)]
MOST = 1 << len(COLUMNS)  # shapes


def write(path: Path, rows: int, shapes: int) -> None:
    """Write JSON Lines; each number of shapes has rows of its own, the same each time."""
    random = Random(shapes)
    with path.open("w") as file:
        for number in range(rows):
            chosen = MOST - 1 if shapes == 1 else random.randrange(shapes)
            pairs = [f'"{name}": "{number}"' for bit, name in enumerate(COLUMNS) if chosen >> bit & 1]
            file.write("{" + ", ".join([f'"id": {number}', *pairs]) + "}\n")


if __name__ == "__main__":
    write(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]))
