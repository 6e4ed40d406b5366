"""Objects at http and https URLs, read with urllib.

obstore's HTTPStore is not an alternative: it refuses replies without a Content-Length, does not support
If-Range, and hides whether a Last-Modified or a range is missing.
"""

from __future__ import annotations

import base64
import re
import socket
import ssl
import urllib.error
import urllib.request
from email.message import Message
from http import HTTPStatus
from http.client import HTTPException, HTTPMessage, HTTPResponse, IncompleteRead, InvalidURL
from urllib.parse import quote, unquote, urlsplit, urlunsplit

from loader import mask
from loader.sources.remote_object import ObjectChanged, ObjectInfo, RequestFailed
from loader.sources.urls import scrubbed

_TIMEOUT = 60.0  # seconds without a byte; some servers create an export only when it is requested
_SAFE = "%/:=&?~+!$,;'@()*[]"  # characters of a user's URL that are not quoted
_TRANSIENT = frozenset({408, 425, 429, 500, 502, 503, 504})
_ERROR_BODY = 4096  # bytes of an error's body that are read
_NUMBER = re.compile(r"[0-9]{1,18}")  # no file has more bytes; Python refuses numbers of 5,000 digits
_ERRORS = (OSError, HTTPException, ValueError)  # ValueError: a bad URL, port, host or header


class HttpObject:
    """An object at an http or https URL (a RemoteObject). User and password of the URL are sent as Basic.

    Proxies are taken from the environment; redirects are followed.
    """

    def __init__(self, url: str) -> None:
        mask.hide_in_address(url)
        self._url = url
        self._opener = urllib.request.OpenerDirector()  # without the handlers of file: and ftp:
        for handler in (
            urllib.request.ProxyHandler(),
            urllib.request.UnknownHandler(),
            urllib.request.HTTPHandler(),
            urllib.request.HTTPSHandler(),
            urllib.request.HTTPDefaultErrorHandler(),
            _Redirects(),
            urllib.request.HTTPErrorProcessor(),
        ):
            self._opener.add_handler(handler)

    def info(self) -> ObjectInfo:
        """Ask about the object (RemoteObject), with a GET of one byte: a URL signed for GET refuses HEAD."""
        try:
            reply = self._request({"Range": "bytes=0-0"})
        except _ErrorStatus as status:
            if status.number == 416 and status.size == 0:  # an empty object has no first byte
                return _info(status.headers, 0, ranges=True)
            raise status.failure from None
        with reply:
            if reply.status == 206:  # its Content-Length is that of the part
                _, size = _content_range(reply.headers) or (0, None)
                return _info(reply.headers, size, ranges=size is not None)
            return _info(reply.headers, _length(reply.headers), ranges=False)

    def get(self, offset: int, info: ObjectInfo, most: int | None = None) -> _HttpBody:
        """Request the object's bytes (RemoteObject)."""
        headers = {}
        if offset or most is not None:
            headers["Range"] = f"bytes={offset}-{'' if most is None else offset + most - 1}"
            if condition := info.etag or info.last_modified:
                headers["If-Range"] = condition  # RFC 9110, 13.1.5: if it has changed, all of it is sent
        try:
            reply = self._request(headers)
        except _ErrorStatus as status:
            if status.number == 416:
                raise ObjectChanged("size") from None
            raise status.failure from None
        body = _HttpBody(reply)
        changed = info.changed(body.info)
        if changed or offset != body.offset:
            reply.close()
            if changed:
                raise ObjectChanged(changed)
            raise RequestFailed("the server no longer supports ranges for it")
        return body

    def _request(self, headers: dict[str, str]) -> HTTPResponse:
        try:
            parts = urlsplit(self._url)
            user, at, host = parts.netloc.rpartition("@")
            url = urlunsplit((parts.scheme, host, parts.path or "/", parts.query, ""))
            request = urllib.request.Request(quote(url, safe=_SAFE), headers=headers)  # noqa: S310 - http(s)
            request.add_header("User-Agent", "bulkload")
            if at:
                name = base64.b64encode(unquote(user).encode()).decode()
                request.add_unredirected_header("Authorization", f"Basic {name}")
            reply: HTTPResponse = self._opener.open(request, timeout=_TIMEOUT)
        except urllib.error.HTTPError as error:
            with error:
                raise _ErrorStatus(error, self._url) from None
        except _ERRORS as error:
            raise _failed(error) from None  # its text may contain the URL with its secrets
        return reply


class _Redirects(urllib.request.HTTPRedirectHandler):
    """Follows redirects, and sends the password only to the host that it is meant for."""

    def redirect_request(
        self,
        req: urllib.request.Request,
        fp: object,
        code: int,
        msg: str,
        headers: HTTPMessage,
        newurl: str,
    ) -> urllib.request.Request | None:
        new = super().redirect_request(req, fp, code, msg, headers, newurl)  # type: ignore[arg-type]
        password = req.get_header("Authorization")
        if new is not None and password and new.host == req.host and new.type in (req.type, "https"):
            new.add_unredirected_header("Authorization", password)
        return new


class _HttpBody:
    """The body of a reply (an ObjectBody)."""

    def __init__(self, reply: HTTPResponse) -> None:
        self._reply = reply
        part = _content_range(reply.headers) if reply.status == 206 else None
        self.offset = part[0] if part else 0
        self._left = _length(reply.headers)
        self.info = _info(reply.headers, part[1] if part else self._left, ranges=part is not None)

    def read(self, size: int) -> bytes:
        if self._left is not None:
            size = min(size, self._left)  # http.client's read1 stops there only since Python 3.13
        if not size:
            return b""
        try:
            data = self._reply.read1(size)
        except IncompleteRead as error:
            raise RequestFailed("the connection broke", transient=True) from error
        except _ERRORS as error:
            raise _failed(error) from error
        if self._left is not None:
            self._left -= len(data)
        return data

    def close(self) -> None:
        self._reply.close()


class _ErrorStatus(Exception):  # noqa: N818 - it reads as what it says
    """The server replied with an error status."""

    def __init__(self, error: urllib.error.HTTPError, url: str) -> None:
        super().__init__(error.code)
        self.number = error.code
        self.headers = error.headers
        unsatisfied = re.fullmatch(r"bytes \*/([0-9]{1,18})", error.headers.get("Content-Range", ""))
        self.size = int(unsatisfied[1]) if unsatisfied else None
        # The server's own reason phrase may hold anything.
        phrase = HTTPStatus(error.code).phrase if error.code in set(HTTPStatus) else ""
        self.failure = RequestFailed(
            f"the server answers {error.code} {phrase}".rstrip(),
            said=scrubbed(_words(error), url),
            transient=error.code in _TRANSIENT,
        )


def _words(error: urllib.error.HTTPError) -> str:
    """Return the text of an error, or code and message of an object store's XML; empty for a web page."""
    try:
        text = error.read(_ERROR_BODY).decode(errors="replace")
    except (OSError, HTTPException):
        return ""
    if code_and_message := re.findall(r"<(?:Code|Message)>([^<]*)</", text):
        return ": ".join(code_and_message)
    return "" if "<" in text else text


def _failed(error: Exception) -> RequestFailed:
    """Translate an error into words of our own, because its text may repeat the URL."""
    cause = error.reason if isinstance(error, urllib.error.URLError) else error
    if isinstance(cause, TimeoutError):
        return RequestFailed(f"no answer within {_TIMEOUT:.0f} s", transient=True)
    if isinstance(cause, ssl.SSLCertVerificationError):
        return RequestFailed(f"its certificate is not accepted: {cause.verify_message}")
    if isinstance(cause, socket.gaierror):
        return RequestFailed("no host of this name is known", transient=True, reached=False)
    if isinstance(cause, OSError):
        words = (cause.strerror or "the connection broke").lower()
        return RequestFailed(words, transient=True, reached=not isinstance(cause, ConnectionRefusedError))
    if isinstance(cause, HTTPException) and not isinstance(cause, InvalidURL):
        return RequestFailed("the server's reply is not HTTP", transient=True)
    return RequestFailed("this URL cannot be requested")


def _info(headers: Message, size: int | None, *, ranges: bool) -> ObjectInfo:
    etag = headers.get("ETag", "").strip()
    return ObjectInfo(size, etag if etag.startswith('"') else None, headers.get("Last-Modified"), ranges)


def _length(headers: Message) -> int | None:
    length = headers.get("Content-Length", "")
    # Transfer-Encoding overrides Content-Length (RFC 9112, 6.3).
    is_number = _NUMBER.fullmatch(length) is not None
    return int(length) if is_number and "Transfer-Encoding" not in headers else None


def _content_range(headers: Message) -> tuple[int, int | None] | None:
    """Return the offset of a part, and the size of the whole object (None: unknown)."""
    part = re.fullmatch(
        r"bytes ([0-9]{1,18})-[0-9]+/([0-9]{1,18}|\*)", headers.get("Content-Range", "").strip()
    )
    return (int(part[1]), None if part[2] == "*" else int(part[2])) if part else None
