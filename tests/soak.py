"""Faults, again and again: `python -m tests.soak [--rounds N] [--minutes N] [FAULT...]`.

Each round loads a source through a fault into a PostgreSQL and a PostgREST of the soak's own, and compares
the table with the source to the last digit. One line a fault: rounds, rows, retries, rows lost, rows wrong.
Exit code 1 if rows were lost or wrong, or a load did not end as it must.
"""

from __future__ import annotations

import argparse
import random
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg

from tests.support.killing import kill_and_resume
from tests.support.packing import SUFFIXES
from tests.support.processes import Loads, Run, await_that
from tests.support.proxy import Act, Answer, Cut, Delay, Fault, Proxy, Seen, Stall, Swallow, every, reply
from tests.support.site import (
    SECRET,
    Site,
    Source,
    clear,
    contents,
    counts_wrong,
    differences,
    expired,
    settle,
    site,
    source,
)

KILLS = 5  # of each load, in the faults that kill: rounds of their own


@dataclass(slots=True)
class Sum:
    """What the rounds of a fault have come to."""

    rounds: int = 0
    rows: int = 0
    retries: int = 0
    lost: int = 0
    wrong: int = 0
    odd: str = ""  # the first thing that was not as it must be

    def add(self, target: Site, made: Source, report: dict[str, Any], resolution: str) -> None:
        """Compare, and count."""
        settle(target)
        found = differences(contents(target), made.stored if resolution == "merge" else made.first)
        self.rows += len(made.lines)
        self.retries += report.get("retries", 0)
        self.lost += len(found.lost)
        self.wrong += len(found.wrong) + len(found.extra)
        wrong = counts_wrong(made, report, resolution=resolution) if report else "no report"
        if wrong and not self.odd:
            self.odd = f"{wrong}: {report.get('error')}"


@dataclass(frozen=True, slots=True)
class Round:
    """One round: a source, a folder, and the servers."""

    target: Site
    folder: Path
    seed: int

    def source(self, rows: int, **options: Any) -> Source:
        """A source of this round, written as rows.jsonl."""
        made = source(rows, seed=self.seed, **options)
        made.write(self.folder / "rows.jsonl")
        return made

    def loads(self, url: str, *options: str) -> Loads:
        """Loads of it."""
        return Loads(self.folder, url, SECRET, *options)

    def has(self, rows: int) -> Callable[[], bool]:
        """Whether so many rows are in the table."""
        return lambda: bool(self.target.sql("select count(*) >= %s from api.faults", rows)[0][0])


Ended = tuple[Source, Run, str]  # ... and the resolution
Soaked = Callable[[Round], Ended]


def kill(one: Round) -> Ended:
    """Kills of the load at random instants, with plain inserts, upserts, and a pool of one."""
    resolution = ("merge", "none", "merge", "ignore")[one.seed % 4]
    one.target.replace_postgrest(pool=1 if one.seed % 3 == 0 else 10)
    made = source(6000, seed=one.seed)
    return made, kill_and_resume(one.target, one.folder, made, resolution, one.seed, KILLS), resolution


def compressed(one: Round) -> Ended:
    """Kills of a load of several sources, compressed and plain."""
    names = [f"part{number}.jsonl{suffix}" for number, suffix in enumerate(("", *SUFFIXES))]
    chance = random.Random(one.seed)
    chance.shuffle(names)
    made = source(6000, seed=one.seed)
    return made, kill_and_resume(one.target, one.folder, made, "merge", one.seed, KILLS, names), "merge"


def outage(act: Callable[[Site], None]) -> Soaked:
    """Something happens to the servers in mid-load."""

    def fault(one: Round) -> Ended:
        made = one.source(6000)
        loads = one.loads(one.target.url, "--batch-rows=100", "--max-rate=4000")
        process = loads.start("rows.jsonl")
        await_that(one.has(1000 + one.seed * 397 % 3000), process)
        act(one.target)
        return made, process.wait(200), "merge"

    return fault


def kill_postgrest(target: Site) -> None:
    target.postgrest.kill()
    target.postgrest.start()


def quit_postgres(target: Site) -> None:
    target.quit_postgres()
    target.start_postgres()


def kill_postgres(target: Site) -> None:
    target.postgres.kill()
    target.start_postgres()


def too_early(target: Site) -> None:
    target.postgrest.kill()
    target.quit_postgres()
    target.launch_postgrest()
    time.sleep(2)
    target.start_postgres()


def downtime(target: Site) -> None:
    target.postgrest.kill()
    target.quit_postgres()
    time.sleep(60)
    target.start_postgres()
    target.postgrest.start()


def line(act: Act, count: int) -> Soaked:
    """The proxy does something to every ``count``-th request."""

    def fault(one: Round) -> Ended:
        resolution = ("merge", "ignore", "none")[one.seed % 3]
        made = one.source(5000)
        named = resolution if resolution == "none" else f"{resolution}-duplicates"
        with Proxy(one.target.url, every(count, act, first=1 + one.seed % count)) as proxy:
            options = ("--batch-rows=100", "--timeout=3", f"--resolution={named}", "--max-errors=10%")
            return made, one.loads(proxy.url, *options).run("rows.jsonl"), resolution

    return fault


def refusal(status: str, code: str = "", *headers: str) -> Answer:
    body = f'{{"code":"{code}","message":"{code}","details":null,"hint":null}}' if code else "<html></html>"
    return Answer(reply(status, body, *headers, kind="application/json" if code else "text/html"))


def limit(test: Callable[[Seen], bool], answer: Answer) -> Soaked:
    """The proxy refuses what is too large."""

    def fault(one: Round) -> Ended:
        made = one.source(5000)
        refuse: Fault = lambda seen: answer if test(seen) else None  # noqa: E731
        with Proxy(one.target.url, refuse, reads_bodies=True) as proxy:
            return made, one.loads(proxy.url).run("rows.jsonl"), "merge"

    return fault


def slow(one: Round) -> Ended:
    """50 kB/s, with the defaults: more is in flight at first than goes through in --timeout."""
    made = one.source(40_000, repeats=0.0, shapes=False, wide=200)
    with Proxy(one.target.url, rate=50_000) as proxy:
        return made, one.loads(proxy.url).start("rows.jsonl").wait(900), "merge"


def tokens(one: Round) -> Ended:
    """Tokens of 2 s, through a load of a minute."""
    made = one.source(12_000)
    loads = one.loads(one.target.url, "--batch-rows=100", "--jwt-ttl=2", "--max-rate=200")
    return made, loads.run("rows.jsonl"), "merge"


def expiry(one: Round) -> Ended:
    """Requests that take 35 s to arrive, with tokens of 2 s: PostgREST refuses them as expired."""
    made = one.source(5000)

    def fault(seen: Seen) -> Act | None:
        return Delay(35) if seen.number in (3, 9) else None

    with Proxy(one.target.url, fault) as proxy:
        run = one.loads(proxy.url, "--batch-rows=100", "--jwt-ttl=2").run("rows.jsonl")
        refused = [seen for seen in proxy.seen if seen.status == 401]
    assert len(refused) == 2, refused
    return made, run, "merge"


def refused_tokens(one: Round) -> Ended:
    """A server that holds each token for expired after 1.1 s."""
    firsts: dict[str, float] = {}
    answer = Answer(reply("401 Unauthorized", expired()), early=True)

    def fault(seen: Seen) -> Act | None:
        return answer if seen.at - firsts.setdefault(seen.token, seen.at) > 1.1 else None

    made = one.source(6000)
    with Proxy(one.target.url, fault) as proxy:
        return made, one.loads(proxy.url, "--batch-rows=100", "--max-rate=1500").run("rows.jsonl"), "merge"


def rotation(one: Round) -> Ended:
    """Another secret in mid-load: exit 4, and the new one resumes."""
    made = one.source(6000)
    loads = one.loads(one.target.url, "--batch-rows=100", "--max-rate=4000")
    process = loads.start("rows.jsonl")
    await_that(one.has(2000), process)
    one.target.replace_postgrest(SECRET[::-1])
    assert process.wait(60).code == 4
    loads.secret = SECRET[::-1]
    run = loads.run("rows.jsonl")
    one.target.replace_postgrest()
    return made, run, "merge"


def timeouts(one: Round) -> Ended:
    """statement_timeout of 150 ms on the role; a row takes 2 ms."""
    one.target.sql("""
        create function api.slow() returns trigger language plpgsql as $$
        begin perform pg_sleep(0.002); return new; end $$;
        create trigger slow before insert on api.faults for each row execute function api.slow();
        alter role api_data_producer set statement_timeout = '150ms'
    """)
    try:
        one.target.replace_postgrest(pool=1 if one.seed % 2 else 10, patience=1)
        made = one.source(1500)
        return made, one.loads(one.target.url).run("rows.jsonl"), "merge"
    finally:
        one.target.sql("alter role api_data_producer reset statement_timeout")
        one.target.sql("drop trigger slow on api.faults; drop function api.slow")
        one.target.replace_postgrest()


def writer(one: Round) -> Ended:
    """Another upserts the same rows in the opposite order."""
    made = one.source(6000, shapes=False)
    loads = one.loads(one.target.url, "--batch-rows=500", "--max-rate=3000")
    loads.run("rows.jsonl")  # rows that are there are upserted, and locked
    process = loads.start("rows.jsonl")
    with psycopg.connect(one.target.box.database, autocommit=True) as connection:
        while process.running:
            try:
                connection.execute("""
                    insert into api.faults (id, w) select id, 1 from api.faults order by id desc
                    on conflict (id) do update set w = coalesce(api.faults.w, 0) + 1
                """)
            except psycopg.errors.DeadlockDetected:
                continue
    return made, process.wait(), "merge"


def late(one: Round) -> Ended:
    """Killed with bodies waiting in the server's pool of one, which get their turn during the next run."""
    lines = [f'{{"id":"k{number % 40:03}","a":{number}}}' for number in range(2000)]
    made = Source(lines, {f"k{key:03}": (str(1960 + key), None, None) for key in range(40)}, {}, [])
    made.write(one.folder / "rows.jsonl")
    one.target.replace_postgrest(pool=1)
    loads = one.loads(one.target.url, "--batch-rows=20", "--concurrency=8")
    process = loads.start("rows.jsonl")
    await_that(one.has(1), process)
    time.sleep(one.seed % 10 / 50)
    process.kill()
    return made, loads.run("rows.jsonl"), "merge"


FAULTS: dict[str, tuple[Soaked, int]] = {
    "kill": (kill, 500),
    "compressed": (compressed, 50),
    "kill-postgrest": (outage(kill_postgrest), 20),
    "quit-postgres": (outage(quit_postgres), 20),
    "kill-postgres": (outage(kill_postgres), 20),
    "too-early": (outage(too_early), 5),
    "downtime": (outage(downtime), 1),
    "cut": (line(Cut(), 9), 20),
    "reset": (line(Cut(reset=True), 20), 20),
    "swallow": (line(Swallow(), 7), 20),
    "stall": (line(Stall(), 25), 10),
    "slow": (slow, 1),
    "429": (line(refusal("429 Too Many Requests", "", "Retry-After: 1"), 9), 5),
    "502": (line(refusal("502 Bad Gateway"), 5), 20),
    "503": (line(refusal("503 Service Unavailable", "", "Retry-After: 0"), 5), 20),
    "504": (line(refusal("504 Gateway Timeout", "PGRST003"), 5), 20),
    "520": (line(refusal("520 Unknown"), 5), 20),
    "544": (line(refusal("544 Timeout"), 5), 20),
    "40P01": (line(refusal("500 Error", "40P01"), 5), 20),
    "40001": (line(refusal("500 Error", "40001"), 5), 20),
    "53100": (line(refusal("503 Unavailable", "53100", "Retry-After: 0"), 5), 20),
    "413": (limit(lambda seen: seen.size > 20_000, refusal("413 Too Large")), 20),
    "57014": (limit(lambda seen: len(seen.ids) > 100, refusal("500 Error", "57014")), 20),
    "statement-timeout": (timeouts, 5),
    "second-writer": (writer, 10),
    "tokens": (tokens, 1),
    "refused-tokens": (refused_tokens, 5),
    "expiry": (expiry, 1),
    "rotation": (rotation, 10),
    "late": (late, 50),
}


def soak(target: Site, name: str, rounds: int, until: float) -> Sum:
    """So many rounds of a fault, or as many as there is time for."""
    fault, _ = FAULTS[name]
    total = Sum()
    seed = 0
    while total.rounds < rounds and time.monotonic() < until:
        folder = Path(tempfile.mkdtemp(prefix=f"soak-{name}-"))
        clear(target)
        before = total.odd
        try:
            made, run, resolution = fault(Round(target, folder, seed))
            total.add(target, made, run.report, resolution)
        except AssertionError as error:
            total.odd = total.odd or f"round {seed}: {error} (see {folder})"
        if total.odd == before:
            shutil.rmtree(folder)
        seed += 1
        total.rounds += KILLS if name in ("kill", "compressed") else 1
    return total


def main(arguments: Sequence[str] | None = None, write: Callable[[str], object] = print) -> int:
    """Run the faults; gives the exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.soak", description=(__doc__ or "").split("\n\n")[1]
    )
    parser.add_argument("faults", nargs="*", metavar="FAULT", help=f"default: all of {', '.join(FAULTS)}")
    parser.add_argument("--rounds", type=int, help="of each fault; default: 500 of kill, 1 to 50 of others")
    parser.add_argument("--minutes", type=float, default=60.0, help="for all of it; default: 60")
    given = parser.parse_args(arguments)
    if unknown := set(given.faults) - set(FAULTS):
        parser.error(f"no such fault: {', '.join(sorted(unknown))}")
    until = time.monotonic() + given.minutes * 60
    bad = 0
    with (
        tempfile.TemporaryDirectory() as folder,
        site(Path(folder), settings={"deadlock_timeout": "50ms"}) as up,
    ):
        for name in given.faults or FAULTS:
            total = soak(up, name, given.rounds or FAULTS[name][1], until)
            bad += bool(total.lost or total.wrong or total.odd)
            text = (
                f"{name}: {total.rounds} rounds, {total.rows:,} rows, {total.retries:,} retries, "
                f"{total.lost} rows lost, {total.wrong} rows wrong"
            )
            write(f"{text}; {total.odd}" if total.odd else text)
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
