"""The ways to get rows into the table that are measured against each other."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from benchmarks import npm
from benchmarks.bench import INSERT, UPSERT, Bench
from benchmarks.grid import Cell, best, cells
from benchmarks.measure import Run, module, run
from benchmarks.rows import COLUMNS
from benchmarks.server import TABLE
from loader.credentials.tokens import Minted

CLIENT_GRID = cells((1, 4, 8), (500, 1000, 5000))
QUICK_GRID = cells((4, 8), (1000,))
SCRIPTS = {"py": "postgrest-py", "js": "postgrest-js"}


@dataclass(frozen=True, slots=True)
class Way:
    """One of them.

    Attributes:
        title: for the table.
        measure: one run, with what must come before and after it.
    """

    title: str
    measure: Callable[[], Run]


def of_bulkload(bench: Bench, rows: int) -> dict[str, Way]:
    """bulkload, on its defaults. The second run finds the rows of the first."""
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
    """Prebuilt requests, with the settings that are best for them: the server's limit."""
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
    """Psql's copy command, into the table itself, or into another and from there by an upsert."""
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
    """postgrest-py or postgrest-js: the plain script, and the best that can be made of it.

    Raises:
        LookupError: it is not there; the message says why.
    """
    name = SCRIPTS[kind]
    seconds = 0.6 if bench.quick else 3.0
    script = _python if kind == "py" else _node(bench)

    def measure(cell: Cell, seconds: float = seconds) -> Run:
        command = script(bench, rows, cell, seconds)
        return bench.fresh(lambda: run(command, rows, bench.server.variables)[0])

    rates: dict[Cell, list[float]] = {}
    for cell in QUICK_GRID if bench.quick else CLIENT_GRID:
        rates[cell] = [measure(cell, seconds / 2).rate]
        bench.say(f"{name} {cell}: {rates[cell][0]:,.0f} rows/s")
    found = best(rates)
    return {
        f"{kind}-one": Way(f"{name}, an upsert a row", lambda: measure(Cell(0, 1))),
        f"{kind}-thousand": Way(f"{name}, upserts of 1,000", lambda: measure(Cell(0, 1000))),
        f"{kind}-best": Way(f"{name}, inserts, best settings ({found})", lambda: measure(found)),
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
    """Against the server that only reads: the limit of the client, and that of the sink itself."""
    raw_rows = min(rows, 1_000_000)  # they are made before, and stay in memory
    return {
        "sink": Way("bulkload, into a sink that only reads", lambda: bench.load(rows, url=url)),
        "raw-sink": Way(
            "prebuilt requests, into the sink", lambda: bench.raw(raw_rows, Cell(4, 4000), UPSERT, url=url)
        ),
    }
