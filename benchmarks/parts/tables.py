"""Load tables as people have them into the sink, and compare with only reading the same file.

Client CPU differs by a factor of two between moments of one machine. So each figure is a ratio to a reference
that was measured in the same round. The start of a command, measured with ten rows, is taken off: it
weighs as much as 100,000 rows.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks.bench import Bench
from benchmarks.grid import interleaved
from benchmarks.measure import Run, background, module, run, summary
from benchmarks.real_tables import KEYS, TABLES, as_texts

_FEW = 10  # rows of a load that is all start
# By table, or by format where it is trades; a load takes two seconds, or less.
_ROWS = {"flights": 336_776, "broad": 15_000, "texts": 40_000, "kraken.csv": 80_000, "hummingbot.csv": 80_000}
_MOST = 200_000
# All that a quick run measures: fewer rows of more tables would weigh less than the start.
_QUICK = ("trades.jsonl", "gaps.csv", "flights.csv", "flights.jsonl")


@dataclass(frozen=True, slots=True)
class Load:
    """A load that is measured.

    Attributes:
        title: names it.
        table: of `benchmarks.real_tables`; empty: trades.
        kind: the format of the source.
        into: the table of the sink; empty: the one of the same name.
        flags: of the command, beside those.
    """

    title: str
    table: str
    kind: str
    into: str = ""
    flags: tuple[str, ...] = ()


LOADS = {
    "trades.jsonl": Load("trades, JSON Lines", "", "jsonl"),
    "trades.json": Load("trades, JSON array on one line", "", "json"),
    "trades.csv": Load("trades, CSV", "", "csv"),
    "gaps.csv": Load("trades with 5 % empty cells, CSV", "gaps", "csv"),
    "flights.csv": Load("flights, CSV with NA", "flights", "csv", flags=("--null", "NA")),
    "flights.jsonl": Load("flights, JSON Lines", "flights", "jsonl"),
    "flights.parquet": Load("flights, Parquet", "flights", "parquet"),
    "flights.sqlite": Load("flights, SQLite", "flights", "sqlite"),
    "narrow.csv": Load("3 columns, CSV", "narrow", "csv"),
    "broad.csv": Load("200 columns, CSV", "broad", "csv"),
    "texts.csv": Load("texts of 2 KB, CSV", "texts", "csv"),
    **{f"{name}.jsonl": Load(f"{name.replace('_', ' of ')}, JSON Lines", name, "jsonl") for name in KEYS},
    **{
        as_texts(name): Load("the same, with a key of text", name, "jsonl", into=as_texts(name))
        for name in KEYS
    },
    "kraken.csv": Load("`--preset kraken`", "", "kraken.csv", flags=("--preset", "kraken")),
    "hummingbot.csv": Load("`--preset hummingbot`", "", "hummingbot.csv", flags=("--preset", "hummingbot")),
}
STARTS = {kind: f"start.{kind}" for kind in ("jsonl", "csv", "parquet", "sqlite")}
REFERENCES = [
    *("trades.jsonl", "trades.csv", "gaps.csv", "flights.csv", "flights.jsonl", "flights.parquet"),
    *("flights.sqlite", "narrow.csv", "broad.csv", "texts.csv"),
]
_SENT = ("trades.jsonl", "flights.jsonl")  # what a load of these rows sends is as large as these files


def measure(bench: Bench, _seconds: float) -> dict[str, Any]:
    """Run all loads and references in each round."""
    rounds = 1 if bench.quick else bench.rounds
    loads = {name: load for name, load in LOADS.items() if not bench.quick or name in _QUICK}
    with background("sink") as url:
        ways: dict[str, Callable[[], Run]] = {}
        for kind, name in STARTS.items():
            flags = LOADS["flights.csv"].flags if kind == "csv" else ()
            ways[name] = _loading(bench, Load("the start", "flights", kind, flags=flags), _FEW, url)
        for name, load in loads.items():
            ways[name] = _loading(bench, load, _rows(load), url)
            if name in REFERENCES:
                ways[f"only reading {name}"] = partial(_only_read, _source(bench, load), _rows(load))
        ways[STARTS["jsonl"]]()  # the first one may have to write bytecode
        runs = interleaved(ways, rounds, bench.say)
    cpu = {name: [each.cpu_seconds for each in taken] for name, taken in runs.items()}
    reported: dict[str, dict[str, Any]] = {}
    for name, load in loads.items():
        reported[name] = {"title": load.title, **summary(runs[name])}
        if name in REFERENCES:
            of_reading = _ratio(_own(cpu, name, load.kind), cpu[f"only reading {name}"])
            reported[name]["of"] = round(of_reading, 3)
    sizes = {name: _source(bench, LOADS[name]).stat().st_size for name in _SENT}
    return {"rounds": rounds, "runs": reported, "ratios": _ratios(cpu, sizes, runs)}


def _ratios(
    cpu: dict[str, list[float]], sizes: dict[str, int], runs: dict[str, list[Run]]
) -> dict[str, float]:
    """Return the ratios that are held to targets: the median of those of the rounds."""
    trades = _own(cpu, "trades.jsonl", "jsonl")
    a_byte = sizes["flights.jsonl"] / sizes["trades.jsonl"]
    ratios = {
        name: _ratio(_own(cpu, name, kind), trades) / a_byte
        for kind in ("parquet", "sqlite", "jsonl")
        if (name := f"flights.{kind}") in cpu
    }
    if "trades.json" in cpu:
        ratios["array"] = _ratio(_own(cpu, "trades.json", "jsonl"), trades)
        rates = [[run.rate for run in runs[f"{preset}.csv"]] for preset in ("hummingbot", "kraken")]
        ratios["hummingbot"] = _ratio(*rates)
        for name in KEYS:
            ratios[name] = _ratio(_own(cpu, f"{name}.jsonl", "jsonl"), _own(cpu, as_texts(name), "jsonl"))
    return {name: round(each, 3) for name, each in ratios.items()}


def _own(cpu: dict[str, list[float]], name: str, kind: str) -> list[float]:
    """Return the CPU seconds of a load in each round, without the start of the command."""
    start = median(cpu[STARTS[kind]])
    return [each - start for each in cpu[name]]


def _ratio(values: list[float], others: list[float]) -> float:
    return median(value / other for value, other in zip(values, others, strict=True))


def _rows(load: Load) -> int:
    return _ROWS.get(load.table or load.kind, _MOST)


def _source(bench: Bench, load: Load, rows: int | None = None) -> Path:
    rows = rows or _rows(load)
    if not load.table:
        return bench.source(rows, load.kind)
    path = bench.folder / f"{rows}-of-{load.table}.{load.kind}"
    if not path.exists():
        run(module("real_tables", load.table, path, rows), rows, {})
    return path


def _loading(bench: Bench, load: Load, rows: int, url: str) -> Callable[[], Run]:
    flags: list[object] = [*load.flags]
    if load.table:
        flags += ["--table", load.into or load.table, "--on-conflict", ",".join(TABLES[load.table].key)]
    return partial(bench.load, rows, *flags, url=url, source=_source(bench, load, rows))


def _only_read(source: Path, rows: int) -> Run:
    return run(module("reference", source), rows, {})[0]
