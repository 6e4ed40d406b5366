"""The token in use, renewed before it expires, one renewal at a time for all requests."""

from __future__ import annotations

import math
import time
from collections.abc import Awaitable, Callable

import anyio

from loader import mask
from loader.credentials.moments import distance, duration, moment
from loader.credentials.server_clock import SKEW
from loader.credentials.token_source import GivenTokens, Token, TokenSource, TokensUnavailable
from loader.errors import SettingsError, TargetError, TargetUnavailable
from loader.settings.checks import check_bearer

_MOST_AHEAD = 600.0  # seconds that the server's clock is believed to differ: no Date makes a token of years
_MARGIN = 60.0  # seconds before its end that a token is renewed; half of a short life
_FIRST_PATIENCE = 10.0  # seconds: a wrong URL should be told at once
_LONGEST_WAIT = 30.0  # seconds between two attempts
_DOUBLINGS = 10  # of a wait that begins with a second: more than it needs to be the longest
_LEAST = 0.5  # seconds that a new token is used, though it may be about to expire, or seem so by our clock
_SAME_AGAIN = 5.0  # seconds until a source is asked again that has given the same token


class Tokens:
    """The token in use, renewed before it expires.

    A renewal that fails does no harm while the token in use is good: it is tried again, ever more rarely.
    When that has expired, requests wait for a new one; after ``patience`` all of them give up.

    Args:
        source: makes new ones.
        renewed: called after each renewal (not for the first token).
        notice: given what the user should know.
        patience: seconds that a source may be unavailable when there is no good token.
        refuse_expired: whether a token that has expired before it is sent is an error.
        sleep: waits; raises if the load is to stop meanwhile.
        clock: tells the time in seconds, from any moment on.
    """

    def __init__(
        self,
        source: TokenSource,
        renewed: Callable[[], None],
        *,
        notice: Callable[[str], None] = lambda _: None,
        patience: float = 300.0,
        refuse_expired: bool = False,
        sleep: Callable[[float], Awaitable[None]] = anyio.sleep,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._source = source
        self._renewed = renewed
        self._notice = notice
        self._given = source if isinstance(source, GivenTokens) else None
        self._patience = patience
        self._refuse_expired = refuse_expired
        self._sleep = sleep
        self._told = False  # whether the user knows that the clocks differ
        self._clock = clock
        self._lock = anyio.Lock()
        self._token: str | None = None
        self._renew_at: float | None = None  # by the clock; None: there is no token yet
        self._expires_at = float("inf")  # likewise
        self._renewing_early = False  # whether the next token is fetched while none is refused
        self._failures = 0  # renewals in a row that failed
        self._broken: TargetError | None = None  # why no token will be had any more
        self._given_again: str | None = None  # the token that the source gave although it was refused

    @property
    def can_renew(self) -> bool:
        """Whether another token may follow the one in use."""
        return self._source.can_renew

    @property
    def seconds_left(self) -> float:
        """For how many seconds the token in use is good; infinite where that is not known."""
        return self._expires_at - self._clock()

    async def current(self) -> str | None:
        """Return a token that is good for a while yet; None: requests carry none.

        Raises:
            TargetError: there is none to be had. A TargetUnavailable: later there may be.
            SettingsError: an option is wrong.
        """
        is_renewed_early = self._renewing_early and self._clock() < self._expires_at
        if self._is_due and not is_renewed_early:  # else somebody fetches the next, and this one is good
            await self._renew(self._token)
        return self._token

    @property
    def _is_due(self) -> bool:
        """Whether the source should be asked for a token."""
        if self._renew_at is None or self._clock() >= self._renew_at:
            return True
        return self._given is not None and self._given.changed()

    async def renew(self, refused: str | None) -> None:
        """Replace a token that the server refused, unless somebody has replaced it since.

        Raises:
            TargetError, SettingsError: as for ``current``.
        """
        await self._renew(refused, is_refused=True)

    def adjust_clock(self, server_time: float) -> None:
        """Learn the server's time, in seconds since 1970, from a reply.

        A difference of the clocks counts up to ten minutes: whoever answers must not make tokens that live
        for years.
        """
        now = time.time()
        ahead = server_time - now
        believed = max(-_MOST_AHEAD, min(ahead, _MOST_AHEAD))
        self._source.adjust_clock(server_time if believed == ahead else now + believed)
        if self._told or abs(ahead) <= SKEW:
            return
        self._told = True
        differs = f"the server's clock is {duration(abs(ahead))} {'ahead of' if ahead > 0 else 'behind'} ours"
        if believed == ahead:
            self._notice(f"{differs}: tokens expire by its clock")
        else:
            self._notice(
                f"{differs}, and only {duration(_MOST_AHEAD)} of that are believed: set the clocks right"
            )

    async def _renew(self, stale: str | None, *, is_refused: bool = False) -> None:
        async with self._lock:
            is_first = self._renew_at is None
            is_due = self._is_due
            if self._token != stale or not (is_due or is_refused):
                return  # somebody else has renewed it
            if not is_due and stale is not None and stale == self._given_again:
                return  # there is no other
            if not is_first and not self._source.can_renew:
                self._renew_at = float("inf")
                return
            if self._broken is not None:
                raise self._broken
            self._renewing_early = not (is_first or is_refused)
            try:
                token = await self._fetch(is_first=is_first, is_refused=is_refused)
            finally:
                self._renewing_early = False
            if token is not None:
                self._given_again = token.text if is_refused and token.text == stale else None
                self._take(token)

    async def _fetch(self, *, is_first: bool, is_refused: bool) -> Token | None:
        """Return a new token; None: the one in use must do for a while yet."""
        began = self._clock()
        patience = min(self._patience, _FIRST_PATIENCE) if is_first else self._patience
        while True:
            try:
                fetched = await self._source.fetch(self._token if is_refused else None)
                if fetched is not None and self._refuse_expired:
                    self._check_expiry(fetched, is_first=is_first, is_refused=is_refused)
            except SettingsError:
                raise
            except TargetError as error:
                self._failures += 1
                after = error.after or 0.0 if isinstance(error, TokensUnavailable) else 0.0
                wait = max(min(2.0 ** min(self._failures - 2, _DOUBLINGS), _LONGEST_WAIT), after)
                if not is_first and not is_refused and self._clock() < self._expires_at:
                    self._keep(error, wait)
                    return None
                if not isinstance(error, TokensUnavailable):
                    self._broken = error
                    raise
                if self._clock() + wait - began > patience:
                    mendable = isinstance(error, TokensUnavailable) and error.needs_mending
                    kind = TargetError if mendable else TargetUnavailable
                    self._broken = kind(
                        f"no token for {self._clock() - began:.0f} s: {error.message}",
                        said=error.said,
                        advice=error.advice,
                    )
                    raise self._broken from error
                await self._sleep(wait)
            else:
                self._failures = 0
                check_bearer((fetched or Token("")).text, "the token")
                return fetched or Token("")

    def _check_expiry(self, token: Token, *, is_first: bool, is_refused: bool) -> None:
        """Refuse a token that the server takes for expired, too.

        Raises:
            SettingsError: it is the first one.
            TokensUnavailable: another one may follow.
        """
        refused_again = is_refused and token.text == self._token
        if token.lifetime > (0.0 if refused_again else -SKEW):
            return
        message = f"{self.name} expired {_ago(token)}"
        advice = "" if self._given is None else self._given.mend
        if is_first:
            end = "" if self.can_renew else ", and cannot be renewed"
            raise SettingsError(f"{message} by our clock{end}: nothing was sent", advice=advice)
        raise TokensUnavailable(f"{message}, and there is no new one", advice=advice, needs_mending=True)

    @property
    def name(self) -> str:
        """What messages call the token, as in ``the token of BULKLOAD_TOKEN``."""
        return "the token" if self._given is None else f"the token of {self._given.origin}"

    def _keep(self, error: TargetError, wait: float) -> None:
        """Go on with the token in use, and try again later, once more before it expires."""
        left = self._expires_at - self._clock()
        self._renew_at = min(self._clock() + max(wait, left / 4), self._expires_at)
        if self._failures == 1:
            good = "goes on" if math.isinf(left) else f"is good for {duration(left)}"
            self._notice(f"no new token, and the one in use {good}: {error.message}")

    def _take(self, token: Token) -> None:
        is_first = self._renew_at is None
        is_new = token.text != (self._token or "")
        self._token = token.text or None
        mask.hide_token(self._token)
        self._expires_at = self._clock() + token.lifetime
        # The server looks at it when a request's headers arrive: a minute is time enough.
        renew_at = self._expires_at - min(_MARGIN, max(token.lifetime, 0.0) / 2)
        least = _LEAST if is_first or is_new else _SAME_AGAIN
        self._renew_at = max(renew_at, self._clock() + least)
        if not is_first and is_new:
            self._renewed()


def _ago(token: Token) -> str:
    """Return when a token has expired."""
    now = time.time()
    return f"at {moment(now + token.lifetime)} ({distance(now + token.lifetime, now)})"
