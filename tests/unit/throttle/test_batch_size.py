"""How large requests become: grown by trial, never up to what was refused."""

from __future__ import annotations

import pytest

from loader.throttle.batch_size import BatchSize

ENOUGH = 1000  # requests


def send(batch_size: BatchSize, fits: int, *, seconds: float = 0.0, now: float = 0.0) -> int | None:
    """Make a batch as large as may be, and send it; gives its size if it was refused."""
    size = batch_size.limit
    batch_size.made(size)
    batch_size.started(size)
    if size <= fits:
        batch_size.accepted(size, room=1e9, now=now)
        return None
    batch_size.refused(size, seconds, now)
    return size


@pytest.mark.parametrize("fits", [1, 7, 30, 99, 250, 470, 500, 501, 700, 1999, 4999])
def test_it_comes_close_to_what_fits_with_few_refusals(fits: int) -> None:
    """The search ends within a tenth of a limit that nobody has told, and no size is refused twice."""
    batch_size = BatchSize(500, 5000)

    refused = [size for _ in range(20 * ENOUGH) if (size := send(batch_size, fits)) is not None]

    assert fits / 1.11 - 1 <= batch_size.limit <= fits
    assert sorted(set(refused), reverse=True) == refused
    assert len(refused) <= 10


def test_a_limit_of_five_hundred_rows_costs_one_refusal_at_first() -> None:
    """It is found at once, and the next try comes after a while."""
    batch_size = BatchSize(500, 5000)

    refused = [size for _ in range(50) if (size := send(batch_size, 500)) is not None]

    assert [5000] == refused
    assert 500 == batch_size.limit


def test_one_batch_tries_what_is_larger() -> None:
    """While a trial is under way, the other batches stay as they were."""
    batch_size = BatchSize(500, 5000)
    send(batch_size, 10_000)
    assert 5000 == batch_size.limit

    batch_size.made(5000)
    batch_size.started(5000)
    for _ in range(ENOUGH):
        batch_size.accepted(500, room=1e9, now=0.0)
    assert 500 == batch_size.limit

    batch_size.accepted(5000, room=1e9, now=0.0)
    batch_size.made(5000)
    assert 5000 == batch_size.limit


def test_a_trial_that_is_never_sent_is_made_again() -> None:
    """A batch may be left off, or lose rows on its way."""
    batch_size = BatchSize(500, 5000)
    send(batch_size, 10_000)
    batch_size.made(5000)

    for _ in range(50):
        batch_size.accepted(500, room=1e9, now=0.0)

    assert 5000 == batch_size.limit


def test_it_grows_only_to_what_there_is_time_for() -> None:
    """The room is what would be answered in good time."""
    batch_size = BatchSize(500, 5000)

    batch_size.accepted(500, room=900.0, now=0.0)
    assert 900 == batch_size.limit
    batch_size.made(900)
    batch_size.accepted(900, room=300.0, now=0.0)

    assert 900 == batch_size.limit


def test_what_a_refusal_has_cost_puts_off_the_next_try() -> None:
    """A refusal that took 3 s is followed by more than two minutes without another."""
    batch_size = BatchSize(500, 5000)
    send(batch_size, 700)
    send(batch_size, 700, seconds=3.0)

    tries = []
    for now in range(200):
        for _ in range(10):
            tries += [now] if send(batch_size, 700, now=now) else []

    assert tries[0] >= 150


def test_batches_that_were_made_before_a_refusal_are_not_sent_whole() -> None:
    """Nothing as large as what was refused is sent again."""
    batch_size = BatchSize(400, 400)
    batch_size.made(400)

    batch_size.refused(400, 0.0, 0.0)
    batch_size.made(390)  # it was begun before

    assert not batch_size.takes(390)
    assert batch_size.takes(200)


def test_it_keeps_one() -> None:
    """However often it is refused."""
    batch_size = BatchSize(500, 5000)

    for _ in range(20):
        batch_size.refused(batch_size.limit, 0.0, 0.0)

    assert 1 == batch_size.limit
