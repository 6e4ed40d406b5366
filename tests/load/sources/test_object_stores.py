"""Objects in stores: s3:// end to end against moto's server; what is wrong with gs:// and az:// is told."""

from __future__ import annotations

import os
import signal
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import obstore
import pytest
from obstore.store import ObjectStore, from_url

import loader
from loader.errors import SourceMissing
from loader.run.report import Report
from loader.sandbox.process import Process as Server
from loader.sandbox.process import free_port, taken
from loader.sources import object_store, remote_file
from tests.support.harness import Target, wait_for
from tests.support.killing import BATCH_ROWS, CONCURRENCY, kill_in_the_middle
from tests.support.outcome import as_dict, check
from tests.support.packing import packed
from tests.support.processes import Loads
from tests.support.proxy import Proxy
from tests.support.sources import source

ROWS = 3000


@pytest.fixture(scope="module")
def s3() -> Iterator[dict[str, str]]:
    """A server of the kind of S3 with a bucket ``bucket``; gives the variables that lead to it."""
    port = free_port()
    command = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]
    server = Server(command, death=signal.SIGKILL, env=dict(os.environ))
    try:
        wait_for(lambda: taken(port), 30)
        url = f"http://127.0.0.1:{port}"
        urllib.request.urlopen(urllib.request.Request(f"{url}/bucket", method="PUT")).close()
        yield {
            "AWS_ACCESS_KEY_ID": "a-key-of-tests",
            "AWS_SECRET_ACCESS_KEY": "a-secret-of-tests",
            "AWS_REGION": "us-east-1",
            "AWS_ENDPOINT_URL": url,
            "AWS_ALLOW_HTTP": "true",
        }
    finally:
        server.stop((signal.SIGKILL, 10))


@pytest.fixture
def bucket(s3: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> ObjectStore:
    for name in os.environ:
        if name.startswith(("AWS_", "AZURE_", "GOOGLE_")):
            monkeypatch.delenv(name)
    for name, value in s3.items():
        monkeypatch.setenv(name, value)
    return from_url("s3://bucket")


@pytest.fixture
def load_url(proxy: Proxy) -> str:
    """Have loads send through the proxy."""
    return proxy.url


@pytest.fixture
def loads(loads: Loads, s3: dict[str, str]) -> Loads:
    """Have loads know the way to the store."""
    loads.variables |= s3
    return loads


async def load(target: Target, folder: Path, *urls: str) -> Report:
    """A load in this process."""
    return await loader.load(target.settings(run_dir=folder / "run", table="faults"), urls)


@pytest.mark.parametrize("suffix", ["", ".gz"])
async def test_an_object_loads_like_a_file(
    target: Target, tmp_path: Path, bucket: ObjectStore, suffix: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In as many parts as it takes; its key is written as in a URL."""
    monkeypatch.setattr(object_store, "_PART", 50_000)
    made = source(ROWS, seed=1)
    stored = packed("rows.gz", made.data, 1) if suffix else made.data
    obstore.put(bucket, f"year=2024/my rows#?.jsonl{suffix}", stored)
    url = f"s3://bucket/year=2024/my%20rows%23%3F.jsonl{suffix}"

    report = await load(target, tmp_path, url)

    check(target, made, as_dict(report))
    assert len(stored) == report.bytes_read
    assert (url,) == tuple(report.sources)


@pytest.mark.parametrize("suffix", ["", ".gz"])
def test_a_killed_load_goes_on(
    target: Target, bucket: ObjectStore, proxy: Proxy, loads: Loads, suffix: str
) -> None:
    """Only what was in flight is sent again."""
    made = source(ROWS, seed=7)
    stored = packed("rows.gz", made.data, 1) if suffix else made.data
    obstore.put(bucket, f"rows.jsonl{suffix}", stored)
    url = f"s3://bucket/rows.jsonl{suffix}"
    kill_in_the_middle(loads, proxy, url, after=8)
    begin = len(proxy.posts)

    run = loads.run(url)

    before = {line for seen in proxy.posts[:begin] for line in seen.lines}
    after = {line for seen in proxy.posts[begin:] for line in seen.lines}
    assert run.first.startswith(f"resuming at {url}:"), run.err
    assert len(before & after) <= CONCURRENCY * BATCH_ROWS
    check(target, made, run.report)
    assert made.rejects == run.rejects
    assert len(stored) == run.report["bytes_read"]


def test_an_object_that_has_changed_is_another_load(bucket: ObjectStore, proxy: Proxy, loads: Loads) -> None:
    """Exit 2, as for a file that has changed since."""
    obstore.put(bucket, "rows.jsonl", source(ROWS, seed=7).data)
    kill_in_the_middle(loads, proxy, "s3://bucket/rows.jsonl", after=8)
    obstore.put(bucket, "rows.jsonl", source(ROWS, seed=8).data)

    run = loads.run("s3://bucket/rows.jsonl")

    assert 2 == run.code
    assert "holds an unfinished load, and this one differs in sources" in run.err


def test_an_object_that_changes_while_it_is_read_is_told(
    bucket: ObjectStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The part that comes is not of the object that the parts before were of."""
    monkeypatch.setattr(object_store, "_PART", 1000)
    obstore.put(bucket, "rows", b"a" * 5000)
    file = remote_file.RemoteFile("s3://bucket/rows", remote_file.ask_about("s3://bucket/rows"))
    first = file.read(4096)
    obstore.put(bucket, "rows", b"b" * 5000)

    with pytest.raises(loader.SourceError) as caught:
        file.read(4096)

    assert b"a" * 1000 == first
    assert str(caught.value).startswith("s3://bucket/rows is another object than before: its ETag differs")


def test_an_empty_object_has_no_bytes(bucket: ObjectStore) -> None:
    """And no part of it is asked for, which a store refuses."""
    obstore.put(bucket, "empty", b"")
    file = remote_file.RemoteFile(
        "s3://bucket/empty", remote_file.ask_about("s3://bucket/empty"), first_part=512
    )

    assert b"" == file.read(1000)


WRONG = [
    ("s3://bucket/none.jsonl", "the server answers 404 Not Found"),
    ("s3://other/none.jsonl", "the server answers 404 Not Found"),
    ("s3://bucket", "the URL must name a bucket and an object in it"),
    ("s3://bucket/", "the URL must name a bucket and an object in it"),
    ("gs:///rows.jsonl", "the URL must name a bucket and an object in it"),
    ("s3://bucket/rows.jsonl?x=y", "the URL must not contain a user, ? or #"),
    ("az://box/rows.jsonl?sig=abcdefgh", "the URL must not contain a user, ? or #"),
    ("gs://me:secret@bucket/rows.jsonl", "the URL must not contain a user, ? or #"),
    ("az://box/rows.jsonl", "generic MicrosoftAzure error: Account must be specified"),
    ("s3://bucket/a//b", "could not parse path"),
]


@pytest.mark.parametrize(("url", "words"), WRONG)
async def test_what_cannot_be_had_is_told(
    target: Target, tmp_path: Path, bucket: ObjectStore, url: str, words: str
) -> None:
    """Before anything is sent, and without what the URL should not hold."""
    del bucket  # its variables are set
    with pytest.raises(SourceMissing) as caught:
        await load(target, tmp_path, url)

    assert words in str(caught.value)
    assert "secret" not in str(caught.value)
    assert "abcdefgh" not in str(caught.value)


ELSEWHERE = [
    ("s3://bucket/rows", {"AWS_ENDPOINT_URL": "http://127.0.0.1:1"}),
    ("az://box/rows", {"AZURE_STORAGE_ACCOUNT_NAME": "me", "AZURE_STORAGE_ENDPOINT": "http://127.0.0.1:1"}),
    ("gs://box/rows", {"GOOGLE_BASE_URL": "http://127.0.0.1:1", "GOOGLE_SKIP_SIGNATURE": "true"}),
]


@pytest.mark.parametrize(("url", "variables"), ELSEWHERE)
async def test_a_store_that_is_not_there_is_told(
    target: Target,
    tmp_path: Path,
    bucket: ObjectStore,
    url: str,
    variables: dict[str, str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """In one line of words."""
    del bucket
    monkeypatch.setenv("AZURE_ALLOW_HTTP", "true")
    monkeypatch.setenv("GOOGLE_ALLOW_HTTP", "true")
    monkeypatch.setenv("AZURE_STORAGE_SAS_TOKEN", "sv=2024&sig=abcdefgh")
    monkeypatch.setattr(object_store, "_RETRIES", {"max_retries": 0})
    for name, value in variables.items():
        monkeypatch.setenv(name, value)

    with pytest.raises(SourceMissing) as caught:
        await load(target, tmp_path, url)

    assert str(caught.value).startswith(f"{url}: generic ")
    assert "error sending request" in str(caught.value)
    assert "abcdefgh" not in str(caught.value)


async def test_without_the_extra_it_says_what_to_install(
    target: Target, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What to install, in so many words."""
    monkeypatch.setitem(sys.modules, "obstore", None)

    with pytest.raises(SourceMissing, match=r"pip install 'bulkload\[remote\]'"):
        await load(target, tmp_path, "s3://bucket/rows.jsonl")
