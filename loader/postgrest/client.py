"""PostgREST over HTTP: one request -> one reply.

Nothing is decided or repeated here, but that a gateway refuses a URL for its length: then it is made shorter.
"""

from __future__ import annotations

import time
from bisect import bisect_right as bisect
from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from email.utils import parsedate_to_datetime
from functools import partial
from types import TracebackType
from typing import Self
from urllib.parse import quote

import aiohttp
from yarl import URL

from loader.credentials.headers import headers as credential_headers
from loader.credentials.tokens import Tokens
from loader.model import Key, NoReply, Reply
from loader.postgrest.body import Body
from loader.postgrest.connections import BodyPayload, Connections, read_body
from loader.postgrest.description import Description, read_openapi
from loader.postgrest.query import column_list, with_keys, with_values
from loader.postgrest.reply import read_reply
from loader.postgrest.verdict import is_long_url
from loader.postgrest.write import Write
from loader.settings import MIB, Settings
from loader.transport import Transport, no_reply

_ERROR_LIMIT = MIB  # bytes of an error, which may quote a value as large as a row: its begin is enough
_ROWS_LIMIT = 8 * MIB
_OPENAPI_LIMIT = 32 * MIB
_ASK_TIMEOUT = 10.0  # seconds for a question about the relation
_CONNECT_TIMEOUT = 10.0  # seconds, with the handshake of TLS
_LONGEST_URL = 8000  # characters: nginx, CloudFront and others take 8 KiB, with the method
_FRESH_AFTER = frozenset({401, 503})
_LONGEST_DATE = 100  # characters
_EXPECTATION_FAILED = 417
_UNPACKED = {"Accept-Encoding": "gzip"}  # what read_body unpacks


class PostgREST:
    """A connection pool to one relation. Use it as an async context manager.

    Args:
        settings: url, schema, table, timeout, concurrency.
        tokens: asked for a token before each request.
        transport: makes the connections; None: as the settings say.

    Raises:
        SettingsError: a certificate, or a proxy of the environment, is not what it should be.
    """

    def __init__(self, settings: Settings, tokens: Tokens, transport: Transport | None = None) -> None:
        self._settings = settings
        self._tokens = tokens
        self._transport = transport or Transport.of(settings)
        self._route = self._transport.route(settings.endpoint)
        self._connections: Connections | None = None
        self._expects = True  # whether to ask for `100 Continue` before a body is sent
        self._deadlines: dict[object, float] = {}  # of the requests without an answer, on the monotonic clock
        self._longest_url = _LONGEST_URL
        self._relation = f"{self._route.address}/{quote(settings.table, safe='')}"
        headers = self._route.headers | _UNPACKED
        self._reading = headers | {"Accept-Profile": settings.schema}
        self._writing = headers | {"Content-Type": "application/json", "Content-Profile": settings.schema}
        self._options = self._route.options

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._connections is not None:
            await self._connections.retire()

    async def ready(self) -> None:
        """Have a token that is good for the next request: the time of that is then the server's alone.

        Raises:
            SettingsError, TargetError: there is none.
        """
        await self._tokens.current()

    def unanswered(self) -> tuple[int, float]:
        """Return how many requests have no answer yet, and for how many seconds at most it is waited for."""
        last = max(self._deadlines.values(), default=0.0)
        return len(self._deadlines), max(0.0, last - time.monotonic())

    def url(self, write: Write, columns: Sequence[str]) -> str:
        """Return the URL of a request that writes these columns.

        It does not name them where it would become too long for gateways: the rows' own keys do.
        """
        url = f"{self._relation}?{write.query(columns)}"
        if len(url) <= self._longest_url:
            return url
        return "?".join(filter(None, (self._relation, write.query(None))))

    def fitting(self, write: Write, columns: Sequence[str]) -> int:
        """Return how many of these columns, from the first on, a URL can name."""
        lengths = partial(self._length, write, columns)
        if lengths(len(columns)) <= self._longest_url:
            return len(columns)
        return bisect(range(1, len(columns) + 1), self._longest_url, key=lengths)

    def _length(self, write: Write, columns: Sequence[str], count: int) -> int:
        return len(f"{self._relation}?{write.query(columns[:count])}")

    async def post(
        self, write: Write, columns: Sequence[str], body: Body, timeout: float | None = None
    ) -> Reply | NoReply:
        """Send rows; ``[]`` is the preflight, which finds all that is no row's fault.

        Args:
            write: how.
            columns: what the rows write.
            body: the rows; none for the preflight.
            timeout: seconds; None: --timeout.
        """
        headers = {**self._writing, **write.headers}
        if self.fitting(write, columns) == len(columns):
            url = self.url(write, columns)
            reply = await self._request("POST", url, headers, body, timeout=timeout)
            if not is_long_url(reply, len(url)):
                return reply
            # A gateway takes shorter URLs only, and has not let the request through.
            self._longest_url = min(self._longest_url, len(url) * 3 // 4)
        url = self.url(write, columns)
        return await self._request("POST", url, headers, body.uniform(columns), timeout=timeout)

    async def stored(
        self, key: Sequence[str], columns: Sequence[str], keys: Sequence[Key]
    ) -> Reply | NoReply:
        """Ask for the rows with these keys: ``count`` of the reply is how many the relation has.

        Its body may have fewer of them (db-max-rows).

        Args:
            key: the key columns.
            columns: what to show of a row, beside its key.
            keys: keys without nulls, few enough for a URL.
        """
        shown = column_list(list(dict.fromkeys([*key, *columns])))
        base = f"{self._relation}?select="
        if len(base + shown) > self._longest_url // 2:  # keys need the other half
            shown = "*"
        url = f"{base}{shown}&{with_keys(key, keys)}"
        return await self._request("GET", url, {**self._reading, "Prefer": "count=exact"}, None)

    async def matching(
        self, key: Sequence[str], rows: Sequence[tuple[Key, Mapping[str, str]]]
    ) -> Reply | NoReply:
        """Ask for the rows with these keys and values; PostgreSQL compares, as the columns' types do.

        Args:
            key: the key columns.
            rows: of each its key and values by column, few enough for a URL.
        """
        url = f"{self._relation}?select={column_list(key)}&{with_values(key, rows)}"
        return await self._request("GET", url, {**self._reading, "Prefer": "count=exact"}, None)

    @property
    def longest_keys(self) -> int:
        """How many characters of keys, as the URL has them, `stored` may ask for at once."""
        return self._longest_url // 2 - 1

    async def describe(self) -> Description:
        """Ask for the relation's columns; the server may be set to tell nothing (openapi-mode)."""
        headers = {**self._reading, "Accept": "application/openapi+json"}
        url = f"{self._route.address}/"
        reply = await self._request("GET", url, headers, None, timeout=_ASK_TIMEOUT, limit=_OPENAPI_LIMIT)
        if isinstance(reply, NoReply):
            return Description()
        if reply.status != 200:
            return Description(refused=reply.status)
        return read_openapi(reply.body, self._settings.table)

    async def compare(self, column: str, text: str) -> Reply | NoReply:
        """Compare a column with a text, asking for no row: PostgreSQL refuses what its type cannot be."""
        name = column_list([column])
        return await self._ask(f"select={name}&{name}=eq.{quote(text, safe='')}")

    async def cast(self, column: str, kind: str) -> Reply | NoReply:
        """Cast a column to a type, asking for no row: PostgreSQL refuses what cannot be cast."""
        return await self._ask(f"select={column_list([column])}::{kind}")

    async def _ask(self, query: str) -> Reply | NoReply:
        url = f"{self._relation}?{query}&limit=0"
        return await self._request("GET", url, self._reading, None, timeout=_ASK_TIMEOUT)

    async def _request(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str],
        body: Body | None,
        *,
        timeout: float | None = None,
        limit: int = _ROWS_LIMIT,
    ) -> Reply | NoReply:
        """Make a request.

        Raises:
            SettingsError: there is no token.
            TargetError: this process cannot open a connection.
        """
        seconds = min(timeout or self._settings.timeout, self._settings.timeout)
        token = await self._tokens.current()
        headers = {**headers, **credential_headers(token, self._settings.apikey)}
        request = _Request(method, url, headers, body, seconds, limit)
        # A 401 or 503 then comes before the body is sent, not into the middle of it.
        expects = self._expects and body is not None and body.size > 2
        waiting = object()
        self._deadlines[waiting] = time.monotonic() + seconds
        try:
            reply = await self._send(request, token, expects=expects)
            if expects and isinstance(reply, Reply) and reply.status == _EXPECTATION_FAILED:
                self._expects = False
                reply = await self._send(request, token, expects=False)
        finally:
            del self._deadlines[waiting]
        return reply

    async def _send(self, request: _Request, token: str | None, *, expects: bool) -> Reply | NoReply:
        if self._connections is None:
            self._connections = Connections(self._transport, self._route, self._settings.concurrency + 1)
        payload = None if request.body is None else BodyPayload(request.body)
        async with AsyncExitStack() as stack:
            connections = self._connections
            session = await stack.enter_async_context(connections)
            # Less than the whole, so that it can be told what took too long.
            connect_timeout = min(_CONNECT_TIMEOUT, 0.9 * request.timeout)
            try:
                response = await stack.enter_async_context(
                    session.request(
                        request.method,
                        URL(request.url, encoded=True),
                        data=payload,
                        headers=request.headers,
                        expect100=expects,
                        allow_redirects=False,
                        timeout=aiohttp.ClientTimeout(total=request.timeout, sock_connect=connect_timeout),
                        **self._options,
                    )
                )
                limit = request.limit if response.status < 300 else min(request.limit, _ERROR_LIMIT)
                content, complete = await read_body(response, limit)
            except (aiohttp.ClientError, aiohttp.http.HttpProcessingError, OSError, ValueError) as error:
                if isinstance(error, TimeoutError) and not isinstance(error, aiohttp.ConnectionTimeoutError):
                    return NoReply(f"no answer within {request.timeout:g} s", slow=True)
                return no_reply(error, self._route, connect_timeout)
            finally:
                self._learn_expectation(payload)
            if response.status in _FRESH_AFTER and self._connections is connections:
                # The server may close this connection without saying so.
                self._connections = None
                stack.push_async_callback(connections.retire)
            self._tell_time(response.headers.get("Date"))
            reply = read_reply(response.status, response.headers, content, token, complete=complete)
            return replace(reply, proxy=self._route.reader) if self._route.reader else reply

    def _learn_expectation(self, payload: BodyPayload | None) -> None:
        """Ask no more for `100 Continue` where it does not come."""
        # Once is enough. Should the server only have been slow, nothing is lost: a 401 or 503 then breaks the
        # connection in the middle of a body, and the preflight that follows tells why.
        if payload is not None and payload.unasked:
            self._expects = False

    def _tell_time(self, date: str | None) -> None:
        try:
            self._tokens.adjust_clock(parsedate_to_datetime((date or "")[:_LONGEST_DATE]).timestamp())
        except (ValueError, OverflowError, TypeError, IndexError, OSError):
            return  # whatever it is, it is no date


@dataclass(frozen=True, slots=True)
class _Request:
    """A request; ``timeout`` is seconds, ``limit`` the bytes of the reply's body that are kept."""

    method: str
    url: str
    headers: Mapping[str, str]
    body: Body | None
    timeout: float
    limit: int
