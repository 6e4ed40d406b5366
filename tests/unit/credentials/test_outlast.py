"""Whether a load ends before its token does: what is said, when, and that it is not said again."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from loader.credentials.outlast import OutlastWatch
from loader.events import Event, Opened, Read, Requested, Resumed, Settled, Skipped
from loader.model import Decision, Outcome

GB, MB = 10**9, 10**6
SETTLED = Settled(Outcome())
REQUEST = Requested(1, 1, 0.1, Decision.DONE)


@dataclass
class Token:
    seconds_left: float
    can_renew: bool = False
    name: str = "the token of BULKLOAD_TOKEN"


def notices(token: Token, *steps: tuple[float, Event]) -> list[str]:
    """Return what is said when these events come, each at its second."""
    told: list[str] = []
    now = 0.0
    watch = OutlastWatch(token, told.append, clock=lambda: now)
    for second, event in steps:
        token.seconds_left -= second - now
        now = second
        watch.on(event)
    return told


@pytest.mark.parametrize(
    ("size", "left", "words"),
    [
        (9 * GB + 200 * MB, 400, "expires in 7 min and cannot be renewed; even at 20.0 MB/s the 9.2 GB"),
        (9 * GB + 200 * MB, 400, "the 9.2 GB to load take 8 min: give a --token-command"),
        (9 * GB, 500, ""),
        (1000, 59, "expires in 59 s and cannot be renewed; the load must end before that"),
        (None, 59, "expires in 59 s"),
        (None, 61, ""),
        (1000, 61, ""),
        (1000, -5, "has expired and cannot be renewed; the server may refuse it at any moment"),
        (1000, float("inf"), ""),
    ],
)  # fmt: skip
def test_what_is_known_at_the_start_is_said_at_the_start(size: int | None, left: float, words: str) -> None:
    """Once the first request is answered: before, there is no token."""
    told = notices(Token(left), (0, Opened(size)), (0, REQUEST))

    assert (bool(words), True) == (len(told) == 1, words in "".join(told))


def test_what_follows_from_the_rate_is_said_once_it_is_measured() -> None:
    """4 MB/s for five seconds, and 9 GB left; and not a second time. The first batches do not count."""
    steps: list[tuple[float, Event]] = [(0, Opened(9 * GB)), (0, REQUEST), (0, Read(99 * MB)), (0, SETTLED)]
    for second in range(1, 20):
        steps += [(second, Read(4 * MB)), (second, REQUEST)]

    told = notices(Token(720), *steps)

    expected = (
        "the token of BULKLOAD_TOKEN expires in 12 min and cannot be renewed; at 4.0 MB/s the remaining "
        "8.9 GB take 37 min: give a --token-command or a longer token, or run the same command again with a "
        "new token when it stops"
    )
    assert [expected] == told


def test_size_and_rate_follow_what_was_said_at_the_start() -> None:
    """That the load must end soon says nothing of them. What to do is said once."""
    steps: list[tuple[float, Event]] = [(0, Opened(40 * MB)), (0, REQUEST), (0, SETTLED)]
    for second in range(1, 60):
        steps += [(second, Read(MB // 2)), (second, REQUEST)]

    at_start, measured = notices(Token(18), *steps)

    advice = (
        ": give a --token-command or a longer token, or run the same command again with a new token when it "
        "stops"
    )
    name = "the token of BULKLOAD_TOKEN expires in"
    assert f"{name} 18 s and cannot be renewed; the load must end before that{advice}" == at_start
    assert f"{name} 13 s and cannot be renewed; at 500.0 KB/s the remaining 37.5 MB take 75 s" == measured


@pytest.mark.parametrize("done", [Resumed({}, 8 * GB), Skipped(8 * GB)])
def test_what_an_earlier_run_has_loaded_does_not_count(done: Event) -> None:
    """Neither to what is left, nor to the rate."""
    start = [(0.0, Opened(9 * GB)), (0.0, done), (0.0, REQUEST), (0.0, SETTLED)]

    slow = notices(Token(120), *start, (5, Read(20 * MB)), (6, REQUEST))
    fast = notices(Token(120), *start, (5, Read(100 * MB)), (6, REQUEST))

    assert (1, 0) == (len(slow), len(fast))
    assert "the remaining 980.0 MB take" in slow[0]


def test_a_token_that_can_be_renewed_needs_no_words() -> None:
    """However short it is."""
    assert [] == notices(Token(3, can_renew=True), (0, Opened(9 * GB)), (0, REQUEST), (9, REQUEST))
