"""Limits and waits: what shrinks them, and what lets them grow again."""

from __future__ import annotations

import pytest

from loader.pacing import Pacing, backoff


def pacing(**changes: float | None) -> Pacing:
    given = {"batch_rows": 1000, "batch_bytes": 10_000, "max_rate": None} | changes
    return Pacing(**given)  # type: ignore[arg-type]


def test_what_was_refused_is_never_tried_again() -> None:
    """Half of what was too much is the new limit, for good."""
    one = pacing()

    one.too_long(800)
    one.too_large(6000)
    for _ in range(1000):
        one.went_well(10, now=0.0)

    assert (400, 3000) == (one.limits.rows, one.limits.size)


def test_what_was_slow_is_tried_again_after_a_while() -> None:
    """A line that was slow for a minute must not keep batches small for hours."""
    one = pacing()

    assert one.too_slow(1000, since=0.0)
    assert one.too_slow(1000, since=0.0)  # of the same moment
    assert 500 == one.limits.rows
    for _ in range(50):
        one.went_well(500, now=1.0)
    assert 1000 == one.limits.rows
    for _ in range(50):
        one.went_well(1000, now=2.0)
    assert 1000 == one.limits.rows


def test_a_stall_is_not_for_the_size_where_others_go_through() -> None:
    """One request hangs, and one as large that was answered meanwhile shows that it is not too large."""
    one = pacing()

    one.went_well(1000, now=5.0)

    assert not one.too_slow(1000, since=1.0)
    assert one.too_slow(1000, since=6.0)


def test_a_batch_keeps_a_row() -> None:
    """However often it is halved."""
    one = pacing()

    for _ in range(20):
        one.too_long(one.limits.rows)

    assert 1 == one.limits.rows


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
