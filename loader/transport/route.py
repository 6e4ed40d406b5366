"""The way to a URL: what stands in requests, and through which proxy they go. No I/O."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from loader import mask
from loader.settings.unix_sockets import is_unix
from loader.transport.proxies import Proxy
from loader.version import __version__

USER_AGENT = f"bulkload/{__version__}"


@dataclass(frozen=True, slots=True)
class Route:
    """The way to a URL.

    Attributes:
        url: as it was named.
        proxy: that requests go through; None: there is none.
        is_target: whether it leads to the target.
        has_client_cert: whether it is the way of requests that may show a client certificate.
    """

    url: str
    proxy: Proxy | None = None
    is_target: bool = False
    has_client_cert: bool = False

    @property
    def name(self) -> str:
        """What messages call the URL: an option, or itself."""
        return "--url" if self.is_target else mask.masked(self.url)

    @property
    def address(self) -> str:
        """What stands in requests in place of the URL: a unix socket's is ``http://localhost``."""
        return f"http://localhost{urlsplit(self.url).path}" if is_unix(self.url) else self.url

    @property
    def reader(self) -> str:
        """The proxy, if it reads requests, and does not only pass on what is encrypted; else empty."""
        is_plain = urlsplit(self.url).scheme == "http"
        return str(self.proxy) if self.proxy is not None and is_plain else ""

    @property
    def headers(self) -> dict[str, str]:
        """The headers of each request: who asks, and the login for a proxy that reads the request."""
        return {"User-Agent": USER_AGENT} | (self._login if self.reader else {})

    @property
    def options(self) -> dict[str, Any]:
        """The arguments of aiohttp's ``session.request`` that lead through the proxy."""
        if self.proxy is None:
            return {}
        return {"proxy": self.proxy.url, "proxy_headers": {"User-Agent": USER_AGENT} | self._login}

    @property
    def _login(self) -> dict[str, str]:
        if self.proxy is None or self.proxy.authorization is None:
            return {}
        return {"Proxy-Authorization": self.proxy.authorization}
