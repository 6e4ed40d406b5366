"""Load the same rows in each format into the sink, to measure what the client needs to make JSON of them."""

from __future__ import annotations

from functools import partial
from typing import Any

from benchmarks.bench import Bench
from benchmarks.grid import interleaved, rounded
from benchmarks.measure import background, summary

TITLES = {
    "jsonl": "JSON Lines",
    "commas.jsonl": "JSON Lines, with commas and brackets",
    "json": "JSON array, on one line",
    "csv": "CSV",
    "csv.gz": "CSV, gzip",
    "tsv": "TSV",
    "parquet": "Parquet",
    "sqlite": "SQLite",
    "kraken.csv": "`--preset kraken`",
}
_FLAGS = {"kraken.csv": ["--preset", "kraken"]}
_A_ROW = 50e-6  # seconds for a row in all formats, in a round, with the writing of the files


def measure(bench: Bench, seconds: float) -> dict[str, Any]:
    """Run each format in each round."""
    rows = 200_000 if bench.quick else rounded(seconds / bench.rounds / _A_ROW, 200_000)
    for kind in TITLES:
        bench.source(rows, kind)
    with background("sink") as url:
        runs = interleaved(
            {kind: partial(bench.load, rows, *_FLAGS.get(kind, []), url=url, kind=kind) for kind in TITLES},
            bench.rounds,
            bench.say,
        )
    return {"rows": rows, "runs": {kind: {"title": TITLES[kind]} | summary(runs[kind]) for kind in TITLES}}
