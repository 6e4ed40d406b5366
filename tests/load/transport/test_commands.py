"""What users see of it: exit codes, first lines, and no password of a proxy anywhere."""

from __future__ import annotations

import base64
import json
from pathlib import Path

import pytest

from tests.support.killing import BATCH_ROWS
from tests.support.line_faults import Answer, reply
from tests.support.processes import Loads
from tests.support.proxy import Proxy
from tests.support.servers import Servers
from tests.support.ways import asks_for_login, origin_form

PASSWORD = "hush-hush-4711"
TOLD = "--url says http://: the credential travels in the clear"


@pytest.fixture
def source(tmp_path: Path) -> str:
    """Return the name of a source of 60 rows."""
    rows = [json.dumps({"id": f"k{number}", "a": number}) for number in range(2 * BATCH_ROWS)]
    (tmp_path / "rows.jsonl").write_text("\n".join(rows) + "\n")
    return "rows.jsonl"


def test_a_wrong_certificate_is_a_wrong_setting(loads: Loads, source: str) -> None:
    """Exit code 2, before anything is sent, and before there is a run directory."""
    ended = loads.run("--client-cert=none.pem", source)

    assert (2, "error: --client-cert none.pem: no such file or directory") == (ended.code, ended.last)
    assert not ended.folder.exists()


def test_a_url_that_is_no_socket_is_a_wrong_setting(loads: Loads, source: str) -> None:
    """Exit code 2, and how to write it."""
    loads.url = "http+unix:///run/x.sock"

    ended = loads.run(source)

    assert 2 == ended.code
    assert "http+unix://%2Frun%2Fx.sock" in ended.last


@pytest.mark.parametrize("login", [f"me:{PASSWORD}", f"you:{PASSWORD}"])
def test_the_password_of_a_proxy_is_nowhere(loads: Loads, target: Servers, source: str, login: str) -> None:
    """Neither on the terminal nor in the run directory, whether or not the proxy takes it."""
    with Proxy(target.url, asks_for_login("me", PASSWORD), rewrite=origin_form) as forward:
        loads.variables["http_proxy"] = f"http://{login}@127.0.0.1:{forward.port}"
        ended = loads.run("-vv", source)

    left = [path.read_bytes() for path in ended.folder.rglob("*") if path.is_file()]
    secrets = [PASSWORD, base64.b64encode(login.encode()).decode()]
    assert (0 if login.startswith("me") else 4) == ended.code
    assert [] == [secret for secret in secrets if secret in ended.err]
    assert left
    assert [] == [secret for secret in secrets for content in left if secret.encode() in content]


def test_a_credential_in_the_clear_is_said_first(loads: Loads, target: Servers, source: str) -> None:
    """Once, on the first line; the rows arrive."""
    with Proxy(target.url, rewrite=origin_form) as forward:
        loads.url = "http://server.example:3000"
        loads.variables["http_proxy"] = forward.url
        ended = loads.run("--progress=plain", source)

    assert (0, True, 1) == (ended.code, ended.first.startswith(TOLD), ended.err.count(TOLD))
    assert [] != forward.seen


def test_a_proxy_that_answers_in_place_of_the_server(loads: Loads, source: str) -> None:
    """A target on this machine goes through a proxy that the environment names: the message says so."""
    words = Answer(reply("403 Forbidden", "blocked by policy", kind="text/html"))
    with Proxy(loads.url, lambda _: words) as forward:
        loads.variables["HTTP_PROXY"] = forward.url
        ended = loads.run(source)

    assert 4 == ended.code
    assert "blocked by policy" in ended.err
    assert f"went through the proxy {forward.url} (HTTP_PROXY): NO_PROXY names" in ended.err
