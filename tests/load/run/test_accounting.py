"""Larger loads: bad rows strewn in, and two loads over the same rows."""

from __future__ import annotations

import random
from collections.abc import Callable
from decimal import Decimal

import anyio

from tests.support.harness import Loaded, Target, trade

FAULTS: list[tuple[str, Callable[[str], str]]] = [
    ("22P02", lambda key: trade(key, market="binance")),
    ("22P02", lambda key: trade(key, price="much")),
    ("22003", lambda key: trade(key, amount=b"1e30")),
    ("22003", lambda key: trade(key, timestamp=2**63)),
    ("23502", lambda key: trade(key, symbol=None)),
    ("no-key", lambda key: trade(key).replace('"id"', '"ID"')),
    ("not-json", lambda key: trade(key)[:-1]),
    ("nul", lambda key: trade(key, symbol="\0")),
]


async def test_bad_rows_strewn_into_many_good_ones(target: Target) -> None:
    """99,900 of 100,000 rows are loaded; the other 100 are rejected, each with its code, in few requests."""
    chance = random.Random(7)
    bad = {number: chance.choice(FAULTS) for number in chance.sample(range(100_000), 100)}
    rows = [
        bad[number][1](f"t{number}")
        if number in bad
        else trade(f"t{number}", amount=f"{number}.000000000000000001")
        for number in range(100_000)
    ]

    loaded = await target.load(rows)

    assert (99_900, 0, 0, 100) == loaded.counts
    assert ("complete_with_rejects", 1) == (loaded.report.status, loaded.report.exit_code)
    assert [(number + 1, bad[number][0]) for number in sorted(bad)] == loaded.codes
    assert [rows[number].encode() for number in sorted(bad)] == loaded.rejects
    total = sum(Decimal(f"{number}.000000000000000001") for number in range(100_000) if number not in bad)
    assert [(99_900, total)] == target.sql("select count(*), sum(amount) from core.trades")
    # 63 server-side bad rows: about a request for each code's value, and log2 of a batch where none is named.
    assert loaded.report.requests < 600


async def test_two_loads_over_the_same_rows_both_end(target: Target) -> None:
    """In opposite orders they deadlock now and then (40P01), and each time one of them tries again."""
    rows = [trade(f"t{number:05}", amount=1) for number in range(20_000)]
    other = [row.replace('"amount": 1', '"amount": 2') for row in reversed(rows)]
    ended: list[Loaded] = []

    async def run(lines: list[str]) -> None:
        ended.append(await target.load(lines, batch_rows=1000, concurrency=4))

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(run, rows)
        tasks.start_soon(run, other)

    assert [None, None] == [loaded.report.error for loaded in ended]
    assert [(20_000, 0, 0, 0)] * 2 == [loaded.counts for loaded in ended]
    assert [(20_000, True)] == target.sql("select count(*), bool_and(amount in (1, 2)) from core.trades")
