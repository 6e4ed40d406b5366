"""The proxies of the environment: loads through one that asks for a login, and what goes wrong with them."""

from __future__ import annotations

import base64
import re
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path

import pytest
import trustme

from loader.errors import Exit, SettingsError
from tests.support.harness import Loaded
from tests.support.line_faults import Answer, reply
from tests.support.proxy import Proxy
from tests.support.servers import Servers
from tests.support.tls_front import tls_front
from tests.support.ways import asks_for_login, ca_file, origin_form, server_context
from tests.support.web_server import web_server

Load = Callable[..., Awaitable[Loaded]]
USER, PASSWORD = "me", "pä ss@w/ord:1"
LOGIN = "me:p%C3%A4%20ss%40w%2Ford%3A1"
BASIC = base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()


@pytest.fixture
def forward(target: Servers) -> Iterator[Proxy]:
    """Return a proxy that asks for a login."""
    with Proxy(target.url, asks_for_login(USER, PASSWORD), rewrite=origin_form) as up:
        yield up


def address(proxy: Proxy, login: str = LOGIN) -> str:
    """Return the value of a variable that names a proxy."""
    return f"{proxy.url.partition('://')[0]}://{login}@127.0.0.1:{proxy.port}"


@pytest.mark.parametrize("variable", ["http_proxy", "HTTP_PROXY", "ALL_PROXY"])
async def test_a_plain_load_through_a_proxy(
    load: Load, target: Servers, forward: Proxy, monkeypatch: pytest.MonkeyPatch, variable: str
) -> None:
    """The whole URL is asked of the proxy, with the login, decoded; loopback is no exception."""
    monkeypatch.setenv(variable, address(forward))

    loaded = await load()

    assert (300, 0, 0, 0) == loaded.counts
    assert len(forward.seen) == loaded.report.requests
    assert all(seen.path.startswith(f"{target.url}/") for seen in forward.seen)


async def test_a_tls_load_through_a_proxy(
    load: Load,
    target: Servers,
    forward: Proxy,
    ca: trustme.CA,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The proxy sees CONNECT with the login, and nothing of the requests; the server sees no login."""
    with (
        Proxy(target.url) as behind,
        tls_front(behind.url, server_context(ca)) as url,
    ):
        monkeypatch.setenv("https_proxy", address(forward))
        loaded = await load(url=url, ca_file=ca_file(ca, tmp_path))

    assert (300, 0, 0, 0) == loaded.counts
    assert {"CONNECT"} == {seen.method for seen in forward.seen}
    assert all(b"User-Agent: bulkload/" in seen.head for seen in forward.seen)
    assert not any(b"proxy-authorization" in seen.head.lower() for seen in behind.seen)


@pytest.mark.parametrize("scheme", ["http", "https"])
async def test_a_proxy_that_speaks_tls_itself(
    load: Load,
    target: Servers,
    ca: trustme.CA,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    scheme: str,
) -> None:
    """Its certificate is checked as the target's is; TLS goes through TLS."""
    login = asks_for_login(USER, PASSWORD)
    context = server_context(ca, "localhost", "127.0.0.1")
    with (
        Proxy(target.url, login, rewrite=origin_form, context=context) as forward,
        tls_front(target.url, server_context(ca)) as front,
    ):
        monkeypatch.setenv(f"{scheme}_proxy", address(forward))
        loaded = await load(url=front if scheme == "https" else target.url, ca_file=ca_file(ca, tmp_path))

    assert (300, 0, 0, 0) == loaded.counts
    assert forward.seen


@pytest.mark.parametrize("login", ["me:wrong-password", "me"])
@pytest.mark.parametrize("scheme", ["http", "https"])
async def test_a_proxy_refuses_the_login(
    load: Load, forward: Proxy, monkeypatch: pytest.MonkeyPatch, scheme: str, login: str
) -> None:
    """The load stops at once; the message says what the proxy asks for, and no password."""
    monkeypatch.setenv(f"{scheme}_proxy", address(forward, login))

    loaded = await load(url=f"{scheme}://server.example:3000")

    said = str(loaded.report.error)
    assert (Exit.STOPPED, 0) == (loaded.report.exit_code, loaded.report.retries)
    assert "407" in said
    assert "the proxy's user and password, percent-encoded" in said
    assert "wrong-password" not in said


async def test_a_proxy_forbids_the_target(
    load: Load, forward: Proxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The load stops at once, with the proxy's words; the proxy is named without its login."""
    forward.fault = lambda _: Answer(reply("403 Forbidden by policy"))
    monkeypatch.setenv("https_proxy", address(forward))

    loaded = await load(url="https://server.example")

    said = str(loaded.report.error)
    assert (Exit.STOPPED, 0) == (loaded.report.exit_code, loaded.report.retries)
    assert f"the proxy {forward.url} (https_proxy) says 403 Forbidden by policy" in said
    assert "NO_PROXY" in said


@pytest.mark.parametrize("scheme", ["http", "https"])
async def test_a_proxy_that_is_not_there(load: Load, monkeypatch: pytest.MonkeyPatch, scheme: str) -> None:
    """The message names the proxy and its variable, and not its password."""
    monkeypatch.setenv(f"{scheme.upper()}_PROXY", f"http://{LOGIN}@127.0.0.1:1")

    loaded = await load(url=f"{scheme}://server.example", retry_for=0.0)

    said = str(loaded.report.error)
    assert Exit.UNAVAILABLE == loaded.report.exit_code
    assert f"the proxy http://127.0.0.1:1 ({scheme.upper()}_PROXY): connection refused" in said
    assert "p%C3" not in said


async def test_a_proxy_that_hangs_up(load: Load, monkeypatch: pytest.MonkeyPatch) -> None:
    """The message names it: --url may be right."""
    with Proxy("http://127.0.0.1:1", lambda _: Answer(b"", early=True)) as proxy:
        monkeypatch.setenv("http_proxy", address(proxy))

        loaded = await load(url="http://server.example", retry_for=0.0)

    said = str(loaded.report.error)
    assert Exit.UNAVAILABLE == loaded.report.exit_code
    assert f"through the proxy http://127.0.0.1:{proxy.port} (http_proxy)" in said
    assert "Is http_proxy right?" in said


async def test_a_proxy_with_no_such_name(load: Load, monkeypatch: pytest.MonkeyPatch) -> None:
    """The load stops at once, and asks for the variable, not for --url."""
    monkeypatch.setenv("http_proxy", "proxy.invalid:3128")

    loaded = await load(url="http://server.example")

    said = str(loaded.report.error)
    assert Exit.STOPPED == loaded.report.exit_code
    assert re.search(
        r"the proxy http://proxy\.invalid:3128 \(http_proxy\).*Is http_proxy right", said, re.DOTALL
    )


async def test_a_proxy_that_does_not_speak_tls(load: Load, monkeypatch: pytest.MonkeyPatch) -> None:
    """The load stops at once, and asks for the variable: it says https://."""
    with web_server() as web:
        monkeypatch.setenv("http_proxy", f"https://127.0.0.1:{web.port}")
        loaded = await load()

    said = str(loaded.report.error)
    assert Exit.STOPPED == loaded.report.exit_code
    assert f"the proxy https://127.0.0.1:{web.port} (http_proxy): the reply is not TLS" in said
    assert "Is http_proxy right?" in said


async def test_no_proxy_leaves_hosts_out(
    load: Load, target: Servers, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The load goes straight to a host that NO_PROXY names."""
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    monkeypatch.setenv("NO_PROXY", "example.com, 127.0.0.0/8")

    assert (300, 0, 0, 0) == (await load(url=target.url)).counts


async def test_a_proxy_of_another_kind(load: Load, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is sent; the message names the variable, and no password."""
    monkeypatch.setenv("ALL_PROXY", f"socks5h://{LOGIN}@127.0.0.1:1080")

    with pytest.raises(SettingsError) as caught:
        await load()

    assert "ALL_PROXY is 'socks5h://***@127.0.0.1:1080'" in str(caught.value)


async def test_netrc_is_not_read(
    load: Load, forward: Proxy, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Logins of ~/.netrc go neither to the server nor to the proxy, and do not disturb the token."""
    (tmp_path / ".netrc").write_text("machine 127.0.0.1 login somebody password netrc-secret\n")
    (tmp_path / ".netrc").chmod(0o600)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("http_proxy", address(forward))

    loaded = await load()

    netrc = base64.b64encode(b"somebody:netrc-secret")
    assert (300, 0, 0, 0) == loaded.counts
    assert all(seen.token and netrc not in seen.head for seen in forward.seen)
