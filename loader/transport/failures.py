"""What it means when no reply comes: an error of the network's, or of aiohttp's -> words and advice."""

from __future__ import annotations

import errno
import os
import re
import socket
import ssl
from pathlib import Path
from urllib.parse import urlsplit

import aiohttp
from aiohttp.client_exceptions import UnixClientConnectorError

from loader import mask
from loader.errors import TargetError
from loader.model import NoReply
from loader.outgoing import quoted
from loader.transport import advice
from loader.transport.route import Route

_TLS_PORTS = frozenset({443, 8443})
_NO_FILES = frozenset({errno.EMFILE, errno.ENFILE})
_TLS_ALERT = re.compile(r"\\x15\\x03[\\\x00-\x04]")  # the begin of a TLS record, as aiohttp quotes it
# What OpenSSL calls an answer that is no TLS.
_NO_TLS = frozenset(
    {"WRONG_VERSION_NUMBER", "HTTP_REQUEST", "RECORD_LAYER_FAILURE", "PACKET_LENGTH_TOO_LONG"}
)
# Alerts of a server that wants a certificate, or another one (RFC 8446, 6.2).
_CERT_WANTED = frozenset({"TLSV13_ALERT_CERTIFICATE_REQUIRED", "SSLV3_ALERT_HANDSHAKE_FAILURE"})
_CERT_REFUSED = frozenset(
    {
        "TLSV1_ALERT_UNKNOWN_CA",
        "SSLV3_ALERT_BAD_CERTIFICATE",
        "SSLV3_ALERT_CERTIFICATE_UNKNOWN",
        "SSLV3_ALERT_CERTIFICATE_EXPIRED",
        "SSLV3_ALERT_CERTIFICATE_REVOKED",
        "SSLV3_ALERT_UNSUPPORTED_CERTIFICATE",
        "TLSV1_ALERT_ACCESS_DENIED",
        "TLSV1_ALERT_DECRYPT_ERROR",
    }
)
# By OpenSSL's number: what is wrong with a certificate (its x509_vfy.h).
_UNTRUSTED = ("its certificate is not trusted", advice.GIVE_CA)
_OTHER_NAME = ("its certificate is for another name", advice.OTHER_NAME)
_CERTIFICATES = {
    9: ("a certificate is not valid yet", advice.CLOCK),
    10: ("a certificate has expired", advice.RENEW),
    **dict.fromkeys((18, 19, 20, 21), _UNTRUSTED),
    **dict.fromkeys((62, 64), _OTHER_NAME),
}


def no_reply(error: Exception, route: Route, patience: float) -> NoReply:
    """Return what an error tells for which no reply came.

    Args:
        error: the network's, or aiohttp's.
        route: the way that the request went.
        patience: seconds that a connection may take.

    Raises:
        TargetError: this process cannot open a connection.
    """
    if _errno(error) in _NO_FILES:
        raise TargetError(
            "the system lets this process open too few files",
            advice="Raise `ulimit -n`, or give a lower --concurrency.",
        ) from error
    match error:
        case aiohttp.ClientConnectorCertificateError(certificate_error=cause):
            return _distrusted(error.host, error.port, cause, route)
        case _ if (tls_error := _tls_error(error)) is not None:
            return _broken_tls(error, tls_error, route)
        case UnixClientConnectorError(path=path, os_error=cause):
            return _no_socket(path, cause)
        case aiohttp.ClientConnectorError(os_error=cause):
            return _not_connected(error, cause, route)
        case aiohttp.ConnectionTimeoutError():
            return _too_slow(route, patience)
        case aiohttp.ClientHttpProxyError():
            return _refused_by_proxy(error.status, error.message, route)
        case aiohttp.ClientResponseError(message=message):
            if _TLS_ALERT.search(message):
                return NoReply("the reply is TLS, not HTTP", hopeless=True, advice=advice.HTTPS)
            # aiohttp quotes the bytes that are no HTTP, and where it read them.
            return NoReply(f"the reply is not HTTP: {quoted(message)}")
        case _:
            return _broken_off(error, route)


def _broken_off(error: Exception, route: Route) -> NoReply:
    """The connection has ended, or something that has no name here went wrong."""
    words = quoted(str(error)) or type(error).__name__
    if route.proxy is not None and isinstance(error, aiohttp.ServerDisconnectedError | aiohttp.ClientOSError):
        # Which of both has hung up is not to be seen.
        to_do = advice.check_variable(route.proxy.variable)
        return NoReply(f"{words}, through the proxy {route.proxy}", advice=to_do)
    return NoReply(words, advice=advice.MAYBE_HTTPS if _is_plain_on_tls_port(route) else "")


def _is_plain_on_tls_port(route: Route) -> bool:
    parts = urlsplit(route.url)
    return parts.scheme == "http" and parts.port in _TLS_PORTS


def _too_slow(route: Route, patience: float) -> NoReply:
    """There is no connection yet, or the handshake of TLS is not over."""
    if route.proxy is not None:
        return NoReply(f"no connection through the proxy {route.proxy} within {patience:g} s", sent=False)
    to_do = advice.NO_HANDSHAKE if route.is_target and urlsplit(route.url).scheme == "https" else ""
    return NoReply(f"no connection within {patience:g} s", sent=False, advice=to_do)


def _distrusted(host: str, port: int | None, cause: Exception, route: Route) -> NoReply:
    """The server's certificate does not pass."""
    said = quoted(getattr(cause, "verify_message", "") or str(cause))
    code = getattr(cause, "verify_code", 0)
    what, to_do = _CERTIFICATES.get(code, ("its certificate does not pass", advice.GIVE_CA))
    where = _where(host, port, route)
    return NoReply(f"{where}: {what} ({said})", sent=False, hopeless=True, advice=to_do)


def _tls_error(error: Exception) -> ssl.SSLError | None:
    """Return OpenSSL's error, if that is what an error is about."""
    causes = (error, getattr(error, "os_error", None), error.__cause__)
    # Those of aiohttp inherit from OpenSSL's, but do not tell its reason.
    return next(
        (
            each
            for each in causes
            if isinstance(each, ssl.SSLError) and not isinstance(each, aiohttp.ClientError)
        ),
        None,
    )


def _broken_tls(error: Exception, cause: ssl.SSLError, route: Route) -> NoReply:
    """TLS failed, in the handshake or behind it: a server may ask for a certificate then (TLS 1.3)."""
    where = mask.masked(route.url)
    if isinstance(error, aiohttp.ClientConnectorError):
        where = _where(error.host, error.port, route)
    reason = cause.reason or ""
    if isinstance(cause, ssl.SSLEOFError | ssl.SSLZeroReturnError) or not reason:
        return NoReply(f"{where}: the connection broke off within TLS", sent=False)
    said = reason.replace("_", " ").lower()
    what, to_do = f"TLS fails ({said})", ""
    if reason in _NO_TLS:
        what, to_do = f"the reply is not TLS ({said})", advice.HTTP
        if route.proxy is not None and _is_proxy(error, route):
            to_do = advice.check_variable(route.proxy.variable)
    elif reason in _CERT_WANTED and not route.has_client_cert:
        what = f"the server asks for a client certificate ({said})"
        to_do = advice.GIVE_CERT if route.is_target else ""
    elif reason in _CERT_WANTED | _CERT_REFUSED and route.has_client_cert:
        what, to_do = f"the server refuses the client certificate ({said})", advice.OTHER_CERT
    return NoReply(f"{where}: {what}", sent=False, hopeless=True, advice=to_do)


def _no_socket(path: str, cause: OSError) -> NoReply:
    """There is nobody at a unix socket."""
    words = os.strerror(cause.errno).lower() if cause.errno else str(cause)
    to_do, hopeless = "", cause.errno in (errno.ENOENT, errno.EACCES, errno.ENOTDIR)
    if cause.errno == errno.EACCES:
        to_do = (
            "You must be allowed to write to the socket (server-unix-socket-mode of the server), and to "
            "enter its folder."
        )
    elif cause.errno == errno.ENOENT:
        to_do = "Is the server up? Its setting server-unix-socket is the path that --url names."
    elif cause.errno == errno.ECONNREFUSED and not _is_socket(path):
        words, hopeless = "it is not a socket", True
        to_do = "The server's setting server-unix-socket is the path that --url names."
    return NoReply(f"the unix socket {path}: {words}", sent=False, hopeless=hopeless, advice=to_do)


def _is_socket(path: str) -> bool:
    try:
        return Path(path).is_socket()
    except OSError:
        return True  # it has gone


def _not_connected(error: aiohttp.ClientConnectorError, cause: OSError, route: Route) -> NoReply:
    """There is no such host, or nobody there."""
    where, to_do = _where(error.host, error.port, route), ""
    by_proxy = _is_proxy(error, route)
    if route.proxy is not None and by_proxy:
        to_do = advice.check_variable(route.proxy.variable)
    if isinstance(error, aiohttp.ClientConnectorDNSError):
        hopeless = cause.errno == socket.EAI_NONAME
        words = cause.strerror or str(error)
        where = where if by_proxy else error.host
        return NoReply(f"{where}: {words}", sent=False, hopeless=hopeless, advice=to_do)
    if not cause.errno and not str(cause):  # what asyncio says of a handshake that breaks off
        asks_perhaps = route.is_target and not by_proxy and not route.has_client_cert
        to_do = to_do or (advice.MAYBE_CERT if asks_perhaps else "")
        return NoReply(f"{where}: the connection broke off within TLS", sent=False, advice=to_do)
    words = os.strerror(cause.errno).lower() if cause.errno else str(cause)
    return NoReply(f"{where}: {words}", sent=False, advice=to_do)


def _refused_by_proxy(status: int, message: str, route: Route) -> NoReply:
    """The proxy has answered CONNECT, and not with 200."""
    says = f"the proxy {route.proxy} says {status} {quoted(message)}".strip()
    if status == 407:
        return NoReply(
            f"{says}: it wants a login, or another", sent=False, hopeless=True, advice=advice.PROXY_LOGIN
        )
    words = f"{says} to a connection to {mask.masked(route.url)}"
    hopeless = status < 500 and status != 429
    return NoReply(words, sent=False, hopeless=hopeless, advice=advice.ASK_PROXY if hopeless else "")


def _is_proxy(error: Exception, route: Route) -> bool:
    """Return whether it is the proxy that could not be connected to."""
    if route.proxy is None or not isinstance(error, aiohttp.ClientConnectorError):
        return False
    return route.proxy.is_at(error.host, error.port)


def _where(host: str, port: int | None, route: Route) -> str:
    """Return what a message calls the address that was tried."""
    if route.proxy is not None and route.proxy.is_at(host, port):
        return f"the proxy {route.proxy}"
    return f"{f'[{host}]' if ':' in host else host}:{port}"


def _errno(error: Exception) -> int | None:
    cause = error.os_error if isinstance(error, aiohttp.ClientConnectorError) else error
    return cause.errno if isinstance(cause, OSError) else None
