"""A PostgreSQL and a PostgREST of the tests' own, which tests may also kill, and start again."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from signal import SIGKILL, SIGQUIT
from typing import Any

import psycopg

from loader.sandbox import Postgres, PostgREST, Sandbox, find_postgres, find_postgrest, schema
from loader.sandbox.process import Process, clean_environment, taken
from tests.support.harness import Target

SECRET = "secret-of-the-tests-with-more-than-32-characters"
PASSWORD = "authenticator-of-the-tests"
SILENCE = 0.05  # seconds between two looks at a server

# The server refuses the text 'refused': a file of a format with types, as Parquet, cannot hold a row that is
# refused for its type.
FAULTS = """
create table api.faults (
    id text primary key, a bigint, b numeric(48, 18), c text check (c <> 'refused'), w bigint
);
grant select, insert, update on api.faults to api_data_producer;
"""


class QuittablePostgres(Postgres):
    """A PostgreSQL that can also be ended by an immediate shutdown."""

    def quit(self) -> None:
        """End it by SIGQUIT: its sessions get no time to finish."""
        self._end((SIGQUIT, 30), (SIGKILL, 10))


class LaunchablePostgREST(PostgREST):
    """A PostgREST that can also be started without its database."""

    def launch(self) -> None:
        """Start it and wait until it listens; without a database it answers no request."""
        environment = self._settings | {"PGRST_SERVER_PORT": str(self.port)}
        self._process = Process([self._binary], death=SIGKILL, env=clean_environment(environment))
        deadline = time.monotonic() + 20
        while not taken(self.port or 0):
            assert time.monotonic() < deadline, "PostgREST does not listen"
            time.sleep(SILENCE)


class Servers(Target):
    """PostgreSQL with sql/ and `api.faults`, and PostgREST over it. Use `running_servers` to have them end.

    Args:
        folder: an empty one.
        settings: of PostgreSQL.
    """

    def __init__(self, folder: Path, *, settings: Mapping[str, str] | None = None) -> None:
        programs = find_postgres()
        self.postgres = QuittablePostgres(programs.folder, folder / "cluster", fsync=False, settings=settings)
        self.postgres.start()
        schema.apply(programs.psql, self.postgres.uri, PASSWORD)
        with psycopg.connect(self.postgres.uri, autocommit=True) as connection:
            connection.execute(FAULTS.encode())
        self._authenticator = self.postgres.uri_for("authenticator", PASSWORD)
        self.postgrest = self._postgrest()
        self.postgrest.start()
        self._changed = False
        loads = folder / "loads"
        loads.mkdir()
        box = Sandbox(
            url=self.postgrest.url,
            secret=SECRET,
            database=self.postgres.uri,
            log=folder,
            authenticator=self._authenticator,
            programs=programs.psql.parent,
        )
        super().__init__(box, loads)

    def _postgrest(
        self, secret: str = SECRET, port: int | None = None, pool: int = 10, patience: int = 10
    ) -> LaunchablePostgREST:
        settings = {"PGRST_DB_POOL": str(pool), "PGRST_DB_POOL_ACQUISITION_TIMEOUT": str(patience)}
        return LaunchablePostgREST(find_postgrest(), self._authenticator, secret, port, settings)

    def replace_postgrest(self, secret: str = SECRET, *, pool: int = 10, patience: int = 10) -> None:
        """Kill PostgREST, and start another on its port.

        Args:
            secret: of its tokens.
            pool: its db-pool.
            patience: its db-pool-acquisition-timeout, in seconds.
        """
        port = self.postgrest.port
        self.postgrest.kill()
        self.postgrest = self._postgrest(secret, port, pool, patience)
        self.postgrest.start()
        self._changed = (secret, pool, patience) != (SECRET, 10, 10)

    def restore_postgrest(self) -> None:
        """Undo what an earlier test has changed by `replace_postgrest`."""
        if self._changed:
            self.replace_postgrest()

    def start_postgres(self) -> None:
        """Start PostgreSQL again."""
        self.postgres.start()
        self.close()
        self._connection = psycopg.connect(self.postgres.uri, autocommit=True)

    def stop(self) -> None:
        """End both."""
        self.close()
        self.postgrest.stop()
        self.postgres.stop()


@contextmanager
def running_servers(folder: Path, **options: Any) -> Iterator[Servers]:
    """Servers that end with the block; options are those of `Servers`."""
    servers = Servers(folder, **options)
    try:
        yield servers
    finally:
        servers.stop()
