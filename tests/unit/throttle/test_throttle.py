"""Limits and waits: what shrinks them, and what lets them grow again."""

from __future__ import annotations

from typing import Any

import pytest

from loader.model import Answered, Decision, Overload
from loader.throttle.throttle import Throttle, backoff

ROW = 10  # bytes


def made_throttle(**changes: Any) -> Throttle:
    given = {"batch_rows": 1000, "batch_bytes": 10_000, "max_rate": None, "concurrency": 8} | changes
    throttle = Throttle(**given)
    throttle.answered(Answered(0, 2, -1.0, -0.99, Decision.DONE))  # the preflight
    return throttle


def request(
    throttle: Throttle, rows: int, now: float, overload: Overload = Overload.NONE, took: float | None = None
) -> None:
    """A batch of so many rows is made, sent, and answered; a row takes a tenth of a millisecond."""
    took = 0.01 + rows / 10_000 if took is None else took
    kind = {Overload.NONE: Decision.DONE, Overload.BUSY: Decision.RETRY}.get(overload, Decision.SHRINK)
    throttle.made(rows, rows * ROW)
    throttle.started(rows, rows * ROW, now - took)
    throttle.answered(Answered(rows, rows * ROW, now - took, now, kind, overload))


def go_on(throttle: Throttle, requests: int, begin: float) -> list[int]:
    """Requests as large as they may be; gives their rows."""
    sent: list[int] = []
    for number in range(requests):
        sent.append(max(1, min(throttle.limits.rows, throttle.limits.size // ROW)))
        request(throttle, sent[-1], begin + number)
    return sent


def test_batches_grow_at_once_where_nothing_speaks_against_it() -> None:
    """The first is small, that its answer comes soon; the bounds are reached in a few requests."""
    throttle = made_throttle()

    assert 500 == throttle.limits.rows
    assert 1000 in go_on(throttle, 8, 0.0)
    assert 1000 == throttle.limits.rows


def test_a_small_bound_of_the_user_is_used_from_the_start() -> None:
    """--batch-rows 100 are 100 rows."""
    assert 100 == made_throttle(batch_rows=100).limits.rows


def test_what_was_refused_is_never_tried_again() -> None:
    """Whatever is accepted meanwhile: neither so many rows nor so many bytes."""
    throttle = made_throttle()
    go_on(throttle, 8, 0.0)

    request(throttle, 800, 10.0, Overload.LONG)
    request(throttle, 600, 11.0, Overload.LARGE)

    assert max(go_on(throttle, 2000, 20.0)) < 600
    assert not throttle.takes(800, 100)
    assert not throttle.takes(10, 6000)
    assert throttle.takes(1, 10**9)  # a single row has to be tried


def test_the_search_goes_on_between_what_worked_and_what_was_refused() -> None:
    """Half of what was refused is not the end of it: it comes near, in a few tries."""
    throttle = made_throttle(batch_rows=None, batch_bytes=10**6)
    refused = 0
    now = 0.0
    for _ in range(3000):
        rows = throttle.limits.rows
        now += 1.0
        if rows > 700:
            refused += 1
        request(throttle, rows, now, Overload.LONG if rows > 700 else Overload.NONE)

    assert 600 <= throttle.limits.rows <= 700
    assert refused <= 8


def test_what_was_slow_is_tried_again_after_a_while() -> None:
    """A line that was slow for a minute must not keep batches small for hours."""
    throttle = made_throttle()
    go_on(throttle, 8, 0.0)

    assert throttle.too_slow(1000, since=100.0)
    assert throttle.too_slow(1000, since=100.0)  # of the same moment
    assert 500 == throttle.limits.rows
    assert 1000 in go_on(throttle, 300, 200.0)


def test_a_stall_is_not_for_the_size_where_others_go_through() -> None:
    """One request hangs, and one as large that was answered meanwhile shows that it is not too large."""
    throttle = made_throttle()

    request(throttle, 1000, 5.0)

    assert not throttle.too_slow(400, since=1.0)
    assert throttle.too_slow(400, since=6.0)


def test_a_batch_keeps_a_row() -> None:
    """However often it is refused."""
    throttle = made_throttle()

    for number in range(20):
        request(throttle, throttle.limits.rows, float(number), Overload.LONG)

    assert 1 == throttle.limits.rows


def test_answers_come_within_a_second_where_rows_are_slow() -> None:
    """A row takes 2 ms: batches stay at some hundreds, far from a statement_timeout of 3 s."""
    throttle = made_throttle(batch_rows=None, batch_bytes=10**6)
    longest = 0.0
    for number in range(100):
        took = 0.01 + 0.002 * throttle.limits.rows
        longest = max(longest, took)
        request(throttle, throttle.limits.rows, 10.0 * number, took=took)

    assert longest <= 1.5


def test_a_timeout_that_a_round_trip_takes_as_long_as_does_not_shrink_batches_for_ever() -> None:
    """300 ms away, with a statement_timeout of 50 ms: what takes no longer than the trip is not slow."""
    throttle = Throttle(batch_rows=None, batch_bytes=10**6, max_rate=None, concurrency=8)
    throttle.answered(Answered(0, 2, -1.0, -0.7, Decision.DONE))
    for number in range(300):
        rows = throttle.limits.rows
        long = rows > 400
        took = 0.35 if long else 0.3 + rows / 8000
        request(throttle, rows, 10.0 * number, Overload.LONG if long else Overload.NONE, took)

    assert 200 <= throttle.limits.rows <= 400


def test_a_burst_of_refusals_is_one() -> None:
    """Four requests that were in flight together are refused: half as many go on, not none."""
    throttle = made_throttle()
    go_on(throttle, 20, 0.0)
    before = throttle.in_flight
    for _ in range(before):
        throttle.started(100, 1000, 100.0)
    for number in range(before):
        throttle.answered(Answered(100, 1000, 100.0, 100.1 + number / 100, Decision.RETRY, Overload.BUSY))

    assert 1 <= before // 2 == throttle.in_flight


def test_no_more_are_in_flight_than_the_user_allows() -> None:
    """--concurrency is a bound."""
    for most in (1, 2, 3):
        throttle = made_throttle(concurrency=most)
        assert {True} == {throttle.in_flight <= most for _ in go_on(throttle, 200, 0.0)}


def test_max_rate_spaces_requests_by_their_rows() -> None:
    """Each waits for the rows before it."""
    throttle = made_throttle(max_rate=100)

    assert [0.0, 1.0, 1.5, 0.0] == [
        throttle.reserve(100, now=0.0),
        throttle.reserve(50, now=0.0),
        throttle.reserve(10, now=0.0),
        throttle.reserve(10, now=60.0),
    ]


@pytest.mark.parametrize(
    ("tries", "after", "chance", "seconds"),
    [
        (1, None, 1.0, 0.25),
        (1, None, 0.0, 0.0),
        (4, None, 1.0, 2.0),
        (40, None, 1.0, 30.0),
        (1, 7.0, 0.5, 7.0),
        (40, 0.0, 0.5, 15.0),
        (1, 1e9, 0.5, 300.0),
    ],
)
def test_backoff_grows_up_to_a_bound(tries: int, after: float | None, chance: float, seconds: float) -> None:
    """Full jitter; Retry-After is a lower bound, within reason."""
    assert seconds == backoff(tries, after, chance=chance)
