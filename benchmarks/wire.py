"""Speak HTTP/1.1 over blocking sockets, as little of it as the suite needs, so that no library costs time."""

from __future__ import annotations

import re
import socket
from dataclasses import dataclass
from urllib.parse import urlsplit

HEAD_END = b"\r\n\r\n"
CONTINUE = b"HTTP/1.1 100 Continue" + HEAD_END
PIECE = 256 * 1024  # bytes

_LENGTH = re.compile(rb"(?i)\r\ncontent-length: *(\d+)")


@dataclass(frozen=True, slots=True)
class Reply:
    """A whole reply."""

    head: bytes
    body: bytes

    @property
    def status(self) -> int:
        """The status, such as 201."""
        return int(self.head.split(b" ", 2)[1])

    @property
    def count(self) -> int | None:
        """The number of rows written, from ``Content-Range: */N``; None without that header."""
        match = re.search(rb"(?i)\r\ncontent-range: *[^/\r]*/(\d+)", self.head)
        return int(match[1]) if match else None

    @property
    def lasting(self) -> bool:
        """Whether the connection can be used again."""
        return not re.search(rb"(?i)\r\nconnection: *close", self.head)


def connect(url: str) -> socket.socket:
    """Connect to a server."""
    server = urlsplit(url)
    line = socket.create_connection((server.hostname or "127.0.0.1", server.port or 80), timeout=120)
    line.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return line


def length_of(head: bytes) -> int:
    """Return the length of the body that a head announces; 0 if it announces none."""
    match = _LENGTH.search(head)
    return int(match[1]) if match else 0


def read_head(line: socket.socket) -> tuple[bytes, bytes]:
    """Read a head with its blank line; return it and what came after it, or nothing at the end.

    Raises:
        ConnectionError: it ends within.
    """
    read = b""
    while (end := read.find(HEAD_END)) < 0:
        part = line.recv(PIECE)
        if not part and not read:
            return b"", b""
        if not part:
            raise ConnectionError("the connection ended within a head")
        read += part
    end += len(HEAD_END)
    return read[:end], read[end:]


def read_reply(line: socket.socket) -> Reply:
    """Read the whole reply to a request other than HEAD.

    Raises:
        ConnectionError: there is none, or not the whole of it.
    """
    head, body = read_head(line)
    if not head:
        raise ConnectionError("the server hung up")
    if re.search(rb"(?i)\r\ntransfer-encoding: *chunked", head):
        # Replies of PostgREST to writes are empty or a short error: the last chunk ends what is read.
        while not (b"\r\n" + body).endswith(b"\r\n0" + HEAD_END):
            body += _some(line)
        return Reply(head, body)
    while len(body) < length_of(head):
        body += _some(line)
    return Reply(head, body)


def _some(line: socket.socket) -> bytes:
    if part := line.recv(PIECE):
        return part
    raise ConnectionError("the connection ended within a reply")
