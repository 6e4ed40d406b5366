"""Loads of http URLs that were stopped: what is asked for again, what is refused, what is written down."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.support.harness import Target
from tests.support.killing import BATCH_ROWS, CONCURRENCY, kill_and_resume, kill_in_the_middle
from tests.support.outcome import check
from tests.support.packing import packed
from tests.support.processes import Loads
from tests.support.proxy import Proxy
from tests.support.sources import source
from tests.support.web_server import Web
from tests.support.writing import rough, store

ROWS = 3000
SECRET = "X-Signature=c2lnbmF0dXJl%2Bof-tests&X-Expires=86400000"


@pytest.fixture
def load_url(proxy: Proxy) -> str:
    """Have loads send through the proxy."""
    return proxy.url


def test_a_killed_load_asks_for_the_rest_only(web: Web, proxy: Proxy, loads: Loads, target: Target) -> None:
    """From its watermark on, and for the few bytes that tell what the object is."""
    made = source(ROWS, seed=7)
    stored = web.files["/rows.jsonl"] = made.data
    url = web.url("/rows.jsonl")
    kill_in_the_middle(loads, proxy, url, after=8)
    begin, web.asked = len(proxy.posts), []

    run = loads.run(url)

    before = {line for seen in proxy.posts[:begin] for line in seen.lines}
    after = {line for seen in proxy.posts[begin:] for line in seen.lines}
    line = int(run.first.removeprefix(f"resuming at {url}:").partition(":")[0])
    offset = sum(len(text) + 1 for text in made.lines[: line - 1])
    assert offset > 10_000
    assert ["bytes=0-0", "bytes=0-0", "bytes=0-511", f"bytes={offset}-"] == [
        asked.range for asked in web.asked
    ]
    assert 1 + 1 + 512 + len(stored) - offset == sum(asked.given for asked in web.asked)
    assert len(before & after) <= CONCURRENCY * BATCH_ROWS
    check(target, made, run.report)
    assert made.rejects == run.rejects
    assert len(stored) == run.report["bytes_read"]


def test_a_killed_load_of_a_compressed_object_goes_on(
    web: Web, proxy: Proxy, loads: Loads, target: Target
) -> None:
    """It is asked for once more, from its start, and no row of what was settled is sent again."""
    made = source(ROWS, seed=7)
    stored = web.files["/rows.jsonl.gz"] = packed("rows.gz", made.data, 1)
    url = web.url("/rows.jsonl.gz")
    kill_in_the_middle(loads, proxy, url, after=8)
    begin, web.asked = len(proxy.posts), []

    run = loads.run(url)

    before = {line for seen in proxy.posts[:begin] for line in seen.lines}
    after = {line for seen in proxy.posts[begin:] for line in seen.lines}
    assert run.first.startswith(f"resuming at {url}:"), run.err
    assert ["bytes=0-0", "bytes=0-0", "bytes=0-511", "bytes=512-"] == [asked.range for asked in web.asked]
    assert 1 + 1 + len(stored) == sum(asked.given for asked in web.asked)
    assert len(before & after) <= CONCURRENCY * BATCH_ROWS
    check(target, made, run.report)
    assert made.rejects == run.rejects
    assert len(stored) == run.report["bytes_read"]


@pytest.mark.parametrize("seed", [1, 2])
def test_several_sources_go_on_after_kills_anywhere(
    target: Target, tmp_path: Path, web: Web, seed: int
) -> None:
    """Three kills a load, over a line that breaks: no row is lost, doubled or wrong."""
    made = source(6000, seed=seed)
    names = ["a.jsonl.gz", "b.jsonl", "c.jsonl.zst", "d.jsonl"][:: -1 if seed == 1 else 1]
    size = store(tmp_path, made.lines, names)
    web.files = {f"/{name}": (tmp_path / name).read_bytes() for name in names}
    web.cuts = [20_000, 0, 30_000, 10_000, 50_000]

    run = kill_and_resume(target, tmp_path, made, "merge", seed, 3, names, web.url("/"))

    check(target, made, run.report)
    assert made.rejects == run.rejects
    assert size == run.report["bytes_read"]


@pytest.mark.parametrize(
    "names",
    [["quoted.csv", "typed.parquet.gz"], ["table.sqlite", "pretty.json"], ["tabs.tsv.zst", "typed.parquet"]],
)
def test_sources_of_other_formats_go_on_too(
    target: Target, tmp_path: Path, web: Web, names: list[str]
) -> None:
    """Text from where it was left; databases are fetched again."""
    made = rough(3000, seed=5, bad=0, typed=True)
    store(tmp_path, made.lines, names)
    web.files = {f"/{name}": (tmp_path / name).read_bytes() for name in names}
    flags = ["--source-table=rows"]

    run = kill_and_resume(target, tmp_path, made, "merge", 5, 2, names, web.url("/"), flags)

    check(target, made, run.report)
    assert not (run.folder / "spool").exists()


def test_an_object_that_has_changed_is_another_load(web: Web, proxy: Proxy, loads: Loads) -> None:
    """Exit 2, as for a file that has changed since."""
    web.files["/rows.jsonl"] = source(ROWS, seed=7).data
    kill_in_the_middle(loads, proxy, web.url("/rows.jsonl"), after=8)
    web.files["/rows.jsonl"] = source(ROWS, seed=8).data

    run = loads.run(web.url("/rows.jsonl"))

    assert 2 == run.code
    assert "holds an unfinished load, and this one differs in sources" in run.err


def test_without_ranges_a_load_begins_anew(web: Web, proxy: Proxy, loads: Loads, target: Target) -> None:
    """As from standard input; the first line says so."""
    made = source(ROWS, seed=7)
    web.files["/rows.jsonl"] = made.data
    web.ranges = False
    kill_in_the_middle(loads, proxy, web.url("/rows.jsonl"), after=8)

    run = loads.run(web.url("/rows.jsonl"))

    assert "this source cannot be resumed: once stopped, it is loaded from its start" == run.first
    check(target, made, run.report)


def test_a_signature_is_written_nowhere(web: Web, loads: Loads, target: Target, tmp_path: Path) -> None:
    """Neither said nor stored; and a load goes on with a URL that was signed anew."""
    made = source(ROWS, seed=7)
    text = made.data
    web.files["/my rows.jsonl"] = text
    url = web.url("/my%20rows.jsonl").replace("//", "//me:password@")
    web.cuts, web.then, web.words = [len(text) // 2], {"statuses": [403]}, "Request has expired"

    stopped = loads.run("-vv", f"{url}?{SECRET}#part")
    resumed = loads.run(f"{url}?Signature=another-one")
    wrong = loads.run(web.url(f"/none?{SECRET}"))

    assert ["my rows.jsonl.bulkload"] == [path.name for path in tmp_path.iterdir()]
    kept = {path.name: path.read_bytes() for path in (tmp_path / "my rows.jsonl.bulkload").iterdir()}
    written = b"".join([*kept.values(), stopped.err.encode(), resumed.err.encode(), wrong.err.encode()])
    for secret in (*SECRET.split("&"), "c2lnbmF0dXJl", "password", "another-one", "#part"):
        assert secret.encode() not in written
    assert {"journal.sqlite", "report.json"} <= set(kept)
    assert "the server answers 403 Forbidden\n  the server said: Request has expired" in stopped.err
    assert (4, 1, 2) == (stopped.code, resumed.code, wrong.code), stopped.err
    assert (
        "to resume: run the same command, with its URL signed again if its signature has expired"
        == stopped.last
    )
    assert resumed.first.startswith(f"resuming at {web.url('/my%20rows.jsonl')}:")
    report = json.loads(kept["report.json"])
    assert [web.url("/my%20rows.jsonl")] == report["sources"]
    check(target, made, report)
