"""TLS: certificates of one's own on both sides, and what a load says about those that do not pass."""

from __future__ import annotations

import re
import ssl
from collections.abc import Awaitable, Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
import trustme

from loader.errors import Exit
from tests.support.harness import Loaded
from tests.support.line_faults import Answer, reply
from tests.support.proxy import Proxy
from tests.support.servers import Servers
from tests.support.tls_front import tls_front
from tests.support.ways import ca_file, client_cert, server_context
from tests.support.web_server import web_server

Load = Callable[..., Awaitable[Loaded]]


@pytest.fixture
def speak_tls(target: Servers) -> Iterator[Callable[[ssl.SSLContext], str]]:
    """Return what puts TLS in front of PostgREST, and gives its URL."""
    with ExitStack() as fronts:
        yield lambda context: fronts.enter_context(tls_front(target.url, context))


async def test_a_load_trusts_the_authority_of_ca_file(
    load: Load, speak_tls: Callable[..., str], ca: trustme.CA, tmp_path: Path
) -> None:
    """All rows arrive; words around the certificates do not matter."""
    loaded = await load(url=speak_tls(server_context(ca)), ca_file=ca_file(ca, tmp_path))

    assert (300, 0, 0, 0) == loaded.counts


async def test_a_load_trusts_the_certificate_of_the_server_itself(
    load: Load, speak_tls: Callable[..., str], ca: trustme.CA, tmp_path: Path
) -> None:
    """--ca-file may name that alone, without who has signed it."""
    certificate = ca.issue_cert("localhost")
    context = server_context(ca)
    certificate.configure_cert(context)
    (tmp_path / "server.pem").write_bytes(certificate.cert_chain_pems[0].bytes())

    loaded = await load(url=speak_tls(context), ca_file=tmp_path / "server.pem")

    assert (300, 0, 0, 0) == loaded.counts


@pytest.mark.parametrize("tls", ["1.2", "1.3"])
async def test_a_load_shows_its_client_certificate(
    load: Load, speak_tls: Callable[..., str], ca: trustme.CA, tmp_path: Path, tls: str
) -> None:
    """All rows arrive at a server that asks for one."""
    url = speak_tls(server_context(ca, clients=ca, tls=tls))

    loaded = await load(url=url, ca_file=ca_file(ca, tmp_path), client_cert=client_cert(ca, tmp_path))

    assert (300, 0, 0, 0) == loaded.counts


async def _refused(load: Load, **changes: Any) -> str:
    """Return what a load says that must stop at once."""
    loaded = await load(**changes)
    assert (Exit.STOPPED, 0) == (loaded.report.exit_code, loaded.report.retries)
    return str(loaded.report.error)


@pytest.mark.parametrize("tls", ["1.2", "1.3"])
@pytest.mark.parametrize(
    ("shows", "says"),
    [
        ("nothing", "the server asks for a client certificate.*--client-cert"),
        ("that of a stranger", r"the server refuses the client certificate \(.*--client-cert"),
    ],
)
async def test_a_server_that_wants_another_client_certificate(
    load: Load, speak_tls: Callable[..., str], ca: trustme.CA, tmp_path: Path, tls: str, shows: str, says: str
) -> None:
    """The message says what the server wants, and names --client-cert."""
    shown = {"client_cert": client_cert(trustme.CA(), tmp_path)} if shows != "nothing" else {}
    url = speak_tls(server_context(ca, clients=ca, tls=tls))

    said = await _refused(load, url=url, ca_file=ca_file(ca, tmp_path), **shown)

    assert re.search(says, said, re.DOTALL), said


async def test_a_server_that_hangs_up_over_a_client_certificate(
    load: Load, target: Servers, ca: trustme.CA, tmp_path: Path
) -> None:
    """Some (asyncio's) give no reason: it may pass, and the message says what it may be."""
    with Proxy(target.url, context=server_context(ca, clients=ca, tls="1.2")) as silent:
        loaded = await load(url=silent.url, ca_file=ca_file(ca, tmp_path), retry_for=0.0)

    said = str(loaded.report.error)
    assert Exit.UNAVAILABLE == loaded.report.exit_code
    assert "broke off within TLS" in said
    assert "--client-cert" in said


@pytest.mark.parametrize(
    ("server", "trusts", "says"),
    [
        ({}, "the system", "its certificate is not trusted.*Give --ca-file"),
        ({}, "a stranger", "its certificate is not trusted.*Give --ca-file"),
        ({"names": ["elsewhere.example"]}, "it", "is for another name.*must have a name"),
        ({"expired": True}, "it", "a certificate has expired.*must renew"),
    ],
)
async def test_a_certificate_that_does_not_pass(
    load: Load,
    speak_tls: Callable[..., str],
    ca: trustme.CA,
    tmp_path: Path,
    server: dict[str, Any],
    trusts: str,
    says: str,
) -> None:
    """Nothing is sent; the message says why it does not pass, and what to do."""
    given = dict(server)
    url = speak_tls(server_context(ca, *given.pop("names", ()), **given))
    trusted = {"it": ca, "a stranger": trustme.CA()}.get(trusts)

    said = await _refused(load, url=url, ca_file=trusted and ca_file(trusted, tmp_path))

    assert re.search(says, said, re.DOTALL), said


async def test_https_to_a_port_that_speaks_http(load: Load) -> None:
    """A server that answers at all gives itself away."""
    with web_server() as web:
        said = await _refused(load, url=web.url("").replace("http://", "https://"))

    assert "the reply is not TLS" in said
    assert "--url with http://" in said


async def test_https_to_a_postgrest_that_speaks_http(load: Load, target: Servers) -> None:
    """It waits for the end of a request: the message says what that may mean."""
    loaded = await load(url=target.url.replace("http://", "https://"), timeout=1.0, retry_for=0.0)

    assert Exit.UNAVAILABLE == loaded.report.exit_code
    assert "speaks no TLS" in str(loaded.report.error)


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(b"\x15\x03\x01\x00\x02\x02\x46", id="an alert of TLS"),
        pytest.param(
            reply("400 Bad Request", "Client sent an HTTP request to an HTTPS server.\n"), id="Go's words"
        ),
        pytest.param(
            reply("400 Bad Request", "<h1>400 Bad Request</h1>The plain HTTP request was sent to HTTPS port"),
            id="nginx's words",
        ),
    ],
)
async def test_http_to_a_port_that_speaks_https(load: Load, proxy: Proxy, answer: bytes) -> None:
    """What TLS servers answer to that becomes the advice to write https."""
    proxy.fault = lambda _: Answer(answer)

    said = await _refused(load, url=proxy.url)

    assert "--url with https://" in said
