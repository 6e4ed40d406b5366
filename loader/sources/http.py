"""Objects at http(s) URLs, by urllib.

obstore's HTTPStore will not do: it refuses what comes without a Content-Length, knows no If-Range, and tells
neither a missing Last-Modified nor a missing range from a present one.
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

from loader.sources.urls import About, Changed, Failed, scrubbed

_PATIENCE = 60.0  # seconds without a byte; some servers make an export only when asked for it
_SAFE = "%/:=&?~+!$,;'@()*[]"  # what a user's URL may hold as it is: only the rest is quoted
_PASSING = frozenset({408, 425, 429, 500, 502, 503, 504})
_ERROR_BODY = 4096  # bytes
_ERRORS = (OSError, HTTPException, ValueError)  # ValueError: of a URL, a port, a host, a header


class Web:
    """An object at an http or https URL (urls.Remote). A password in the URL is sent as Basic.

    Proxies are those of the environment; redirects are followed.
    """

    def __init__(self, url: str) -> None:
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

    def about(self) -> About:
        """Ask what it is (urls.Remote).

        By a GET of one byte, for a URL that is signed for GET refuses HEAD.
        """
        try:
            reply = self._request({"Range": "bytes=0-0"})
        except _Status as status:
            if status.number == 416 and status.size == 0:  # the only byte that an empty object lacks
                return _about(status.headers, 0, ranges=True)
            raise status.failed from None
        with reply:
            if reply.status == 206:  # its Content-Length is of the part
                _, size = _content_range(reply.headers) or (0, None)
                return _about(reply.headers, size, ranges=size is not None)
            return _about(reply.headers, _length(reply.headers), ranges=False)

    def get(self, offset: int, about: About, most: int | None = None) -> _Body:
        """Ask for its bytes (urls.Remote)."""
        headers = {}
        if offset or most is not None:
            headers["Range"] = f"bytes={offset}-{'' if most is None else offset + most - 1}"
            if condition := about.etag or about.last_modified:
                headers["If-Range"] = condition  # RFC 9110, 13.1.5: all of it, where it has changed
        try:
            reply = self._request(headers)
        except _Status as status:
            if status.number == 416:
                raise Changed("size") from None
            raise status.failed from None
        body = _Body(reply)
        changed = about.changed(body.about)
        if changed or offset != body.offset:
            reply.close()
            raise Changed(changed) if changed else Failed("the server gives no part of it any more")
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
            reply: HTTPResponse = self._opener.open(request, timeout=_PATIENCE)
        except urllib.error.HTTPError as error:
            with error:
                raise _Status(error, self._url) from None
        except _ERRORS as error:
            raise _failed(error) from None  # its text may hold the URL, secrets and all
        return reply


class _Redirects(urllib.request.HTTPRedirectHandler):
    """Follows redirects; a password goes along only to where it was meant for."""

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


class _Body:
    """The body of a reply (urls.Body)."""

    def __init__(self, reply: HTTPResponse) -> None:
        self._reply = reply
        part = _content_range(reply.headers) if reply.status == 206 else None
        self.offset = part[0] if part else 0
        self._left = _length(reply.headers)
        self.about = _about(reply.headers, part[1] if part else self._left, ranges=part is not None)

    def read(self, size: int) -> bytes:
        if self._left is not None:
            size = min(size, self._left)  # http.client's read1 minds it from Python 3.13 on only
        if not size:
            return b""
        try:
            data = self._reply.read1(size)
        except IncompleteRead as error:
            raise Failed("the connection broke", passing=True) from error
        except _ERRORS as error:
            raise _failed(error) from error
        if self._left is not None:
            self._left -= len(data)
        return data

    def close(self) -> None:
        self._reply.close()


class _Status(Exception):  # noqa: N818 - it is what it says
    """The server answered with a status that is no success."""

    def __init__(self, error: urllib.error.HTTPError, url: str) -> None:
        super().__init__(error.code)
        self.number = error.code
        self.headers = error.headers
        found = re.fullmatch(r"bytes \*/(\d+)", error.headers.get("Content-Range", ""))
        self.size = int(found[1]) if found else None
        phrase = HTTPStatus(error.code).phrase if error.code in set(HTTPStatus) else ""
        self.failed = Failed(
            f"the server answers {error.code} {phrase}".rstrip(),
            said=scrubbed(_words(error), url),
            passing=error.code in _PASSING,
        )


def _words(error: urllib.error.HTTPError) -> str:
    """The text of an error; of the XML of an object store its code and message. No web page."""
    try:
        text = error.read(_ERROR_BODY).decode(errors="replace")
    except (OSError, HTTPException):
        return ""
    if found := re.findall(r"<(?:Code|Message)>([^<]*)</", text):
        return ": ".join(found)
    return "" if "<" in text else text


def _failed(error: Exception) -> Failed:
    """What stands between us and an answer, in words; never the URL, which some of them repeat."""
    cause = error.reason if isinstance(error, urllib.error.URLError) else error
    if isinstance(cause, TimeoutError):
        return Failed(f"no answer within {_PATIENCE:.0f} s", passing=True)
    if isinstance(cause, ssl.SSLCertVerificationError):
        return Failed(f"its certificate is not accepted: {cause.verify_message}")
    if isinstance(cause, socket.gaierror):
        return Failed("no host of this name is known", passing=True, reached=False)
    if isinstance(cause, OSError):
        words = (cause.strerror or "the connection broke").lower()
        return Failed(words, passing=True, reached=not isinstance(cause, ConnectionRefusedError))
    if isinstance(cause, HTTPException) and not isinstance(cause, InvalidURL):
        return Failed("the server answers nothing that is HTTP", passing=True)
    return Failed("is no URL that can be asked for")


def _about(headers: Message, size: int | None, *, ranges: bool) -> About:
    etag = headers.get("ETag", "").strip()
    return About(size, etag if etag.startswith('"') else None, headers.get("Last-Modified"), ranges)


def _length(headers: Message) -> int | None:
    length = headers.get("Content-Length", "")
    # Both together: it is the chunks that count (RFC 9112, 6.3).
    return int(length) if length.isdecimal() and "Transfer-Encoding" not in headers else None


def _content_range(headers: Message) -> tuple[int, int | None] | None:
    """Where a part begins, and how long the whole is."""
    found = re.fullmatch(r"bytes (\d+)-\d+/(\d+|\*)", headers.get("Content-Range", "").strip())
    return (int(found[1]), None if found[2] == "*" else int(found[2])) if found else None
