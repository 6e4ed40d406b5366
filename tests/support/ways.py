"""Ways to a server: certificates of the tests' own, gateways with a prefix, proxies that ask for a login."""

from __future__ import annotations

import base64
import re
import ssl
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import trustme

from tests.support.line_faults import Act, Answer, Fault, Seen, reply

LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)
THEN = datetime(2020, 1, 2, tzinfo=UTC)


def server_context(
    ca: trustme.CA, *names: str, clients: trustme.CA | None = None, expired: bool = False, tls: str = "1.3"
) -> ssl.SSLContext:
    """Return what a TLS server speaks with.

    Args:
        ca: signs its certificate.
        names: that stand in it; none: localhost.
        clients: signs the certificates of clients, which each must show; None: they need none.
        expired: whether its certificate has expired.
        tls: the latest version of TLS that it knows.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.maximum_version = ssl.TLSVersion.TLSv1_2 if tls == "1.2" else ssl.TLSVersion.TLSv1_3
    _issue(ca, *(names or ("localhost",)), expired=expired).configure_cert(context)
    if clients is not None:
        clients.configure_trust(context)
        context.verify_mode = ssl.CERT_REQUIRED
    return context


def ca_file(ca: trustme.CA, folder: Path) -> Path:
    """Return a PEM file with an authority's certificate."""
    path = folder / "ca.pem"
    path.write_bytes("# Főtanúsítvány\n".encode() + ca.cert_pem.bytes())  # as bundles of the web have them
    return path


def client_cert(ca: trustme.CA, folder: Path, *, expired: bool = False) -> Path:
    """Return a PEM file with a client's certificate and key."""
    path = folder / "client.pem"
    certificate = _issue(ca, "loader@example.com", expired=expired)
    path.write_bytes(certificate.private_key_and_cert_chain_pem.bytes())
    return path


def _issue(ca: trustme.CA, *names: str, expired: bool) -> trustme.LeafCert:
    if expired:
        return ca.issue_cert(*names, not_before=LONG_AGO, not_after=THEN)
    return ca.issue_cert(*names)


def without_prefix(prefix: str) -> Callable[[bytes], bytes]:
    """Return what a gateway does to requests that serves PostgREST under a path of its own."""

    def rewrite(head: bytes) -> bytes:
        method, path, rest = head.split(b" ", 2)
        assert path.startswith(prefix.encode() + b"/"), path
        return b" ".join((method, path.removeprefix(prefix.encode()), rest))

    return rewrite


def origin_form(head: bytes) -> bytes:
    """Return the head of a request as a proxy passes it on: without the host in its line, and the login."""
    head = re.sub(rb"^(\S+) http://[^/ ]+", rb"\1 ", head)
    return re.sub(rb"(?i)\r\nproxy-authorization:[^\r]*", b"", head)


def asks_for_login(user: str, password: str) -> Fault:
    """Return a fault that refuses requests which lack a login (RFC 7617)."""
    login = base64.b64encode(f"{user}:{password}".encode())

    def fault(seen: Seen) -> Act | None:
        header = re.search(rb"(?i)\r\nproxy-authorization: basic ([^\r]*)", seen.head)
        if header is not None and header[1] == login:
            return None
        words = "Cache Access Denied"
        return Answer(
            reply("407 Proxy Authentication Required", words, 'Proxy-Authenticate: Basic realm="p"')
        )

    return fault
