"""Exit 5 where the target is out of reach or overloaded for now, exit 4 where something must be mended."""

from __future__ import annotations

import ssl
import time
from pathlib import Path
from typing import Any

import pytest
import trustme

import loader
from loader.sandbox.process import free_port
from tests.support.replay import http, replaying

ERROR = '{"code":"%s","message":"%s","details":null,"hint":null}'


def postgrest(status: str, code: str, message: str) -> bytes:
    return http(status, ERROR % (code, message), "Content-Type: application/json")


async def load(folder: Path, url: str, **changes: Any) -> tuple[int, str, float]:
    """Load a row; gives the exit code, the error, and the seconds that it took."""
    path = folder / "rows.jsonl"
    path.write_text('{"id":"a"}\n')
    options: dict[str, Any] = {"retry_for": 1.0, "jwt_secret": "s" * 32, "run_dir": folder / "run"} | changes
    began = time.monotonic()
    report = await loader.load(loader.Settings(url=url, **options), [str(path)])
    return report.exit_code, report.error or "", time.monotonic() - began


ANSWERS = [
    pytest.param(http("503 Service Unavailable"), 5, "HTTP 503", id="a gateway without a server"),
    pytest.param(http("429 Too Many Requests"), 5, "HTTP 429", id="too many requests"),
    pytest.param(postgrest("504 Gateway Timeout", "PGRST003", "pool"), 5, "PGRST003", id="a pool in use"),
    pytest.param(postgrest("503 Unavailable", "PGRST000", "down"), 5, "PGRST000", id="no database"),
    pytest.param(None, 5, "no answer within 1 s", id="no answer"),
    pytest.param(b"", 5, "--url", id="a connection that is closed"),
    pytest.param(postgrest("401 Unauthorized", "PGRST301", "JWT expired"), 4, "JWT expired", id="token"),
    pytest.param(
        postgrest("401 Unauthorized", "PGRST303", "JWT issued at future"), 4, "issued at future", id="clocks"
    ),
    pytest.param(postgrest("403 Forbidden", "42501", "permission denied"), 4, "42501", id="privilege"),
    pytest.param(http("404 Not Found", "{}"), 4, "--table", id="table"),
    pytest.param(http("402 Payment Required"), 4, "restricted", id="a project that is restricted"),
    pytest.param(
        postgrest("500 Internal Server Error", "57014", "canceling statement due to statement timeout"),
        4,
        "longer than the server allows",
        id="statement_timeout",
    ),
]


@pytest.mark.parametrize(("answer", "code", "words"), ANSWERS)
async def test_before_the_first_row(tmp_path: Path, answer: bytes | None, code: int, words: str) -> None:
    """What passes by itself is 5, what does not is 4; either is told soon."""
    async with replaying(answer) as url:
        exit_code, error, seconds = await load(tmp_path, url)

    assert code == exit_code, error
    assert words in error
    assert seconds < 5


async def test_nobody_listens(tmp_path: Path) -> None:
    """A server that is not up may come."""
    exit_code, error, seconds = await load(tmp_path, f"http://127.0.0.1:{free_port()}")

    assert (5, True) == (exit_code, "connection refused" in error), error
    assert seconds < 5


async def test_nobody_listens_for_ten_seconds(tmp_path: Path) -> None:
    """Before the first row --retry-for is 10 s at most: a wrong URL is told at once."""
    exit_code, error, seconds = await load(tmp_path, f"http://127.0.0.1:{free_port()}", retry_for=300.0)

    assert (5, True) == (exit_code, "connection refused" in error), error
    assert seconds < 11


async def test_certificate_that_is_refused(tmp_path: Path) -> None:
    """No waiting makes a certificate good."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    trustme.CA().issue_cert("127.0.0.1").configure_cert(context)
    async with replaying(http("200 OK"), context) as url:
        exit_code, error, seconds = await load(tmp_path, url)

    assert (4, True) == (exit_code, "its certificate is not trusted" in error), error
    assert seconds < 5
