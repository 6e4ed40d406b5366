"""The results as Markdown: all of them, and the main ones for the README. No I/O."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from benchmarks.targets import Results

MAIN = [
    *("bulkload", "bulkload-again", "raw-insert", "raw-upsert", "raw-again", "copy", "copy-staged"),
    *("py-one", "py-best", "js-one", "js-best", "sink"),
]
PLOTS = {
    "settings": "Rows a second against concurrency and batch size, of prebuilt requests and of bulkload",
    "growth": "Rows a second and memory against the rows loaded",
    "changing": "Rate, requests in flight and rows of a request while the server's capacity changes",
}
NOTES = r"""
bulkload and psql are timed from the start of the command to its end. The others are timed from the first row
to the last: prebuilt requests are made before, so that only the server is measured; the scripts with
postgrest-py and postgrest-js read the dump as they go, for some seconds. CPU is the client's own. Before each
run PostgreSQL does a checkpoint, untimed. `\copy` goes past PostgREST, into the database itself. The scripts
read numbers as floats, as such scripts do, and so do not write all digits.
"""


def table(head: Sequence[str], rows: Iterable[Sequence[object]], *, left: int = 1) -> str:
    """A table; the first ``left`` columns are texts, the others numbers."""
    lines = ["| " + " | ".join(head) + " |", "|" + "---|" * left + "--:|" * (len(head) - left)]
    lines += ["| " + " | ".join(map(str, row)) + " |" for row in rows]
    return "\n".join(lines)


def setting(results: Results) -> str:
    """What it was measured on."""
    about = results["machine"]
    part = results.get("ways")
    rows = f"{part['rows']:,} trades of 246 bytes; medians of {part['rounds']} rounds. " if part else ""
    clients = "".join(f", {name} {version}" for name, version in about["clients"].items())
    return (
        f"{rows}All take turns in each round. Client, PostgREST\n{about['postgrest']} and PostgreSQL "
        f"{about['postgresql']} share one machine of {about['cores']} cores and {about['memory_gb']} GB.\n"
        f"Python {about['python']}{clients}; {about['date']}."
    )


def ways(results: Results, keys: Iterable[str] | None = None) -> str:
    """The ways to load, or some of them."""
    runs = results["ways"]["runs"]
    chosen = [runs[key] for key in (runs if keys is None else keys) if key in runs]
    return table(
        ["", "rows/s", "client CPU, us/row", "client memory, MB"],
        [
            (
                run["title"],
                f"{run['rows_per_second']:,}",
                f"{run['cpu_us_per_row']:.2f}",
                "" if "psql" in run["title"] else f"{run['peak_rss_mb']:.0f}",
            )
            for run in chosen
        ],
    )


def formats(results: Results) -> str:
    """The formats of sources."""
    found = results["formats"]
    head = f"{found['rows']:,} rows into the sink"
    return ways({"ways": found}).replace("|  |", f"| {head} |", 1)


def targets(judged: Sequence[dict[str, Any]]) -> str:
    """What was wanted, and what was measured."""
    words = {True: "", False: " (missed)", None: ""}
    return table(
        ["target", "wanted", "measured"],
        [(one["target"], one["wanted"], one["measured"] + words[one["met"]]) for one in judged],
    )


def fixed(results: Results) -> str:
    """Peculiar servers: the best fixed settings, and the loader's own."""
    return table(
        ["", "best fixed settings", "rows/s", "bulkload, rows/s", "ratio"],
        [
            (
                case["title"],
                case["cell"],
                f"{case['fixed']['rows_per_second']:,}",
                f"{case['bulkload']['rows_per_second']:,}",
                f"{case['ratio']:.2f}",
            )
            for case in results["fixed"].values()
        ],
        left=2,
    )


def growth(results: Results) -> str:
    """Few rows and many."""
    found = results["growth"]
    runs = [("the sink", run) for run in found["sink"].values()] + [("the server", found["server"])]
    return table(
        ["into", "rows", "rows/s", "client CPU, us/row", "client memory, MB"],
        [
            (
                into,
                f"{run['rows']:,}",
                f"{run['rows_per_second']:,}",
                f"{run['cpu_us_per_row']:.2f}",
                f"{run['peak_rss_mb']:.0f}",
            )
            for into, run in runs
        ],
    )


def images(names: Iterable[str], folder: str) -> str:
    """The plots."""
    return "\n\n".join(f"![{PLOTS[name]}]({folder}/{name}.svg)" for name in PLOTS if name in names)


def report(results: Results) -> str:
    """All of it: results.md."""
    parts = ["# Benchmark", "Written by `make bench`.", setting(results)]
    if "ways" in results:
        parts += ["## Ways to load", ways(results), NOTES.strip(), *results["ways"]["left_out"]]
    parts += ["## Targets", targets(results["targets"])]
    if "formats" in results:
        parts += ["## Formats", formats(results)]
    if "fixed" in results:
        parts += ["## Settings found, against the best fixed ones", fixed(results)]
    if "growth" in results:
        parts += ["## From one million rows to ten", growth(results)]
    parts += ["## Plots", images(results, "plots")]
    return "\n\n".join(parts) + "\n"


def readme(results: Results) -> str:
    """The main figures."""
    parts = [setting(results), ways(results, MAIN), targets(results["targets"])]
    if "formats" in results:
        parts.insert(2, formats(results))
    return "\n\n".join([*parts, images(results, "benchmarks/plots")])
