"""Draw the results: `python -m benchmarks.plots RESULTS.json FOLDER` writes an SVG for each part.

This is a process of its own, because matplotlib needs more memory than what is measured. The same results
give the same bytes.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import matplotlib as mpl
from matplotlib.figure import Figure

WIDTH = 8.0  # inches
INK, OURS, SERVER, OTHER = "#333333", "#c2410c", "#1d4ed8", "#64748b"
SHADES = ["#93c5fd", "#3b82f6", "#1e3a8a"]
STYLE = {
    "svg.hashsalt": "bulkload",
    "svg.fonttype": "none",
    "font.family": "sans-serif",
    "font.size": 9,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "grid.color": "#e5e7eb",
    "axes.edgecolor": INK,
    "text.color": INK,
    "axes.labelcolor": INK,
    "xtick.color": INK,
    "ytick.color": INK,
    "legend.frameon": False,
}


def settings(part: dict[str, Any]) -> Figure:
    """Draw rows a second against concurrency (left) and batch size (right)."""
    figure = Figure((WIDTH, 3.4))
    left, right = figure.subplots(1, 2, sharey=True)
    for shade, batch in zip(SHADES, sorted({batch for _, batch, _ in part["raw"]}), strict=True):
        points = [(n, rate / 1000) for n, size, rate in part["raw"] if size == batch]
        left.plot(*zip(*points, strict=True), "o-", color=shade, label=f"prebuilt, {batch:,} rows")
    points = [(n, rate / 1000) for n, rate in part["concurrency"]]
    left.plot(*zip(*points, strict=True), "s-", color=OURS, label="bulkload --concurrency")
    left.set(xlabel="requests in flight", ylabel="1,000 rows/s", xscale="log", ylim=(0, None))
    left.set_xticks([1, 2, 4, 8], ["1", "2", "4", "8"], minor=False)
    left.minorticks_off()
    for shade, connections in zip(SHADES, (1, 2, 4), strict=True):
        points = [(size, rate / 1000) for n, size, rate in part["raw"] if n == connections]
        right.plot(*zip(*points, strict=True), "o-", color=shade, label=f"prebuilt, {connections} in flight")
    points = [(size, rate / 1000) for size, rate in part["batch_rows"]]
    right.plot(*zip(*points, strict=True), "s-", color=OURS, label="bulkload --batch-rows")
    right.set(xlabel="rows of a request", xscale="log")
    right.set_xticks([250, 500, 1000, 2000, 4000], ["250", "500", "1,000", "2,000", "4,000"], minor=False)
    right.minorticks_off()
    for axes in (left, right):
        axes.legend(fontsize=7, ncols=2, loc="upper center", bbox_to_anchor=(0.5, 1.22))
    return figure


def growth(part: dict[str, Any]) -> Figure:
    """Draw rows a second (left) and memory (right) against the rows loaded."""
    figure = Figure((WIDTH, 3.0))
    left, right = figure.subplots(1, 2)
    for name, colour, label in (("sink", OTHER, "a sink that only reads"), ("server", OURS, "PostgREST")):
        curve = part[f"{name}_samples"]
        millions = [rows / 1e6 for rows, *_ in curve]
        left.plot(millions, [rate / 1000 for _, rate, _ in curve], color=colour, label=label)
        right.plot(millions, [memory for *_, memory in curve], color=colour, label=label)
    left.set(xlabel="million rows loaded", ylabel="1,000 rows/s", ylim=(0, None))
    right.set(xlabel="million rows loaded", ylabel="memory of bulkload, MB", ylim=(0, 110))
    figure.legend(*left.get_legend_handles_labels(), fontsize=8, ncols=2, loc="upper center")
    return figure


def changing(part: dict[str, Any]) -> Figure:
    """Draw rate, requests in flight and rows of a request over time."""
    figure = Figure((WIDTH, 4.6))
    rate, flying, size = figure.subplots(3, 1, sharex=True)
    seconds = [point[0] for point in part["points"]]
    end = seconds[-1]
    steps = [step for step in part["capacity"] if step[0] < end]
    at = [when for when, _ in steps] + [end]
    rate.step(
        at, [rows / 1000 for _, rows in [*steps, steps[-1]]], where="post", color=OTHER, label="capacity"
    )
    rate.plot(seconds, [point[1] / 1000 for point in part["points"]], color=OURS, label="rows answered")
    figure.legend(*rate.get_legend_handles_labels(), fontsize=8, ncols=2, loc="upper center")
    flying.plot(seconds, [point[2] for point in part["points"]], color=OURS)
    size.plot(seconds, [point[3] for point in part["points"]], color=OURS)
    size.set(xlabel="seconds")
    for axes, label in ((rate, "1,000 rows/s"), (flying, "in flight"), (size, "rows of a request")):
        axes.set(ylabel=label, ylim=(0, axes.get_ylim()[1] * 1.1))
    figure.align_ylabels()
    return figure


DRAWN: dict[str, Callable[[dict[str, Any]], Figure]] = {
    "settings": settings,
    "growth": growth,
    "changing": changing,
}


def main() -> None:
    """Draw the parts that were measured."""
    results, folder = json.loads(Path(sys.argv[1]).read_text()), Path(sys.argv[2])
    folder.mkdir(parents=True, exist_ok=True)
    with mpl.rc_context(STYLE):
        for name, draw in DRAWN.items():
            if name in results:
                figure = draw(results[name])
                figure.set_layout_engine("tight", rect=(0, 0, 1, 1 if name == "settings" else 0.95))
                figure.savefig(folder / f"{name}.svg", metadata={"Date": None, "Creator": None})


if __name__ == "__main__":
    main()
