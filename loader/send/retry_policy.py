"""What follows from a reply: whether to send again, when, and when to give up. No I/O."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import assert_never

from loader.errors import TargetError, TargetUnavailable, words
from loader.model import Decision, Reason
from loader.postgrest.error_codes import NO_REPLY, TOKEN_REFUSED, TOO_LARGE
from loader.postgrest.verdict import Verdict
from loader.send.result import Accepted, Cause, Refused, Unusable
from loader.throttle.throttle import backoff

_CAUSES = {Decision.SPLIT: Cause.ROW, Decision.KEYS: Cause.KEYS, Decision.COLUMNS: Cause.COLUMNS}
_SINGLE_ROW_WAIT = 0.5  # seconds
_MOST_FAULTS = 1000
_SINGLE_ROW_TRIES = 3  # for a statement_timeout that hits a single row


@dataclass(frozen=True, slots=True)
class Wait:
    """Send again after so many seconds."""

    seconds: float
    reason: Reason


@dataclass(frozen=True, slots=True)
class Renew:
    """Send again with a new token."""


class RowFaults:
    """Remembers the internal errors that came again for a row alone: they are the rows' fault.

    The conversions of some types raise XX000 for what they cannot read (hstore, PostGIS).
    """

    def __init__(self) -> None:
        self._known: set[tuple[str, str]] = set()

    def known(self, reason: Reason) -> bool:
        """Return whether such an error was a row's fault before."""
        return (reason.code, reason.message) in self._known

    def learn(self, reason: Reason) -> None:
        """Note that an error came again for a row alone."""
        if len(self._known) < _MOST_FAULTS:
            self._known.add((reason.code, reason.message))


class RetryPolicy:
    """Remembers what one body has been through, and decides what comes next.

    Transient failures are retried until they have lasted for ``patience``, whatever was tried meanwhile.
    A token is renewed once between two waits: a second refusal in a row is final.

    Args:
        target: the URL, for messages.
        rows: how many the body has; 0 for a request without rows.
        patience: seconds that transient failures may last.
        location: of the first row, for messages.
        row_faults: knows errors that are not worth a wait.
        backoff: gives the seconds to wait, from the number of failures and what the server asked for.
    """

    def __init__(
        self,
        target: str,
        *,
        rows: int,
        patience: float,
        location: str = "",
        row_faults: RowFaults | None = None,
        backoff: Callable[[int, float | None], float] = backoff,
    ) -> None:
        self._target = target
        self._rows = rows
        self._patience = patience
        self._location = location
        self._backoff = backoff
        self._row_faults = row_faults or RowFaults()
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
        if verdict.tries is None or not self._rows:
            return self._wait(verdict, now)
        known = self._row_faults.known(verdict.reason)
        tries = 1 if known and self._rows > 1 else verdict.tries
        if self._failures + 1 < tries:
            # A row alone is rejected next time, so the first one waits long enough for the error to pass.
            after = verdict.after or (0.0 if known or self._rows > 1 else _SINGLE_ROW_WAIT)
            wait = self._wait(replace(verdict, after=after), now)
            return replace(wait, seconds=0.0) if known else wait
        if self._rows == 1:
            self._row_faults.learn(verdict.reason)
        return Refused(Cause.ROW, verdict.reason)

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
