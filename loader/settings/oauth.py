"""What the settings of OAuth 2 must look like. No I/O."""

from __future__ import annotations

from urllib.parse import urlsplit

from loader import mask
from loader.errors import SettingsError
from loader.settings.checks import is_web_address
from loader.settings.loopback import is_loopback


def check_oauth(
    *,
    issuer: str | None,
    token_url: str | None,
    client_id: str | None,
    secret: str | None,
    key: str | None,
    refresh_token: str | None,
) -> None:
    """Check the settings of OAuth 2, where an issuer or a token URL is given.

    Raises:
        SettingsError: they contradict each other, something is missing, or a secret would go in the clear.
    """
    for option, url in (("--oauth-issuer", issuer), ("--oauth-token-url", token_url)):
        if url is not None:
            check_oauth_url(option, url)
    if issuer is not None and urlsplit(issuer).query:
        raise SettingsError("--oauth-issuer has a ? in it", advice="An issuer is a URL without a query.")
    if not client_id:
        raise SettingsError(
            "OAuth 2 needs --oauth-client-id", advice="The provider lists it beside the client."
        )
    for option, text in (
        ("the client's secret", secret),
        ("--oauth-client-key-file", key),
        ("the refresh token", refresh_token),
    ):
        if text is not None and not text.strip():
            raise SettingsError(f"{option} of OAuth 2 is empty", advice="Give it, or unset its variable.")
    if secret is not None and key is not None:
        raise SettingsError(
            "--oauth-client-secret-file (or BULKLOAD_OAUTH_CLIENT_SECRET) and --oauth-client-key-file "
            "both say how the client proves itself",
            advice="Give one of them.",
        )
    if secret is None and key is None and refresh_token is None:
        raise SettingsError(
            "OAuth 2 needs the client's secret or key, or a refresh token",
            advice="Set BULKLOAD_OAUTH_CLIENT_SECRET, or give --oauth-client-secret-file, "
            "--oauth-client-key-file or --oauth-refresh-token-file.",
        )


def check_oauth_url(name: str, url: str) -> None:
    """Check that secrets may be sent to a URL.

    Args:
        name: what messages call it.
        url: the URL.

    Raises:
        SettingsError: it is no URL, has a user in it, or leads over a network without TLS (RFC 6749, section
            3.2).
    """
    mask.hide_in_address(url)
    if not is_web_address(url):
        raise SettingsError(
            f"{name} is not a web address: {mask.masked(url)!r}",
            advice="Write it as in https://id.example.org.",
        )
    parts = urlsplit(url)
    if "@" in parts.netloc or parts.fragment:
        raise SettingsError(
            f"{name} has a user or a # in it",
            advice="The client has settings of its own: --oauth-client-id and its secret.",
        )
    if parts.scheme != "https" and not is_loopback(parts.hostname or ""):
        raise SettingsError(
            f"{name} is {mask.masked(url)}, where secrets would travel in the clear",
            advice="Give its https:// URL. Only on this machine itself may it be http://.",
        )
