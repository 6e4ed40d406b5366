"""One request, made when the throttle lets it; the throttle learns from its reply."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Mapping, Sequence
from dataclasses import dataclass

import anyio

from loader.events import Notice, Observer, Requested, Throttled
from loader.halt import Halt
from loader.model import Answered, Key, NoReply, Reply, Shape
from loader.postgrest.body import Body
from loader.postgrest.client import PostgREST
from loader.postgrest.verdict import Verdict, judge, judge_read
from loader.postgrest.write import Write
from loader.settings import Settings
from loader.throttle.throttle import Throttle


@dataclass(frozen=True, slots=True)
class Sending:
    """A body, and how it is sent. ``timeout`` is seconds; None: --timeout."""

    write: Write
    shape: Shape
    body: Body
    timeout: float | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back, and what it means."""

    reply: Reply | NoReply
    verdict: Verdict


class ThrottledClient:
    """Makes requests, no more of them at once than the throttle lets.

    Args:
        client: makes one request.
        settings: of the load, for advice.
        throttle: says how many may be in flight and how fast rows may go, and learns from each reply.
        halt: ends waits.
        observer: told of requests and changes of pace.
    """

    def __init__(
        self,
        client: PostgREST,
        *,
        settings: Settings,
        throttle: Throttle,
        halt: Halt,
        observer: Observer,
    ) -> None:
        self._client = client
        self._settings = settings
        self._throttle = throttle
        self._halt = halt
        self._observer = observer
        # A request that waits to be made again is not in flight.
        self._in_flight = anyio.CapacityLimiter(throttle.in_flight)
        self._pace: Throttled | None = None
        self._told = False  # that the URL does not name the columns

    async def post(self, sending: Sending) -> Answer:
        """Send a body once.

        Raises:
            Halted: a stop was asked for before its turn came.
            TargetError, SettingsError: there is no token.
        """
        write, columns, body = sending.write, sending.shape.columns, sending.body
        wait = self._throttle.reserve(body.rows, time.monotonic())
        if wait > 0:
            await self._halt.sleep(wait)
        async with self._in_flight:
            await self._client.ready()
            self._halt.check()
            started = time.monotonic()
            self._throttle.started(body.rows, body.size, started)
            reply = await self._client.post(write, columns, body, sending.timeout)
            url_length = len(self._client.url(write, columns))
            self._tell_of_long_url(write, columns)
            verdict = judge(
                reply,
                write,
                rows=body.rows,
                url_length=url_length,
                size=body.size,
                settings=self._settings,
            )
            now = time.monotonic()
            self._throttle.answered(
                Answered(body.rows, body.size, started, now, verdict.decision, verdict.overload)
            )
            self._follow_throttle()
        self._observer.on(Requested(body.rows, body.size, now - started, verdict.decision))
        return Answer(reply, verdict)

    async def stored(self, key: Sequence[str], columns: Sequence[str], keys: Sequence[Key]) -> Answer:
        """Ask for rows by their keys, once (PostgREST.stored)."""
        return await self._read(self._client.stored(key, columns, keys))

    async def matching(self, key: Sequence[str], rows: Sequence[tuple[Key, Mapping[str, str]]]) -> Answer:
        """Ask for rows by keys and values, once (PostgREST.matching)."""
        return await self._read(self._client.matching(key, rows))

    async def _read(self, request: Awaitable[Reply | NoReply]) -> Answer:
        await self._client.ready()
        started = time.monotonic()
        reply = await request
        verdict = judge_read(reply, self._settings)
        self._observer.on(Requested(0, 0, time.monotonic() - started, verdict.decision))
        return Answer(reply, verdict)

    def fitting(self, write: Write, columns: Sequence[str]) -> int:
        """Return how many of these columns, from the first on, the URL of a request can name."""
        return self._client.fitting(write, columns)

    def _tell_of_long_url(self, write: Write, columns: Sequence[str]) -> None:
        if self._told or self.fitting(write, columns) == len(columns):
            return
        self._told = True
        self._observer.on(
            Notice(
                f"{len(columns):,} columns make the URL too long for gateways: they are left out of it "
                "(columns=), and PostgREST parses each row, which costs the server CPU and memory"
            )
        )

    def _follow_throttle(self) -> None:
        self._in_flight.total_tokens = self._throttle.in_flight
        limits = self._throttle.limits
        pace = Throttled(self._throttle.in_flight, limits.rows, limits.size)
        if pace != self._pace:
            self._pace = pace
            self._observer.on(pace)
