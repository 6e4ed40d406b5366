"""Loads that are killed by kill -9, and resumed: for tests and for the soak."""

from __future__ import annotations

import random
import sqlite3
import time
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

from tests.support.harness import Target
from tests.support.line_faults import Seen, Stall, passing
from tests.support.outcome import check, clear
from tests.support.processes import Loads, Process, Run, await_that
from tests.support.proxy import Proxy
from tests.support.sources import Source
from tests.support.writing import store

ROWS = 6000  # of a source
BATCH_ROWS, CONCURRENCY = 150, 4


def kill_somewhere(process: Process, proxy: Proxy, chance: random.Random) -> Run:
    """Kill a load at a random instant: mostly while it sends, now and then before or after."""
    before = len(proxy.posts)
    if chance.random() < 0.2:
        time.sleep(chance.uniform(0.0, 1.5))
    else:
        goal = before + chance.randint(1, 6)
        deadline = time.monotonic() + 30
        while process.running and len(proxy.posts) < goal and time.monotonic() < deadline:
            time.sleep(0.001)
        time.sleep(chance.uniform(0.0, 0.03))
    return process.kill()


def stall_behind(proxy: Proxy, posts: int) -> None:
    """Have the proxy answer so many more requests with rows, and no others."""
    last = len(proxy.posts) + posts
    proxy.fault = lambda seen: Stall() if seen.number > last else None


def await_quiet(proxy: Proxy, process: Process, posts: int) -> None:
    """Wait until so many requests with rows have come in all, and no others come for 0.25 s."""
    await_that(lambda: len(proxy.posts) >= posts, process, 20)
    seen, since = 0, time.monotonic()
    while time.monotonic() - since < 0.25:
        if len(proxy.posts) > seen:
            seen, since = len(proxy.posts), time.monotonic()
        time.sleep(0.02)


def kill_in_the_middle(
    loads: Loads, proxy: Proxy, *arguments: str, after: int = 15, prefix: Sequence[str] = ()
) -> Run:
    """Start a load, and kill it once ``after`` requests were answered and those behind them wait."""
    goal = len(proxy.posts) + after + 1
    stall_behind(proxy, after)
    process = loads.start(*arguments, prefix=prefix)
    await_quiet(proxy, process, goal)
    run = process.kill()
    proxy.await_idle()
    proxy.fault = passing
    return run


def resent(earlier: list[Seen], later: list[Seen]) -> int:
    """Return how many rows of the earlier requests the later ones hold again."""
    return len(set().union(*(seen.lines for seen in earlier)) & set().union(*(s.lines for s in later)))


def is_finished(run: Run) -> bool:
    """Return whether its journal says that all is done: then the load was killed on its way out."""
    try:
        with closing(sqlite3.connect(run.folder / "journal.sqlite")) as database:
            return bool(database.execute("select 1 from about where name = 'finished'").fetchone())
    except sqlite3.OperationalError:
        return False  # killed before it had made its folder, or its tables


def kill_and_resume(
    target: Target,
    folder: Path,
    made: Source,
    resolution: str,
    seed: int,
    kills: int,
    names: Sequence[str] = ("rows.jsonl",),
    base: str = "",
    flags: Sequence[str] = (),
) -> Run:
    """Kill a load ``kills`` times, resume it after each, and let it end.

    A load that ends before it is killed is checked, and begun anew. The source is stored as files of these
    names, a part in each; the load names them with ``base`` before each, as in a URL. ``flags`` are what a
    load of them needs.
    """
    chance = random.Random(seed)
    store(folder, made.lines, names)
    named = resolution if resolution == "none" else f"{resolution}-duplicates"
    options = [f"--batch-rows={BATCH_ROWS}", f"--concurrency={CONCURRENCY}", f"--resolution={named}"]
    options += [f"--max-errors={ROWS}", *flags]
    with Proxy(target.url, reads_bodies=True) as proxy:
        loads = Loads(folder, proxy.url, target.secret, *options)
        earlier: list[Seen] = []
        while True:
            begin = len(proxy.posts)
            process = loads.start("--run-dir=run", *(f"{base}{name}" for name in names))
            run = kill_somewhere(process, proxy, chance) if kills > 0 else process.wait()
            proxy.await_idle()
            sent = proxy.posts[begin:]
            again = resent(earlier, sent)
            assert again <= CONCURRENCY * BATCH_ROWS, f"{again} rows were sent again"
            if run.code >= 0 or is_finished(run):
                assert run.code in (0, 1, -9), run.err
                if kills <= 0:
                    return run
                check(target, made, run.report, resolution=resolution)
                clear(target)
                earlier = []
            else:
                kills -= 1
                earlier = sent
