"""Load rows with many optional keys: rows of one shape, and of up to 4,096 that take turns."""

from __future__ import annotations

import time
from functools import partial
from pathlib import Path
from typing import Any

from benchmarks.bench import Bench
from benchmarks.grid import interleaved, ratio
from benchmarks.measure import Failed, Run, background, module, run, summary
from benchmarks.optional_rows import COLUMNS, MOST

SHAPES = (1, 64, 128, MOST)
TABLE = "optional_rows"
_ROWS, _QUICK_ROWS = 200_000, 50_000
_A_ROW = 250e-6  # seconds for a row of each number of shapes, into both targets


def measure(bench: Bench, seconds: float) -> dict[str, Any]:
    """Run each number of shapes in each round, into the sink and into the server."""
    rows = _QUICK_ROWS if bench.quick else _ROWS
    rounds = min(bench.rounds, max(1, round(seconds / (rows * _A_ROW))))
    sources = {shapes: _source(bench, rows, shapes) for shapes in SHAPES}
    _make_table(bench)
    with background("sink") as url:
        into_sink = interleaved(
            {shapes: partial(_load, bench, rows, sources[shapes], url=url) for shapes in SHAPES},
            rounds,
            bench.say,
        )
    into_server = interleaved(
        {shapes: partial(_into_server, bench, rows, sources[shapes]) for shapes in SHAPES}, rounds, bench.say
    )
    runs = {"sink": into_sink, "server": into_server}
    return {
        "rows": rows,
        "runs": {
            into: {str(shapes): summary(taken) for shapes, taken in by_shapes.items()}
            for into, by_shapes in runs.items()
        },
        "ratio": ratio([took.rate for took in into_server[MOST]], [took.rate for took in into_server[1]]),
    }


def _source(bench: Bench, rows: int, shapes: int) -> Path:
    path = bench.folder / f"{rows}-of-{shapes}-shapes.jsonl"
    run(module("optional_rows", path, rows, shapes), rows, {})
    return path


def _make_table(bench: Bench) -> None:
    columns = ", ".join(f"{name} text" for name in COLUMNS)
    bench.server.sql(
        f"create table api.{TABLE} (id int primary key, {columns})",
        f"grant select, insert, update on api.{TABLE} to api_data_producer",
        "notify pgrst, 'reload schema'",
    )
    time.sleep(1)  # PostgREST does not tell when it has reloaded


def _load(bench: Bench, rows: int, source: Path, *, url: str | None = None) -> Run:
    return bench.load(rows, "--table", TABLE, url=url, source=source)


def _into_server(bench: Bench, rows: int, source: Path) -> Run:
    bench.server.sql(f"truncate api.{TABLE}")
    bench.server.settle()
    took = _load(bench, rows, source)
    stored = int(bench.server.sql(f"select count(*) from api.{TABLE}"))  # noqa: S608
    if stored != rows:
        raise Failed(f"{stored} rows are in the table, not {rows}")
    return took
