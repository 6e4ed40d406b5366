"""One body -> one decision: sends it again while what refuses it passes, with a new token if it must."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace

import anyio

from loader.credentials.tokens import Tokens
from loader.errors import TargetError, words
from loader.events import Observer, Requested, Retrying, Throttled
from loader.halt import Halt
from loader.model import Answered, Decision, Key, NoReply, Reason, Reply, Shape, Verdict
from loader.postgrest.body import EMPTY, Body
from loader.postgrest.client import PostgREST
from loader.postgrest.columns import describe
from loader.postgrest.overload import overload_of
from loader.postgrest.verdict import NO_REPLY, TOO_LARGE, judge, may_be_in
from loader.settings import Settings
from loader.throttle.throttle import Throttle, backoff

_SINGLE_ROW_TRIES = 3  # for a statement_timeout that hits a single row


class Attempts:
    """Sends bodies to the target. Any number of tasks may do so at once."""

    def __init__(
        self,
        client: PostgREST,
        tokens: Tokens,
        *,
        settings: Settings,
        throttle: Throttle,
        halt: Halt,
        observer: Observer,
    ) -> None:
        self._client = client
        self._tokens = tokens
        self._settings = settings
        self._throttle = throttle
        self._halt = halt
        self._observer = observer
        self._places = anyio.CapacityLimiter(throttle.in_flight)  # for requests; who waits to retry has none
        self._paced: Throttled | None = None
        self._answered = False

    async def send(
        self,
        shape: Shape,
        body: Body,
        rows: int,
        *,
        where: str = "",
        patience: float | None = None,
        plain: bool = False,
    ) -> Verdict:
        """Send one body until it is in, or refused for what it holds.

        Args:
            shape: the columns that it writes.
            body: the rows.
            rows: how many.
            where: the place of the first, for messages.
            patience: seconds that transient failures may last, and that an answer may take;
                None: --retry-for and --timeout.
            plain: as a plain insert; it is not repeated where it may be in.

        Returns:
            DONE, SPLIT, KEYS, SHRINK or COLUMNS. For a plain insert also UNSURE, if it may be in, and
            where --resolution asks for upserts, STOP or RENEW instead of an error.

        Raises:
            TargetError: the target cannot be used, or not for too long.
            Halted: a stop was asked for.
        """
        trial = _Trial(where, self._settings.retry_for if patience is None else patience, plain)

        async def post() -> tuple[Verdict, Reply | NoReply]:
            sent, count = (EMPTY, 0) if trial.probing else (body, rows)
            return await self._post(shape, sent, count, patience, plain)

        return await self._decide(post, trial, rows)

    async def stored(self, columns: Sequence[str], keys: Sequence[Key], *, where: str) -> tuple[int, str]:
        """How many rows with these keys the relation has; and these rows as JSON, perhaps not all of them.

        Raises:
            TargetError: the target cannot be used, or does not tell.
            Halted: a stop was asked for.
        """
        body = ""

        async def ask() -> tuple[Verdict, Reply | NoReply]:
            nonlocal body
            started = time.monotonic()
            reply = await self._client.stored(columns, keys)
            body = reply.body if isinstance(reply, Reply) else ""
            verdict = judge(reply, rows=0, resolution="none")
            self._observer.on(Requested(0, 0, time.monotonic() - started, verdict.decision))
            return verdict, reply

        verdict = await self._decide(ask, _Trial(where, self._settings.retry_for), 0)
        return verdict.count, body

    async def _decide(
        self, request: Callable[[], Awaitable[tuple[Verdict, Reply | NoReply]]], trial: _Trial, rows: int
    ) -> Verdict:
        """Make a request again and again until there is an answer to go by."""
        while True:
            self._halt.check()
            sent_at = time.monotonic()
            verdict, reply = await request()
            verdict = self._in_context(verdict, reply, trial, rows)
            if verdict.decision is Decision.RETRY:
                trial.tries += 1
                if verdict.tries is not None and trial.tries >= verdict.tries and rows:
                    return replace(verdict, decision=Decision.SPLIT)
                await self._wait(trial, verdict)
                trial.unsure |= trial.plain and not trial.probing and may_be_in(reply)
                # Was it the line, or an expired token that broke the line? The answer to [] tells.
                if isinstance(reply, NoReply) and reply.slow and not trial.probing and rows > 1:
                    trial.slow_since = sent_at
                trial.probing = isinstance(reply, NoReply) or trial.unsure
            elif verdict.decision is Decision.RENEW and not trial.renewed:
                await self._tokens.renew(reply.token if isinstance(reply, Reply) else None)
                trial.renewed = True
            elif verdict.decision in (Decision.STOP, Decision.RENEW):
                if trial.plain and self._settings.resolution != "none":
                    return verdict  # an insert was not asked for, and an upsert may fare better
                raise trial.stopped(f"{self._settings.url} refuses the load", verdict)
            elif trial.probing and verdict.decision is Decision.DONE:
                # The server is well. Was the request too large to be answered in time?
                since, trial.slow_since = trial.slow_since, None
                slow = since is not None and self._throttle.too_slow(rows, since)
                reason = Reason(NO_REPLY, "no answer in time") if slow else Reason("", "")
                if slow or trial.unsure:
                    return Verdict(Decision.UNSURE if trial.unsure else Decision.SHRINK, reason)
                trial.renewed = trial.probing = False
            else:
                return verdict

    def _in_context(self, verdict: Verdict, reply: Reply | NoReply, trial: _Trial, rows: int) -> Verdict:
        """A verdict in the light of what came before it.

        Raises:
            TargetError: a single row was refused for its time too often.
        """
        worked = self._answered if isinstance(reply, NoReply) else trial.probing and reply.reason is None
        self._answered = self._answered or isinstance(reply, Reply)
        if verdict.decision is Decision.STOP and worked:
            # It looks hopeless, but it has worked before: the network is down, or a gateway restarts.
            return replace(verdict, decision=Decision.RETRY)
        if verdict.decision is Decision.SHRINK and rows <= 1 and verdict.reason.code not in TOO_LARGE:
            if trial.tries >= _SINGLE_ROW_TRIES:
                raise trial.stopped("a single row takes longer than the server allows", verdict)
            return replace(verdict, decision=Decision.RETRY)
        return verdict

    async def _wait(self, trial: _Trial, verdict: Verdict) -> None:
        """Wait before the next try.

        Raises:
            TargetError: that would be beyond the trial's patience.
            Halted: a stop was asked for.
        """
        now = time.monotonic()
        trial.failing_since = now if trial.failing_since is None else trial.failing_since
        seconds = backoff(trial.tries, verdict.after)
        if now + seconds - trial.failing_since > trial.patience:
            what = f"{self._settings.url} could not be used for {now - trial.failing_since:.0f} s"
            raise trial.stopped(what, verdict)
        self._observer.on(Retrying(words(verdict.reason), seconds))
        await self._halt.sleep(seconds)
        trial.renewed = False

    async def describe(self) -> dict[str, str]:
        """The columns of the relation and their types; empty where the server does not tell."""
        return await describe(self._client, self._observer.on)

    async def _post(
        self, shape: Shape, body: Body, rows: int, timeout: float | None, plain: bool
    ) -> tuple[Verdict, Reply | NoReply]:
        wait = self._throttle.reserve(rows, time.monotonic())
        if wait > 0:
            await self._halt.sleep(wait)
        async with self._places:
            self._halt.check()
            started = time.monotonic()
            self._throttle.started(rows, body.size, started)
            reply = await self._client.post(shape.columns, body, timeout, plain=plain)
            verdict = judge(
                reply,
                rows=rows,
                resolution=self._settings.resolution,
                plain=plain,
                url_length=len(self._client.url(shape.columns, plain=plain)),
                size=body.size,
            )
            now = time.monotonic()
            self._pace(Answered(rows, body.size, started, now, verdict.decision, overload_of(verdict, reply)))
        self._observer.on(Requested(rows, body.size, now - started, verdict.decision))
        return verdict, reply

    def _pace(self, one: Answered) -> None:
        """Let the throttle learn from a request, and go by it."""
        self._throttle.answered(one)
        self._places.total_tokens = self._throttle.in_flight
        paced = Throttled(self._throttle.in_flight, self._throttle.limits.rows, self._throttle.limits.size)
        if paced != self._paced:
            self._paced = paced
            self._observer.on(paced)


@dataclass(slots=True)
class _Trial:
    """What one body has been through.

    Attributes:
        where: the place of its first row, for messages.
        patience: seconds that transient failures may last.
        tries: transient failures so far.
        failing_since: time of the first of them.
        renewed: whether the token was just renewed for it: a second refusal is final.
        plain: whether it is a plain insert, which must not be sent twice.
        probing: whether the next request is a preflight, to learn why the last had no answer.
        unsure: whether the body may be in, and must not be repeated before that is known.
        slow_since: when the body was sent, where that took longer than --timeout.
    """

    where: str
    patience: float
    plain: bool = False
    tries: int = 0
    failing_since: float | None = None
    renewed: bool = False
    probing: bool = False
    unsure: bool = False
    slow_since: float | None = None

    def stopped(self, what: str, verdict: Verdict) -> TargetError:
        at = f" (rows from {self.where} on)" if self.where else ""
        if verdict.reason.code == NO_REPLY:
            advice = verdict.advice or "Is --url right, and is the server up?"
            return TargetError(f"{what}{at}: {verdict.reason.message}", advice=advice)
        return TargetError(what + at, said=words(verdict.reason), advice=verdict.advice)
