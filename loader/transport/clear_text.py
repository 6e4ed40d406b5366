"""Whether others on the line can read a credential."""

from __future__ import annotations

from urllib.parse import urlsplit

from loader.settings import Settings
from loader.settings.loopback import is_loopback
from loader.settings.unix_sockets import is_unix
from loader.transport.transport import Transport


def clear_text_warning(settings: Settings, transport: Transport) -> str:
    """Return what the user is to know of credentials that travel unencrypted; empty: none does."""
    if not settings.sends_credential:
        return ""
    if not _is_readable(settings.url, transport):
        return ""
    return (
        "--url says http://: the credential travels in the clear, and anyone on the line can read it. "
        "Write it with https:// if you can."
    )


def _is_readable(url: str, transport: Transport) -> bool:
    if urlsplit(url).scheme != "http":
        return False
    # A URL of this machine leaves it where the environment names a proxy elsewhere.
    proxy = transport.route(url).proxy
    return not _is_here(url) or (proxy is not None and not _is_here(proxy.url))


def _is_here(url: str) -> bool:
    """Return whether a URL leads to this machine, by a unix socket or the loopback interface."""
    return is_unix(url) or is_loopback(urlsplit(url).hostname or "")
