"""Read rows, count them and answer 201: a server without a database, to measure the limit of a client.

`python -m benchmarks.sink --port 0` prints its URL and stays until it is ended. A row must be flat and must
hold no brace in its texts: a brace is a row. Each connection has a thread, whose read of a body is one call.
"""

from __future__ import annotations

import argparse
import json
import re
import socket
import threading
import urllib.request
from contextlib import suppress
from email.utils import formatdate

from benchmarks.capacity import Capacity, Log
from benchmarks.optional_rows import COLUMNS as OPTIONAL_COLUMNS
from benchmarks.real_tables import definitions
from benchmarks.rows import COLUMNS
from benchmarks.wire import CONTINUE, HEAD_END, length_of

LOG = b"/-/log"  # what came when, as JSON
_ROOM = 64 * 1024  # bytes of a head

_NUMBERS = dict.fromkeys(("amount", "price", "usd_value"), "numeric")
_FORMATS = _NUMBERS | {"timestamp": "bigint", "market": "core.market_enum", "is_buy": "boolean"}
_PROPERTIES = {name: {"format": _FORMATS.get(name, "text")} for name in COLUMNS}  # as PostgREST has them
_OPTIONAL = {"id": {"format": "integer"}} | {name: {"format": "text"} for name in OPTIONAL_COLUMNS}
_TABLES = {"all_trades": {"properties": _PROPERTIES}, "optional_rows": {"properties": _OPTIONAL}}
_OPENAPI = json.dumps({"definitions": _TABLES | definitions()}).encode()


class Connection:
    """A connection of a client, with a buffer that is reused."""

    def __init__(self, line: socket.socket, log: Log, capacity: Capacity | None) -> None:
        self._line = line
        self._log = log
        self._capacity = capacity
        self._buffer = bytearray(_ROOM)
        self._filled = 0

    def serve(self) -> None:
        """Answer requests until the client disconnects."""
        with self._line, suppress(OSError):  # it may go in the middle of something
            while self._exchange():
                pass

    def _exchange(self) -> bool:
        head = self._head()
        if not head:
            return False
        start, size = len(head), length_of(head)
        self._body(start, start + size, expects=b"100-continue" in head)
        method, path = head.split(b" ", 2)[:2]
        if method != b"POST":
            body = self._log.as_json() if path == LOG else _OPENAPI
            self._line.sendall(_reply(b"200 OK", b"*/0", head, b"" if method == b"HEAD" else body))
        else:
            rows = self._buffer.count(b"{", start, start + size)
            with self._log.request(rows):
                if self._capacity is not None and rows:
                    self._capacity.spend(rows)
                self._line.sendall(_reply(b"201 Created", b"*/%d" % rows, head))
        self._filled = 0
        return True

    def _head(self) -> bytes:
        while (end := self._buffer.find(HEAD_END, 0, self._filled)) < 0:
            read = self._line.recv_into(memoryview(self._buffer)[self._filled : _ROOM])
            if not read:
                return b""
            self._filled += read
        return bytes(self._buffer[: end + len(HEAD_END)])

    def _body(self, start: int, end: int, *, expects: bool) -> None:
        if end > len(self._buffer):
            self._buffer.extend(bytes(end - len(self._buffer)))
        if expects and self._filled == start:
            self._line.sendall(CONTINUE)
        while self._filled < end:
            rest = memoryview(self._buffer)[self._filled : end]
            read = self._line.recv_into(rest, 0, socket.MSG_WAITALL)
            if not read:
                raise ConnectionError
            self._filled += read


def _reply(status: bytes, counted: bytes, head: bytes, body: bytes = b"") -> bytes:
    preferred = re.search(rb"(?i)\r\nprefer: *([^\r]*)", head)
    lines = [b"HTTP/1.1 " + status, b"Server: sink", b"Date: " + formatdate(usegmt=True).encode()]
    lines += [b"Content-Type: application/json", b"Content-Range: " + counted]
    if preferred:
        lines.append(b"Preference-Applied: " + preferred[1])
    return b"\r\n".join([*lines, b"Content-Length: %d" % len(body)]) + HEAD_END + body


def read_log(url: str) -> list[tuple[float, float, int, int]]:
    """Return the requests to a sink: (came, answered, rows, in flight), in seconds of the monotonic clock."""
    with urllib.request.urlopen(url + LOG.decode(), timeout=30) as reply:  # noqa: S310 - ours, on loopback
        return [(came, answered, rows, flying) for came, answered, rows, flying in json.load(reply)]


def serve(listening: socket.socket, log: Log, capacity: Capacity | None = None) -> None:
    """Accept connections until ended."""
    while True:
        line, _ = listening.accept()
        line.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        threading.Thread(target=Connection(line, log, capacity).serve, daemon=True).start()


def main() -> None:
    """Serve until ended."""
    parser = argparse.ArgumentParser(description="A server that only reads, on 127.0.0.1.")
    parser.add_argument("--port", type=int, default=0, help="0 takes a free one")
    parser.add_argument(
        "--capacity", help="JSON: [[second, workers, microseconds a row], ...] from the first row on"
    )
    given = parser.parse_args()
    with socket.create_server(("127.0.0.1", given.port), backlog=64) as listening:
        print(f"http://127.0.0.1:{listening.getsockname()[1]}", flush=True)
        with suppress(KeyboardInterrupt):
            serve(listening, Log(), Capacity(json.loads(given.capacity)) if given.capacity else None)


if __name__ == "__main__":
    main()
