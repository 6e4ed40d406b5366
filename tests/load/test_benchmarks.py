"""The benchmark's own parts do what its figures take for granted. No figure is held to anything here."""

from __future__ import annotations

import json
import subprocess
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from benchmarks import rows
from benchmarks.measure import Run, background, environment, module, run
from benchmarks.sink import read_log
from tests.support.harness import Target

PREFER = "resolution=merge-duplicates,return=minimal,count=exact,handling=strict"


@pytest.fixture
def dump(tmp_path: Path) -> Path:
    """A dump of 2,500 rows."""
    path = tmp_path / "dump.jsonl"
    rows.write_jsonl(path, 2500)
    return path


@pytest.fixture(scope="module")
def sink() -> Iterator[str]:
    """A sink that is up."""
    with background("sink") as url:
        yield url


def post(url: str, body: bytes, *, expects: bool = False) -> tuple[int, dict[str, str]]:
    headers = {"Prefer": PREFER, "Content-Type": "application/json"}
    headers |= {"Expect": "100-continue"} if expects else {}
    request = urllib.request.Request(f"{url}/all_trades", body, headers, method="POST")
    with urllib.request.urlopen(request, timeout=10) as reply:
        return reply.status, dict(reply.headers)


def raw(url: str, dump: Path, secret: str, *flags: object) -> Run:
    command = module("raw", "--url", url, "--dump", dump, "--rows", 2500, "--batch", 1000, *flags)
    return run(command, 2500, {"PGRST_JWT_SECRET": secret})[0]


@pytest.mark.parametrize("count", [0, 1, 3000])
def test_sink_counts_rows(sink: str, dump: Path, count: int) -> None:
    """The sink says how many rows a body has, and which preferences it was asked for."""
    body = b"[" + b",".join(dump.read_bytes().splitlines()[:count]) + b"]"

    status, headers = post(sink, body, expects=count > 1)

    expected = min(count, 2500)
    assert (201, f"*/{expected}", PREFER) == (status, headers["Content-Range"], headers["Preference-Applied"])


def test_bulkload_loads_into_the_sink(sink: str, dump: Path, tmp_path: Path) -> None:
    """The sink is server enough for bulkload, and its log holds what came."""
    begin = sum(count for *_, count, _ in read_log(sink))
    command = [str(Path(module("sink")[0]).with_name("bulkload")), "--url", sink, "--quiet", "--json"]
    took, report = run([*command, "--run-dir", str(tmp_path / "run"), str(dump)], 2500, {})

    assert 2500 == json.loads(report)["rows_loaded"]
    assert 2500 == sum(count for *_, count, _ in read_log(sink)) - begin
    assert 0 < took.cpu_seconds
    assert took.peak_rss > 10_000_000


def test_raw_client_loads_exactly(target: Target, dump: Path) -> None:
    """Prebuilt requests bring each row into the real server, as inserts and as upserts over them."""
    raw(target.url, dump, target.secret, "--connections", 3)
    raw(target.url, dump, target.secret, "--resolution", "merge-duplicates")

    there = target.texts("select id, amount::text, usd_value::text from core.trades order by id")

    lines = [json.loads(line, parse_float=str) for line in dump.read_text().splitlines()]
    assert sorted((line["id"], line["amount"], line["usd_value"]) for line in lines) == there


def test_raw_client_says_what_was_refused(target: Target, dump: Path) -> None:
    """A refused request ends it with the server's words."""
    raw(target.url, dump, target.secret)
    command = module("raw", "--url", target.url, "--dump", dump, "--rows", 2500)

    again = subprocess.run(
        command,
        env=environment({"PGRST_JWT_SECRET": target.secret}),
        capture_output=True,
        text=True,
        check=False,
    )

    assert 1 == again.returncode
    assert "23505" in again.stderr


@pytest.mark.parametrize("name", ["far", "gate"])
def test_what_stands_between_changes_nothing(name: str, target: Target, dump: Path, tmp_path: Path) -> None:
    """A far server and one behind a gate get each row, from the raw client and from bulkload."""
    flags = ["--round-trip", "0.02"] if name == "far" else ["--most", "1"]
    with background(name, target.url, *flags) as url:
        raw(url, dump, target.secret, "--connections", 2)
        assert [(2500,)] == target.sql("select count(*) from core.trades")
        command = [str(Path(module("sink")[0]).with_name("bulkload")), "--url", url, "--batch-rows", "500"]
        command += ["--quiet", "--run-dir", str(tmp_path / "run"), str(dump)]
        run(command, 2500, {"PGRST_JWT_SECRET": target.secret})

    assert [(2500,)] == target.sql("select count(*) from core.trades")


def test_background_leaves_nothing_behind() -> None:
    """A server of the suite has ended with its block."""
    with background("sink") as url:
        post(url, b"[]")

    with pytest.raises(OSError, match="refused"):
        post(url, b"[]")
