"""Limits and waits: what shrinks them, and what lets them grow again."""

from __future__ import annotations

import pytest

from loader.model import Answered, Kind, Strain
from loader.pacing import Pacing, backoff


def pacing(**changes: float | None) -> Pacing:
    given = {"batch_rows": 400, "batch_bytes": 10_000, "max_rate": None, "concurrency": 8} | changes
    return Pacing(**given)  # type: ignore[arg-type]


def answer(
    to: Pacing,
    rows: int,
    size: int = 1000,
    *,
    since: float = 0.0,
    now: float = 0.0,
    kind: Kind = Kind.DONE,
    strain: Strain = Strain.NONE,
) -> None:
    """A batch is made, sent and answered."""
    to.made(rows, size)
    to.started(rows, size, since)
    to.answered(Answered(rows, size, since, now, kind, strain))


def fly_ahead(one: Pacing, seconds: float) -> None:
    """The preflight is answered."""
    one.started(0, 2, 0.0)
    one.answered(Answered(0, 2, 0.0, seconds, Kind.DONE))


def test_what_was_refused_is_never_sent_again() -> None:
    """Half of what was too much is the new limit, and no success lets it grow as far again."""
    one = pacing()

    answer(one, 320, kind=Kind.SHRINK, strain=Strain.LONG)
    answer(one, 100, 6000, kind=Kind.SHRINK, strain=Strain.LARGE)
    assert (160, 3000) == (one.limits.rows, one.limits.size)
    made = set()
    for second in range(5000):
        made.add((one.limits.rows, one.limits.size))
        answer(one, one.limits.rows, one.limits.size, since=second, now=second + 0.01)

    assert 290 <= one.limits.rows <= max(rows for rows, _ in made) < 320
    assert 5400 <= one.limits.size <= max(size for _, size in made) < 6000
    assert not one.takes(320, 1000)
    assert not one.takes(100, 6000)


def test_a_single_row_may_always_be_sent() -> None:
    """It may be larger than any limit."""
    assert pacing().takes(1, 10**9)


def test_a_refusal_of_a_single_row_says_nothing_of_batches() -> None:
    """It is the row that is too large."""
    one = pacing()

    answer(one, 1, 500, kind=Kind.SHRINK, strain=Strain.LARGE)
    answer(one, 1, 500, kind=Kind.SHRINK, strain=Strain.LONG)

    assert (400, 10_000) == (one.limits.rows, one.limits.size)


def test_what_was_slow_is_tried_again_after_a_while() -> None:
    """A line that was slow for a minute must not keep batches small for hours."""
    one = pacing()
    answer(one, 400)

    assert one.too_slow(400, since=1.0)
    assert one.too_slow(400, since=1.0)  # of the same moment
    assert 200 == one.limits.rows
    assert not one.takes(400, 1000)
    for _ in range(49):
        answer(one, 200, since=1.0, now=1.1)
    assert 200 == one.limits.rows
    answer(one, 200, since=1.0, now=1.1)
    assert 400 == one.limits.rows


def test_a_stall_is_not_for_the_size_where_others_go_through() -> None:
    """One request hangs, and one as large that was answered meanwhile shows that it is not too large."""
    one = pacing()

    answer(one, 400, since=4.0, now=5.0)

    assert not one.too_slow(400, since=1.0)
    assert one.too_slow(400, since=6.0)


def test_a_batch_keeps_a_row() -> None:
    """However often it is halved."""
    one = pacing()

    for _ in range(20):
        answer(one, one.limits.rows, kind=Kind.SHRINK, strain=Strain.LONG)

    assert 1 == one.limits.rows


def test_given_rows_are_an_upper_bound() -> None:
    """Few are taken as they are; many are grown to."""
    assert 7 == pacing(batch_rows=7).limits.rows
    many = pacing(batch_rows=3000)
    for _ in range(100):
        answer(many, many.limits.rows)

    assert 3000 == many.limits.rows


def test_requests_are_answered_within_a_second_or_so() -> None:
    """Rows that take 2 ms each go out some hundreds at a time, however well that goes."""
    one = pacing(batch_rows=None)
    fly_ahead(one, 0.01)
    now = 0.0
    for _ in range(200):
        took = 0.01 + 0.002 * one.limits.rows
        answer(one, one.limits.rows, since=now, now=now + took)
        now += took

    assert 400 <= one.limits.rows <= 750


def test_requests_stay_well_below_a_timeout_of_the_server() -> None:
    """After a 57014 that came after 0.5 s."""
    one = pacing(batch_rows=None)
    fly_ahead(one, 0.01)
    answer(one, 500, since=0.0, now=0.5, kind=Kind.SHRINK, strain=Strain.LONG)
    now = 1.0
    for _ in range(2000):
        took = 0.01 + 0.002 * one.limits.rows
        answer(one, one.limits.rows, since=now, now=now + took)
        now += took

    assert 0.01 + 0.002 * one.limits.rows <= 0.45


def test_a_long_trip_is_made_up_for() -> None:
    """Where the preflight takes long, more and larger requests are sent at once."""
    near, far = pacing(batch_rows=None), pacing(batch_rows=None)
    fly_ahead(near, 0.01)
    fly_ahead(far, 0.1)

    assert (4, 500) == (near.in_flight, near.limits.rows)
    assert (8, 5000) == (far.in_flight, far.limits.rows)


def test_max_rate_spaces_requests_by_their_rows() -> None:
    """Each waits for the rows before it."""
    one = pacing(max_rate=100)

    assert [0.0, 1.0, 1.5, 0.0] == [
        one.reserve(100, now=0.0),
        one.reserve(50, now=0.0),
        one.reserve(10, now=0.0),
        one.reserve(10, now=60.0),
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
