"""Token endpoints are reached as the target is, with --ca-file and proxies, but get no client certificate."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
import trustme

from loader.credentials.endpoint import ask
from loader.credentials.token_source import TokensUnavailable
from loader.errors import TargetError
from loader.transport import USER_AGENT, Transport
from tests.support.line_faults import Answer, reply
from tests.support.proxy import Proxy
from tests.support.tls_front import tls_front
from tests.support.ways import asks_for_login, ca_file, client_cert, origin_form, server_context


@pytest.fixture
def endpoint() -> Iterator[Proxy]:
    """Return a server that gives the same answer to all."""
    with Proxy("http://127.0.0.1:1", lambda _: Answer(reply("200 OK", '{"a":1}'))) as up:
        yield up


async def test_an_endpoint_behind_tls(endpoint: Proxy, ca: trustme.CA, tmp_path: Path) -> None:
    """--ca-file is for it, too; the request says who asks."""
    with tls_front(endpoint.url, server_context(ca)) as url:
        answer = await ask(Transport(ca_file(ca, tmp_path)), "GET", url)

    assert (200, {"a": 1}) == (answer.status, answer.body)
    assert USER_AGENT.encode() in endpoint.seen[0].head


async def test_an_endpoint_that_is_not_trusted(endpoint: Proxy, ca: trustme.CA) -> None:
    """It is not asked again: the message says what to give."""
    with (
        tls_front(endpoint.url, server_context(ca)) as url,
        pytest.raises(TargetError, match="its certificate is not trusted") as caught,
    ):
        await ask(Transport(), "GET", url)

    assert not isinstance(caught.value, TokensUnavailable)
    assert "--ca-file" in caught.value.advice


@pytest.mark.parametrize("is_target", [True, False])
async def test_only_the_target_is_shown_the_client_certificate(
    endpoint: Proxy, ca: trustme.CA, tmp_path: Path, is_target: bool
) -> None:
    """Whoever else asks for one gets none; Supabase Auth stands at the target's own host."""
    with tls_front(endpoint.url, server_context(ca, clients=ca)) as url:
        target = url if is_target else "https://server.example"
        transport = Transport(ca_file(ca, tmp_path), client_cert(ca, tmp_path), target=f"{target}/rest/v1")
        if is_target:
            assert 200 == (await ask(transport, "POST", f"{url}/auth/v1/token")).status
        else:
            with pytest.raises(TargetError, match="asks for a client certificate"):
                await ask(transport, "POST", f"{url}/token")


@pytest.mark.parametrize(
    ("login", "expected"), [("me:hush", "200"), ("me:wrong", "the proxy .* asks for a login")]
)
async def test_an_endpoint_behind_a_proxy(
    endpoint: Proxy, monkeypatch: pytest.MonkeyPatch, login: str, expected: str
) -> None:
    """The login of the proxy's variable goes to the proxy alone."""
    with Proxy(endpoint.url, asks_for_login("me", "hush"), rewrite=origin_form) as forward:
        monkeypatch.setenv("http_proxy", f"http://{login}@127.0.0.1:{forward.port}")
        if expected == "200":
            assert 200 == (await ask(Transport(), "GET", endpoint.url)).status
            assert b"proxy-authorization" not in endpoint.seen[0].head.lower()
        else:
            with pytest.raises(TargetError, match=expected):
                await ask(Transport(), "GET", endpoint.url)


async def test_an_endpoint_that_is_not_there() -> None:
    """Later it may be."""
    with pytest.raises(TokensUnavailable, match="connection refused"):
        await ask(Transport(), "GET", "http://127.0.0.1:1/token")


@pytest.mark.parametrize("kind", ["length", "chunked"])
async def test_an_answer_that_comes_in_parts(kind: str) -> None:
    """The whole of it is read: a refresh token in it would be lost otherwise, and the old one is used up."""
    text = json.dumps({"pad": "x" * 900_000, "refresh_token": "next"})
    body = text.encode() if kind == "length" else f"{len(text):x}\r\n{text}\r\n0\r\n\r\n".encode()
    head = f"Content-Length: {len(text)}" if kind == "length" else "Transfer-Encoding: chunked"
    whole = f"HTTP/1.1 200 OK\r\n{head}\r\n\r\n".encode() + body
    with Proxy("http://127.0.0.1:1", lambda _: Answer(whole)) as up:
        answer = await ask(Transport(), "POST", f"{up.url}/token")

    assert "next" == answer.body.get("refresh_token")


async def test_an_answer_that_breaks_off() -> None:
    """It is asked for again: what came is no answer."""
    cut = b'HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n{"access_token": "'
    with (
        Proxy("http://127.0.0.1:1", lambda _: Answer(cut, early=True)) as up,
        pytest.raises(TokensUnavailable),
    ):
        await ask(Transport(), "GET", f"{up.url}/token")


async def test_an_answer_that_is_nested_too_deep() -> None:
    """It is none: Python reads it, and fails when it writes it in a message."""
    deep = "[" * 990 + "]" * 990
    with Proxy("http://127.0.0.1:1", lambda _: Answer(reply("400 Bad Request", f'{{"error":{deep}}}'))) as up:
        answer = await ask(Transport(), "GET", f"{up.url}/token")

    assert (400, {}) == (answer.status, answer.body)
