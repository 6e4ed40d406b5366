"""Tokens: what is in them, when they are renewed, and that one renewal serves all."""

from __future__ import annotations

import time

import anyio
import anyio.lowlevel
import jwt
import pytest

from loader.credentials.anonymous import Anonymous
from loader.credentials.choose import token_source
from loader.credentials.minted import Minted
from loader.credentials.token_source import Token, TokensUnavailable
from loader.credentials.tokens import Tokens
from loader.errors import SettingsError
from loader.settings import Settings

SECRET = "a-secret-of-at-least-thirty-two-characters"


class Source:
    """Gives numbered tokens that are good for an hour, after a while; some attempts fail."""

    can_renew = True

    def __init__(self, *, lifetime: float = 3600.0, fails: range = range(0)) -> None:
        self.fetched = 0
        self._lifetime = lifetime
        self._fails = fails

    async def fetch(self, refused: str | None = None) -> Token:
        del refused
        self.fetched += 1
        await anyio.lowlevel.checkpoint()
        if self.fetched in self._fails:
            raise TokensUnavailable("it is down")
        return Token(f"token {self.fetched}", self._lifetime)

    def describe(self) -> str:
        return "numbered tokens"

    def adjust_clock(self, server_time: float) -> None:
        """It has none."""


class Slow(Source):
    """Answers once it may."""

    def __init__(self) -> None:
        super().__init__()
        self.may_answer = anyio.Event()
        self.may_answer.set()

    async def fetch(self, refused: str | None = None) -> Token:
        await self.may_answer.wait()
        return await super().fetch(refused)


def test_a_token_names_role_audience_and_expiry() -> None:
    """And nothing else: with iat, servers with a stuck clock refuse it."""
    source = token_source(Settings(url="http://localhost:3000/", jwt_secret=SECRET, jwt_ttl=60))
    assert isinstance(source, Minted)

    claims = jwt.decode(source.mint(), SECRET, ["HS256"], audience="http://localhost:3000/")

    assert claims.pop("exp") == pytest.approx(time.time() + 60, abs=3)
    assert {"role": "api_data_producer", "aud": "http://localhost:3000/"} == claims


@pytest.mark.parametrize(("ahead", "exp"), [(0, 60), (9, 60), (300, 360), (-300, -240)])
def test_expiry_is_told_in_the_servers_time(ahead: float, exp: float) -> None:
    """Clocks that differ by minutes are corrected; by seconds, not: the server forgives 30."""
    source = Minted(SECRET, role="r", audience="a", lifetime=60)

    source.adjust_clock(time.time() + ahead)

    assert source.claims()["exp"] == pytest.approx(time.time() + exp, abs=3)


def test_without_a_secret_there_is_no_token() -> None:
    """Requests are then the anonymous role's."""
    assert isinstance(token_source(Settings(url="http://localhost:3000")), Anonymous)


async def test_one_renewal_serves_all_requests_in_flight() -> None:
    """Twenty requests that were refused with the same token fetch one new one."""
    source, renewed = Source(), []
    tokens = Tokens(source, lambda: renewed.append(1))
    refused = await tokens.current()

    async with anyio.create_task_group() as tasks:
        for _ in range(20):
            tasks.start_soon(tokens.renew, refused)

    assert (2, [1], "token 2") == (source.fetched, renewed, await tokens.current())


async def test_a_token_is_renewed_before_it_expires() -> None:
    """A minute before, or at half of a short life; not earlier."""
    now = 1000.0
    source, renewed = Source(), []
    tokens = Tokens(source, lambda: renewed.append(1), clock=lambda: now)

    assert "token 1" == await tokens.current()
    now += 3600 - 61
    assert "token 1" == await tokens.current()
    now += 2
    assert "token 2" == await tokens.current()
    assert [1] == renewed


@pytest.mark.parametrize("lifetime", [-20.0, 0.0, 1e-6])
async def test_no_source_is_asked_for_each_request(lifetime: float) -> None:
    """A token that is over when it comes, as by a clock that is ahead, is used for half a second."""
    now = 1000.0
    source = Source(lifetime=lifetime)
    tokens = Tokens(source, lambda: None, clock=lambda: now)

    for _ in range(1000):  # requests in two seconds
        await tokens.current()
        now += 0.002

    assert source.fetched in range(3, 6)
    await tokens.renew(await tokens.current())
    assert source.fetched in range(4, 7)  # at once, where the server refuses it


async def test_a_source_may_fail_for_a_night() -> None:
    """However often it was asked, half a minute lies between two attempts, and then a token serves."""
    now = 1000.0
    source = Source(lifetime=1.0, fails=range(2, 1202))

    async def wait(seconds: float) -> None:
        nonlocal now
        assert seconds <= 30
        now += seconds

    tokens = Tokens(source, lambda: None, patience=86400.0, sleep=wait, clock=lambda: now)
    await tokens.current()
    now += 2

    assert "token 1202" == await tokens.current()


@pytest.mark.parametrize(
    ("ahead", "exp", "said"),
    [
        (8000 * 365 * 86400.0, 660, "only 10 min of that are believed"),
        (-86400.0, -540, "only 10 min of that are believed"),
        (300.0, 360, "5 min ahead of ours: tokens expire by its clock"),
        (-45.0, 15, "45 s behind ours"),
        (20.0, 80, ""),
    ],
)
def test_a_clock_is_believed_for_ten_minutes(ahead: float, exp: float, said: str) -> None:
    """Whoever answers cannot have tokens made that live for years; the user is told once."""
    source = Minted(SECRET, role="r", audience="a", lifetime=60)
    told: list[str] = []
    tokens = Tokens(source, lambda: None, notice=told.append)

    for _ in range(3):
        tokens.adjust_clock(time.time() + ahead)

    assert source.claims()["exp"] == pytest.approx(time.time() + exp, abs=3)
    assert (bool(said), True) == (len(told) == 1, said in "".join(told))


@pytest.mark.parametrize(
    "secret", ["-----BEGIN PUBLIC KEY-----\nx\n-----END PUBLIC KEY-----", "ssh-rsa AAAA"]
)
def test_a_key_that_hs256_cannot_sign_with_is_refused(secret: str) -> None:
    """PyJWT's own error is translated, and does not show it."""
    with pytest.raises(SettingsError) as caught:
        Minted(secret, role="r", audience="a", lifetime=60).mint()
    assert secret not in str(caught.value)
    with pytest.raises(SettingsError, match="PEM or SSH key"):
        Settings(url="http://h", jwt_secret=secret)


async def test_a_slow_renewal_holds_up_one_request() -> None:
    """The token in use is good for a while yet; only once it is over do the others wait, too."""
    now = 1000.0
    source = Slow()
    tokens = Tokens(source, lambda: None, clock=lambda: now)
    await tokens.current()
    source.may_answer = anyio.Event()
    now += 3600 - 30
    others: list[str | None] = []

    async def ask() -> None:
        others.append(await tokens.current())

    async with anyio.create_task_group() as tasks:
        with anyio.fail_after(5):
            tasks.start_soon(tokens.current)
            await anyio.wait_all_tasks_blocked()
            await ask()
            now += 31
            tasks.start_soon(ask)
            await anyio.wait_all_tasks_blocked()
            assert ["token 1"] == others
        source.may_answer.set()

    assert (["token 1", "token 2"], 2) == (others, source.fetched)
