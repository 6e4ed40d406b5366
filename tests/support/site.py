"""What fault tests and the soak share: servers to kill, sources, and the comparison of table and source."""

from __future__ import annotations

import json
import random
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from signal import SIGKILL, SIGQUIT
from typing import Any

import psycopg

from loader.run.report import Report
from loader.sandbox import Postgres, PostgREST, Sandbox, find_postgres, find_postgrest, schema
from loader.sandbox.process import Process as Server
from loader.sandbox.process import clean_environment, taken
from tests.support.harness import Target

SECRET = "a secret of fault tests that has at least 32 characters"
PASSWORD = "authenticator-of-fault-tests"

TABLE = """
create table if not exists api.faults (id text primary key, a bigint, b numeric(48, 18), c text, w bigint);
grant select, insert, update on api.faults to api_data_producer;
"""

COLUMNS = ("a", "b", "c")
Stored = dict[str, tuple[str | None, ...]]


class Site(Target):
    """A PostgreSQL and a PostgREST of our own, to be killed and started again; with `api.faults` in it.

    Args:
        folder: an empty one.
        settings: of PostgreSQL.
    """

    def __init__(self, folder: Path, *, settings: Mapping[str, str] | None = None) -> None:
        programs = find_postgres()
        self.postgres = Postgres(programs.folder, folder / "cluster", fsync=False, settings=settings)
        self.postgres.start()
        schema.apply(programs.psql, self.postgres.uri, PASSWORD)
        with psycopg.connect(self.postgres.uri, autocommit=True) as connection:
            connection.execute(TABLE.encode())
        self._authenticator = self.postgres.uri_for("authenticator", PASSWORD)
        self.postgrest = self._postgrest(SECRET)
        self.postgrest.start()
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
        self, secret: str, port: int | None = None, pool: int = 10, patience: int = 10
    ) -> PostgREST:
        settings = {"PGRST_DB_POOL": str(pool), "PGRST_DB_POOL_ACQUISITION_TIMEOUT": str(patience)}
        return PostgREST(find_postgrest(), self._authenticator, secret, port, settings)

    def replace_postgrest(self, secret: str = SECRET, *, pool: int = 10, patience: int = 10) -> None:
        """Kill PostgREST; another starts on its port.

        Args:
            secret: of its tokens.
            pool: its db-pool.
            patience: its db-pool-acquisition-timeout, in seconds.
        """
        port = self.postgrest.port
        self.postgrest.kill()
        self.postgrest = self._postgrest(secret, port, pool, patience)
        self.postgrest.start()

    def launch_postgrest(self) -> None:
        """Start PostgREST again, and do not wait: without its database it answers nobody."""
        environment = self.postgrest._settings | {"PGRST_SERVER_PORT": str(self.postgrest.port)}
        self.postgrest._process = Server(
            [self.postgrest._binary], death=SIGKILL, env=clean_environment(environment)
        )
        deadline = time.monotonic() + 20
        while not taken(self.postgrest.port or 0):
            assert time.monotonic() < deadline, "PostgREST does not listen"
            time.sleep(0.02)

    def quit_postgres(self) -> None:
        """End PostgreSQL by an immediate shutdown."""
        self.postgres._end((SIGQUIT, 30), (SIGKILL, 10))

    def start_postgres(self) -> None:
        """Start PostgreSQL again."""
        self.postgres.start()
        self._connection.close()
        self._connection = psycopg.connect(self.postgres.uri, autocommit=True)

    def stop(self) -> None:
        """End both."""
        self.close()
        self.postgrest.stop()
        self.postgres.stop()


@contextmanager
def site(folder: Path, **options: Any) -> Iterator[Site]:
    """A Site that is up."""
    up = Site(folder, **options)
    try:
        yield up
    finally:
        up.stop()


@dataclass(frozen=True)
class Source:
    """A source, and what a load of it must leave.

    Attributes:
        lines: its lines.
        stored: the table after it, under merge-duplicates.
        first: the table after it, under ignore-duplicates and none.
        rejects: the lines that must be rejected, in their order.
        repeats: the good lines whose key an earlier one has: rejected too, under none.
    """

    lines: list[str]
    stored: Stored
    first: Stored
    rejects: list[str]
    repeats: list[str] = field(default_factory=list)

    def refused(self, resolution: str) -> list[str]:
        """The lines that must be rejected under a resolution, in their order."""
        if resolution != "none":
            return self.rejects
        refused = {*self.rejects, *self.repeats}
        return [line for line in self.lines if line in refused]

    def write(self, path: Path) -> Path:
        """Write it as a file."""
        path.write_text("".join(f"{line}\n" for line in self.lines))
        return path


def source(
    rows: int, *, seed: int = 0, bad: int = 6, repeats: float = 0.02, shapes: bool = True, wide: int = 0
) -> Source:
    """Rows of two shapes, some with the key of an earlier one, and some that must be rejected.

    Args:
        rows: how many lines.
        seed: of what is random in them.
        bad: how many of them are bad, half of them in the server's eyes only.
        repeats: the share of rows that have an earlier row's key.
        shapes: whether there are rows that write fewer columns.
        wide: how many characters to add to a row.
    """
    chance = random.Random(seed)
    wrong = dict.fromkeys(sorted(chance.sample(range(rows), min(bad, rows))))
    lines: list[str] = []
    stored: Stored = {}
    first: Stored = {}
    rejects: list[str] = []
    repeated: list[str] = []
    for number in range(rows):
        if number in wrong:
            text = '{"id":"\\u0000","a":1}' if len(rejects) % 2 else f'{{"id":"bad{number}","a":"{number}x"}}'
            lines.append(text)
            rejects.append(text)
            continue
        earlier = number > 10 and chance.random() < repeats
        # Near ones and far ones: in the same batch, in one that is in flight, in one long settled.
        back = chance.choice([5, 300, number])
        key = f"k{chance.randrange(max(0, number - back), number) if earlier else number:07}"
        values = (
            str(number),
            f"{chance.randrange(10**9)}.{chance.randrange(10**18):018}",
            f"row {number}{'.' * wide}",
        )
        if shapes and chance.random() < 0.3:
            lines.append(f'{{"id":"{key}","a":{values[0]}}}')
            written: tuple[str | None, ...] = (values[0], *stored.get(key, (None, None, None))[1:])
            inserted: tuple[str | None, ...] = (values[0], None, None)
        else:
            lines.append(f'{{"id":"{key}","a":{values[0]},"b":{values[1]},"c":"{values[2]}"}}')
            written = inserted = values
        stored[key] = written
        if key in first:
            repeated.append(lines[-1])
        first.setdefault(key, inserted)
    return Source(lines, stored, first, rejects, repeated)


def contents(target: Target) -> Stored:
    """The table, each value as PostgreSQL writes it."""
    rows = target.texts("select id, a, b, c from api.faults")
    return {str(key): tuple(values) for key, *values in rows}


def clear(target: Target) -> None:
    """Empty the table; what a killed load has left in flight is waited for."""
    settle(target)
    target.sql("truncate api.faults")


def settle(target: Target, seconds: float = 30.0) -> None:
    """Wait until no request of an ended load is at work in the database."""
    busy = "select 1 from pg_stat_activity where usename = 'authenticator' and state <> 'idle'"
    deadline = time.monotonic() + seconds
    while target.sql(busy):
        assert time.monotonic() < deadline, "a request is still at work"
        time.sleep(0.01)


@dataclass(frozen=True)
class Differences:
    """A table against what it must be."""

    lost: list[str]
    wrong: list[str]
    extra: list[str]

    def __bool__(self) -> bool:
        return bool(self.lost or self.wrong or self.extra)

    def __str__(self) -> str:
        parts = {"lost": self.lost, "wrong": self.wrong, "extra": self.extra}
        return ", ".join(f"{len(keys)} {name} ({' '.join(keys[:5])})" for name, keys in parts.items() if keys)


def differences(found: Stored, wanted: Stored) -> Differences:
    """Which keys are not there, have other values, or should not be there."""
    lost = [key for key in wanted if key not in found]
    wrong = [key for key in wanted if key in found and found[key] != wanted[key]]
    extra = [key for key in found if key not in wanted]
    return Differences(lost, wrong, extra)


def check(target: Target, made: Source, report: Mapping[str, Any], *, resolution: str = "merge") -> None:
    """The table is the source's to the last digit, and the report's counts are those of the source."""
    wanted = made.stored if resolution == "merge" else made.first
    found = differences(contents(target), wanted)
    assert not found, f"{found}, {report}"
    wrong = counts_wrong(made, report, resolution=resolution)
    assert not wrong, f"{wrong}: {report}"


def counts_wrong(made: Source, report: Mapping[str, Any], *, resolution: str = "merge") -> str:
    """What is wrong with a complete report's counts; nothing where they are right."""
    loaded, superseded, ignored, rejected = (
        report[f"rows_{part}"] for part in ("loaded", "superseded", "ignored", "rejected")
    )
    refused = made.refused(resolution)
    good = len(made.lines) - len(refused)
    right = {
        "exit_code": 1 if refused else 0,
        "rows_read": len(made.lines),
        "sum": len(made.lines),
        "rejected": len(refused),
        "others": 0,
        "good": good,
    }
    kept = (superseded, loaded + ignored) if resolution == "ignore" else (ignored, loaded + superseded)
    said = {
        "exit_code": report["exit_code"],
        "rows_read": report["rows_read"],
        "sum": loaded + superseded + ignored + rejected,
        "rejected": rejected,
        "others": kept[0],
        "good": kept[1],
    }
    return ", ".join(
        f"{name} is {said[name]} and not {value}" for name, value in right.items() if said[name] != value
    )


def as_dict(report: Report) -> dict[str, Any]:
    """A report as its file has it."""
    found: dict[str, Any] = json.loads(report.json())
    return found


def expired() -> str:
    """The body of PostgREST's answer to an expired token."""
    return '{"code":"PGRST301","details":null,"hint":null,"message":"JWT expired"}'
