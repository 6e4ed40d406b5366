"""What a URL says about the way to the server."""

from __future__ import annotations

import pytest

from loader.errors import SettingsError
from loader.settings import Settings
from loader.settings.loopback import is_loopback
from loader.settings.unix_sockets import socket_path
from loader.transport import Transport, clear_text_warning
from loader.transport.route import Route

KEY = {"apikey": "sb_secret_x"}


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        ("localhost", True),
        ("LOCALHOST.", True),
        ("127.0.0.1", True),
        ("127.9.9.9", True),
        ("::1", True),
        ("128.0.0.1", False),
        ("localhost.example.com", False),
        ("10.0.0.1", False),
        ("example.com", False),
    ],
)
def test_this_machine(host: str, expected: bool) -> None:
    """localhost, 127.0.0.0/8 and ::1."""
    assert expected == is_loopback(host)


@pytest.mark.parametrize(
    ("url", "path", "address"),
    [
        ("http+unix://%2Frun%2Fpostgrest.sock", "/run/postgrest.sock", "http://localhost"),
        ("http+unix://%2Frun%2FA%20b.sock/api/v1", "/run/A b.sock", "http://localhost/api/v1"),
        (f"http+unix://%2F{'a' * 106}", "/" + "a" * 106, "http://localhost"),
        ("https://example.com/api", None, "https://example.com/api"),
    ],
)
def test_a_unix_socket(url: str, path: str | None, address: str) -> None:
    """Its path stands in the place of the host; the URL is the audience, as written."""
    settings = Settings(url=url)

    assert path == socket_path(url)
    assert address == Route(settings.endpoint).address
    assert url == settings.audience


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("https+unix://%2Frun%2Fx.sock", "without TLS.*http+unix://%2Frun%2Fx.sock"),
        ("http+unix:///run/x.sock", "http+unix://%2Frun%2Fx.sock"),
        ("unix:/run/x.sock", "http+unix://%2Frun%2Fx.sock"),
        ("http+unix://run%2Fx.sock", "http+unix://"),
        ("http+unix://", "http+unix://%2Frun%2Fpostgrest.sock"),
        (f"http+unix://%2F{'a' * 107}", "107 bytes"),
        ("http+unix://%2Fa%00b", "U+0000"),
        ("http+unix://%2Frun%2Fx.sock?select=a", "base URL alone"),
    ],
)
def test_what_names_no_unix_socket(url: str, says: str) -> None:
    """The message says how to write it."""
    with pytest.raises(SettingsError) as caught:
        Settings(url=url)

    said = str(caught.value)
    assert all(words in said for words in says.split(".*")), said


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"url": "http://example.com", **KEY}, "--url says http://"),
        ({"url": "http://10.0.0.1:3000", "jwt_secret": "s" * 32}, "--url says http://"),
        ({"url": "http://example.com", "token_command": "print it"}, "--url says http://"),
        ({"url": "http://example.com"}, ""),  # no credential
        ({"url": "https://example.com", **KEY}, ""),
        ({"url": "http://localhost:3000", **KEY}, ""),
        ({"url": "http://[::1]:3000", **KEY}, ""),
        ({"url": "http+unix://%2Frun%2Fx.sock", **KEY}, ""),
    ],
)
def test_what_travels_in_the_clear(given: dict[str, str], says: str) -> None:
    """Only credentials, only without TLS, and only beyond this machine."""
    settings = Settings(**given)  # type: ignore[arg-type]

    warning = clear_text_warning(settings, Transport.of(settings))

    assert says == warning.partition(":")[0] + "://" * bool(warning)


def test_a_proxy_elsewhere_takes_what_is_for_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    """Then it travels in the clear, too; not in a sandbox, for which no proxy is asked."""
    monkeypatch.setenv("http_proxy", "http://proxy.example:3128")
    settings = Settings(url="http://127.0.0.1:3000", **KEY)  # type: ignore[arg-type]
    box = Settings(url="http://127.0.0.1:3000", sandbox=True, **KEY)  # type: ignore[arg-type]

    assert clear_text_warning(settings, Transport.of(settings)).startswith("--url says")
    assert "" == clear_text_warning(box, Transport.of(box))
