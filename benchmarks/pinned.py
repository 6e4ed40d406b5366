"""Run bulkload at a fixed pace: python -m benchmarks.pinned N ROWS [OPTIONS] SOURCE.

N requests of ROWS rows are in flight, whatever the server does. The pace that bulkload finds itself is
compared with this.
"""

from __future__ import annotations

import sys
from typing import Any

from loader import pipeline
from loader.cli import main as cli
from loader.model import Answered, Limits
from loader.throttle.throttle import Throttle

_ARGUMENTS = 3


class Pinned(Throttle):
    """A pace that never changes."""

    def __init__(self, *, count: int, rows: int, batch_bytes: int, **others: Any) -> None:
        super().__init__(batch_bytes=batch_bytes, **others)
        self._count = count
        self.limits = Limits(rows, batch_bytes)

    @property
    def in_flight(self) -> int:
        """As told."""
        return self._count

    def takes(self, rows: int, size: int) -> bool:
        """As told."""
        return rows <= self.limits.rows and size <= self.limits.size

    def made(self, rows: int, size: int) -> None:
        """Learn nothing."""

    def answered(self, answer: Answered) -> None:
        """Learn nothing."""


def main() -> None:
    """Load, with the words behind the first two as bulkload's command line."""
    count, rows = map(int, sys.argv[1:_ARGUMENTS])
    sys.argv[1:] = sys.argv[_ARGUMENTS:]

    def pinned(**given: Any) -> Throttle:
        return Pinned(count=count, rows=rows, **given)

    setattr(pipeline, "Throttle", pinned)  # noqa: B010 - it is not exported
    cli.main()


if __name__ == "__main__":
    main()
