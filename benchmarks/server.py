"""The real servers: a sandbox, emptied between runs, and made to refuse large statements where asked."""

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
    """A sandbox that is up."""

    def __init__(self, box: Sandbox) -> None:
        self.url = box.url
        self.variables = box.environment()

    def psql(self, *commands: str) -> list[str]:
        """The command that has psql run commands."""
        psql = ["psql", "--no-psqlrc", "--quiet", "-At", "-v", "ON_ERROR_STOP=1"]
        return psql + [part for command in commands for part in ("-c", command)]

    def sql(self, *statements: str) -> str:
        """What the database answers."""
        return subprocess.run(
            self.psql("set client_min_messages = warning", *statements),
            env=environment(self.variables),
            stdout=subprocess.PIPE,
            text=True,
            check=True,
        ).stdout.strip()

    def empty(self) -> None:
        """No rows, and no writes of the last run left to be done."""
        self.sql(f"truncate {TABLE}")
        self.settle()

    def settle(self) -> None:
        """No writes of the last run left to be done."""
        self.sql("checkpoint")

    def count(self) -> int:
        """The rows in the table."""
        return int(self.sql(f"select count(*) from {TABLE}"))  # noqa: S608

    @contextmanager
    def refusing(self, rows: int) -> Iterator[None]:
        """Statements of more rows than these run into a statement_timeout."""
        self.sql(_REFUSE.format(rows=rows, timeout=_TIMEOUT))
        time.sleep(1)  # PostgREST says nowhere that it has read its settings again
        try:
            yield
        finally:
            self.sql(_ALLOW)
            time.sleep(1)

    def versions(self) -> dict[str, str]:
        """PostgreSQL's and PostgREST's."""
        with urllib.request.urlopen(self.url, timeout=10) as reply:  # noqa: S310 - ours, on loopback
            name = reply.headers["Server"] or ""
        return {
            "postgresql": self.sql("show server_version").split()[0],
            "postgrest": name.removeprefix("postgrest/"),
        }
