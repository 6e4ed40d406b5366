"""The connections to the server, and how a body goes over them (aiohttp)."""

from __future__ import annotations

import zlib
from types import TracebackType

import aiohttp

from loader.postgrest.body import Body
from loader.settings import MIB
from loader.transport import Route, Transport

_KEEPALIVE = 25.0  # seconds; PostgREST closes idle connections after 30 to 60
_LONGEST_HEADER = 64 * 1024  # bytes; a reply has up to 128 of them
_CONTINUE_WAIT = 2.0  # seconds for `100 Continue` (RFC 9110, 10.1.1: a client need not wait for ever)


class Connections:
    """An aiohttp session that closes once it is retired and its last request is over.

    Each request enters it for as long as it takes.

    Args:
        transport: makes the connections.
        route: the way to the server.
        limit: most connections at once.
    """

    def __init__(self, transport: Transport, route: Route, limit: int) -> None:
        self._session = aiohttp.ClientSession(
            connector=transport.connector(route, limit=limit, keepalive=_KEEPALIVE),
            request_class=BodyRequest,
            # A trigger's message (SQLSTATE PTxyz) becomes the reason phrase, as long as it is.
            max_line_size=MIB,
            max_field_size=_LONGEST_HEADER,
            # What the server sends is bounded by read_body, unpacked too.
            auto_decompress=False,
            cookie_jar=aiohttp.DummyCookieJar(),
        )
        self._requests = 0
        self._retired = False

    async def __aenter__(self) -> aiohttp.ClientSession:
        self._requests += 1
        return self._session

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._requests -= 1
        await self._close_if_over()

    async def retire(self) -> None:
        """Take no more requests."""
        self._retired = True
        await self._close_if_over()

    async def _close_if_over(self) -> None:
        if self._retired and not self._requests:
            await self._session.close()


class BodyPayload(aiohttp.payload.Payload):
    """Writes a body piece by piece, as fast as the connection takes it.

    Attributes:
        unasked: whether it was written without the server's `100 Continue`, which did not come.
    """

    def __init__(self, body: Body) -> None:
        super().__init__(body, content_type="application/json")
        self._body = body
        self._size = body.size
        self.unasked = False

    def decode(self, encoding: str = "utf-8", errors: str = "strict") -> str:
        """Return the body as text."""
        return bytes(self._body).decode(encoding, errors)

    async def write(self, writer: aiohttp.abc.AbstractStreamWriter) -> None:
        """Write the body."""
        for piece in self._body.pieces():
            await writer.write(piece)


class BodyRequest(aiohttp.ClientRequest):
    """A request that sends its body after two seconds, where the server does not say that it wants it."""

    async def write_bytes(
        self,
        writer: aiohttp.abc.AbstractStreamWriter,
        conn: aiohttp.connector.Connection,
        content_length: int | None = None,
    ) -> None:
        """Send the body."""
        asked = self._continue

        def send_unasked() -> None:
            if asked is not None and not asked.done():
                if isinstance(self.body, BodyPayload):
                    self.body.unasked = True
                asked.set_result(True)

        timer = self.loop.call_later(_CONTINUE_WAIT, send_unasked)
        try:
            await super().write_bytes(writer, conn, content_length)
        except OSError as error:
            # The line broke before the body, or right behind it. aiohttp leaves that to this task, which
            # nobody may ask for its error; whoever waits for the reply must be told.
            if conn.protocol is not None:
                conn.protocol.set_exception(error)
        finally:
            timer.cancel()


async def read_body(response: aiohttp.ClientResponse, limit: int) -> tuple[bytes, bool]:
    """Return a reply's body, unpacked, and whether that is all of it.

    Args:
        response: its head has come.
        limit: bytes that are kept, at most.
    """
    packed = response.headers.get("Content-Encoding", "").strip().lower() in ("gzip", "x-gzip")
    unpack = zlib.decompressobj(zlib.MAX_WBITS + 16) if packed else None
    content = bytearray()
    while len(content) < limit:
        part = await response.content.read(limit - len(content))
        if not part:
            return bytes(content), True
        if unpack is not None:
            try:
                part = unpack.decompress(part, limit - len(content))
            except zlib.error:
                return bytes(content), False
        content += part
    return bytes(content), False
