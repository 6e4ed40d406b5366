"""The pacing against a model of servers: how near it comes to the best fixed pace, and how soon."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

import pytest

from loader.pacing import Limits, Pacing
from tests.model_server import Fixed, Loading, Model

SIZE = 1024 * 1024  # bytes
SEEDS = (1, 2, 3)
NUMBERS = (1, 2, 3, 4, 6, 8)  # in flight


def always(workers: float) -> Callable[[float], float]:
    return lambda _now: workers


def then(before: float, when: float, after: float) -> Callable[[float], float]:
    return lambda now: before if now < when else after


def paced() -> Pacing:
    return Pacing(batch_rows=None, batch_bytes=SIZE, max_rate=None, concurrency=8)


def seconds(model: Model, pacer: Callable[[], Fixed | Pacing], rows: int) -> float:
    """What a load of so many rows takes, over all seeds."""
    return sum(Loading(model, pacer(), seed=seed, total=rows).run(1000.0).done[-1][0] for seed in SEEDS)


@cache
def best(model: Model, rows: int, numbers: tuple[int, ...], sizes: tuple[int, ...]) -> float:
    """What it takes at the best of all fixed paces."""
    return min(
        seconds(model, lambda number=number, size=size: Fixed(number, Limits(size, SIZE)), rows)  # type: ignore[misc]
        for number in numbers
        for size in sizes
    )


LOCAL = Model(always(2), crowding=0.03)
STEADY = {
    "1 worker": (Model(always(1), crowding=0.02), 0.95),
    "2 workers": (LOCAL, 0.97),
    "4 workers": (Model(always(4), crowding=0.03), 0.97),
    "16 workers": (Model(always(16)), 0.95),
    "40 ms": (Model(always(2), trip=0.04, crowding=0.02), 0.97),
    "200 ms, 2 workers": (Model(always(2), trip=0.2, crowding=0.02), 0.90),
    "200 ms, 4 workers": (Model(always(4), trip=0.2), 0.95),
    "noise, 2 workers": (Model(always(2), noise=0.3, crowding=0.03), 0.95),
    "noise, 4 workers": (Model(always(4), noise=0.3, crowding=0.03), 0.95),
    "noise, 40 ms": (Model(always(2), noise=0.3, trip=0.04), 0.97),
    "429 above 2": (Model(always(4), most_in_flight=2), 0.98),
    "429 above 2, Retry-After": (Model(always(4), most_in_flight=2, after=1.0), 0.98),
    "429 above 5": (Model(always(8), most_in_flight=5), 0.97),
    "pool of 1": (Model(always(2), pool=1), 0.98),
    "pool of 2, 40 ms": (Model(always(4), pool=2, trip=0.04), 0.98),
}


@pytest.mark.parametrize(("model", "share"), STEADY.values(), ids=STEADY.keys())
def test_a_load_of_ten_seconds_comes_near_the_best_fixed_pace(model: Model, share: float) -> None:
    """Its start included."""
    rows = Loading(model, paced()).run(10.0).rows(0.0, 10.0)

    assert best(model, rows, NUMBERS, (2000, 5000)) >= share * seconds(model, paced, rows)


@pytest.mark.parametrize("timeout", [0.2, 1.0])
@pytest.mark.parametrize("trip", [0.0, 0.04])
def test_a_statement_timeout_above_five_hundred_rows(timeout: float, trip: float) -> None:
    """Refusals cost a whole timeout each, and are few."""
    model = Model(always(2), most_rows=500, statement_timeout=timeout, trip=trip)
    rows = 600_000

    assert best(model, rows, NUMBERS, (500,)) >= 0.95 * seconds(model, paced, rows)
    run = Loading(model, paced()).run(10.0)
    assert 470 <= run.paced[-1][2] <= 500
    assert len(run.refused) <= 5


def test_a_pool_of_one_that_gives_up_on_those_who_wait() -> None:
    """504 after a second: fewer are in flight, so that nobody waits as long."""
    run = Loading(Model(always(2), pool=1, pool_wait=1.0, row=1 / 2000), paced()).run(60.0)

    assert run.rows(20.0, 60.0) >= 0.95 * 40.0 * 2000
    assert len(run.refused) <= 8


def test_a_short_load_costs_no_more_than_its_start() -> None:
    """Two seconds at two workers, as on one machine with the servers."""
    rows = 190_000

    assert best(LOCAL, rows, NUMBERS, (2000, 5000)) >= 0.94 * seconds(LOCAL, paced, rows)


CHANGES = {
    "half": then(4, 5.0, 2),
    "twice": then(2, 5.0, 4),
    "six times": then(1, 5.0, 6),
    "away for a second": lambda now: 0.001 if 4.0 < now < 5.0 else 3,
}


@pytest.mark.parametrize("workers", CHANGES.values(), ids=CHANGES.keys())
def test_a_change_of_the_server_is_followed(workers: Callable[[float], float]) -> None:
    """From five seconds after it the pace is near the best fixed one for what the server has become."""
    model = Model(workers, crowding=0.03)
    until = 40.0
    found = sum(Loading(model, paced(), seed=seed).run(until).rows(10.0, until) for seed in SEEDS)
    fixed = max(
        sum(
            Loading(model, Fixed(number, Limits(5000, SIZE)), seed=seed).run(until).rows(10.0, until)
            for seed in SEEDS
        )
        for number in NUMBERS
    )

    assert found >= 0.95 * fixed


def test_requests_stay_short_where_rows_are_slow() -> None:
    """2 ms a row: no request takes three seconds, which is Supabase's shortest statement_timeout."""
    run = Loading(Model(always(2), row=1 / 500, statement_timeout=3.0), paced()).run(60.0)

    assert [] == run.refused
    assert run.rows(2.0, 60.0) >= 0.95 * 58 * 1000
