"""The connections of a load, made as the settings and the environment say."""

from __future__ import annotations

import ssl
from pathlib import Path
from urllib.parse import urlsplit

import aiohttp

from loader.settings import Settings
from loader.settings.unix_sockets import socket_path
from loader.transport.certificates import make_context
from loader.transport.proxies import proxy_for
from loader.transport.route import Route


class Transport:
    """Makes connections. A load has one.

    Args:
        ca_file: PEM file with the certificates to trust; None: the system's.
        client_cert: PEM file with a client certificate and its key, for the target alone.
        target: the target's URL; empty: there is none.
        proxies: whether to go through the proxies that the environment names.

    Raises:
        SettingsError: a file cannot be read, or is not what it should be.
    """

    def __init__(
        self,
        ca_file: Path | None = None,
        client_cert: Path | None = None,
        *,
        target: str = "",
        proxies: bool = True,
    ) -> None:
        self._target = urlsplit(target)[:2]
        self._proxies = proxies
        self._shows_cert = client_cert is not None
        # aiohttp has a context of its own with the system's certificates, made when it is imported.
        self._trust: ssl.SSLContext | bool = True if ca_file is None else make_context(ca_file, None)
        self._of_target = self._trust if client_cert is None else make_context(ca_file, client_cert)

    @classmethod
    def of(cls, settings: Settings) -> Transport:
        """Return the transport of a load.

        Raises:
            SettingsError: a file is not what it should be, or the environment names no proxy that bulkload
                speaks to.
        """
        # A sandbox is on this machine: no proxy has business with it.
        transport = cls(
            settings.ca_file, settings.client_cert, target=settings.endpoint, proxies=not settings.sandbox
        )
        transport.route(settings.endpoint)
        return transport

    def route(self, url: str) -> Route:
        """Return the way to a URL.

        Raises:
            SettingsError: the environment names no proxy that bulkload speaks to.
        """
        is_target = urlsplit(url)[:2] == self._target
        return Route(
            url,
            proxy_for(url) if self._proxies else None,
            is_target=is_target,
            has_client_cert=is_target and self._shows_cert,
        )

    def connector(
        self, route: Route | None = None, *, limit: int = 1, keepalive: float = 15.0
    ) -> aiohttp.BaseConnector:
        """Return what connects.

        Args:
            route: the way to the server; None: any but the target's, and those of unix sockets.
            limit: most connections at once.
            keepalive: seconds that an idle connection is kept.
        """
        path = None if route is None else socket_path(route.url)
        if path is not None:
            return aiohttp.UnixConnector(path, limit=limit, keepalive_timeout=keepalive)
        context = self._of_target if route is not None and route.is_target else self._trust
        return aiohttp.TCPConnector(limit=limit, keepalive_timeout=keepalive, ssl=context)
