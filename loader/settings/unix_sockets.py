"""Base URLs that name a unix socket. No I/O."""

from __future__ import annotations

import os
from urllib.parse import quote, unquote, urlsplit

from loader import mask
from loader.errors import SettingsError

UNIX = "http+unix"
_LONGEST_PATH = 107  # bytes of a socket's path (unix(7): sun_path has 108, one of them the NUL)


def is_unix(url: str) -> bool:
    """Return whether a URL names a unix socket, or was meant to."""
    return urlsplit(url).scheme.endswith("unix")


def socket_path(url: str) -> str | None:
    """Return the path of the socket that ``http+unix://%2Frun%2Fpostgrest.sock/prefix`` names.

    Returns:
        None for a URL of another kind.

    Raises:
        SettingsError: the URL names no socket.
    """
    if not is_unix(url):
        return None
    parts = urlsplit(url)
    path = unquote(parts.netloc, errors="surrogateescape")
    if parts.scheme != UNIX or not path.startswith("/"):
        named = parts.netloc + (parts.path if path.startswith("/") else quote(parts.path, safe=""))
        raise SettingsError(
            f"--url {mask.masked(url)!r} does not name a unix socket as bulkload reads it",
            advice=f"It speaks HTTP on sockets, without TLS, and each / of the path is written as %2F: "
            f"{UNIX}://{mask.masked(named) or '%2Frun%2Fpostgrest.sock'}",
        )
    if "\0" in path or len(os.fsencode(path)) > _LONGEST_PATH:
        raise SettingsError(
            f"--url names a unix socket whose path has more than {_LONGEST_PATH} bytes, or a U+0000",
            advice="The system knows no such sockets. Give a shorter path to it, as by a link to its folder.",
        )
    return path
