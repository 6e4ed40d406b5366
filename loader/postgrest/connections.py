"""The connections to the server, and how a body goes over them (aiohttp)."""

from __future__ import annotations

from types import TracebackType

import aiohttp

from loader.postgrest.body import Body
from loader.settings import MIB

_KEEPALIVE = 25.0  # seconds; PostgREST closes idle connections after 30 to 60


class Connections:
    """An aiohttp session that closes once it is retired and its last request is over.

    Each request enters it for as long as it takes.

    Args:
        limit: most connections at once.
    """

    def __init__(self, limit: int) -> None:
        connector = aiohttp.TCPConnector(limit=limit, keepalive_timeout=_KEEPALIVE)
        # A trigger's message (SQLSTATE PTxyz) becomes the reason phrase, as long as it is.
        self._session = aiohttp.ClientSession(connector=connector, max_line_size=MIB, max_field_size=MIB)
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
    """Writes a body piece by piece, as fast as the connection takes it."""

    def __init__(self, body: Body) -> None:
        super().__init__(body, content_type="application/json")
        self._body = body
        self._size = body.size

    def decode(self, encoding: str = "utf-8", errors: str = "strict") -> str:
        """Return the body as text."""
        return bytes(self._body).decode(encoding, errors)

    async def write(self, writer: aiohttp.abc.AbstractStreamWriter) -> None:
        """Write the body."""
        for piece in self._body.pieces():
            await writer.write(piece)


async def read_body(stream: aiohttp.StreamReader, limit: int) -> bytes:
    """Read a reply's body, but no more than so many bytes of it."""
    content = b""
    while len(content) < limit and (part := await stream.read(limit - len(content))):
        content += part
    return content
