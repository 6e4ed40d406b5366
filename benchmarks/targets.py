"""The targets of the benchmark, and whether a run meets them. No I/O."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from benchmarks.grid import ratio

Results = dict[str, Any]  # results.json: a key for each part of the benchmark


@dataclass(frozen=True, slots=True)
class Target:
    """A bound for one figure.

    Attributes:
        text: names the figure.
        wanted: the bound.
        figure: returns the figure from the results; raises KeyError if it was not measured.
        most: whether the bound is an upper bound.
        form: formats the figure and the bound.
    """

    text: str
    wanted: float
    figure: Callable[[Results], float]
    most: bool = False
    form: str = "{:.2f}"


def _runs(results: Results, key: str) -> dict[str, Any]:
    run: dict[str, Any] = results["ways"]["runs"][key]
    return run


def _of(way: str, other: str) -> Callable[[Results], float]:
    return lambda results: ratio(_runs(results, way)["rates"], _runs(results, other)["rates"])


def _of_clients(results: Results) -> float:
    clients = [run["rates"] for key, run in results["ways"]["runs"].items() if key[:3] in ("py-", "js-")]
    if not clients:
        raise KeyError
    return ratio(_runs(results, "bulkload")["rates"], [max(rates) for rates in zip(*clients, strict=True)])


def _case(key: str) -> Callable[[Results], float]:
    return lambda results: float(results["fixed"][key]["ratio"])


def _peak(results: Results) -> float:
    peaks = [run["peak_rss_mb"] for key, run in results["ways"]["runs"].items() if key.startswith("bulkload")]
    if "growth" in results:
        peaks += [run["peak_rss_mb"] for run in results["growth"]["sink"].values()]
        peaks.append(results["growth"]["server"]["peak_rss_mb"])
    return float(max(peaks))


def _growth(results: Results) -> float:
    few, many = sorted(results["growth"]["sink"].values(), key=lambda run: int(run["rows"]))
    return float(many["peak_rss_mb"] / few["peak_rss_mb"])


def _format(kind: str) -> Callable[[Results], float]:
    return lambda results: float(results["formats"]["runs"][kind]["rows_per_second"])


def _of_reading(name: str) -> Callable[[Results], float]:
    return lambda results: float(results["tables"]["runs"][name]["of"])


def _tables(ratio_name: str) -> Callable[[Results], float]:
    return lambda results: float(results["tables"]["ratios"][ratio_name])


def _tables_peak(*, parquet: bool) -> Callable[[Results], float]:
    def peak(results: Results) -> float:
        runs = results["tables"]["runs"]
        peaks = [run["peak_rss_mb"] for name, run in runs.items() if name.endswith(".parquet") is parquet]
        if not peaks:  # a quick run leaves Parquet out
            raise KeyError
        return float(max(peaks))

    return peak


def _startup(key: str) -> Callable[[Results], float]:
    return lambda results: float(results["startup"][key]["seconds"])


TARGETS = [
    Target("empty table: of prebuilt inserts", 0.95, _of("bulkload", "raw-insert")),
    Target(r"empty table: of `\copy`", 1.0, _of("bulkload", "copy")),
    Target("empty table: of prebuilt upserts", 1.4, _of("bulkload", "raw-upsert")),
    Target("empty table: of the best of postgrest-py and postgrest-js", 3.0, _of_clients),
    Target("same rows again: of prebuilt upserts over them", 0.95, _of("bulkload-again", "raw-again")),
    Target("sink: rows/s", 750_000, lambda r: float(_runs(r, "sink")["rows_per_second"]), form="{:,.0f}"),
    Target("sink: client CPU, us/row", 1.35, lambda r: float(_runs(r, "sink")["cpu_us_per_row"]), most=True),
    Target("CSV into the sink: rows/s", 150_000, _format("csv"), form="{:,.0f}"),
    Target("Parquet into the sink: rows/s", 300_000, _format("parquet"), form="{:,.0f}"),
    Target("flights, CSV: client CPU of csv.reader's", 4, _of_reading("flights.csv"), most=True),
    *(
        Target(f"flights, {title}: of trades as JSON Lines, a byte", 3, _tables(f"flights.{kind}"), most=True)
        for kind, title in (("parquet", "Parquet"), ("sqlite", "SQLite"), ("jsonl", "JSON Lines"))
    ),
    Target("trades with gaps, CSV: of csv.reader's", 4, _of_reading("gaps.csv"), most=True),
    Target("trades, JSON Lines: of orjson.loads's", 1.2, _of_reading("trades.jsonl"), most=True),
    *(
        Target(f"{name.replace('_', ' of ')}: of the same with text", 1.25, _tables(name), most=True)
        for name in ("key_uuid", "key_timestamptz", "key_numeric", "key_pair")
    ),
    Target("hummingbot fills: of the Kraken preset's rate", 1, _tables("hummingbot")),
    Target("JSON array on one line: of JSON Lines", 1.3, _tables("array"), most=True),
    Target("tables: peak memory, MB", 100, _tables_peak(parquet=False), most=True, form="{:.0f}"),
    Target("tables: peak memory of Parquet, MB", 160, _tables_peak(parquet=True), most=True, form="{:.0f}"),
    Target("peak memory, MB", 100, _peak, most=True, form="{:.0f}"),
    Target("peak memory: ten times the rows against once", 1.1, _growth, most=True),
    Target("best fixed settings: loopback", 0.95, _case("near")),
    Target("best fixed settings: 40 ms of round trip", 0.95, _case("far")),
    Target("best fixed settings: statement_timeout above 500 rows", 0.95, _case("timeout")),
    Target("best fixed settings: 429 above 2 in flight", 0.95, _case("gate")),
    Target("rows of 4,096 shapes: of rows of one", 0.1, lambda r: float(r["shapes"]["ratio"])),
    Target("`bulkload --help`, s", 0.15, _startup("help"), most=True),
    Target("a load of one row, s", 0.6, _startup("row"), most=True),
]


def judge(results: Results) -> list[dict[str, Any]]:
    """Return each target, the wanted and the measured figure, and whether it is met (None: not measured)."""
    judged: list[dict[str, Any]] = []
    for target in TARGETS:
        sign = "<=" if target.most else ">="
        entry = {"target": target.text, "wanted": f"{sign} {target.form.format(target.wanted)}"}
        try:
            figure = target.figure(results)
        except KeyError:
            judged.append({**entry, "measured": "not measured", "met": None})
            continue
        met = figure <= target.wanted if target.most else figure >= target.wanted
        judged.append({**entry, "measured": target.form.format(figure), "met": met})
    return judged
