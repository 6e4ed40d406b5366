"""Which proxy the environment names for a URL."""

from __future__ import annotations

import base64

import pytest

from loader import mask
from loader.errors import SettingsError
from loader.transport.proxies import Proxy, proxy_for

P, Q = "http://p.example:3128", "http://q.example:3128"


@pytest.mark.parametrize(
    ("variables", "url", "expected"),
    [
        ({}, "http://a/", None),
        ({"http_proxy": P}, "http://a/", Proxy(P, "http_proxy")),
        ({"HTTP_PROXY": P}, "http://a/", Proxy(P, "HTTP_PROXY")),
        ({"HTTP_PROXY": P, "http_proxy": Q}, "http://a/", Proxy(Q, "http_proxy")),
        ({"HTTP_PROXY": P, "REQUEST_METHOD": "GET"}, "http://a/", None),  # a CGI program
        ({"http_proxy": P}, "https://a/", None),
        ({"https_proxy": P}, "https://a/", Proxy(P, "https_proxy")),
        ({"all_proxy": P, "https_proxy": Q}, "http://a/", Proxy(P, "all_proxy")),
        ({"ALL_PROXY": P, "https_proxy": Q}, "https://a/", Proxy(Q, "https_proxy")),
        ({"ALL_PROXY": P}, "http+unix://%2Frun%2Fx.sock", None),
        ({"http_proxy": "p.example:3128"}, "http://a/", Proxy(P, "http_proxy")),
        ({"http_proxy": "https://p.example/"}, "http://a/", Proxy("https://p.example", "http_proxy")),
        ({"http_proxy": "http://[::1]:3128"}, "http://a/", Proxy("http://[::1]:3128", "http_proxy")),
        ({"http_proxy": P}, "http://localhost:3000", Proxy(P, "http_proxy")),  # as curl
        ({"http_proxy": P, "no_proxy": "localhost"}, "http://localhost:3000", None),
        ({"http_proxy": P, "NO_PROXY": "*"}, "http://a/", None),
        ({"http_proxy": P, "NO_PROXY": "b.example, a.example"}, "http://a.example/", None),
        ({"http_proxy": P, "NO_PROXY": ".example"}, "http://a.example/", None),
        ({"http_proxy": P, "NO_PROXY": "example"}, "http://an-example/", Proxy(P, "http_proxy")),
        ({"http_proxy": P, "NO_PROXY": "a:3000"}, "http://a:3000/", None),
        ({"http_proxy": P, "NO_PROXY": "a:3000"}, "http://a:3001/", Proxy(P, "http_proxy")),
        ({"http_proxy": P, "NO_PROXY": "10.0.0.0/8"}, "http://10.1.2.3:3000/", None),
        ({"http_proxy": P, "NO_PROXY": "10.0.0.0/8"}, "http://11.1.2.3/", Proxy(P, "http_proxy")),
        ({"http_proxy": P, "NO_PROXY": "::1"}, "http://[::1]:3000/", None),
    ],
)
def test_the_proxy_of_a_url(
    monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], url: str, expected: Proxy | None
) -> None:
    """As curl and urllib have it; NO_PROXY also takes networks."""
    for name, value in variables.items():
        monkeypatch.setenv(name, value)

    assert expected == proxy_for(url)


def test_a_login_is_decoded_and_hidden(monkeypatch: pytest.MonkeyPatch) -> None:
    """It stands in no URL and no repr, and is masked in all its forms."""
    monkeypatch.setenv("https_proxy", "http://me:hush%40hush%3A@p.example:3128")
    login = base64.b64encode(b"me:hush@hush:").decode()

    proxy = proxy_for("https://a")

    assert Proxy(P, "https_proxy", f"Basic {login}") == proxy
    assert "hush" not in f"{proxy} {proxy!r}"
    assert "***" == mask.masked("hush@hush:")
    assert "Basic ***" == mask.masked(f"Basic {login}")


def test_a_login_that_is_not_utf8(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its bytes go as the variable has them."""
    monkeypatch.setenv("http_proxy", "http://me:h\udce9@p.example:3128")

    proxy = proxy_for("http://a")

    assert Proxy(P, "http_proxy", f"Basic {base64.b64encode(b'me:h' + bytes([0xE9])).decode()}") == proxy


@pytest.mark.parametrize(
    "value",
    [
        "socks5://p:1080",
        "socks4a://p",
        "ftp://p",
        "http://",
        "http://p:port",
        "http://me:pa/ss@p:3128",
        "p/q",
        "http://p:0",
        "http://p..example:3128",
        f"http://{'p' * 64}:3128",
        "http://p\udce9:3128",
    ],
)
def test_what_is_no_http_proxy(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    """The message names the variable, and how to write it."""
    monkeypatch.setenv("ALL_PROXY", value)

    with pytest.raises(SettingsError, match=r"^ALL_PROXY is .*not the address of an HTTP proxy") as caught:
        proxy_for("http://a")

    assert "percent-encoded" in caught.value.advice
    assert "pa/ss" not in str(caught.value)
