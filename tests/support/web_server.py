"""A web server on loopback that serves files, and behaves as well or as badly as a test wants."""

from __future__ import annotations

import base64
import hashlib
import re
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import unquote, urlsplit


@dataclass
class Asked:
    """A request, and how many bytes of a body it was given."""

    method: str
    path: str
    range: str | None
    authorization: str | None
    given: int = 0


@dataclass
class Web:
    """The server's files and manners; all may be changed while it runs.

    Attributes:
        files: by path.
        ranges: whether it gives parts.
        etag, dated: whether it tells ETag and Last-Modified.
        frame: how a body's end is told: ``length``, ``chunked`` or ``close``.
        cuts: after how many bytes of a body each reply breaks off, from the next one with more bytes on.
        stalls: after how many bytes of a body each reply goes silent, likewise.
        then: what becomes of these attributes at the next cut.
        statuses: answered instead, one for each request from the next one on.
        words: the body of those.
        moved: paths that are elsewhere, and where.
        login: ``name:password``, where one is asked for.
        asked: the requests so far.
        ended: set once it is down.
    """

    port: int = 0
    scheme: str = "http"
    files: dict[str, bytes] = field(default_factory=dict)
    ranges: bool = True
    etag: bool = True
    dated: bool = True
    frame: str = "length"
    cuts: list[int] = field(default_factory=list)
    stalls: list[int] = field(default_factory=list)
    then: dict[str, Any] = field(default_factory=dict)
    statuses: list[int] = field(default_factory=list)
    words: str = ""
    moved: dict[str, str] = field(default_factory=dict)
    login: str = ""
    asked: list[Asked] = field(default_factory=list)
    ended: threading.Event = field(default_factory=threading.Event)

    def url(self, path: str) -> str:
        """The URL of a path."""
        return f"{self.scheme}://127.0.0.1:{self.port}{path}"


@contextmanager
def web_server(context: ssl.SSLContext | None = None) -> Iterator[Web]:
    """Start a web server that has no files yet; with a context it speaks TLS."""
    web = Web(scheme="http" if context is None else "https")

    class Handler(_Handler):
        manners = web

    server = _Server(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    if context is not None:
        server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    web.port = server.server_port
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield web
    finally:
        web.ended.set()
        server.shutdown()
        server.server_close()
        thread.join()


class _Server(ThreadingHTTPServer):
    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing: a client that does not know the certificate hangs up."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    manners: Web

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - as its base has it
        pass

    def do_HEAD(self) -> None:
        self.manners.asked.append(Asked("HEAD", self.path, None, None))
        self._short(405)

    def do_GET(self) -> None:
        web = self.manners
        path = unquote(urlsplit(self.path).path)  # of a proxy, a whole URL is asked
        asked = Asked("GET", self.path, self.headers["Range"], self.headers["Authorization"])
        web.asked.append(asked)
        login = f"Basic {base64.b64encode(web.login.encode()).decode()}"
        if path in web.moved:
            self._short(302, Location=web.moved[path])
        elif web.statuses:
            self._short(web.statuses.pop(0))
        elif web.login and asked.authorization != login:
            self._short(401)
        elif path not in web.files:
            self._short(404)
        else:
            self._give(asked, web.files[path])

    def _short(self, status: int, **headers: str) -> None:
        body = self.manners.words.encode()
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def _give(self, asked: Asked, data: bytes) -> None:
        web = self.manners
        digest = hashlib.sha256(data).hexdigest()
        etag = f'"{digest[:16]}"'
        # A time of its own for each content; which one does not matter.
        date = f"Mon, 01 Jan 2024 00:{int(digest[:2], 16) % 60:02}:{int(digest[2:4], 16) % 60:02} GMT"
        begin, end = 0, len(data)
        part = re.fullmatch(r"bytes=(\d+)-(\d*)", asked.range or "")
        told = [etag] * web.etag + [date] * web.dated
        if part and web.ranges and self.headers["If-Range"] in (None, *told):
            begin, end = int(part[1]), min(int(part[2] or len(data)) + 1, len(data))
            if begin >= len(data):
                self._short(416, **{"Content-Range": f"bytes */{len(data)}"})
                return
            self.send_response(206)
            self.send_header("Content-Range", f"bytes {begin}-{end - 1}/{len(data)}")
        else:
            self.send_response(200)
        if web.etag:
            self.send_header("ETag", etag)
        if web.dated:
            self.send_header("Last-Modified", date)
        self._body(asked, data[begin:end])

    def _body(self, asked: Asked, data: bytes) -> None:
        web = self.manners
        if web.frame == "length":
            self.send_header("Content-Length", str(len(data)))
        elif web.frame == "chunked":
            self.send_header("Transfer-Encoding", "chunked")
        else:
            self.send_header("Connection", "close")
        self.end_headers()
        # One that only looks whether the file is there is not cut off.
        long = len(data) > 1 and asked.range != "bytes=0-0"
        stall, cut = long and bool(web.stalls), long and bool(web.cuts)
        if stall:
            data = data[: web.stalls.pop(0)]
        elif cut:
            data = data[: web.cuts.pop(0)]
            for name, value in web.then.items():
                setattr(web, name, value)
        with suppress(OSError):  # the client has seen enough
            for begin in range(0, len(data), 2**16):
                piece = data[begin : begin + 2**16]
                framed = b"%x\r\n%b\r\n" % (len(piece), piece) if web.frame == "chunked" else piece
                self.wfile.write(framed)
                asked.given += len(piece)
            if web.frame == "chunked" and not cut:
                self.wfile.write(b"0\r\n\r\n")
        if stall:
            web.ended.wait()
        if stall or cut or web.frame == "close":
            self.close_connection = True
            with suppress(OSError):
                self.connection.shutdown(socket.SHUT_RDWR)
