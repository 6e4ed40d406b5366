"""Ask an HTTP endpoint that gives tokens: one request, one reply in JSON."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import aiohttp

from loader import mask
from loader.credentials.json_object import json_object
from loader.credentials.token_source import TokensUnavailable
from loader.errors import TargetError
from loader.settings import MIB
from loader.transport import Transport, no_reply
from loader.transport.advice import PROXY_LOGIN

_TIMEOUT = 20.0  # seconds for one request
_QUOTED = 300  # characters of a reply that a message repeats


@dataclass(frozen=True, slots=True)
class Answer:
    """What an endpoint has answered.

    Attributes:
        status: the HTTP status, below 500 and not 429.
        body: the reply's JSON object; empty where it is none.
        text: the begin of the reply, masked, for messages.
        url: what was asked.
    """

    status: int
    body: Mapping[str, Any] = field(repr=False)
    text: str = field(repr=False)
    url: str

    @property
    def shown(self) -> str:
        """What was asked, for messages."""
        return mask.masked(self.url)


async def _read(stream: aiohttp.StreamReader) -> bytes:
    """Return a body, which may come in several parts: its first MiB, if it has more."""
    body = b""
    while len(body) < MIB and (part := await stream.read(MIB - len(body))):
        body += part
    return body


def quoted(value: object) -> str:
    """Return the words of others for a message: masked, on one line, and cut."""
    return " ".join(mask.masked(str(value)).split())[:_QUOTED]


async def ask(
    transport: Transport,
    method: str,
    url: str,
    *,
    headers: Mapping[str, str] | None = None,
    data: bytes | None = None,
) -> Answer:
    """Make a request. Redirects are not followed: a secret goes to nobody but the host that was named.

    Args:
        transport: makes the connection.
        method: GET or POST.
        url: of the endpoint.
        headers: of the request.
        data: its body.

    Raises:
        TokensUnavailable: no reply came, or one that says that later there may be a better one.
        TargetError: none will come until something is mended: a certificate, a proxy, the URL.
    """
    host = mask.masked(url)
    route = transport.route(url)
    try:
        async with (
            aiohttp.ClientSession(
                connector=transport.connector(route), cookie_jar=aiohttp.DummyCookieJar()
            ) as session,
            session.request(
                method,
                route.address,
                headers={**route.headers, "Accept": "application/json", **(headers or {})},
                data=data,
                allow_redirects=False,
                timeout=aiohttp.ClientTimeout(total=_TIMEOUT),
                **route.options,
            ) as response,
        ):
            content = await _read(response.content)
            status, retry_after = response.status, response.headers.get("Retry-After", "")
    except TimeoutError:
        raise TokensUnavailable(f"{host} does not answer within {_TIMEOUT:g} s") from None
    except (aiohttp.ClientError, OSError, ValueError) as error:
        failed = no_reply(error, route, _TIMEOUT)
        kind = TargetError if failed.hopeless else TokensUnavailable
        raise kind(f"{host}: {failed.message}", advice=failed.advice) from error
    if status == 407 and route.proxy is not None:
        raise TargetError(f"the proxy {route.proxy} asks for a login", advice=PROXY_LOGIN)
    text = quoted(content.decode(errors="replace"))
    if status >= 500 or status in (408, 425, 429):
        after = float(retry_after) if retry_after.isdecimal() and len(retry_after) < 9 else None
        raise TokensUnavailable(f"{host} answers {status}", said=text, after=after)
    return Answer(status, json_object(content), text, url)
