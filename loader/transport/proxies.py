"""The proxy for a URL, as the environment names it: http_proxy, https_proxy, all_proxy, no_proxy.

aiohttp's own way (trust_env) is not used: it also reads ~/.netrc, and fails beside an Authorization header.
"""

from __future__ import annotations

import base64
import ipaddress
import os
import urllib.request
from dataclasses import dataclass, field
from urllib.parse import SplitResult, unquote, urlsplit

from loader import mask
from loader.errors import SettingsError
from loader.settings.checks import is_web_address

_SCHEMES = frozenset({"http", "https"})
_PORTS = {"http": 80, "https": 443}


@dataclass(frozen=True, slots=True)
class Proxy:
    """A proxy.

    Attributes:
        url: its URL, without user and password.
        variable: that names it.
        authorization: what Proxy-Authorization says (RFC 7617); None: nothing.
    """

    url: str
    variable: str
    authorization: str | None = field(default=None, repr=False)

    def __str__(self) -> str:
        return f"{self.url} ({self.variable})"

    def is_at(self, host: str, port: int | None) -> bool:
        """Return whether an address is the proxy's."""
        parts = urlsplit(self.url)
        return (host.lower(), port) == (parts.hostname, parts.port or _PORTS[parts.scheme])


def proxy_for(url: str) -> Proxy | None:
    """Return the proxy for a URL; None: there is none.

    Variables in lower case go before those in upper case, and of a CGI program's HTTP_PROXY nothing is
    taken, as the standard library's urllib has it. A proxy without a scheme speaks HTTP, as curl has it.

    Raises:
        SettingsError: the variable names something else than an HTTP proxy.
    """
    parts = urlsplit(url)
    proxies = urllib.request.getproxies()
    key = parts.scheme if proxies.get(parts.scheme) else "all"
    named = proxies.get(key, "").strip()
    if not named or parts.scheme not in _SCHEMES or _is_bypassed(parts, proxies.get("no", "")):
        return None
    return _read(named, _variable(key))


def _is_bypassed(parts: SplitResult, no_proxy: str) -> bool:
    """Return whether NO_PROXY leaves a URL out: by host, suffix, ``host:port``, address or network (CIDR)."""
    if urllib.request.proxy_bypass(parts.netloc):
        return True
    try:
        address = ipaddress.ip_address(parts.hostname or "")
    except ValueError:
        return False
    return any(address in network for network in map(_network, no_proxy.split(",")) if network is not None)


def _network(text: str) -> ipaddress.IPv4Network | ipaddress.IPv6Network | None:
    try:
        return ipaddress.ip_network(text.strip().strip("[]"), strict=False)
    except ValueError:
        return None


def _variable(key: str) -> str:
    """Return the variable that urllib has taken a proxy from."""
    name = f"{key}_proxy"
    if os.environ.get(name):
        return name
    return next((other for other in os.environ if other.lower() == name), name)


def _read(named: str, variable: str) -> Proxy:
    mask.hide_in_address(named)
    try:
        parts = urlsplit(named if "://" in named else f"http://{named}")
        port = parts.port
    except ValueError:
        raise _unfit(named, variable) from None
    if parts.scheme not in _SCHEMES or not parts.hostname or parts.path.strip("/") or parts.query:
        raise _unfit(named, variable)
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    url = f"{parts.scheme}://{host}{'' if port is None else f':{port}'}"
    if not is_web_address(url):
        raise _unfit(named, variable)
    authorization = None
    if parts.username is not None:
        password = unquote(parts.password or "")
        # Variables may hold bytes that are no UTF-8: they are sent as they are.
        user = f"{unquote(parts.username)}:{password}".encode(errors="surrogateescape")
        login = base64.b64encode(user).decode()
        mask.hide(password)
        mask.hide(login)
        authorization = f"Basic {login}"
    return Proxy(url, variable, authorization)


def _unfit(named: str, variable: str) -> SettingsError:
    return SettingsError(
        f"{variable} is {mask.masked(named)!r}, which is not the address of an HTTP proxy",
        advice="Write it as in http://proxy.example.com:3128, with user and password percent-encoded. "
        "NO_PROXY names the hosts that are reached without it.",
    )
