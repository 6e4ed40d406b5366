"""Choose the best of a grid of settings, let runs take turns, and compare them. No I/O."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from statistics import median
from typing import TypeVar

from benchmarks.measure import Run

Key = TypeVar("Key")


@dataclass(frozen=True, slots=True, order=True)
class Cell:
    """Settings of a load: requests in flight, and rows of each."""

    connections: int
    batch: int

    def __str__(self) -> str:
        return f"{self.connections} x {self.batch:,} rows"


def cells(connections: Sequence[int], batches: Sequence[int]) -> list[Cell]:
    """Return each number of connections with each size of batch."""
    return [Cell(*pair) for pair in product(connections, batches)]


def best(rates: Mapping[Cell, Sequence[float]]) -> Cell:
    """Return the cell with the highest median; of equals the smallest cell."""
    return max(sorted(rates), key=lambda cell: median(rates[cell]))


def interleaved(
    ways: Mapping[Key, Callable[[], Run]], rounds: int, say: Callable[[str], None]
) -> dict[Key, list[Run]]:
    """Run each way once a round, so that a slow moment of the machine hits all of them."""
    runs: dict[Key, list[Run]] = {way: [] for way in ways}
    for number in range(1, rounds + 1):
        for way, measure in ways.items():
            runs[way].append(measure())
            say(f"round {number}: {way}: {runs[way][-1].rate:,.0f} rows/s")
    return runs


def ratio(rates: Sequence[float], others: Sequence[float]) -> float:
    """Return the median of the ratios within each round."""
    return median(rate / other for rate, other in zip(rates, others, strict=True))


def rounded(rows: float, least: int = 10_000, most: int = 1_000_000) -> int:
    """Round a number of rows to two digits, within bounds."""
    digits = max(0, len(str(int(rows))) - 2)
    step: int = 10**digits
    return min(max(round(rows / step) * step, least), most)
