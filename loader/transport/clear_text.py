"""Whether others on the line can read a credential."""

from __future__ import annotations

import ipaddress
from urllib.parse import urlsplit

from loader.settings import Settings
from loader.settings.unix_sockets import is_unix
from loader.transport.transport import Transport


def clear_text_warning(settings: Settings, transport: Transport) -> str:
    """Return what the user is to know of credentials that travel unencrypted; empty: none does."""
    if not settings.sends_credential:
        return ""
    named = {
        "--url": settings.url,
        "--oauth-token-url": settings.oauth_token_url,
        "--oauth-issuer": settings.oauth_issuer,
    }
    readable = [option for option, url in named.items() if url is not None and _is_readable(url, transport)]
    if not readable:
        return ""
    say, write = ("says", "it") if len(readable) == 1 else ("say", "them")
    return (
        f"{' and '.join(readable)} {say} http://: the credential travels in the clear, and anyone on the "
        f"line can read it. Write {write} with https:// if you can."
    )


def is_loopback(url: str) -> bool:
    """Return whether a URL leads to this machine: a unix socket, localhost, 127.0.0.0/8 or ::1."""
    host = (urlsplit(url).hostname or "").rstrip(".")
    if is_unix(url) or host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _is_readable(url: str, transport: Transport) -> bool:
    if urlsplit(url).scheme != "http":
        return False
    # A URL of this machine leaves it where the environment names a proxy elsewhere.
    proxy = transport.route(url).proxy
    return not is_loopback(url) or (proxy is not None and not is_loopback(proxy.url))
