"""Requests in flight: cuts and ceilings. How good a number is found is held in test_simulated.py."""

from __future__ import annotations

from itertools import pairwise

from loader.model import Answered, Decision, Overload
from loader.throttle.concurrency import Concurrency


def refuse(concurrency: Concurrency, since: float, now: float) -> int:
    """A request was refused for being too many; gives how many may be in flight then."""
    concurrency.started(since)
    concurrency.answered(Answered(100, 1000, since, now, Decision.RETRY, Overload.BUSY), steady=True)
    return concurrency.limit


def accept(concurrency: Concurrency, since: float, now: float) -> int:
    """A request got in; likewise."""
    concurrency.started(since)
    concurrency.answered(Answered(100, 1000, since, now, Decision.DONE), steady=True)
    return concurrency.limit


def test_one_burst_of_refusals_is_one_cut() -> None:
    """What was sent before the cut says nothing new."""
    concurrency = Concurrency(8)

    assert [2, 2, 2] == [
        refuse(concurrency, 0.0, 1.0),
        refuse(concurrency, 0.1, 1.1),
        refuse(concurrency, 0.9, 1.2),
    ]
    assert 1 == refuse(concurrency, 1.5, 2.0)


def test_one_request_may_always_be_in_flight() -> None:
    """However often it is refused."""
    concurrency = Concurrency(8)

    for second in range(20):
        refuse(concurrency, second, second + 0.5)

    assert 1 == concurrency.limit


def test_refusals_without_a_success_between_them_set_no_further_ceiling() -> None:
    """An outage of a minute is not for the number in flight: soon after it there are as many as before."""
    concurrency = Concurrency(4)
    for second in range(60):
        refuse(concurrency, second, second + 0.5)

    limits = load(concurrency, workers=8, begin=60.0, end=70.0)

    assert 4 == max(limits)


def test_what_was_refused_is_tried_again_ever_more_rarely() -> None:
    """After 5 s, then 10, 20 and so on."""
    concurrency = Concurrency(8)

    tried = tries(concurrency, most=2, end=100.0)

    assert len(tried) <= 6
    assert all(later - earlier >= 4.5 for earlier, later in pairwise(tried[1:]))
    assert tried[-1] - tried[-2] >= 2 * (tried[-2] - tried[-3]) * 0.9


def test_others_are_no_pressure() -> None:
    """A lost line, a deadlock or a bad row change nothing."""
    concurrency = Concurrency(8)

    for kind in (Decision.RETRY, Decision.SPLIT, Decision.SHRINK):
        concurrency.started(0.0)
        concurrency.answered(Answered(100, 1000, 0.0, 1.0, kind), steady=True)

    assert 4 == concurrency.limit


def test_a_single_one_stays_single() -> None:
    """--concurrency 1 leaves nothing to try."""
    concurrency = Concurrency(1)

    assert {1} == set(load(concurrency, workers=8, begin=0.0, end=20.0))


def load(concurrency: Concurrency, *, workers: int, begin: float, end: float) -> list[int]:
    """Keep requests of 0.1 s in flight, more of them than workers as much longer; gives the limits."""
    now, limits = begin, []
    while now < end:
        count = concurrency.limit
        took = 0.1 * max(1.0, count / workers)
        for _ in range(count):
            concurrency.started(now)
        for _ in range(count):
            concurrency.answered(Answered(100, 1000, now, now + took, Decision.DONE), steady=True)
        now += took
        limits.append(concurrency.limit)
    return limits


def tries(concurrency: Concurrency, *, most: int, end: float) -> list[float]:
    """As `load`, but what is above ``most`` is refused; gives when that was."""
    now, when = 0.0, []
    while now < end:
        count = concurrency.limit
        for _ in range(count):
            concurrency.started(now)
        for number in range(count):
            refused = number >= most
            decision, overload = (
                (Decision.RETRY, Overload.BUSY) if refused else (Decision.DONE, Overload.NONE)
            )
            concurrency.answered(Answered(100, 1000, now, now + 0.1, decision, overload), steady=True)
        now += 0.1
        when += [now] if count > most else []
    return when
