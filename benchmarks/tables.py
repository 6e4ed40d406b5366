"""Write the results as Markdown: all of them for results.md, five rows for the README. No I/O."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from benchmarks.targets import Results

IN_README = ["bulkload", "bulkload-again", "copy", "py-best", "py-one"]
PLOTS = {
    "settings": "Rows a second against concurrency and batch size, of prebuilt requests and of bulkload",
    "growth": "Rows a second and memory against the rows loaded",
    "changing": "Rate, requests in flight and rows of a request while the server's capacity changes",
}
NOTES = r"""
- bulkload and psql are timed from the start of the command to its end, the others from the first row to the
  last.
- Prebuilt requests are made before the clock starts, so they measure the server alone.
- The scripts with postgrest-py and postgrest-js read the dump as they go, and stop after some seconds. They
  read numbers as floats, as such scripts do, and so lose digits.
- `\copy` bypasses PostgREST and writes to the database itself.
- CPU is the client's own. PostgreSQL does a checkpoint before each run; it is not timed.
"""
TABLES_NOTE = """
Only reading is `csv.reader` over the file, `orjson.loads` of each line, polars reading the columns, or
fetching all rows from SQLite. In this ratio the start of the command is left out.
""".strip()


def table(head: Sequence[str], rows: Iterable[Sequence[object]], *, left: int = 1) -> str:
    """Return a table whose first ``left`` columns are texts and whose others are numbers."""
    lines = ["| " + " | ".join(head) + " |", "|" + "---|" * left + "--:|" * (len(head) - left)]
    lines += ["| " + " | ".join(map(str, row)) + " |" for row in rows]
    return "\n".join(lines)


def setting(results: Results) -> str:
    """Return a paragraph on the rows, the machine and the versions that were measured."""
    about = results["machine"]
    part = results.get("ways")
    rows = (
        f"{part['rows']:,} trades of 246 bytes each; medians of {part['rounds']} rounds, in which all take "
        "turns.\n"
        if part
        else ""
    )
    clients = "".join(f", {name} {version}" for name, version in about["clients"].items())
    return (
        f"{rows}The client, PostgREST {about['postgrest']} and PostgreSQL {about['postgresql']} share one "
        f"machine of {about['cores']} cores\nand {about['memory_gb']} GB. "
        f"Python {about['python']}{clients}; {about['date']}."
    )


def ways(results: Results, keys: Iterable[str] | None = None) -> str:
    """Return the table of ways to load; only those of ``keys``, in that order, where it is given."""
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
    """Return the table of source formats."""
    part = results["formats"]
    head = f"{part['rows']:,} rows into the sink"
    return ways({"ways": part}).replace("|  |", f"| {head} |", 1)


def real_tables(results: Results) -> str:
    """Return the table of tables as people have them."""
    return table(
        ["into the sink", "rows", "rows/s", "client CPU, us/row", "of only reading", "client memory, MB"],
        [
            (
                run["title"],
                f"{run['rows']:,}",
                f"{run['rows_per_second']:,}",
                f"{run['cpu_us_per_row']:.2f}",
                f"{run['of']:.2f}" if "of" in run else "",
                f"{run['peak_rss_mb']:.0f}",
            )
            for run in results["tables"]["runs"].values()
        ],
    )


def shapes(results: Results) -> str:
    """Return the table of rows with optional keys, by the number of their shapes."""
    part = results["shapes"]
    return table(
        ["into", "shapes", "rows/s", "client CPU, us/row", "client memory, MB"],
        [
            (
                f"the {into}",
                f"{int(number):,}",
                f"{taken['rows_per_second']:,}",
                f"{taken['cpu_us_per_row']:.2f}",
                f"{taken['peak_rss_mb']:.0f}",
            )
            for into, by_shapes in part["runs"].items()
            for number, taken in by_shapes.items()
        ],
    )


def targets(judged: Sequence[dict[str, Any]]) -> str:
    """Return the table of targets, wanted and measured."""
    words = {True: "", False: " (missed)", None: ""}
    return table(
        ["target", "wanted", "measured"],
        [(entry["target"], entry["wanted"], entry["measured"] + words[entry["met"]]) for entry in judged],
    )


def fixed(results: Results) -> str:
    """Return the table of peculiar servers: the best fixed settings beside what bulkload finds."""
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
    """Return the table of few rows and many."""
    part = results["growth"]
    runs = [("the sink", run) for run in part["sink"].values()] + [("the server", part["server"])]
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
    """Return the plots among ``names``, as images in ``folder``."""
    return "\n\n".join(f"![{PLOTS[name]}]({folder}/{name}.svg)" for name in PLOTS if name in names)


def report(results: Results) -> str:
    """Return results.md."""
    parts = ["# Benchmark", "`make bench` writes this page.", setting(results)]
    if "ways" in results:
        parts += ["## Ways to load", ways(results), NOTES.strip(), *results["ways"]["left_out"]]
    parts += ["## Targets", targets(results["targets"])]
    if "formats" in results:
        parts += ["## Formats", formats(results)]
    if "tables" in results:
        parts += ["## Tables as people have them", real_tables(results), TABLES_NOTE]
    if "fixed" in results:
        parts += ["## bulkload's own settings against the best fixed ones", fixed(results)]
    if "growth" in results:
        parts += ["## From one million rows to ten", growth(results)]
    if "shapes" in results:
        parts += ["## Rows with optional keys", shapes(results)]
    if drawn := images(results, "plots"):
        parts += ["## Plots", drawn]
    return "\n\n".join(parts) + "\n"


def readme(results: Results) -> str:
    """Return the README's block: the main ways to load, with what they were measured on."""
    return f"{ways(results, IN_README)}\n\n{setting(results)}"
