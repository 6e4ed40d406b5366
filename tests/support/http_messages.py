"""HTTP/1.1 as bytes: heads, lengths, and replies that are read to their end."""

from __future__ import annotations

import re
from asyncio import IncompleteReadError, StreamReader

HEAD_END = b"\r\n\r\n"
CONTINUE = b"HTTP/1.1 100 Continue" + HEAD_END


async def read_head(reader: StreamReader) -> bytes:
    """Return a head with its blank line; nothing at the end of the connection.

    Raises:
        IncompleteReadError: the connection ended in the middle of a head.
    """
    try:
        return await reader.readuntil(HEAD_END)
    except IncompleteReadError as error:
        if error.partial:
            raise
        return b""


async def read_reply(reader: StreamReader, head: bytes, method: str) -> tuple[int, bytes, bool]:
    """Return the status and the bytes of the reply with this head, and whether the connection stays open."""
    status = status_of(head)
    reply = head
    if method != "HEAD" and status not in (204, 304):
        if (length := content_length(head)) is not None:
            reply += await reader.readexactly(length)
        elif re.search(rb"(?i)\r\ntransfer-encoding: chunked", head):
            size = -1
            while size:
                line = await reader.readuntil(b"\r\n")
                size = int(line.split(b";")[0], 16)
                reply += line + await reader.readexactly(size + 2)
        else:
            reply += await reader.read()
            return status, reply, False
    return status, reply, not re.search(rb"(?i)\r\nconnection: close", head)


def status_of(head: bytes) -> int:
    """Return the status of a reply; 0 where it is no HTTP."""
    line = re.match(rb"HTTP/1\.\d (\d{3})\b", head)
    return int(line[1]) if line else 0


def content_length(head: bytes) -> int | None:
    """Return the Content-Length in bytes, if the head has one."""
    header = re.search(rb"(?i)\r\ncontent-length: *(\d+)", head)
    return int(header[1]) if header else None


def bearer_token(head: bytes) -> str:
    """Return the token of a request; empty where it has none."""
    header = re.search(rb"(?i)\r\nauthorization: bearer ([^\r]*)", head)
    return header[1].decode() if header else ""


def expects_continue(head: bytes) -> bool:
    """Return whether the client waits for `100 Continue` before it sends the body."""
    return b"100-continue" in head.lower()


def without_expect(head: bytes) -> bytes:
    """Return the head of a request whose body follows at once."""
    return re.sub(rb"(?i)\r\nexpect: *100-continue", b"", head)
