"""Tokens that somebody else makes: expired ones, the same one again, and how often a source is asked."""

from __future__ import annotations

import re

import anyio
import pytest

from loader.credentials.fixed import Fixed
from loader.credentials.token_source import Token, TokensUnavailable
from loader.credentials.tokens import Tokens
from loader.errors import SettingsError, TargetError, TargetUnavailable
from tests.support.helper_program import signed

KEY = "k" * 32


class Clock:
    """A clock that waits move on."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        self.now += seconds


class Given:
    """Gives what it is told to, one after the other; the last again and again (a GivenTokens)."""

    can_renew = True
    origin = "--token-file x"
    mend = "Write a new one."

    def __init__(self, *answers: Token | Exception) -> None:
        self._answers = list(answers)
        self.asked = 0
        self.is_changed = False

    async def fetch(self, refused: str | None = None) -> Token:
        del refused
        self.asked += 1
        self.is_changed = False
        answer = self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]
        if isinstance(answer, Exception):
            raise answer
        return answer

    def changed(self) -> bool:
        return self.is_changed

    def describe(self) -> str:
        return "given"

    def adjust_clock(self, server_time: float) -> None:
        """It has none."""


@pytest.fixture
def clock() -> Clock:
    return Clock()


def in_use(source: Given, clock: Clock, **options: float) -> Tokens:
    return Tokens(source, lambda: None, clock=clock, sleep=clock.sleep, refuse_expired=True, **options)  # type: ignore[arg-type]


async def test_a_token_that_has_expired_is_not_sent() -> None:
    """The error says when it did, that it cannot be renewed, and what to do."""
    tokens = Tokens(Fixed(signed(KEY, lifetime=-90), "BULKLOAD_TOKEN"), lambda: None, refuse_expired=True)

    with pytest.raises(SettingsError) as caught:
        await tokens.current()

    said = str(caught.value)
    assert re.match(
        r"the token of BULKLOAD_TOKEN expired at 20\d\d-.* UTC \(\d+ s ago\) by our clock, and cannot be",
        said,
    )
    assert "nothing was sent\nPut a new one into BULKLOAD_TOKEN, and run the same command." in said


@pytest.mark.parametrize(("lifetime", "refuse"), [(-25.0, True), (-90.0, False)])
async def test_what_the_server_may_take_is_sent(lifetime: float, refuse: bool) -> None:
    """PostgREST forgives 30 s; and `bulkload token` shows whatever there is."""
    token = signed(KEY, lifetime=lifetime)

    assert token == await Tokens(Fixed(token, "x"), lambda: None, refuse_expired=refuse).current()


async def test_a_change_is_taken_up_at_once(clock: Clock) -> None:
    """Although the token in use is good for an hour."""
    source = Given(Token("old", 3600.0), Token("new", 3600.0))
    tokens = in_use(source, clock)

    old, again = await tokens.current(), await tokens.current()
    source.is_changed = True

    assert ("old", "old", "new", "new") == (old, again, await tokens.current(), await tokens.current())
    assert 2 == source.asked


async def test_a_source_that_keeps_its_tokens_is_not_asked_all_the_time(clock: Clock) -> None:
    """It gives the same token until that has expired: then every five seconds are enough."""
    source = Given(Token("same", 3.0))
    tokens = in_use(source, clock)

    for _ in range(600):
        await tokens.current()
        clock.now += 0.05

    assert 1 < source.asked < 8


async def test_a_token_that_is_given_again_after_a_refusal_is_asked_for_once(clock: Clock) -> None:
    """However many requests were refused with it."""
    source = Given(Token("same", 3600.0))
    tokens = in_use(source, clock)
    refused = await tokens.current()

    async with anyio.create_task_group() as tasks:
        for _ in range(8):
            tasks.start_soon(tokens.renew, refused)

    assert (2, "same") == (source.asked, await tokens.current())


async def test_an_expired_token_is_waited_for_to_be_replaced(clock: Clock) -> None:
    """A file that is written late: the load goes on when it is."""
    source = Given(Token("old", 60.0), *[Token("old", -40.0)] * 4, Token("new", 60.0))
    tokens = in_use(source, clock, patience=300.0)
    await tokens.current()
    clock.now += 100

    assert "new" == await tokens.current()


@pytest.mark.parametrize(("mend", "kind"), [(True, TargetError), (False, TargetUnavailable)])
async def test_what_lasts_ends_the_load(clock: Clock, mend: bool, kind: type[TargetError]) -> None:
    """With exit code 4 where only the user can end it. The source is asked less and less often."""
    source = Given(Token("old", 60.0), TokensUnavailable("the helper fails", needs_mending=mend))
    tokens = in_use(source, clock, patience=300.0)
    await tokens.current()
    clock.now += 60

    raised: list[type[TargetError]] = []

    async def use() -> None:
        try:
            await tokens.current()
        except TargetError as error:
            raised.append(type(error))

    async with anyio.create_task_group() as tasks:
        for _ in range(8):
            tasks.start_soon(use)

    assert ([kind] * 8, True) == (raised, 10 < source.asked < 20)
