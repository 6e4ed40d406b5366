"""A TLS server on loopback that passes on what it decrypts: a gateway in front of a PostgREST.

It works with blocking handshakes, for asyncio's servers hang up without the alert that says why one fails.
"""

from __future__ import annotations

import select
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from urllib.parse import urlsplit

_PIECE = 64 * 1024  # bytes
_PATIENCE = 30.0  # seconds


@contextmanager
def tls_front(target: str, context: ssl.SSLContext) -> Iterator[str]:
    """Speak TLS in front of a server.

    Args:
        target: the server's URL.
        context: what TLS is spoken with.

    Yields:
        The URL of the front.
    """
    parts = urlsplit(target)
    with socket.create_server(("127.0.0.1", 0)) as listening:
        thread = threading.Thread(
            target=_accept, args=(listening, context, (parts.hostname, parts.port)), name="TLS", daemon=True
        )
        thread.start()
        yield f"https://localhost:{listening.getsockname()[1]}"
        listening.shutdown(socket.SHUT_RDWR)  # wakes the thread
        thread.join(_PATIENCE)
        assert not thread.is_alive()


def _accept(listening: socket.socket, context: ssl.SSLContext, server: tuple[str, int]) -> None:
    while True:
        try:
            client, _ = listening.accept()
        except OSError:
            return
        threading.Thread(
            target=_serve, args=(client, context, server), name="TLS client", daemon=True
        ).start()


def _serve(client: socket.socket, context: ssl.SSLContext, server: tuple[str, int]) -> None:
    """Shake hands with a client, and let all bytes through until one of both ends."""
    client.settimeout(_PATIENCE)
    with (
        suppress(OSError),
        context.wrap_socket(client, server_side=True, do_handshake_on_connect=False) as tls,
    ):
        try:
            tls.do_handshake()
        except OSError:
            tls.shutdown(socket.SHUT_WR)
            while tls.recv(_PIECE):  # one that is closed before all is read sends a RST, and no alert
                pass
            return
        with socket.create_connection(server, timeout=_PATIENCE) as upstream:
            while True:
                readable = [tls] if tls.pending() else select.select([tls, upstream], [], [], _PATIENCE)[0]
                if tls in readable:
                    tls.settimeout(0.0)
                    try:
                        piece = tls.recv(_PIECE)
                    except ssl.SSLWantReadError:  # a record without data of the client's
                        continue
                    finally:
                        tls.settimeout(_PATIENCE)
                    if not piece:
                        return
                    upstream.sendall(piece)
                if upstream in readable:
                    if not (piece := upstream.recv(_PIECE)):
                        return
                    tls.sendall(piece)
                if not readable:
                    return
