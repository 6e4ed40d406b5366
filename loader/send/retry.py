"""Sends a body until it is decided: again while failures are transient, with a new token if it must."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import assert_never

from loader.credentials.tokens import Tokens
from loader.errors import TargetError, words
from loader.events import Observer, Retrying
from loader.halt import Halt
from loader.model import Key, NoReply, Reason, Reply, Shape
from loader.postgrest.body import EMPTY, Body
from loader.postgrest.client import PostgREST
from loader.postgrest.columns import describe
from loader.postgrest.description import Description
from loader.postgrest.error_codes import is_sqlstate
from loader.postgrest.verdict import may_be_in
from loader.postgrest.write import Write
from loader.send.result import LATE, Accepted, Refused, Unsure, Unusable
from loader.send.retry_policy import Renew, RetryPolicy, RowFaults, Wait
from loader.send.throttled import Answer, Sending, ThrottledClient
from loader.settings import Settings
from loader.throttle.throttle import Throttle, backoff


@dataclass(frozen=True, slots=True)
class _Failed:
    """A request that is to be made again, by now: who had to wait has waited."""

    reply: Reply | NoReply
    sent_at: float


@dataclass(frozen=True, slots=True)
class _Lost:
    """Nobody knows what became of a body, and the server is well.

    Attributes:
        in_doubt: whether its rows may be in, and must not be sent twice.
        late: whether it was probably too large to be answered within --timeout.
    """

    in_doubt: bool
    late: bool


_MakeRequest = Callable[[], Awaitable[Answer]]


class Requests:
    """Makes requests of the target. Any number of tasks may do so at once.

    Args:
        client: makes one request.
        tokens: told when a token is refused.
        settings: endpoint, timeout, retry_for.
        throttle: says how many requests may be in flight, and learns from each.
        halt: ends waits.
        observer: told of requests, retries and changes of pace.
        backoff: gives the seconds to wait, from the number of failures and what the server asked for.
    """

    def __init__(
        self,
        client: PostgREST,
        tokens: Tokens,
        *,
        settings: Settings,
        throttle: Throttle,
        halt: Halt,
        observer: Observer,
        backoff: Callable[[int, float | None], float] = backoff,
    ) -> None:
        self._client = client
        self._throttled_client = ThrottledClient(
            client, settings=settings, throttle=throttle, halt=halt, observer=observer
        )
        self._tokens = tokens
        self._settings = settings
        self._throttle = throttle
        self._halt = halt
        self._observer = observer
        self._backoff = backoff
        self._answered = False
        self._row_faults = RowFaults()

    async def upsert(self, write: Write, shape: Shape, body: Body, *, location: str) -> Accepted | Refused:
        """Upsert rows. Where no reply comes they are sent again: that changes nothing.

        Args:
            write: the upsert.
            shape: the columns of the rows.
            body: the rows.
            location: of the first row, for messages.

        Raises:
            TargetError: the target cannot be used.
            Halted: a stop was asked for.
        """
        sending = Sending(write, shape, body)
        policy = self._policy(body.rows, location=location)
        while True:
            result = await self._try(sending, policy)
            match result:
                case Accepted() | Refused():
                    return result
                case Unusable(error=error):
                    raise error
                case _Lost(late=late):
                    if late:
                        return LATE
                case _:
                    assert_never(result)

    async def insert(
        self, write: Write, shape: Shape, body: Body, *, location: str
    ) -> Accepted | Refused | Unsure | Unusable:
        """Insert rows. They are sent again only where they are known not to be in.

        Args:
            write: the plain insert.
            shape: the columns of the rows.
            body: the rows.
            location: of the first row, for messages.

        Raises:
            TargetError: the target cannot be used for now.
            Halted: a stop was asked for.
        """
        sending = Sending(write, shape, body)
        policy = self._policy(body.rows, location=location)
        while True:
            result = await self._try(sending, policy)
            match result:
                case Accepted() | Refused() | Unusable():
                    return result
                case _Lost(in_doubt=in_doubt, late=late):
                    if in_doubt:
                        return Unsure(late)
                case _:
                    assert_never(result)

    async def preflight(self, write: Write, shape: Shape, patience: float) -> Accepted | Refused | Unusable:
        """Ask whether the target would take such rows, with a request that has none.

        Args:
            write: how rows are to be written.
            shape: their columns.
            patience: seconds that transient failures may last, and that an answer may take.

        Raises:
            TargetUnavailable: the target cannot be reached, or is overloaded.
            Halted: a stop was asked for.
        """
        answer = await self._preflight(write, shape, patience)
        # Without columns= the server checks none of them. What a URL cannot name is asked for in parts.
        fitting = self._throttled_client.fitting
        rest = shape.columns
        while isinstance(answer, Accepted) and (count := fitting(write, rest)) < len(rest):
            part = rest[: max(1, count)]
            answer = await self._preflight(write, Shape(part), patience)
            if fitting(write, rest) == count:  # else a gateway has turned out to take less
                rest = rest[len(part) :]
        if isinstance(answer, Accepted) and rest and rest != shape.columns:
            return await self._preflight(write, Shape(rest), patience)
        return answer

    async def _preflight(self, write: Write, shape: Shape, patience: float) -> Accepted | Refused | Unusable:
        sending = Sending(write, shape, EMPTY, patience)
        return await self._persist(
            partial(self._throttled_client.post, sending), self._policy(0, patience=patience)
        )

    async def stored(
        self, key: Sequence[str], columns: Sequence[str], keys: Sequence[Key], *, location: str
    ) -> tuple[int, str]:
        """Return how many rows with these keys there are, and these as JSON, perhaps not all of them.

        Args:
            key: the key columns.
            columns: what to show of a row, beside its key.
            keys: keys without nulls, few enough for a URL.
            location: of the first row that is looked for, for messages.

        Raises:
            TargetError: the target cannot be used, or does not tell.
            Halted: a stop was asked for.
        """
        result, body = await self._read(
            lambda: self._throttled_client.stored(key, columns, keys), location=location
        )
        return _shown_rows(result, body)

    async def matching(
        self, key: Sequence[str], rows: Sequence[tuple[Key, Mapping[str, str]]], *, location: str
    ) -> tuple[int, str] | Reason:
        """Return how many rows have these keys and values, and their keys as JSON, perhaps not all of them.

        Args:
            key: the key columns.
            rows: of each its key and values by column, few enough for a URL.
            location: of the first row that is looked for, for messages.

        Returns:
            Or why PostgreSQL cannot compare: a value is none of the column's type, or the type has no ``=``.

        Raises:
            TargetError: the target cannot be used, or does not tell.
            Halted: a stop was asked for.
        """
        result, body = await self._read(lambda: self._throttled_client.matching(key, rows), location=location)
        if isinstance(result, Unusable | Refused) and is_sqlstate(result.reason.code):
            return result.reason
        return _shown_rows(result, body)

    async def _read(
        self, request: _MakeRequest, *, location: str
    ) -> tuple[Accepted | Refused | Unusable, str]:
        """Make a request that only reads until a reply decides on it; return that, and the reply's body."""
        body = ""

        async def get() -> Answer:
            nonlocal body
            answer = await request()
            body = answer.reply.body if isinstance(answer.reply, Reply) else ""
            return answer

        return await self._persist(get, self._policy(0, location=location)), body

    @property
    def longest_keys(self) -> int:
        """How many characters of keys a question for rows may have: its URL must not be too long."""
        return self._client.longest_keys

    async def describe(self) -> Description:
        """Return the relation's columns; none where the server does not tell."""
        return await describe(self._client, self._observer.on)

    async def _try(self, sending: Sending, policy: RetryPolicy) -> Accepted | Refused | Unusable | _Lost:
        """Send a body until a reply decides on it, or no reply comes and the server is well all the same."""
        while True:
            attempt = await self._once(partial(self._throttled_client.post, sending), policy)
            if not isinstance(attempt, _Failed):
                return attempt
            in_doubt = sending.write.is_insert and may_be_in(attempt.reply)
            if not in_doubt and not isinstance(attempt.reply, NoReply):
                continue
            # Was it the network, or an expired token that broke the connection? The answer to [] tells.
            preflight = partial(self._throttled_client.post, replace(sending, body=EMPTY))
            health = await self._persist(preflight, policy, probe=True)
            if not isinstance(health, Accepted):
                return health
            policy.well()
            slow = isinstance(attempt.reply, NoReply) and attempt.reply.slow and sending.body.rows > 1
            late = slow and self._throttle.too_slow(sending.body.rows, attempt.sent_at)
            return _Lost(in_doubt, late)

    async def _persist(
        self, request: _MakeRequest, policy: RetryPolicy, *, probe: bool = False
    ) -> Accepted | Refused | Unusable:
        """Make a request until a reply decides on it; it may be repeated."""
        while True:
            attempt = await self._once(request, policy, probe=probe)
            if not isinstance(attempt, _Failed):
                return attempt

    async def _once(
        self, request: _MakeRequest, policy: RetryPolicy, *, probe: bool = False
    ) -> Accepted | Refused | Unusable | _Failed:
        """Make a request, and do what must be done before it can be made again."""
        self._halt.check()
        sent_at = time.monotonic()
        answer = await request()
        reply = answer.reply
        worked = self._answered if isinstance(reply, NoReply) else probe and reply.reason is None
        self._answered = self._answered or isinstance(reply, Reply)
        step = policy.after(answer.verdict, time.monotonic(), worked=worked)
        match step:
            case Accepted() | Refused() | Unusable():
                return step
            case Wait(seconds=seconds, reason=reason):
                self._observer.on(Retrying(words(reason), seconds))
                await self._halt.sleep(seconds)
            case Renew():
                await self._tokens.renew(reply.token if isinstance(reply, Reply) else None)
            case _:
                assert_never(step)
        return _Failed(reply, sent_at)

    def _policy(self, rows: int, *, patience: float | None = None, location: str = "") -> RetryPolicy:
        patience = self._settings.retry_for if patience is None else patience
        return RetryPolicy(
            self._settings.endpoint,
            rows=rows,
            patience=patience,
            location=location,
            row_faults=self._row_faults,
            backoff=self._backoff,
        )


def _shown_rows(result: Accepted | Refused | Unusable, body: str) -> tuple[int, str]:
    """Return how many rows the target has that were asked for, and the reply's body.

    Raises:
        TargetError: it does not tell.
    """
    match result:
        case Accepted(count=count):
            return count, body
        case Unusable(error=error):
            raise error
        case Refused(reason=reason):
            raise TargetError("the target does not show its rows", said=words(reason))
        case _:
            assert_never(result)
