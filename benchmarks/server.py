"""Run the real servers: a sandbox that is emptied between runs, and can refuse large statements."""

from __future__ import annotations

import subprocess
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager

from benchmarks.measure import environment
from loader.sandbox import Sandbox

TABLE = "core.trades"
_TIMEOUT = "250ms"

# PostgreSQL itself cancels the statement: one that has too many rows does not end in time.
_REFUSE = """
create function core.benchmark_slow() returns trigger language plpgsql as $$
begin
    if (select count(*) from written) > {rows} then perform pg_sleep(60); end if;
    return null;
end $$;
create trigger benchmark_insert after insert on core.trades
    referencing new table as written for each statement execute function core.benchmark_slow();
create trigger benchmark_update after update on core.trades
    referencing new table as written for each statement execute function core.benchmark_slow();
alter role api_data_producer set statement_timeout = '{timeout}';
notify pgrst, 'reload config';
"""
_ALLOW = """
alter role api_data_producer reset statement_timeout;
drop function core.benchmark_slow cascade;
notify pgrst, 'reload config';
"""


class Server:
    """A running sandbox."""

    def __init__(self, box: Sandbox) -> None:
        self.url = box.url
        self.variables = box.environment()

    def psql(self, *commands: str) -> list[str]:
        """Return the command that runs ``commands`` in psql."""
        psql = ["psql", "--no-psqlrc", "--quiet", "-At", "-v", "ON_ERROR_STOP=1"]
        return psql + [part for command in commands for part in ("-c", command)]

    def sql(self, *statements: str) -> str:
        """Run statements; return the output."""
        return subprocess.run(
            self.psql("set client_min_messages = warning", *statements),
            env=environment(self.variables),
            stdout=subprocess.PIPE,
            text=True,
            check=True,
        ).stdout.strip()

    def empty(self) -> None:
        """Delete all rows, and wait for the writes of the last run."""
        self.sql(f"truncate {TABLE}")
        self.settle()

    def settle(self) -> None:
        """Wait for the writes of the last run."""
        self.sql("checkpoint")

    def count(self) -> int:
        """Return the number of rows in the table."""
        return int(self.sql(f"select count(*) from {TABLE}"))  # noqa: S608

    @contextmanager
    def refusing(self, rows: int) -> Iterator[None]:
        """Let statements of more than ``rows`` rows run into a statement_timeout."""
        self.sql(_REFUSE.format(rows=rows, timeout=_TIMEOUT))
        time.sleep(1)  # PostgREST does not tell when it has reloaded its settings
        try:
            yield
        finally:
            self.sql(_ALLOW)
            time.sleep(1)

    def versions(self) -> dict[str, str]:
        """Return the versions of PostgreSQL and PostgREST."""
        with urllib.request.urlopen(self.url, timeout=10) as reply:  # noqa: S310 - ours, on loopback
            name = reply.headers["Server"] or ""
        return {
            "postgresql": self.sql("show server_version").split()[0],
            "postgrest": name.removeprefix("postgrest/"),
        }
