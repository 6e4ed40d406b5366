"""A client's connection to the proxy, and the connection to the server that belongs to it."""

from __future__ import annotations

import asyncio
from asyncio import StreamReader, StreamWriter
from typing import Protocol

from tests.support.http_messages import (
    CONTINUE,
    expects_continue,
    read_head,
    read_reply,
    status_of,
    without_expect,
)
from tests.support.line_faults import Act, Answer, Cut, Delay, Fault, Lie, Mute, Seen, Stall, Swallow

PIECE = 16 * 1024  # bytes


class Hangup(Exception):  # noqa: N818 - no error: it is what is to happen
    """The connection to the client ends now."""

    def __init__(self, *, reset: bool = False) -> None:
        super().__init__()
        self.reset = reset


class Network(Protocol):
    """What a connection needs of its proxy."""

    fault: Fault
    reads_bodies: bool

    def see(self, head: bytes) -> Seen:
        """Record a request."""

    def without_prefix(self, head: bytes) -> bytes:
        """Return the head of a request as the server gets it."""

    async def let_through(self, size: int) -> None:
        """Wait until so many bytes have gone over the line."""

    async def connect(self) -> tuple[StreamReader, StreamWriter]:
        """Open a connection to the server."""


class ProxiedConnection:
    """A client's connection, and the one to the server that belongs to it."""

    def __init__(self, network: Network, reader: StreamReader, writer: StreamWriter) -> None:
        self._network = network
        self._reader = reader
        self._writer = writer
        self._upstream: tuple[StreamReader, StreamWriter] | None = None

    def close(self) -> None:
        """Close both."""
        self._writer.close()
        if self._upstream is not None:
            self._upstream[1].close()

    async def exchange(self) -> bool:
        """Pass on a request and its reply; return whether another may follow.

        Raises:
            Hangup: the connection to the client is to end.
        """
        head = await read_head(self._reader)
        if not head:
            return False
        seen = self._network.see(head)
        head = self._network.without_prefix(head)
        seen.expects = expects = expects_continue(head)
        body = b""
        if self._network.reads_bodies and seen.size:
            body = await self._read_body(seen.size, expects=expects)
            expects = False
            seen.body = body
        act = self._network.fault(seen)
        if isinstance(act, Mute):
            body = body or await self._reader.readexactly(seen.size)
            expects = False
            act = None
        if isinstance(act, Delay):
            await asyncio.sleep(act.seconds)
            act = None
        if act is not None:
            return await self._commit(act, seen, head, body, expects=expects)
        status, reply, lasting = await self._forward(seen, head, body, expects=expects)
        seen.stored = 200 <= status < 300
        await self._give(reply)
        seen.status = status
        return lasting

    async def _read_body(self, size: int, *, expects: bool) -> bytes:
        if expects:
            self._writer.write(CONTINUE)
        return await self._reader.readexactly(size)

    async def _commit(self, act: Act, seen: Seen, head: bytes, body: bytes, *, expects: bool) -> bool:
        """Let a fault happen; ``body`` is empty unless it was read already."""
        match act:
            case Answer(reply, early):
                if not body and not early:
                    await self._read_body(seen.size, expects=expects)
                await self._give(reply)
                seen.status = status_of(reply)
                return not early
            case Cut(reset):
                half = body[: seen.size // 2] or await self._read_body(seen.size // 2, expects=expects)
                _, upstream = await self._server()
                upstream.write(without_expect(head) + half)
                await upstream.drain()
                raise Hangup(reset=reset)
            case Swallow():
                body = body or await self._read_body(seen.size, expects=expects)
                await self._forward_in_secret(seen, head, body)
                raise Hangup
            case Stall(late):
                body = body or await self._read_body(seen.size, expects=expects)
                await self._reader.read()  # until the client goes
                if late:
                    await self._forward_in_secret(seen, head, body)
                raise Hangup
            case Lie(reply):
                body = body or await self._read_body(seen.size, expects=expects)
                await self._forward_in_secret(seen, head, body)
                await self._give(reply)
                raise Hangup
            case Delay() | Mute():
                raise AssertionError
        raise Hangup

    async def _forward_in_secret(self, seen: Seen, head: bytes, body: bytes) -> None:
        """Have the server answer, and keep its reply from the client."""
        status, _, _ = await self._forward(seen, head, body, expects=False)
        seen.stored = 200 <= status < 300

    async def _forward(
        self, seen: Seen, head: bytes, body: bytes, *, expects: bool
    ) -> tuple[int, bytes, bool]:
        """Pass a request on; return the reply's status, the reply, and whether the server keeps the line.

        With ``expects`` the client waits for the server's 100 before it sends the body.
        """
        reader, upstream = await self._server()
        upstream.write(head if expects else without_expect(head))
        if expects:
            await upstream.drain()
            first = await read_head(reader)
            if not first.startswith(b"HTTP/1.1 100"):
                status, reply, _ = await self._reply(reader, first, seen.method)
                return status, reply, False  # as PostgREST does, without a word about it
            self._writer.write(first)
        left = seen.size - len(body)
        if body:
            await self._network.let_through(len(body))
            upstream.write(body)
        while left:
            piece = await self._reader.read(min(left, PIECE))
            if not piece:
                raise Hangup
            left -= len(piece)
            await self._network.let_through(len(piece))
            upstream.write(piece)
            await upstream.drain()
        await upstream.drain()
        return await self._reply(reader, await read_head(reader), seen.method)

    async def _reply(self, reader: StreamReader, head: bytes, method: str) -> tuple[int, bytes, bool]:
        if not head:
            raise Hangup
        return await read_reply(reader, head, method)

    async def _give(self, reply: bytes) -> None:
        await self._network.let_through(len(reply))
        self._writer.write(reply)
        await self._writer.drain()

    async def _server(self) -> tuple[StreamReader, StreamWriter]:
        if self._upstream is None or self._upstream[0].at_eof():
            self._upstream = await self._network.connect()
        return self._upstream
