"""The pace that a load finds, against the best fixed one on the same modelled server (model_server.py)."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from loader.model import Limits
from loader.throttle.throttle import Throttle
from tests.support.model_server import Fixed, Loading, Model

MIB = 1024 * 1024
SETTLED, END = 2.0, 12.0  # seconds: the search may take as long as the first


def steady(count: float) -> Callable[[float], float]:
    """So many workers, all the time."""
    return lambda _: count


# What is modelled, and the rows a batch that fixed paces are tried with.
SERVERS: dict[str, tuple[Model, tuple[int, ...]]] = {
    "one worker": (Model(steady(1), crowding=0.02), (2000, 5000)),
    "two workers": (Model(steady(2), crowding=0.03), (2000, 5000)),
    "four workers": (Model(steady(4), crowding=0.03), (2000, 5000)),
    "sixteen workers": (Model(steady(16), crowding=0.03), (2000, 5000)),
    "two workers, noisy": (Model(steady(2), noise=0.3, crowding=0.03), (2000, 5000)),
    "40 ms away": (Model(steady(2), trip=0.04, crowding=0.02), (2000, 5000)),
    "200 ms away": (Model(steady(2), trip=0.2, crowding=0.02), (5000,)),
    "429 above two": (Model(steady(4), most_in_flight=2), (5000,)),
    "429 above two, for 1 s": (Model(steady(4), most_in_flight=2, after=1.0), (5000,)),
    "429 above five": (Model(steady(8), most_in_flight=5), (5000,)),
    "a pool of one": (Model(steady(2), pool=1), (2000, 5000)),
    "500 rows at most": (Model(steady(2), most_rows=500, statement_timeout=0.25), (400, 500)),
    "500 rows at most, 40 ms away": (
        Model(steady(2), most_rows=500, statement_timeout=0.25, trip=0.04),
        (400, 500),
    ),
    "slow rows under a timeout": (Model(steady(2), row=1 / 1000, statement_timeout=1.0), (250, 500)),
}


def paced(model: Model, seed: int = 1) -> Loading:
    """A load at its own pace."""
    throttle = Throttle(batch_rows=None, batch_bytes=MIB, max_rate=None, concurrency=8)
    return Loading(model, throttle, seed=seed).run(END)


def rate(load: Loading, begin: float, end: float) -> float:
    """Rows a second from one time to another."""
    return load.rows(begin, end) / (end - begin)


def best_fixed(model: Model, sizes: tuple[int, ...], begin: float = SETTLED, end: float = END) -> float:
    """The rate of the best fixed pace."""
    paces = [Fixed(count, Limits(rows, MIB)) for count in (1, 2, 3, 4, 5, 6, 8) for rows in sizes]
    return max(rate(Loading(model, pace).run(end), begin, end) for pace in paces)


@pytest.mark.parametrize("name", SERVERS)
def test_the_pace_is_within_a_twentieth_of_the_best_fixed_one(name: str) -> None:
    """After two seconds, whatever the server can do; the mean of three loads."""
    model, sizes = SERVERS[name]

    found = [rate(paced(model, seed), SETTLED, END) for seed in (1, 2, 3)]

    assert sum(found) / 3 >= 0.95 * best_fixed(model, sizes)


@pytest.mark.parametrize("name", ["two workers", "four workers", "40 ms away", "429 above two"])
def test_the_search_costs_little(name: str) -> None:
    """Of the first ten seconds, start included."""
    model, sizes = SERVERS[name]

    assert rate(paced(model), 0.0, 10.0) >= 0.92 * best_fixed(model, sizes, 0.0, 10.0)


CHANGES: dict[str, Callable[[float], float]] = {
    "half as many": lambda now: 4 if now < 5 else 2,
    "twice as many": lambda now: 2 if now < 5 else 4,
    "six instead of one": lambda now: 1 if now < 5 else 6,
    "none for a second": lambda now: 0.001 if 4 < now < 5 else 3,
}


@pytest.mark.parametrize("workers", CHANGES.values(), ids=CHANGES.keys())
def test_the_pace_follows_the_server(workers: Callable[[float], float]) -> None:
    """Three seconds after a change it is that of the best fixed pace again."""
    model = Model(workers, crowding=0.03)

    found = rate(paced(model), 8.0, 12.0)

    assert found >= 0.95 * best_fixed(model, (5000,), 8.0, 12.0)


def test_refusals_get_ever_rarer() -> None:
    """More than the server bears is tried again, for it may bear more by then; but not often."""
    model, _ = SERVERS["429 above two"]

    load = paced(model)

    late = [when for when, _, kind in load.refused if kind == "RETRY" and when > SETTLED]
    assert len(late) <= 4


def test_what_was_refused_for_its_time_is_found_in_a_few_tries() -> None:
    """A limit of 500 rows: the last size is near it, and few statements have run into the timeout."""
    model, _ = SERVERS["500 rows at most"]

    load = paced(model)

    sizes = [rows for _, _, rows in load.paced if rows <= 500]
    assert 450 <= max(sizes)
    assert len(load.refused) <= 12
