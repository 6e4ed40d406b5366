"""A TCP proxy on loopback between a load and its PostgREST: does what lines and gateways do to requests."""

from __future__ import annotations

import asyncio
import socket
import struct
import threading
import time
from types import TracebackType
from typing import Self
from urllib.parse import urlsplit

from tests.support.http_messages import bearer_token, content_length
from tests.support.line_faults import Fault, Seen, passing
from tests.support.proxied_connection import PIECE, Hangup, ProxiedConnection

_RST = struct.pack("ii", 1, 0)  # SO_LINGER: on, for no time at all


class Proxy:
    """The proxy, in a thread of its own. Use it as a context manager.

    Args:
        target: the server's URL.
        fault: what becomes of a request; it is asked once the body has come, if ``reads_bodies``, else
            before. It is called in the proxy's thread. May be replaced at any time.
        rate: bytes a second, of all connections and both directions together; None: no limit.
        reads_bodies: whether bodies are kept for `Seen.body`, and known to the fault.
        prefix: of the paths, which the server does not get to see, as in ``/rest/v1``.
    """

    def __init__(
        self,
        target: str,
        fault: Fault = passing,
        *,
        rate: float | None = None,
        reads_bodies: bool = False,
        prefix: str = "",
    ) -> None:
        self.fault = fault
        self.reads_bodies = reads_bodies
        self.seen: list[Seen] = []
        self._upstream = urlsplit(target)
        self._rate = rate
        self._prefix = prefix.encode()
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
        """The URL for a load's --url."""
        return f"http://127.0.0.1:{self._port}"

    @property
    def posts(self) -> list[Seen]:
        """The requests with rows so far."""
        return [seen for seen in self.seen if seen.number]

    def await_idle(self, seconds: float = 30.0) -> None:
        """Wait until nobody is connected: all that an ended load has sent has come through."""
        deadline = time.monotonic() + seconds
        while self._clients:
            assert time.monotonic() < deadline, "somebody is still connected"
            time.sleep(0.005)

    def see(self, head: bytes) -> Seen:
        """Record a request."""
        method, path, _ = head.split(b"\r\n", 1)[0].decode().split(" ", 2)
        size = content_length(head) or 0
        number = 0
        if method == "POST" and size > 2:  # more than []
            self._posts += 1
            number = self._posts
        seen = Seen(method, path, number, size, bearer_token(head))
        self.seen.append(seen)
        return seen

    def without_prefix(self, head: bytes) -> bytes:
        """Return the head of a request as the server gets it."""
        return head.replace(b" " + self._prefix + b"/", b" /", 1) if self._prefix else head

    async def let_through(self, size: int) -> None:
        """Wait until so many bytes have gone over the line."""
        if self._rate is None:
            return
        self._free_at = max(self._free_at, time.monotonic()) + size / self._rate
        await asyncio.sleep(self._free_at - time.monotonic())

    async def connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """Open a connection to the server."""
        return await asyncio.open_connection(self._upstream.hostname, self._upstream.port, limit=PIECE)

    def _serve(self) -> None:
        asyncio.set_event_loop(self._loop)
        try:
            self._loop.run_until_complete(self._main())
        finally:
            self._loop.close()

    async def _main(self) -> None:
        self._over = asyncio.Event()
        listening = await asyncio.start_server(self._client, "127.0.0.1", limit=PIECE)
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
        connection = ProxiedConnection(self, reader, writer)
        try:
            while await connection.exchange():
                pass
        except Hangup as hangup:
            if hangup.reset:
                writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RST)
                writer.transport.abort()
        except (OSError, asyncio.IncompleteReadError):
            pass  # either side has gone: so does the other
        except asyncio.CancelledError:
            pass
        finally:
            self._clients.discard(task)
            connection.close()
