"""Stand before a server and answer 429 if too many requests are in flight, as rate limiters do.

`python -m benchmarks.gate URL --most 2` prints its own URL and runs until it is ended.
"""

from __future__ import annotations

import argparse
import socket
import threading
from contextlib import suppress

from benchmarks.wire import HEAD_END, PIECE, connect, length_of, read_head, read_reply

_WORDS = b'{"message":"too many requests at once"}'
_HEADERS = b"Content-Type: application/json\r\nContent-Length: %d" % len(_WORDS)
TOO_MANY = b"HTTP/1.1 429 Too Many Requests\r\n" + _HEADERS


class Gate:
    """A gateway that lets ``most`` requests with a body through at a time.

    Args:
        target: the server's URL.
        most: requests in flight.
    """

    def __init__(self, target: str, most: int) -> None:
        self._target = target
        self._free = threading.Semaphore(most)

    def serve(self, client: socket.socket) -> None:
        """Forward the requests of a client until it disconnects."""
        with client, suppress(OSError), connect(self._target) as server:
            while True:
                head, begun = read_head(client)
                if not head:
                    return
                if not length_of(head):
                    self._pass(client, server, head, begun)
                elif not self._free.acquire(blocking=False):
                    if not self._refuse(client, head, begun):
                        return
                else:
                    try:
                        self._pass(client, server, head, begun)
                    finally:
                        self._free.release()

    def _refuse(self, client: socket.socket, head: bytes, begun: bytes) -> bool:
        """Answer 429; return whether the client can use the connection again."""
        if b"100-continue" in head:
            client.sendall(TOO_MANY + b"\r\nConnection: close" + HEAD_END + _WORDS)
            return False
        left = length_of(head) - len(begun)
        while left > 0:
            left -= len(client.recv(min(left, PIECE)))
        client.sendall(TOO_MANY + HEAD_END + _WORDS)
        return True

    def _pass(self, client: socket.socket, server: socket.socket, head: bytes, begun: bytes) -> None:
        server.sendall(head + begun)
        if b"100-continue" in head and not begun:
            early, rest = read_head(server)
            client.sendall(early + rest)
            if not early.startswith(b"HTTP/1.1 100"):
                raise ConnectionError  # the server refused before it had read the body
        left = length_of(head) - len(begun)
        buffer = memoryview(bytearray(min(left, PIECE)))
        while left:
            read = client.recv_into(buffer[: min(left, PIECE)])
            if not read:
                raise ConnectionError
            server.sendall(buffer[:read])
            left -= read
        if head.startswith(b"HEAD "):
            client.sendall(read_head(server)[0])
        else:
            reply = read_reply(server)
            client.sendall(reply.head + reply.body)


def main() -> None:
    """Serve until ended."""
    parser = argparse.ArgumentParser(description="A gateway that answers 429, on 127.0.0.1.")
    parser.add_argument("target", help="URL of the server behind it")
    parser.add_argument("--most", type=int, default=2, help="requests in flight")
    given = parser.parse_args()
    gate = Gate(given.target, given.most)
    with socket.create_server(("127.0.0.1", 0), backlog=64) as listening, suppress(KeyboardInterrupt):
        print(f"http://127.0.0.1:{listening.getsockname()[1]}", flush=True)
        while True:
            client, _ = listening.accept()
            client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            threading.Thread(target=gate.serve, args=(client,), daemon=True).start()


if __name__ == "__main__":
    main()
