"""How connections are made: certificates, proxies, unix sockets."""

from __future__ import annotations

import ssl
import urllib.request
from pathlib import Path
from urllib.parse import urlsplit

import aiohttp

from loader.errors import SettingsError
from loader.settings import Settings


class Transport:
    """Makes connections as the settings and the environment say.

    Args:
        ca_file: PEM file with the certificates to trust, in place of the system's.
        client_cert: PEM file with a client certificate and its key, for the target alone.

    Raises:
        SettingsError: a file cannot be read, or holds something else.
    """

    def __init__(self, ca_file: Path | None = None, client_cert: Path | None = None) -> None:
        self._ca_file = ca_file
        self._client_cert = client_cert

    @classmethod
    def of(cls, settings: Settings) -> Transport:
        """Return the transport that settings ask for."""
        return cls(settings.ca_file, settings.client_cert)

    def connector(
        self, *, limit: int = 1, keepalive: float = 15.0, is_target: bool = False
    ) -> aiohttp.BaseConnector:
        """Return what connects.

        Args:
            limit: most connections at once.
            keepalive: seconds that an idle connection is kept.
            is_target: whether it connects to the target, which may ask for the client certificate.
        """
        context: ssl.SSLContext | bool = True
        if self._ca_file is not None or (is_target and self._client_cert is not None):
            context = _context(self._ca_file, self._client_cert if is_target else None)
        return aiohttp.TCPConnector(limit=limit, keepalive_timeout=keepalive, ssl=context)

    def proxy(self, url: str) -> str | None:
        """Return the proxy for a URL, as ``HTTPS_PROXY`` and its like name it; None: there is none."""
        parts = urlsplit(url)
        proxies = urllib.request.getproxies()
        if not parts.hostname or urllib.request.proxy_bypass(parts.netloc):
            return None
        return proxies.get(parts.scheme) or proxies.get("all")


def _context(ca_file: Path | None, client_cert: Path | None) -> ssl.SSLContext:
    try:
        context = ssl.create_default_context(cafile=ca_file)
        if client_cert is not None:
            context.load_cert_chain(client_cert)
    except (OSError, ValueError) as error:
        option = "--ca-file" if client_cert is None else "--ca-file or --client-cert"
        raise SettingsError(f"{option}: {error}") from error
    return context
