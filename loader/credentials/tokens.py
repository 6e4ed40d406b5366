"""Bearer tokens: where they come from, and their renewal, one at a time for all requests."""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable
from typing import Protocol

import anyio

from loader import mask
from loader.errors import SettingsError
from loader.settings import Settings

_SKEW = 30.0  # seconds that PostgREST allows a token beyond its exp
_MOST_AHEAD = 600.0  # seconds that the server's clock is believed to differ: no Date makes a token of years


class TokenSource(Protocol):
    """Makes bearer tokens. A new kind is a new class with these two.

    token_source makes it from the settings (settings/settings.py), and mask.hide keeps its secret out of
    whatever is printed or written.
    """

    async def fetch(self) -> tuple[str | None, float]:
        """Return a new token, and for how many seconds it is good; None: requests carry none."""

    def adjust_clock(self, server_time: float) -> None:
        """Learn the server's time, in seconds since 1970, from a reply."""


class Anonymous:
    """No token: the server's anonymous role."""

    async def fetch(self) -> tuple[str | None, float]:
        """Return None, for ever."""
        return None, float("inf")

    def adjust_clock(self, server_time: float) -> None:
        """Ignore it: nothing expires."""


class Minted:
    """HS256 tokens, signed here with the server's secret.

    Claims are role, aud and exp. There is no iat: servers with a stuck clock refuse fresh ones as
    "issued at future" (PostgREST issue 5159). Expiry is told in the server's time.
    """

    def __init__(self, secret: str, *, role: str, audience: str, lifetime: float) -> None:
        self._secret = secret
        self._role = role
        self._audience = audience
        self._lifetime = lifetime
        self._ahead = 0.0  # the server's clock less ours
        self._expires = 0
        mask.hide(secret)

    def adjust_clock(self, server_time: float) -> None:
        """Learn the server's time, in seconds since 1970."""
        ahead = server_time - time.time()
        # Date has a resolution of a second, and PostgREST forgives 30: small differences are noise.
        self._ahead = ahead if abs(ahead) > _SKEW / 3 else 0.0

    async def fetch(self) -> tuple[str | None, float]:
        """Return a new token, and its lifetime in seconds."""
        return self.mint(), self._lifetime

    def claims(self) -> dict[str, str | int]:
        """Return the claims of a token that is made now."""
        # No two are alike, so that it can be told which token was refused.
        self._expires = max(int(time.time() + self._ahead + self._lifetime), self._expires + 1)
        return {"role": self._role, "aud": self._audience, "exp": self._expires}

    def mint(self) -> str:
        """Return a new token.

        Raises:
            SettingsError: HS256 cannot sign with the secret.
        """
        import jwt  # 100 ms, and only needed here

        with warnings.catch_warnings():
            # A secret under 32 bytes is the server's choice; versions before 13 take it.
            warnings.simplefilter("ignore", jwt.InsecureKeyLengthWarning)
            try:
                token = jwt.encode(self.claims(), self._secret, algorithm="HS256")
            except (jwt.PyJWTError, ValueError) as error:  # its text may quote the secret
                raise SettingsError(
                    f"no token can be signed with the secret: {type(error).__name__}",
                    advice="Give the server's jwt-secret itself, as its configuration has it.",
                ) from None
        mask.hide_token(token)
        return token


def _duration(seconds: float) -> str:
    """Return a time for people."""
    return f"{seconds / 60:,.0f} minutes" if seconds >= 120 else f"{seconds:.0f} s"


def token_source(settings: Settings) -> Anonymous | Minted:
    """Return the source of tokens that the settings ask for."""
    if settings.jwt_secret is None:
        return Anonymous()
    return Minted(
        settings.jwt_secret, role=settings.role, audience=settings.audience, lifetime=settings.jwt_ttl
    )


class Tokens:
    """The token in use, renewed before it expires.

    Args:
        source: makes new ones.
        renewed: called after each renewal (not for the first token).
        notice: given what the user should know.
        clock: tells the time in seconds, from any moment on.
    """

    def __init__(
        self,
        source: TokenSource,
        renewed: Callable[[], None],
        *,
        notice: Callable[[str], None] = lambda _: None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._source = source
        self._renewed = renewed
        self._notice = notice
        self._told = False  # whether the user knows that the clocks differ
        self._clock = clock
        self._lock = anyio.Lock()
        self._token: str | None = None
        self._renew_at: float | None = None  # by the clock; None: there is no token yet

    async def current(self) -> str | None:
        """Return a token that is good for a while yet."""
        if self._renew_at is None or self._clock() >= self._renew_at:
            await self._renew(self._token)
        return self._token

    async def renew(self, refused: str | None) -> None:
        """Replace a token that the server refused, unless somebody has replaced it since."""
        await self._renew(refused, force=True)

    def adjust_clock(self, server_time: float) -> None:
        """Learn the server's time, in seconds since 1970, from a reply.

        A difference of the clocks counts up to ten minutes: whoever answers must not make tokens that live
        for years.
        """
        now = time.time()
        ahead = server_time - now
        believed = max(-_MOST_AHEAD, min(ahead, _MOST_AHEAD))
        self._source.adjust_clock(server_time if believed == ahead else now + believed)
        if self._told or abs(ahead) <= _SKEW:
            return
        self._told = True
        differs = (
            f"the server's clock is {_duration(abs(ahead))} {'ahead of' if ahead > 0 else 'behind'} ours"
        )
        if believed == ahead:
            self._notice(f"{differs}: tokens expire by its clock")
        else:
            self._notice(
                f"{differs}, and only {_duration(_MOST_AHEAD)} of that are believed: set the clocks right"
            )

    async def _renew(self, stale: str | None, *, force: bool = False) -> None:
        async with self._lock:
            due = self._renew_at is None or self._clock() >= self._renew_at
            if self._token != stale or not (due or force):
                return
            first = self._renew_at is None
            self._token, lifetime = await self._source.fetch()
            # The server looks at it when a request's headers arrive: a minute is time enough.
            self._renew_at = self._clock() + lifetime - min(60.0, lifetime / 2)
            if not first:
                self._renewed()
