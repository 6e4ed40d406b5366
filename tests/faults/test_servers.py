"""Servers that are killed, stopped, away, busy, or have another secret, in the middle of a load."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import psycopg
import pytest

from loader.throttle import concurrency
from tests.support.outcome import as_dict, check, contents, differences
from tests.support.processes import Loads, await_that
from tests.support.servers import SECRET, Servers
from tests.support.sources import Source, source

ROWS = 6000
DOWN = 5.0  # seconds; the soak has 60


def kill_postgrest(target: Servers) -> None:
    """Kill PostgREST, and start it again."""
    target.postgrest.kill()
    target.postgrest.start()


def quit_postgres(target: Servers) -> None:
    """Immediate shutdown of PostgreSQL, and a start."""
    target.postgres.quit()
    target.start_postgres()


def kill_postgres(target: Servers) -> None:
    """Kill PostgreSQL, and start it again."""
    target.postgres.kill()
    target.start_postgres()


def downtime(target: Servers) -> None:
    """Neither is there for a while; PostgREST comes back first, and without its database answers nobody."""
    target.postgrest.kill()
    target.postgres.quit()
    time.sleep(DOWN / 2)
    target.postgrest.launch()
    time.sleep(DOWN / 2)
    target.start_postgres()


OUTAGES: list[tuple[Callable[[Servers], None], int]] = [
    (kill_postgrest, 3),
    (quit_postgres, 2),
    (kill_postgres, 2),
    (downtime, 1),
]


@pytest.mark.parametrize(("outage", "times"), OUTAGES, ids=[outage.__name__ for outage, _ in OUTAGES])
def test_an_outage_only_costs_time(
    target: Servers, tmp_path: Path, outage: Callable[[Servers], None], times: int
) -> None:
    """The load waits until the servers are back, and goes on by itself."""
    made = source(ROWS, seed=len(outage.__name__))
    made.write(tmp_path / "rows.jsonl")
    loads = Loads(tmp_path, target.url, target.secret, "--batch-rows=100", "--max-rate=2500")
    process = loads.start("rows.jsonl")
    for number in range(times):
        goal = (number + 1) * ROWS // (times + 2)
        await_that(partial(has, target, goal), process)
        outage(target)
        assert process.running
    run = process.wait()

    assert 1 == run.code, run.err
    check(target, made, run.report)
    assert made.rejects == run.rejects
    assert run.report["retries"] > 0


def has(target: Servers, rows: int) -> bool:
    """Whether so many rows are in the table."""
    return count(target) >= rows


def count(target: Servers) -> int:
    """Rows in the table."""
    found: int = target.sql("select count(*) from api.faults")[0][0]
    return found


def test_a_secret_that_is_rotated_stops_a_load_that_the_new_one_resumes(
    target: Servers, tmp_path: Path
) -> None:
    """Exit 4 with the server's words, at once; with the new secret the same command goes on."""
    made = source(ROWS, seed=1)
    made.write(tmp_path / "rows.jsonl")
    loads = Loads(tmp_path, target.url, SECRET, "--batch-rows=100", "--max-rate=2500")
    process = loads.start("rows.jsonl")
    await_that(lambda: count(target) >= ROWS // 3, process)
    other = SECRET[::-1]
    target.replace_postgrest(other)
    stopped = process.wait(30)
    again = loads.run("rows.jsonl")
    loads.secret = other
    resumed = loads.run("rows.jsonl")

    for run in (stopped, again):
        assert 4 == run.code, run.err
        assert "JWSInvalidSignature" in run.err
        assert run.last.startswith("to resume: bulkload ")
    assert resumed.first.startswith("resuming at rows.jsonl:")
    assert 1 == resumed.code, resumed.err
    check(target, made, resumed.report)


@contextmanager
def slowly(target: Servers) -> Iterator[None]:
    """Each row takes the database 4 ms."""
    target.sql("""
        create function api.slow() returns trigger language plpgsql as $$
        begin perform pg_sleep(0.004); return new; end $$;
        create trigger slow before insert on api.faults for each row execute function api.slow();
    """)
    try:
        yield
    finally:
        target.sql("drop trigger slow on api.faults; drop function api.slow")


def reload(target: Servers) -> None:
    """Have PostgREST read the roles' settings again."""
    target.sql("notify pgrst, 'reload config'")
    time.sleep(0.3)


async def test_a_statement_timeout_of_the_role(target: Servers) -> None:
    """150 ms are not enough for a batch: smaller ones are sent, and nothing is lost."""
    made = source(1500, seed=2)
    target.sql("alter role api_data_producer set statement_timeout = '150ms'")
    try:
        reload(target)
        with slowly(target):
            loaded = await target.load(made.lines, table="faults", batch_rows=1000, concurrency=2)
    finally:
        target.sql("alter role api_data_producer reset statement_timeout")
        reload(target)

    check(target, made, as_dict(loaded.report))
    assert loaded.report.batches > 1500 * 2 // 150


async def test_a_pool_of_one(target: Servers, monkeypatch: pytest.MonkeyPatch) -> None:
    """With eight requests in flight for one connection, some are answered 504; all get in."""
    monkeypatch.setattr(concurrency, "_FIRST", 8)
    made = source(1200, seed=3, repeats=0.0)  # or batches wait for each other, not for the pool
    target.replace_postgrest(pool=1, patience=1)
    with slowly(target):
        loaded = await target.load(made.lines, table="faults", batch_rows=150, concurrency=8)

    check(target, made, as_dict(loaded.report))
    assert loaded.report.retries > 0


def test_a_second_writer_with_the_same_rows_in_the_opposite_order(target: Servers, tmp_path: Path) -> None:
    """Deadlocks with it are waited out; each writer's columns end as it wrote them."""
    made = source(ROWS, seed=4, shapes=False)
    made.write(tmp_path / "rows.jsonl")
    loads = Loads(tmp_path, target.url, target.secret, "--batch-rows=500", "--max-rate=3000")
    assert 1 == loads.run("rows.jsonl").code  # rows that are there are upserted, and locked
    before = deadlocks(target)
    for _ in range(6):  # as a rule the first load meets one
        process = loads.start("rows.jsonl")
        with psycopg.connect(target.box.database, autocommit=True) as writer:
            while process.running:
                upsert_backwards(writer)
        run = process.wait()
        assert 1 == run.code, run.err
        check(target, made, run.report)
        target.sql("select pg_stat_force_next_flush()")
        if deadlocks(target) > before:
            break

    assert deadlocks(target) > before


def upsert_backwards(writer: psycopg.Connection[tuple[object, ...]]) -> None:
    """Write a column of the rows that are there, the last ones first."""
    try:
        writer.execute("""
            insert into api.faults (id, w)
            select id, 1 from api.faults order by id desc
            on conflict (id) do update set w = coalesce(api.faults.w, 0) + 1
        """)
    except psycopg.errors.DeadlockDetected:
        return


def deadlocks(target: Servers) -> int:
    """How many there were in this database."""
    found: int = target.sql("select deadlocks from pg_stat_database where datname = current_database()")[0][0]
    return found


def test_what_is_compared_would_tell_a_difference(target: Servers) -> None:
    """The comparison itself: a row too few, a row too many, and one with a wrong last digit."""
    made = Source([], dict.fromkeys(("here", "gone", "wrong"), ("1", "0.100000000000000001", None)), {}, [])
    target.sql(
        "insert into api.faults (id, a, b) values ('here', 1, 0.100000000000000001),"
        " ('wrong', 1, 0.100000000000000002), ('extra', 1, 1)"
    )

    found = differences(contents(target), made.stored)

    assert (["gone"], ["wrong"], ["extra"]) == (found.lost, found.wrong, found.extra)
    assert bool(found)
