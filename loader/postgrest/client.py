"""PostgREST over HTTP: one request -> one reply. Nothing is decided or repeated here."""

from __future__ import annotations

import os
import re
import socket
from collections.abc import Sequence
from contextlib import AsyncExitStack
from email.utils import parsedate_to_datetime
from types import TracebackType
from typing import Any, Self
from urllib.parse import quote

import aiohttp
import orjson
from yarl import URL

from loader.credentials.tokens import Tokens
from loader.model import WORDLESS, Key, NoReply, Reason, Reply
from loader.postgrest.body import Body
from loader.settings import MIB, Settings

_PLAIN_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_KEEPALIVE = 25.0  # seconds; PostgREST closes idle connections after 30 to 60
_REPLY_LIMIT = 8 * MIB  # an error may quote a value as large as a row
_WORDS_LIMIT = 2000  # characters of its words that are kept
_OPENAPI_LIMIT = 32 * 1024 * 1024
_OPENAPI_PATIENCE = 10.0  # seconds
_FRESH_AFTER = frozenset({401, 503})


class PostgREST:
    """A connection pool to one relation. Use it as an async context manager.

    Args:
        settings: url, schema, table, on_conflict, resolution, timeout, concurrency.
        tokens: asked for a token before each request.
    """

    def __init__(self, settings: Settings, tokens: Tokens) -> None:
        self._settings = settings
        self._tokens = tokens
        self._line: _Line | None = None
        self._relation = f"{settings.endpoint}/{quote(settings.table, safe='')}"
        headers = {
            "Content-Type": "application/json",
            "Content-Profile": settings.schema,
            "User-Agent": "bulkload",
        }
        prefer = "return=minimal,count=exact,handling=strict"
        self._upsert_headers = headers | {"Prefer": f"resolution={settings.resolution},{prefer}"}
        if settings.resolution != "none":
            # An upsert is refused where the SELECT policies of row-level security hide the new row. So is an
            # insert that returns something of it, as this does, and not one that returns nothing.
            prefer = prefer.replace("return=minimal", "return=headers-only")
        self._plain_headers = headers | {"Prefer": prefer}

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._line is not None:
            await self._line.retire()

    def url(self, columns: Sequence[str], *, plain: bool = False) -> str:
        """The URL of an upsert, or a plain insert, that writes these columns."""
        query = f"columns={_names(columns)}"
        if not self._is_plain(plain):
            query = f"on_conflict={_names(self._settings.assumed_key)}&{query}"
        return f"{self._relation}?{query}"

    def _is_plain(self, plain: bool) -> bool:
        return plain or self._settings.resolution == "none"

    async def post(
        self, columns: Sequence[str], body: Body, timeout: float | None = None, *, plain: bool = False
    ) -> Reply | NoReply:
        """Send rows; ``[]`` is the preflight, which finds all that is no row's fault.

        Args:
            columns: what to write.
            body: the rows; none for the preflight.
            timeout: seconds; None: --timeout.
            plain: as a plain insert, whatever --resolution is.
        """
        headers = self._plain_headers if self._is_plain(plain) else self._upsert_headers
        return await self._request("POST", self.url(columns, plain=plain), headers, body, timeout=timeout)

    async def stored(self, columns: Sequence[str], keys: Sequence[Key]) -> Reply | NoReply:
        """Ask for the rows with these keys: ``count`` of the reply is how many the relation has.

        Its body may have fewer of them (db-max-rows).

        Args:
            columns: what to show of a row, beside its key.
            keys: keys without nulls, few enough for a URL.
        """
        key = self._settings.assumed_key
        if len(key) == 1:
            query = f"{_names(key)}=in.({','.join(map(_value, keys))})"
        else:
            query = f"or=({','.join(_all_equal(key, one) for one in keys)})"
        headers = {"Accept-Profile": self._settings.schema, "Prefer": "count=exact"}
        url = f"{self._relation}?select={_names(list(dict.fromkeys([*key, *columns])))}&{query}"
        return await self._request("GET", url, headers, None)

    async def describe(self) -> dict[str, str]:
        """The relation's columns and their types, as OpenAPI tells them (its docs, "OpenAPI").

        They are empty where the server does not tell: it may be told not to.
        """
        headers = {"Accept": "application/openapi+json", "Accept-Profile": self._settings.schema}
        url = f"{self._settings.endpoint}/"
        reply = await self._request(
            "GET", url, headers, None, timeout=_OPENAPI_PATIENCE, limit=_OPENAPI_LIMIT
        )
        if isinstance(reply, NoReply) or reply.status != 200:
            return {}
        return _formats(reply.body, self._settings.table)

    async def compare(self, column: str, text: str) -> Reply | NoReply:
        """Compare a column with a text, asking for no row: PostgreSQL refuses what its type cannot be."""
        return await self._ask(f"select={_names([column])}&{_names([column])}=eq.{quote(text, safe='')}")

    async def cast(self, column: str, kind: str) -> Reply | NoReply:
        """Cast a column to a type, asking for no row: PostgreSQL refuses what cannot be cast."""
        return await self._ask(f"select={_names([column])}::{kind}")

    async def _ask(self, query: str) -> Reply | NoReply:
        headers = {"Accept-Profile": self._settings.schema}
        url = f"{self._relation}?{query}&limit=0"
        return await self._request("GET", url, headers, None, timeout=_OPENAPI_PATIENCE)

    async def _request(
        self,
        method: str,
        url: str,
        headers: dict[str, str],
        body: Body | None,
        *,
        timeout: float | None = None,
        limit: int = _REPLY_LIMIT,
    ) -> Reply | NoReply:
        timeout = min(timeout or self._settings.timeout, self._settings.timeout)
        token = await self._tokens.current()
        headers = headers if token is None else {**headers, "Authorization": f"Bearer {token}"}
        if self._line is None:
            self._line = _Line(self._settings)
        async with AsyncExitStack() as stack:
            line = self._line
            session = await stack.enter_async_context(line)
            try:
                response = await stack.enter_async_context(
                    session.request(
                        method,
                        URL(url, encoded=True),
                        data=None if body is None else _Rows(body),
                        headers=headers,
                        # A 401 or 503 then comes before the body is sent, not into the middle of it.
                        expect100=body is not None and body.size > 2,
                        allow_redirects=False,
                        timeout=aiohttp.ClientTimeout(total=timeout, sock_connect=min(10.0, timeout)),
                    )
                )
                content = await _read(response.content, limit)
            except TimeoutError:
                return NoReply(f"no answer within {timeout:g} s", slow=True)
            except aiohttp.ClientConnectorDNSError as error:
                hopeless = error.os_error.errno == socket.EAI_NONAME
                words = error.os_error.strerror or str(error)
                return NoReply(f"{error.host}: {words}", sent=False, hopeless=hopeless)
            except (aiohttp.ClientConnectorCertificateError, aiohttp.ClientConnectorSSLError) as error:
                return NoReply(str(error), sent=False, hopeless=True)
            except aiohttp.ClientConnectorError as error:
                return NoReply(f"{error.host}:{error.port}: {_os_words(error.os_error)}", sent=False)
            except (aiohttp.ClientError, OSError) as error:
                return NoReply(str(error) or type(error).__name__)
            if response.status in _FRESH_AFTER and self._line is line:
                # The server may close this connection without saying so.
                self._line = None
                stack.push_async_callback(line.retire)
            self._tell_time(response.headers.get("Date"))
            return _reply(response, _masked(content.decode(errors="replace"), token), token)

    def _tell_time(self, date: str | None) -> None:
        try:
            self._tokens.adjust_clock(parsedate_to_datetime(date or "").timestamp())
        except ValueError:
            return


def _os_words(error: OSError) -> str:
    return os.strerror(error.errno).lower() if error.errno else str(error)


class _Rows(aiohttp.payload.Payload):
    """Writes a body piece by piece, as fast as the line takes it."""

    def __init__(self, body: Body) -> None:
        super().__init__(body, content_type="application/json")
        self._body = body
        self._size = body.size

    def decode(self, encoding: str = "utf-8", errors: str = "strict") -> str:
        return bytes(self._body).decode(encoding, errors)

    async def write(self, writer: aiohttp.abc.AbstractStreamWriter) -> None:
        for piece in self._body.pieces():
            await writer.write(piece)


async def _read(stream: aiohttp.StreamReader, limit: int) -> bytes:
    content = b""
    while len(content) < limit and (part := await stream.read(limit - len(content))):
        content += part
    return content


class _Line:
    """An aiohttp session that closes once it is retired and its last request is over."""

    def __init__(self, settings: Settings) -> None:
        connector = aiohttp.TCPConnector(limit=settings.concurrency + 1, keepalive_timeout=_KEEPALIVE)
        # A trigger's message (SQLSTATE PTxyz) becomes the reason phrase, as long as it is.
        self._session = aiohttp.ClientSession(connector=connector, max_line_size=MIB, max_field_size=MIB)
        self._requests = 0
        self._retired = False

    async def __aenter__(self) -> aiohttp.ClientSession:
        self._requests += 1
        return self._session

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._requests -= 1
        await self._close_if_over()

    async def retire(self) -> None:
        """Take no more requests."""
        self._retired = True
        await self._close_if_over()

    async def _close_if_over(self) -> None:
        if self._retired and not self._requests:
            await self._session.close()


def _names(columns: Sequence[str]) -> str:
    """Column names for a query parameter: quoted for PostgREST where they must be, then for the URL."""
    quoted = [
        name if _PLAIN_NAME.fullmatch(name) else '"' + name.replace("\\", "\\\\").replace('"', '\\"') + '"'
        for name in columns
    ]
    return ",".join(quote(name, safe="") for name in quoted)


def _value(value: object) -> str:
    """A value in a list of a filter: quoted for PostgREST, then for the URL."""
    escaped = str(value).replace("\\", "\\\\").replace('"', '\\"')
    return quote(f'"{escaped}"', safe="")


def _all_equal(columns: Sequence[str], key: Key) -> str:
    values = key if isinstance(key, tuple) else (key,)
    terms = (f"{_names([name])}.eq.{_value(value)}" for name, value in zip(columns, values, strict=True))
    return f"and({','.join(terms)})"


def _masked(text: str, token: str | None) -> str:
    # A gateway may quote the request; what it says is printed and reported.
    return text.replace(token, "***") if token else text


def _reply(response: aiohttp.ClientResponse, text: str, token: str | None) -> Reply:
    headers = response.headers
    counted = re.fullmatch(r"(?:\*|\d+-\d+)/(\d+)", headers.get("Content-Range", ""))
    retry_after = headers.get("Retry-After", "")
    return Reply(
        status=response.status,
        reason=_reason(text) if response.status >= 300 else None,
        body=text if response.status < 300 else " ".join(text.split())[:300],
        count=int(counted[1]) if counted else None,
        applied=headers.get("Preference-Applied", ""),
        retry_after=float(retry_after) if retry_after.isdecimal() else None,
        location=headers.get("Location", ""),
        token=token,
    )


def _reason(text: str) -> Reason | None:
    """PostgREST's error body, ``{"code","message","details","hint"}``; None for anything else."""
    try:
        body = orjson.loads(text)
    except orjson.JSONDecodeError:
        return None
    if not isinstance(body, dict) or not isinstance(body.get("code"), str):
        return None
    if not body["code"] and not body.get("message"):
        # What PostgREST 12 says when PostgreSQL shuts down under a statement.
        return Reason(WORDLESS, "PostgREST gave no reason: its connection to the database broke")
    if not body["code"]:
        return None

    def words(name: str) -> str | None:
        value = body.get(name)
        text = value if value is None or isinstance(value, str) else orjson.dumps(value).decode()
        return text if text is None or len(text) <= _WORDS_LIMIT else f"{text[:_WORDS_LIMIT]}..."

    return Reason(body["code"], words("message") or "", words("details"), words("hint"))


def _formats(text: str, table: str) -> dict[str, str]:
    try:
        document: Any = orjson.loads(text)
        properties = document["definitions"][table]["properties"]
        return {column: str(about.get("format", "")) for column, about in properties.items()}
    except (orjson.JSONDecodeError, KeyError, TypeError, AttributeError):
        return {}
