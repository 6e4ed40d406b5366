"""A PostgREST at a unix socket: loads through it, and what a load says where it cannot."""

from __future__ import annotations

import socket
import time
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from signal import SIGKILL
from tempfile import TemporaryDirectory
from urllib.parse import quote

import pytest

from loader.errors import Exit
from loader.plan.make import make_plan
from loader.sandbox import find_postgrest
from loader.sandbox.process import Process, clean_environment
from loader.sources.find import find
from tests.support.harness import Loaded
from tests.support.servers import Servers

Load = Callable[..., Awaitable[Loaded]]


def url(path: Path, prefix: str = "") -> str:
    """Return the URL of a socket."""
    return f"http+unix://{quote(str(path), safe='')}{prefix}"


@pytest.fixture
def folder() -> Iterator[Path]:
    """Return a folder with a short path: that of a socket has 107 bytes at most. It has a capital in it."""
    with TemporaryDirectory(prefix="Loads-") as name:
        yield Path(name)


@pytest.fixture
def listening(target: Servers, folder: Path) -> Iterator[Path]:
    """Return the socket of a real PostgREST, with mode 660."""
    path = folder / "postgrest.sock"
    environment = target.postgrest._settings | {  # noqa: SLF001 - those of the PostgREST that the tests have
        "PGRST_SERVER_UNIX_SOCKET": str(path),
        "PGRST_SERVER_UNIX_SOCKET_MODE": "660",
        "PGRST_OPENAPI_SERVER_PROXY_URI": "",
    }
    process = Process([find_postgrest()], death=SIGKILL, env=clean_environment(environment))
    try:
        deadline = time.monotonic() + 20
        while not _answers(path):
            assert time.monotonic() < deadline, process.output()
            time.sleep(0.02)
        yield path
    finally:
        process.stop((SIGKILL, 5))


def _answers(path: Path) -> bool:
    with socket.socket(socket.AF_UNIX) as client:
        try:
            client.connect(str(path))
            client.sendall(b"HEAD / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
            return b" 503 " not in client.recv(1000)
        except OSError:
            return False


async def test_a_load_through_a_unix_socket(
    load: Load, listening: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All rows arrive, and no proxy is asked for it."""
    monkeypatch.setenv("ALL_PROXY", "http://127.0.0.1:1")

    loaded = await load(url=url(listening))

    assert (300, 0, 0, 0) == loaded.counts
    assert url(listening) == loaded.report.target["url"]


async def test_a_plan_through_a_unix_socket(listening: Path, target: Servers, tmp_path: Path) -> None:
    """The server is asked, and knows the columns."""
    source = tmp_path / "rows.jsonl"
    source.write_text('{"id":"t1"}\n')
    settings = target.settings(url=url(listening))

    plan = await make_plan(settings, find((str(source),)), [], preset=None, has_target=True)

    assert (True, "the table's primary key") == (plan.asked, plan.key_from)


async def test_there_is_no_socket(load: Load, folder: Path) -> None:
    """The load stops at once, with the path and what is to be looked at."""
    loaded = await load(url=url(folder / "none.sock"))

    said = str(loaded.report.error)
    assert (Exit.STOPPED, 0) == (loaded.report.exit_code, loaded.report.retries)
    assert f"the unix socket {folder}/none.sock: no such file or directory" in said
    assert "server-unix-socket" in said


async def test_a_file_that_is_no_socket(load: Load, folder: Path) -> None:
    """The load stops at once."""
    (folder / "file").write_text("")

    loaded = await load(url=url(folder / "file"))

    assert (Exit.STOPPED, 0) == (loaded.report.exit_code, loaded.report.retries)
    assert f"the unix socket {folder}/file: it is not a socket" in str(loaded.report.error)


async def test_nobody_listens_any_more(load: Load, folder: Path) -> None:
    """That may pass: the load waits, and ends with exit code 5."""
    with socket.socket(socket.AF_UNIX) as left:
        left.bind(str(folder / "left.sock"))

    loaded = await load(url=url(folder / "left.sock"), retry_for=0.0)

    assert Exit.UNAVAILABLE == loaded.report.exit_code
    assert "left.sock: connection refused" in str(loaded.report.error)
