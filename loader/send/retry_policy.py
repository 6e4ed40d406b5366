"""What follows from a reply: whether to send again, when, and when to give up. No I/O."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import assert_never

from loader.errors import TargetError, TargetUnavailable, words
from loader.model import Decision, Reason
from loader.postgrest.error_codes import NO_REPLY, TOKEN_REFUSED, TOO_LARGE
from loader.postgrest.verdict import Verdict
from loader.send.result import Accepted, Cause, Refused, Unusable
from loader.throttle.throttle import backoff

_CAUSES = {Decision.SPLIT: Cause.ROW, Decision.KEYS: Cause.KEYS, Decision.COLUMNS: Cause.COLUMNS}
_SINGLE_ROW_TRIES = 3  # for a statement_timeout that hits a single row


@dataclass(frozen=True, slots=True)
class Wait:
    """Send again after so many seconds."""

    seconds: float
    reason: Reason


@dataclass(frozen=True, slots=True)
class Renew:
    """Send again with a new token."""


class RetryPolicy:
    """Remembers what one body has been through, and decides what comes next.

    Transient failures are retried until they have lasted for ``patience``, whatever was tried meanwhile.
    A token is renewed once between two waits: a second refusal in a row is final.

    Args:
        target: the URL, for messages.
        rows: how many the body has; 0 for a request without rows.
        patience: seconds that transient failures may last.
        location: of the first row, for messages.
        backoff: gives the seconds to wait, from the number of failures and what the server asked for.
    """

    def __init__(
        self,
        target: str,
        *,
        rows: int,
        patience: float,
        location: str = "",
        backoff: Callable[[int, float | None], float] = backoff,
    ) -> None:
        self._target = target
        self._rows = rows
        self._patience = patience
        self._location = location
        self._backoff = backoff
        self._failures = 0
        self._failing_since: float | None = None
        self._renewed = False

    def after(
        self, verdict: Verdict, now: float, *, worked: bool = False
    ) -> Accepted | Refused | Unusable | Wait | Renew:
        """Return what comes after a reply.

        Args:
            verdict: what the reply means.
            now: when it came, in seconds on any clock.
            worked: whether the target has done before what it seems unable to do: then that may pass.

        Raises:
            TargetUnavailable: transient failures have lasted for too long.
            TargetError: something has to be mended: a single row takes longer than the server allows, or
                the server goes on refusing the token.
        """
        match verdict.decision:
            case Decision.DONE:
                return Accepted(verdict.count, verdict.new)
            case Decision.SPLIT | Decision.KEYS | Decision.COLUMNS:
                return Refused(_CAUSES[verdict.decision], verdict.reason)
            case Decision.SHRINK:
                return self._shrink(verdict, now)
            case Decision.RETRY:
                return self._retry(verdict, now)
            case Decision.RENEW:
                return self._renew(verdict)
            case Decision.STOP:
                # It looks hopeless, but has worked before: the network is down, or a gateway restarts.
                return self._wait(verdict, now) if worked else self._unusable(verdict)
            case _:
                assert_never(verdict.decision)

    def well(self) -> None:
        """The server is well again: should it refuse the token once more, that one is renewed."""
        self._renewed = False

    def _shrink(self, verdict: Verdict, now: float) -> Refused | Wait:
        if self._rows > 1 or verdict.reason.code in TOO_LARGE:
            return Refused(Cause.SIZE, verdict.reason)
        if self._failures >= _SINGLE_ROW_TRIES:
            raise self._given_up(verdict)
        return self._wait(verdict, now)

    def _retry(self, verdict: Verdict, now: float) -> Refused | Wait:
        if verdict.tries is not None and self._failures + 1 >= verdict.tries and self._rows:
            return Refused(Cause.ROW, verdict.reason)
        return self._wait(verdict, now)

    def _renew(self, verdict: Verdict) -> Renew | Unusable:
        if self._renewed:
            return self._unusable(verdict)
        self._renewed = True
        return Renew()

    def _wait(self, verdict: Verdict, now: float) -> Wait:
        self._failures += 1
        self._failing_since = now if self._failing_since is None else self._failing_since
        seconds = self._backoff(self._failures, verdict.after)
        if now + seconds - self._failing_since > self._patience:
            raise self._given_up(verdict, now - self._failing_since)
        self._renewed = False
        return Wait(seconds, verdict.reason)

    def _given_up(self, verdict: Verdict, seconds: float = 0.0) -> TargetError:
        if verdict.decision is Decision.SHRINK:
            what = "a single row takes longer" if self._rows else "even a request without rows takes longer"
            return self._error(TargetError, f"{what} than the server allows", verdict)
        # A token that is not valid yet: the clocks are to be mended.
        kind = TargetError if verdict.reason.code in TOKEN_REFUSED else TargetUnavailable
        return self._error(kind, f"{self._target} could not be used for {seconds:.0f} s", verdict)

    def _unusable(self, verdict: Verdict) -> Unusable:
        error = self._error(TargetError, f"{self._target} refuses the load", verdict)
        return Unusable(error, verdict.reason)

    def _error(self, kind: type[TargetError], message: str, verdict: Verdict) -> TargetError:
        if self._location:
            message += f" (rows from {self._location} on)"
        if verdict.reason.code == NO_REPLY:
            advice = verdict.advice or "Is --url right, and is the server up?"
            return kind(f"{message}: {verdict.reason.message}", advice=advice)
        return kind(message, said=words(verdict.reason), advice=verdict.advice)
