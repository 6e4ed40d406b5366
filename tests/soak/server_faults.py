"""Loads that are killed, and servers that are killed, busy or changed in the middle of a load."""

from __future__ import annotations

import random
import time
from collections.abc import Callable

import psycopg

from tests.soak.trials import Attempt, Ended, Trial
from tests.support.killing import kill_and_resume
from tests.support.packing import SUFFIXES
from tests.support.processes import await_that
from tests.support.servers import SECRET, Servers
from tests.support.sources import Source, source

KILLS = 5  # of each load that is killed


def kill(trial: Trial) -> Ended:
    """Kill a load at random instants, with plain inserts, upserts, and a pool of one."""
    resolution = ("merge", "none", "merge", "ignore")[trial.seed % 4]
    trial.target.replace_postgrest(pool=1 if trial.seed % 3 == 0 else 10)
    made = source(6000, seed=trial.seed)
    run = kill_and_resume(trial.target, trial.folder, made, resolution, trial.seed, KILLS)
    return Ended(made, run, resolution)


def kill_compressed(trial: Trial) -> Ended:
    """Kill a load of several sources, compressed and plain."""
    names = [f"part{number}.jsonl{suffix}" for number, suffix in enumerate(("", *SUFFIXES))]
    random.Random(trial.seed).shuffle(names)
    made = source(6000, seed=trial.seed)
    run = kill_and_resume(trial.target, trial.folder, made, "merge", trial.seed, KILLS, names)
    return Ended(made, run)


def late_requests(trial: Trial) -> Ended:
    """Kill a load whose bodies wait in the server's pool of one, and get their turn during the next run."""
    lines = [f'{{"id":"k{number % 40:03}","a":{number}}}' for number in range(2000)]
    made = Source(lines, {f"k{key:03}": (str(1960 + key), None, None) for key in range(40)}, {}, [])
    made.write(trial.folder / "rows.jsonl")
    trial.target.replace_postgrest(pool=1)
    loads = trial.loads(trial.target.url, "--batch-rows=20", "--concurrency=8")
    process = loads.start("rows.jsonl")
    await_that(trial.has(1), process)
    time.sleep(trial.seed % 10 / 50)
    process.kill()
    return Ended(made, loads.run("rows.jsonl"))


def outage(happen: Callable[[Servers], None]) -> Attempt:
    """Have something happen to the servers in the middle of a load."""

    def attempt(trial: Trial) -> Ended:
        made = trial.source(6000)
        loads = trial.loads(trial.target.url, "--batch-rows=100", "--max-rate=4000")
        process = loads.start("rows.jsonl")
        await_that(trial.has(1000 + trial.seed * 397 % 3000), process)
        happen(trial.target)
        return Ended(made, process.wait(200))

    return attempt


def kill_postgrest(target: Servers) -> None:
    """Kill PostgREST, and start it again."""
    target.postgrest.kill()
    target.postgrest.start()


def quit_postgres(target: Servers) -> None:
    """End PostgreSQL by an immediate shutdown, and start it again."""
    target.postgres.quit()
    target.start_postgres()


def kill_postgres(target: Servers) -> None:
    """Kill PostgreSQL, and start it again."""
    target.postgres.kill()
    target.start_postgres()


def start_postgrest_first(target: Servers) -> None:
    """End both, and start PostgREST 2 s before its database."""
    target.postgrest.kill()
    target.postgres.quit()
    target.postgrest.launch()
    time.sleep(2)
    target.start_postgres()


def stay_away(target: Servers) -> None:
    """End both, and start them again after a minute."""
    target.postgrest.kill()
    target.postgres.quit()
    time.sleep(60)
    target.start_postgres()
    target.postgrest.start()


def statement_timeout(trial: Trial) -> Ended:
    """Allow a statement 150 ms, where each row takes 2 ms."""
    trial.target.sql("""
        create function api.slow() returns trigger language plpgsql as $$
        begin perform pg_sleep(0.002); return new; end $$;
        create trigger slow before insert on api.faults for each row execute function api.slow();
        alter role api_data_producer set statement_timeout = '150ms'
    """)
    try:
        trial.target.replace_postgrest(pool=1 if trial.seed % 2 else 10, patience=1)
        made = trial.source(1500)
        return Ended(made, trial.loads(trial.target.url).run("rows.jsonl"))
    finally:
        trial.target.sql("alter role api_data_producer reset statement_timeout")
        trial.target.sql("drop trigger slow on api.faults; drop function api.slow")
        trial.target.replace_postgrest()


def second_writer(trial: Trial) -> Ended:
    """Have another writer upsert the same rows in the opposite order."""
    made = trial.source(6000, shapes=False)
    loads = trial.loads(trial.target.url, "--batch-rows=500", "--max-rate=3000")
    loads.run("rows.jsonl")  # rows that are there are upserted, and locked
    process = loads.start("rows.jsonl")
    with psycopg.connect(trial.target.box.database, autocommit=True) as connection:
        while process.running:
            try:
                connection.execute("""
                    insert into api.faults (id, w) select id, 1 from api.faults order by id desc
                    on conflict (id) do update set w = coalesce(api.faults.w, 0) + 1
                """)
            except psycopg.errors.DeadlockDetected:
                continue
    return Ended(made, process.wait())


def rotate_secret(trial: Trial) -> Ended:
    """Change the server's secret in the middle of a load: exit 4, and the new one resumes."""
    made = trial.source(6000)
    loads = trial.loads(trial.target.url, "--batch-rows=100", "--max-rate=4000")
    process = loads.start("rows.jsonl")
    await_that(trial.has(2000), process)
    trial.target.replace_postgrest(SECRET[::-1])
    assert 4 == process.wait(60).code
    loads.secret = SECRET[::-1]
    run = loads.run("rows.jsonl")
    trial.target.replace_postgrest()
    return Ended(made, run)
