"""The ways to load rows that are measured against each other."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from benchmarks import npm
from benchmarks.bench import INSERT, UPSERT, Bench
from benchmarks.grid import Cell, best, cells
from benchmarks.measure import Run, module, run
from benchmarks.rows import COLUMNS
from benchmarks.server import TABLE
from loader.credentials.minted import Minted

CLIENT_GRID = cells((1, 4, 8), (500, 1000, 5000))
QUICK_GRID = cells((4, 8), (1000,))
SCRIPTS = {"py": "postgrest-py", "js": "postgrest-js"}


@dataclass(frozen=True, slots=True)
class Way:
    """A way to load rows.

    Attributes:
        title: names the way in the tables.
        measure: prepares the table, runs once and checks the result.
    """

    title: str
    measure: Callable[[], Run]


def of_bulkload(bench: Bench, rows: int) -> dict[str, Way]:
    """Return bulkload on its defaults. The second run loads over the rows of the first."""
    ways = {
        "bulkload": Way("bulkload, empty table", lambda: bench.fresh(lambda: bench.load(rows))),
        "bulkload-again": Way("bulkload again, same rows", lambda: bench.again(lambda: bench.load(rows))),
    }
    if bench.inserts_first:
        ways["bulkload-never"] = Way(
            "bulkload `--insert-first never`, empty table",
            lambda: bench.fresh(lambda: bench.load(rows, "--insert-first", "never")),
        )
    return ways


def of_raw(bench: Bench, rows: int) -> dict[str, Way]:
    """Return prebuilt requests with their best settings: the server's limit."""
    insert, upsert = bench.best_of(INSERT), bench.best_of(UPSERT)
    return {
        "raw-insert": Way(
            f"prebuilt inserts, empty table ({insert})",
            lambda: bench.fresh(lambda: bench.raw(rows, insert, INSERT)),
        ),
        "raw-again": Way(
            f"prebuilt upserts, same rows ({upsert})",
            lambda: bench.again(lambda: bench.raw(rows, upsert, UPSERT)),
        ),
        "raw-upsert": Way(
            f"prebuilt upserts, empty table ({upsert})",
            lambda: bench.fresh(lambda: bench.raw(rows, upsert, UPSERT)),
        ),
    }


def of_psql(bench: Bench, rows: int) -> dict[str, Way]:
    """Return psql's copy command, into the table itself and by way of a staging table."""
    columns = ",".join(COLUMNS)
    copy = r"\copy {0} (" + columns + f") from '{bench.table(rows)}' with (format csv)"
    sets = ",".join(f"{name} = excluded.{name}" for name in COLUMNS)
    staged = [
        f"create temp table staging (like {TABLE})",
        copy.format("staging"),
        f"insert into {TABLE} select * from staging on conflict (id) do update set {sets}",  # noqa: S608
    ]

    def psql(*commands: str) -> Run:
        return run(bench.server.psql(*commands), rows, bench.server.variables)[0]

    return {
        "copy": Way(r"psql `\copy`, empty table", lambda: bench.fresh(lambda: psql(copy.format(TABLE)))),
        "copy-staged": Way(
            r"psql `\copy` to a staging table, then `insert on conflict`",
            lambda: bench.fresh(lambda: psql(*staged)),
        ),
    }


def of_client(bench: Bench, kind: str, rows: int) -> dict[str, Way]:
    """Return postgrest-py or postgrest-js: the plain script, and its best settings.

    Raises:
        LookupError: the client is not installed; the message says why.
    """
    name = SCRIPTS[kind]
    seconds = 0.6 if bench.quick else 3.0
    script = _python if kind == "py" else _node(bench)

    def measure(cell: Cell, seconds: float = seconds) -> Run:
        command = script(bench, rows, cell, seconds)
        return bench.fresh(lambda: run(command, rows, bench.server.variables)[0])

    rates: dict[Cell, list[float]] = {}
    for tried in QUICK_GRID if bench.quick else CLIENT_GRID:
        rates[tried] = [measure(tried, seconds / 2).rate]
        bench.say(f"{name} {tried}: {rates[tried][0]:,.0f} rows/s")
    cell = best(rates)
    return {
        f"{kind}-one": Way(f"{name}, an upsert a row", lambda: measure(Cell(0, 1))),
        f"{kind}-thousand": Way(f"{name}, upserts of 1,000", lambda: measure(Cell(0, 1000))),
        f"{kind}-best": Way(f"{name}, inserts, best settings ({cell})", lambda: measure(cell)),
    }


def _python(bench: Bench, rows: int, cell: Cell, seconds: float) -> list[str]:
    command = module("with_postgrest_py", "--url", bench.server.url, "--dump", bench.dump(rows))
    command += ["--batch", str(cell.batch), "--concurrency", str(cell.connections)]
    return [*command, "--seconds", str(seconds)]


def _node(bench: Bench) -> Callable[[Bench, int, Cell, float], list[str]]:
    npm.install()
    url = bench.server.url
    secret = bench.server.variables["PGRST_JWT_SECRET"]
    token = Minted(secret, role="api_data_producer", audience=url, lifetime=7200).mint()

    def command(bench: Bench, rows: int, cell: Cell, seconds: float) -> list[str]:
        given = {"batch": cell.batch, "concurrency": cell.connections, "seconds": seconds}
        return npm.command({"url": url, "token": token, "dump": str(bench.dump(rows)), **given})

    return command


def of_sink(bench: Bench, url: str, rows: int) -> dict[str, Way]:
    """Return loads into the sink, which only reads: the client's limit, and that of the sink itself."""
    raw_rows = min(rows, 1_000_000)  # the requests are prebuilt, and stay in memory
    return {
        "sink": Way("bulkload, into a sink that only reads", lambda: bench.load(rows, url=url)),
        "raw-sink": Way(
            "prebuilt requests, into the sink", lambda: bench.raw(raw_rows, Cell(4, 4000), UPSERT, url=url)
        ),
    }
