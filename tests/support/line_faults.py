"""What may become of a request on its way: a gateway answers, the line breaks, no answer comes."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from dataclasses import dataclass, field

_ID = re.compile(rb'"id": ?"([^"]*)"')
_A = re.compile(rb'"a": ?"?(\d+)')


@dataclass(slots=True)
class Seen:
    """A request that came to the proxy.

    Attributes:
        number: counts the requests with rows from 1; 0 for others.
        size: of the body, in bytes.
        token: the bearer token.
        body: the body, as far as the proxy has read it.
        at: when its head had come, on the monotonic clock.
        status: of the reply that the client was given; 0: none (yet).
        expects: whether the client waits for `100 Continue` before it sends the body.
        stored: whether the server answered success, whether or not the client was given that answer.
        head: its head, as it came.
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
    expects: bool = False
    head: bytes = b""

    @property
    def ids(self) -> list[str]:
        """The ids of its rows."""
        return [key.decode() for key in _ID.findall(self.body)]

    @property
    def lines(self) -> set[int]:
        """The values of `a`: in a source of `tests.support.sources`, the numbers of the lines, from 0."""
        return {int(number) for number in _A.findall(self.body)}


@dataclass(frozen=True, slots=True)
class Answer:
    """The proxy answers itself. With ``early`` it does so before it reads the body, and hangs up."""

    reply: bytes
    early: bool = False


@dataclass(frozen=True, slots=True)
class Cut:
    """The line breaks in the middle of the body; with ``reset`` by a RST."""

    reset: bool = False


@dataclass(frozen=True, slots=True)
class Swallow:
    """The server gets the request and answers; the client sees the connection close instead of the reply."""


@dataclass(frozen=True, slots=True)
class Stall:
    """The client never gets a reply. With ``late`` the server gets the request once the client has gone."""

    late: bool = False


@dataclass(frozen=True, slots=True)
class Delay:
    """The request arrives so many seconds later."""

    seconds: float


@dataclass(frozen=True, slots=True)
class Mute:
    """The server says no `100 Continue`; all else it does."""


@dataclass(frozen=True, slots=True)
class Lie:
    """The server gets the request and answers; the client is given another reply."""

    reply: bytes


Act = Answer | Cut | Swallow | Stall | Delay | Mute | Lie
Fault = Callable[[Seen], Act | None]  # None: the request passes


def passing(_seen: Seen) -> None:
    """Let each request pass: no fault."""


def every(count: int, act: Act, *, first: int = 1) -> Fault:
    """Return a fault of every ``count``-th request with rows, from the ``first`` on."""

    def fault(seen: Seen) -> Act | None:
        return act if seen.number >= first and (seen.number - first) % count == 0 else None

    return fault


def reply(status: str, body: str = "", *headers: str, kind: str = "application/json") -> bytes:
    """Return a whole HTTP reply; ``status`` is as in ``503 Service Unavailable``."""
    content = body.encode()
    lines = [f"HTTP/1.1 {status}", f"Content-Type: {kind}", *headers, f"Content-Length: {len(content)}"]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + content


def expired() -> str:
    """Return the body of PostgREST's answer to an expired token."""
    return '{"code":"PGRST301","details":null,"hint":null,"message":"JWT expired"}'
