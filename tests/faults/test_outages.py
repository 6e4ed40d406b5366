"""Verdicts on what PostgREST answers while it, or its database, is away or busy."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, closing, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from signal import SIGKILL, SIGTERM, Signals

import psycopg
import pytest

from loader.model import Decision, NoReply
from loader.sandbox import Postgres, find_postgres, find_postgrest, schema
from loader.sandbox.process import Process, clean_environment, free_port, taken
from tests.support.replay import SECRET, Answer, Request, ask, signed, until

PASSWORD = "authenticator-of-tests"

SETUP = """
create table api.plain (id text primary key);
create table api.waiting (id text primary key);
create function api.wait() returns trigger language plpgsql as $$
begin perform pg_advisory_xact_lock(4711); return new; end $$;
create trigger wait before insert on api.waiting for each row execute function api.wait();
grant select, insert, update on api.plain, api.waiting to api_data_producer;
"""
PLAIN = Request("plain", schema="api")
WAITING = Request("waiting", schema="api")


class Cluster:
    """A PostgreSQL of our own, and the PostgRESTs over it."""

    def __init__(self, folder: Path) -> None:
        programs = find_postgres()
        self.postgres = Postgres(programs.folder, folder / "cluster", fsync=False)
        self.postgres.start()
        schema.apply(programs.psql, self.postgres.uri, PASSWORD)
        self.sql(SETUP)

    @property
    def up(self) -> bool:
        """Whether PostgreSQL takes connections: an earlier test may have killed it."""
        try:
            self.sql("select 1")
        except psycopg.OperationalError:
            return False
        return True

    def sql(self, statement: str) -> list[tuple[object, ...]]:
        """Run SQL as the superuser; gives the rows, if there are any."""
        with psycopg.connect(self.postgres.uri, autocommit=True) as connection:
            cursor = connection.execute(statement.encode())
            return cursor.fetchall() if cursor.description else []

    @asynccontextmanager
    async def postgrest(self, *, ready: bool = True, channel: bool = False) -> AsyncIterator[Server]:
        """A PostgREST with a single connection to the database.

        It is not asked whether it is ready: after each 503 PostgREST reads the schema once more.

        Args:
            ready: whether to wait until it has read the schema.
            channel: whether it also listens for NOTIFY, as by default.
        """
        port = free_port()
        settings = {
            "PGRST_DB_URI": self.postgres.uri_for("authenticator", PASSWORD),
            "PGRST_DB_SCHEMAS": "api",
            "PGRST_DB_POOL": "1",
            "PGRST_DB_POOL_ACQUISITION_TIMEOUT": "1",
            "PGRST_DB_CHANNEL_ENABLED": str(channel).lower(),
            "PGRST_JWT_SECRET": SECRET,
            "PGRST_SERVER_HOST": "127.0.0.1",
            "PGRST_SERVER_PORT": str(port),
        }
        process = Process([find_postgrest()], death=SIGKILL, env=clean_environment(settings))
        try:
            await until(lambda: taken(port))
            if ready:
                await until(lambda: "Schema cache loaded" in process.output())
            yield Server(f"http://127.0.0.1:{port}", process)
        finally:
            process.stop()


@dataclass(frozen=True)
class Server:
    """A PostgREST."""

    url: str
    process: Process

    async def ask(self, request: Request) -> Answer:
        """Ask it, with a good token."""
        return await ask(self.url, signed(), request)


@pytest.fixture(scope="module")
def cluster(programs: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """Start PostgreSQL."""
    del programs
    site = Cluster(tmp_path_factory.mktemp("outages"))
    yield site
    site.postgres.stop()


@pytest.fixture
def site(cluster: Cluster) -> Cluster:
    """The PostgreSQL, up again."""
    if not cluster.up:
        cluster.postgres.start()
    return cluster


@contextmanager
def held(site: Cluster) -> Iterator[Callable[[], object]]:
    """Holds what rows of `waiting` wait for; tells whether one does."""
    waits = "select 1 from pg_locks where locktype = 'advisory' and not granted"
    with closing(psycopg.connect(site.postgres.uri, autocommit=True)) as connection:
        connection.execute("select pg_advisory_lock(4711)")
        yield lambda: connection.execute(waits).fetchall()


def lost(answer: Answer) -> tuple[bool, Decision]:
    """Whether there was no reply, and what that means."""
    return isinstance(answer.reply, NoReply), answer.verdict.decision


async def test_pool_exhausted(site: Cluster) -> None:
    """Where all connections are in use PostgREST says 504 PGRST003: again later."""
    async with site.postgrest() as server:
        with held(site) as waits:
            first = asyncio.create_task(server.ask(WAITING))
            await until(waits)
            answer = await server.ask(PLAIN)
        await first

    assert (504, "PGRST003", Decision.RETRY) == answer.said


async def test_backend_terminated_while_idle(site: Cluster) -> None:
    """The first request after an administrator ended PostgREST's connections fails with 57P01: again."""
    end = "select pg_terminate_backend(pid, 5000) from pg_stat_activity where usename = 'authenticator'"
    async with site.postgrest() as server:
        await server.ask(PLAIN)
        assert [(True,)] == site.sql(end)
        answer = await server.ask(PLAIN)

    assert (503, "57P01", Decision.RETRY) == answer.said
    assert answer.verdict.after is not None


async def test_postgres_killed(site: Cluster) -> None:
    """A statement that loses its database is PGRST001, and what comes after it PGRST000: again later."""
    async with site.postgrest() as server:
        with held(site) as waits:
            asked = asyncio.create_task(server.ask(WAITING))
            await until(waits)
            site.postgres.kill()
            during = await asked
        after = await server.ask(PLAIN)

    assert (503, "PGRST001", Decision.RETRY) == during.said
    assert during.verdict.after is not None
    assert (503, "PGRST000", Decision.RETRY) == after.said


async def test_schema_cache_could_not_be_loaded(site: Cluster) -> None:
    """Where PostgREST cannot read the schema it says 503 PGRST002: again later."""
    site.sql("revoke select on pg_catalog.pg_proc from public")
    try:
        async with site.postgrest(ready=False) as server:
            answer = await server.ask(PLAIN)
    finally:
        site.sql("grant select on pg_catalog.pg_proc to public")

    assert (503, "PGRST002", Decision.RETRY) == answer.said


async def test_postgrest_started_while_the_database_is_down(site: Cluster) -> None:
    """PostgREST takes the connection and says nothing until it has a database: again after --timeout."""
    site.postgres.kill()
    async with site.postgrest(ready=False, channel=True) as server:
        answer = await server.ask(replace(PLAIN, timeout=0.5))

    assert (True, Decision.RETRY) == lost(answer)
    assert "no answer within 0.5 s" == answer.verdict.reason.message


async def test_postgrest_without_channel_started_while_the_database_is_down(site: Cluster) -> None:
    """Without db-channel-enabled it answers 503 PGRST002 at once: again later."""
    site.postgres.kill()
    async with site.postgrest(ready=False, channel=False) as server:
        answer = await server.ask(PLAIN)

    assert (503, "PGRST002", Decision.RETRY) == answer.said


@pytest.mark.parametrize("signals", [(), ((SIGTERM, 5.0),)], ids=["killed", "SIGTERM"])
async def test_postgrest_ended_mid_request(site: Cluster, signals: tuple[tuple[Signals, float], ...]) -> None:
    """A connection that closes without a reply says nothing about the rows: again."""
    async with site.postgrest() as server:
        with held(site) as waits:
            asked = asyncio.create_task(server.ask(WAITING))
            await until(waits)
            stopped = asyncio.create_task(asyncio.to_thread(server.process.stop, *signals))
            answer = await asked
        await stopped

    assert (True, Decision.RETRY) == lost(answer)


async def test_nobody_listens() -> None:
    """A server that is not up may come: again."""
    answer = await ask(f"http://127.0.0.1:{free_port()}", None, PLAIN)

    assert (True, Decision.RETRY) == lost(answer)


async def test_standby(site: Cluster) -> None:
    """A standby takes no writes, and will not take the next one either."""
    site.postgres.stop()
    signal = site.postgres.data / "standby.signal"
    signal.touch()
    try:
        site.postgres.start()
        async with site.postgrest() as server:
            answer = await server.ask(PLAIN)
    finally:
        site.postgres.stop()
        signal.unlink()

    assert (400, "0A000", Decision.STOP) == answer.said
    assert "during recovery" in answer.verdict.reason.message
