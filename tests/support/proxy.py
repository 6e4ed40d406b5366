"""A TCP proxy on loopback between a load and its PostgREST: does what lines and gateways do to requests."""

from __future__ import annotations

import asyncio
import re
import socket
import struct
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self
from urllib.parse import urlsplit

_HEAD_END = b"\r\n\r\n"
_CONTINUE = b"HTTP/1.1 100 Continue" + _HEAD_END
_PIECE = 16 * 1024  # bytes
_RST = struct.pack("ii", 1, 0)  # SO_LINGER: on, for no time at all

_ID = re.compile(rb'"id": ?"([^"]*)"')
_A = re.compile(rb'"a": ?"?(\d+)')


@dataclass(slots=True)
class Seen:
    """A request that came through.

    Attributes:
        number: counts those with rows from 1; 0 for others.
        size: of the body, in bytes.
        token: the bearer token.
        body: the body, as far as it was read.
        at: when its head had come, on the monotonic clock.
        status: of the reply that the client was given; 0: none (yet).
        stored: whether the server had answered success, given on or not.
    """

    method: str
    path: str
    number: int
    size: int
    token: str
    body: bytes = b""
    at: float = field(default_factory=time.monotonic)
    status: int = 0
    stored: bool = False

    @property
    def ids(self) -> list[str]:
        """The ids of its rows."""
        return [found.decode() for found in _ID.findall(self.body)]

    @property
    def lines(self) -> set[int]:
        """What `api.faults.a` is given: in sources of ours, the number of the line, from 0."""
        return {int(found) for found in _A.findall(self.body)}


# What may become of a request. `None` instead of one of them: it passes.


@dataclass(frozen=True, slots=True)
class Answer:
    """The proxy answers itself; ``early``: before it has read the body, and then it hangs up."""

    reply: bytes
    early: bool = False


@dataclass(frozen=True, slots=True)
class Cut:
    """The line breaks in the middle of the body; ``reset``: by a RST."""

    reset: bool = False


@dataclass(frozen=True, slots=True)
class Swallow:
    """The server gets the request and answers; the client gets no reply, but the end of the connection."""


@dataclass(frozen=True, slots=True)
class Stall:
    """Nothing comes back, for ever. ``late``: the server gets the request when the client has gone."""

    late: bool = False


@dataclass(frozen=True, slots=True)
class Delay:
    """The request takes so many seconds longer to arrive."""

    seconds: float


Act = Answer | Cut | Swallow | Stall | Delay
Fault = Callable[[Seen], Act | None]


def passing(_seen: Seen) -> None:
    """No fault."""


def reply(status: str, body: str = "", *headers: str, kind: str = "application/json") -> bytes:
    """A whole HTTP reply; ``status`` is as in ``503 Service Unavailable``."""
    content = body.encode()
    lines = [f"HTTP/1.1 {status}", f"Content-Type: {kind}", *headers, f"Content-Length: {len(content)}"]
    return "\r\n".join(lines).encode() + _HEAD_END + content


class _Hangup(Exception):  # noqa: N818 - no error: it is what is to happen
    """The connection to the client ends now."""

    def __init__(self, *, reset: bool = False) -> None:
        super().__init__()
        self.reset = reset


class Proxy:
    """The proxy, in a thread of its own. Use it as a context manager.

    Args:
        target: the server's URL.
        fault: what becomes of a request; it is asked once the body has come, if ``reads_bodies``, else
            before. It is called in the proxy's thread. May be replaced at any time.
        rate: bytes a second, of all connections and both directions together; None: no limit.
        reads_bodies: whether bodies are kept for `Seen.body`, and known to the fault.
    """

    def __init__(
        self,
        target: str,
        fault: Fault = passing,
        *,
        rate: float | None = None,
        reads_bodies: bool = False,
    ) -> None:
        self.fault = fault
        self.seen: list[Seen] = []
        self._upstream = urlsplit(target)
        self._rate = rate
        self._reads_bodies = reads_bodies
        self._free_at = 0.0  # when what was let through has gone over the slow line
        self._posts = 0
        self._port = 0
        self._loop = asyncio.new_event_loop()
        self._clients: set[asyncio.Task[None]] = set()
        self._thread = threading.Thread(target=self._serve, name="proxy", daemon=True)
        self._ready = threading.Event()
        self._over: asyncio.Event | None = None

    def __enter__(self) -> Self:
        self._thread.start()
        assert self._ready.wait(10)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._over is not None
        self._loop.call_soon_threadsafe(self._over.set)
        self._thread.join(10)
        assert not self._thread.is_alive()

    @property
    def url(self) -> str:
        """What a load is given as --url."""
        return f"http://127.0.0.1:{self._port}"

    @property
    def posts(self) -> list[Seen]:
        """The requests with rows so far."""
        return [seen for seen in self.seen if seen.number]

    @property
    def answered(self) -> int:
        """How many requests with rows have had a success for a reply."""
        return sum(200 <= seen.status < 300 for seen in self.posts)

    def await_idle(self, seconds: float = 30.0) -> None:
        """Wait until nobody is connected: all that an ended load has sent has come through."""
        deadline = time.monotonic() + seconds
        while self._clients:
            assert time.monotonic() < deadline, "somebody is still connected"
            time.sleep(0.005)

    def _serve(self) -> None:
        asyncio.set_event_loop(self._loop)
        try:
            self._loop.run_until_complete(self._main())
        finally:
            self._loop.close()

    async def _main(self) -> None:
        self._over = asyncio.Event()
        listening = await asyncio.start_server(self._client, "127.0.0.1", limit=_PIECE)
        self._port = listening.sockets[0].getsockname()[1]
        self._ready.set()
        await self._over.wait()
        listening.close()
        for task in self._clients:
            task.cancel()
        await asyncio.gather(*self._clients, return_exceptions=True)

    async def _client(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._clients.add(task)
        line = _Line(self, reader, writer)
        try:
            while await line.exchange():
                pass
        except _Hangup as hangup:
            if hangup.reset:
                writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RST)
                writer.transport.abort()
        except (OSError, asyncio.IncompleteReadError):
            pass  # either side has gone: so does the other
        except asyncio.CancelledError:
            pass
        finally:
            self._clients.discard(task)
            line.close()

    def _see(self, head: bytes) -> Seen:
        method, path, _ = head.split(b"\r\n", 1)[0].decode().split(" ", 2)
        size = _length(head) or 0
        token = re.search(rb"(?i)\r\nauthorization: bearer ([^\r]*)", head)
        number = 0
        if method == "POST" and size > 2:
            self._posts += 1
            number = self._posts
        seen = Seen(method, path, number, size, token[1].decode() if token else "")
        self.seen.append(seen)
        return seen

    async def _flow(self, size: int) -> None:
        """Let so many bytes through, at the rate of the line."""
        if self._rate is None:
            return
        self._free_at = max(self._free_at, time.monotonic()) + size / self._rate
        await asyncio.sleep(self._free_at - time.monotonic())


class _Line:
    """A client's connection, and the one to the server that goes with it."""

    def __init__(self, proxy: Proxy, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._proxy = proxy
        self._reader = reader
        self._writer = writer
        self._up: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    def close(self) -> None:
        self._writer.close()
        if self._up is not None:
            self._up[1].close()

    async def exchange(self) -> bool:
        """One request and its reply; whether there may be another."""
        head = await _head(self._reader)
        if not head:
            return False
        seen = self._proxy._see(head)
        expects = b"100-continue" in head.lower()
        read = b""
        if self._proxy._reads_bodies and seen.size:
            read = await self._read_body(seen.size, expects=expects)
            expects = False
            seen.body = read
        act = self._proxy.fault(seen)
        if isinstance(act, Delay):
            await asyncio.sleep(act.seconds)
            act = None
        if act is not None:
            return await self._commit(act, seen, head, read, expects=expects)
        status, answer, lasting = await self._forward(seen, head, read, expects=expects, relay=True)
        seen.stored = 200 <= status < 300
        await self._give(answer)
        seen.status = status
        return lasting

    async def _read_body(self, size: int, *, expects: bool) -> bytes:
        if expects:
            self._writer.write(_CONTINUE)
        return await self._reader.readexactly(size)

    async def _commit(self, act: Act, seen: Seen, head: bytes, read: bytes, *, expects: bool) -> bool:
        """A fault."""
        match act:
            case Answer(answer, early):
                if not read and not early:
                    await self._read_body(seen.size, expects=expects)
                await self._give(answer)
                seen.status = int(answer.split(b" ", 2)[1])
                return not early
            case Cut(reset):
                half = read[: seen.size // 2] or await self._read_body(seen.size // 2, expects=expects)
                _, up = await self._server()
                up.write(_without_expect(head) + half)
                await up.drain()
                raise _Hangup(reset=reset)
            case Swallow():
                read = read or await self._read_body(seen.size, expects=expects)
                status, _, _ = await self._forward(seen, head, read, expects=False, relay=False)
                seen.stored = 200 <= status < 300
                raise _Hangup
            case Stall(late):
                read = read or await self._read_body(seen.size, expects=expects)
                await self._reader.read()  # until the client goes
                if late:
                    status, _, _ = await self._forward(seen, head, read, expects=False, relay=False)
                    seen.stored = 200 <= status < 300
                raise _Hangup
            case Delay():
                raise AssertionError
        raise _Hangup

    async def _forward(
        self, seen: Seen, head: bytes, read: bytes, *, expects: bool, relay: bool
    ) -> tuple[int, bytes, bool]:
        """Hand a request on; gives the reply's status, the reply, and whether the server keeps the line.

        ``expects``: the client waits for a 100 before it sends the body; ``relay``: pass on the server's.
        """
        up_reader, up = await self._server()
        up.write(head if expects else _without_expect(head))
        if expects:
            await up.drain()
            early = await _head(up_reader)
            if not early.startswith(b"HTTP/1.1 100"):
                status, answer, _ = await _rest(up_reader, early, seen.method)
                return status, answer, False  # as PostgREST does, without a word about it
            if relay:
                self._writer.write(early)
        left = seen.size - len(read)
        if read:
            await self._proxy._flow(len(read))
            up.write(read)
        while left:
            piece = await self._reader.read(min(left, _PIECE))
            if not piece:
                raise _Hangup
            left -= len(piece)
            await self._proxy._flow(len(piece))
            up.write(piece)
            await up.drain()
        await up.drain()
        return await _rest(up_reader, await _head(up_reader), seen.method)

    async def _give(self, answer: bytes) -> None:
        await self._proxy._flow(len(answer))
        self._writer.write(answer)
        await self._writer.drain()

    async def _server(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        if self._up is None or self._up[0].at_eof():
            target = self._proxy._upstream
            self._up = await asyncio.open_connection(target.hostname, target.port, limit=_PIECE)
        return self._up


async def _head(reader: asyncio.StreamReader) -> bytes:
    """A head with its blank line; nothing at the end of the connection.

    Raises:
        IncompleteReadError: it ended in the middle.
    """
    try:
        return await reader.readuntil(_HEAD_END)
    except asyncio.IncompleteReadError as error:
        if error.partial:
            raise
        return b""


async def _rest(reader: asyncio.StreamReader, head: bytes, method: str) -> tuple[int, bytes, bool]:
    """The whole reply that begins with this head."""
    if not head:
        raise _Hangup
    status = int(head.split(b" ", 2)[1])
    answer = head
    if method != "HEAD" and status not in (204, 304):
        if (length := _length(head)) is not None:
            answer += await reader.readexactly(length)
        elif re.search(rb"(?i)\r\ntransfer-encoding: chunked", head):
            size = -1
            while size:
                line = await reader.readuntil(b"\r\n")
                size = int(line.split(b";")[0], 16)
                answer += line + await reader.readexactly(size + 2)
        else:
            answer += await reader.read()
            return status, answer, False
    return status, answer, not re.search(rb"(?i)\r\nconnection: close", head)


def _length(head: bytes) -> int | None:
    found = re.search(rb"(?i)\r\ncontent-length: *(\d+)", head)
    return int(found[1]) if found else None


def _without_expect(head: bytes) -> bytes:
    return re.sub(rb"(?i)\r\nexpect: *100-continue", b"", head)


def every(count: int, act: Act, *, first: int = 1) -> Fault:
    """A fault that befalls every ``count``-th request with rows, from the ``first`` on."""

    def fault(seen: Seen) -> Act | None:
        return act if seen.number >= first and (seen.number - first) % count == 0 else None

    return fault
