"""Requests as the loader makes them, with the verdict on their reply, and servers that replay an answer."""

from __future__ import annotations

import asyncio
import re
import ssl
import time
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import jwt

from loader.credentials.token_source import Token
from loader.credentials.tokens import Tokens
from loader.model import Decision, NoReply, Reply
from loader.postgrest.body import Body
from loader.postgrest.client import PostgREST
from loader.postgrest.verdict import Verdict, judge
from loader.postgrest.write import Write
from loader.settings import Resolution, Settings

SECRET = "a secret of tests that is at least 32 characters long"


@dataclass(frozen=True)
class Request:
    """What is asked of a server.

    ``headers`` and ``query`` replace what the loader would send; ``size`` is told to `judge` as the body's.
    """

    table: str = "cells"
    columns: Sequence[str] = ("id",)
    body: str | bytes = '[{"id":"a"}]'
    rows: int = 1
    resolution: Resolution = "merge-duplicates"
    on_conflict: tuple[str, ...] = ("id",)
    schema: str = "verdicts"
    headers: Mapping[str, str] = field(default_factory=dict)
    query: str | None = None
    timeout: float = 20.0
    size: int | None = None


@dataclass(frozen=True)
class Answer:
    """What came back, and what the loader makes of it."""

    reply: Reply | NoReply
    verdict: Verdict

    @property
    def said(self) -> tuple[int, str | None, Decision]:
        """HTTP status, code of the error, verdict; as a row of the tables of verdicts has them."""
        assert isinstance(self.reply, Reply), self.reply
        code = None if self.reply.reason is None else self.reply.reason.code
        return self.reply.status, code, self.verdict.decision


class FixedToken:
    """A source that knows one token."""

    can_renew = True

    def __init__(self, token: str | None) -> None:
        self._token = token

    async def fetch(self, refused: str | None = None) -> Token | None:
        del refused
        return None if self._token is None else Token(self._token)

    def adjust_clock(self, server_time: float) -> None:
        pass

    def describe(self) -> str:
        return "one token"


@dataclass(frozen=True)
class OddWrite(Write):
    """A write that may ask for something that the loader never asks for."""

    odd_headers: Mapping[str, str] = field(default_factory=dict)

    @property
    def headers(self) -> Mapping[str, str]:
        return {**super().headers, **self.odd_headers}


class Client(PostgREST):
    """The loader's client, which may be told to go to another URL."""

    def __init__(self, settings: Settings, token: str | None, query: str | None) -> None:
        super().__init__(settings, Tokens(FixedToken(token), lambda: None))
        self._query = query

    def url(self, write: Write, columns: Sequence[str]) -> str:
        url = super().url(write, columns)
        return url if self._query is None else url.partition("?")[0] + self._query


class Raw(Body):
    """Goes out as it is, be it JSON or not."""

    @property
    def size(self) -> int:
        return len(self.lines[0])

    def uniform(self, _columns: Sequence[str]) -> Raw:
        return self

    def pieces(self) -> Iterator[bytes]:
        yield self.lines[0]


def signed(secret: str = SECRET, **claims: Any) -> str:
    """A token for api_data_producer, good for a minute; a claim given as None is left out."""
    given = {"role": "api_data_producer", "exp": int(time.time()) + 60} | claims
    return jwt.encode({name: value for name, value in given.items() if value is not None}, secret, "HS256")


async def ask(url: str, token: str | None, request: Request | None = None, /, **given: Any) -> Answer:
    """Ask as `loader.send.throttled` does; what is given are settings, of which only advice takes notice."""
    request = request or Request()
    fields: dict[str, Any] = {
        "url": url,
        "schema": request.schema,
        "table": request.table,
        "timeout": request.timeout,
    }
    settings = Settings(**fields | given)
    write = OddWrite(request.resolution, request.on_conflict, odd_headers=request.headers)
    body = request.body.encode() if isinstance(request.body, str) else request.body
    async with Client(settings, token, request.query) as client:
        reply = await client.post(write, request.columns, Raw((body,), request.rows))
        verdict = judge(
            reply,
            write,
            rows=request.rows,
            url_length=len(client.url(write, request.columns)),
            size=len(body) if request.size is None else request.size,
            settings=settings,
        )
    return Answer(reply, verdict)


def http(status: str, body: str = "", *headers: str, version: str = "HTTP/1.1") -> bytes:
    """An HTTP reply as it goes over the wire."""
    content = body.encode()
    lines = [f"{version} {status}", *headers, f"Content-Length: {len(content)}", "", ""]
    return "\r\n".join(lines).encode() + content


@asynccontextmanager
async def replaying(answer: bytes | None, encrypted: ssl.SSLContext | None = None) -> AsyncIterator[str]:
    """A server on loopback that gives every request this answer, and then hangs up; its URL.

    Args:
        answer: None: it never answers, and waits for the client to hang up.
        encrypted: with the certificate of an https:// server; None: it speaks http://.
    """

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).lower()
            if b"expect: 100-continue" in head:
                writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
            length = re.search(rb"content-length: (\d+)", head)
            await reader.readexactly(int(length[1]) if length else 0)
            if answer is None:
                await reader.read()
            else:
                writer.write(answer)
                await writer.drain()
        finally:
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", ssl=encrypted)
    async with server:
        yield f"http{'s' if encrypted else ''}://127.0.0.1:{server.sockets[0].getsockname()[1]}"


async def until(true: Callable[[], object], seconds: float = 10.0) -> None:
    """Poll, while requests go on; fails when it takes too long."""
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, "waited in vain"
        await asyncio.sleep(0.01)
