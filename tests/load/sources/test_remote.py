"""Sources at http URLs: loaded like files, and taken up again where they break."""

from __future__ import annotations

import signal
import ssl
from collections.abc import Iterator
from pathlib import Path

import pytest
import trustme

import loader
from loader.errors import SourceMissing
from loader.run.report import Report
from loader.sources import http, remote_file
from tests.support.harness import Loaded, Target
from tests.support.outcome import as_dict, check, contents
from tests.support.packing import packed
from tests.support.processes import Loads, await_that, peak
from tests.support.sources import source
from tests.support.web_server import Web, web_server

ROWS = 3000
LINE = b'{"id":"k","a":1,"c":"%s"}\n' % (b"." * 200)
SECRET = "X-Signature=c2lnbmF0dXJl%2Bof-tests&X-Expires=86400000"


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(remote_file, "_WAITS", (0.0,) * 5)
    monkeypatch.setattr(remote_file, "_FEW_WAITS", (0.0,) * 2)


async def load(target: Target, folder: Path, *urls: str) -> Report:
    """A load in this process."""
    return await loader.load(target.settings(run_dir=folder / "run", table="faults"), urls)


MOVED = {"/there/rows.jsonl": "/rows.jsonl", "/there/rows.jsonl.gz": "/rows.jsonl.gz"}
MANNERS = [
    {},
    {"ranges": False},
    {"frame": "chunked"},
    {"frame": "chunked", "ranges": False, "etag": False, "dated": False},
    {"frame": "close", "ranges": False},
    {"moved": MOVED},
    {"login": "me:pass word"},
    {"login": "me:pass word", "moved": MOVED},
]


@pytest.mark.parametrize("suffix", ["", ".gz"])
@pytest.mark.parametrize("manners", MANNERS, ids=str)
async def test_a_source_behind_a_url_loads_like_a_file(
    target: Target, tmp_path: Path, web: Web, suffix: str, manners: dict[str, object]
) -> None:
    """To the last digit, with its rejects and their places, whatever the server tells; nobody needs HEAD."""
    made = source(ROWS, seed=1)
    stored = packed(f"rows.jsonl{suffix}", made.data, 1) if suffix else made.data
    web.files[f"/rows.jsonl{suffix}"] = stored
    for name, value in manners.items():
        setattr(web, name, value)
    url = web.url(f"{'/there' if web.moved else ''}/rows.jsonl{suffix}?{SECRET}")
    user = "me:pass%20word@" if web.login else ""

    report = await load(target, tmp_path, url.replace("//", f"//{user}", 1))
    loaded = Loaded(report, tmp_path / "run")

    check(target, made, as_dict(report))
    assert len(stored) == report.bytes_read
    assert {"GET"} == {asked.method for asked in web.asked}
    assert (url.partition("?")[0],) == tuple(report.sources)
    for error, row in zip(loaded.errors, loaded.rejects, strict=True):
        assert made.data[error["offset"] :].startswith(row + b"\n")


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize("suffix", ["", ".gz"])
@pytest.mark.parametrize("told", ["etag", "dated"])
async def test_a_broken_connection_is_taken_up_again(
    target: Target, tmp_path: Path, web: Web, suffix: str, told: str
) -> None:
    """From where it broke, again and again, also where it broke at once; no byte is asked for twice."""
    made = source(ROWS, seed=2)
    stored = packed(f"rows.jsonl{suffix}", made.data, 1) if suffix else made.data
    web.files["/rows"] = stored
    web.etag, web.dated = told == "etag", told == "dated"
    web.cuts = [600, 0, 0, 20_000, 5, 1]

    report = await load(target, tmp_path, web.url("/rows"))

    check(target, made, as_dict(report))
    assert len(stored) == report.bytes_read
    assert [f"bytes={at}-" for at in (600, 600, 600, 20_600, 20_605, 20_606)] == [
        asked.range for asked in web.asked if asked.range not in (None, "bytes=0-0")
    ]


BREAKS = [
    ({"ranges": False}, "The rest cannot be requested"),
    ({"ranges": False, "frame": "chunked"}, "The rest cannot be requested"),
    ({"etag": False, "dated": False}, "The rest cannot be requested"),
    (
        {"then": {"files": {"/rows.jsonl": LINE * 4000}}},
        "is another object than before: its size, ETag, Last-Modified differs",
    ),
    (
        {"etag": False, "then": {"files": {"/rows.jsonl": LINE * 4000}}},
        "is another object than before: its size, Last-Modified differs",
    ),
    ({"then": {"ranges": False}}, "bytes: the server no longer supports ranges for it"),
    ({"cuts": [500_000, 0, 0, 0, 0, 0]}, "bytes: the connection was closed\nRun the same command"),
]


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize(("manners", "words"), BREAKS, ids=str)
async def test_rows_before_a_break_are_loaded(
    target: Target, tmp_path: Path, web: Web, manners: dict[str, object], words: str
) -> None:
    """Where the rest cannot be had, or is of another object: exit 4, with the reason."""
    made = source(16_000, seed=5, bad=0, repeats=0.0, shapes=False)
    web.files["/rows.jsonl"] = made.data
    web.cuts = [500_000]
    for name, value in manners.items():
        setattr(web, name, value)

    report = await load(target, tmp_path, web.url("/rows.jsonl"))
    found = contents(target)

    assert (4, "stopped") == (report.exit_code, report.status)
    assert report.error is not None
    assert report.error.startswith(web.url("/rows.jsonl"))
    assert words in report.error
    assert report.rows_read == len(found) == made.data[:500_000].count(b"\n")
    assert dict(list(made.stored.items())[: len(found)]) == found


MISSING = [
    ([404], "", "the server answers 404 Not Found"),
    ([410], "<html>gone</html>", "the server answers 410 Gone"),
    ([401], "who are you?", "the server answers 401 Unauthorized\nthe server said: who are you?"),
    (
        [403],
        "<Error><Code>AccessDenied</Code><Message>Expired</Message></Error>",
        "said: AccessDenied: Expired",
    ),
    ([403], f"no such signature: {SECRET}", "the server answers 403 Forbidden"),
    ([503, 502, 503], "", "the server answers 503 Service Unavailable"),
]


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize(("statuses", "said", "words"), MISSING)
async def test_what_the_server_refuses_is_missing(
    target: Target, tmp_path: Path, web: Web, statuses: list[int], said: str, words: str
) -> None:
    """Before anything is sent, with what the server said, unless that repeats the signature."""
    web.statuses, web.words = list(statuses), said

    with pytest.raises(SourceMissing) as caught:
        await load(target, tmp_path, web.url(f"/rows.jsonl?{SECRET}"))

    assert str(caught.value).startswith(f"{web.url('/rows.jsonl')}: the server answers {statuses[-1]}")
    assert str(caught.value).endswith(words)


NOWHERE = [
    ("http://127.0.0.1:1/rows.jsonl", "connection refused"),
    ("http://nowhere.invalid/rows.jsonl", "no host of this name is known"),
    ("http://127.0.0.1:port/rows.jsonl", "this URL cannot be requested"),
    ("http://[::1/rows.jsonl", "this URL cannot be requested"),
    ("https://", "this URL cannot be requested"),
]


@pytest.mark.parametrize(("url", "words"), NOWHERE)
async def test_a_server_that_is_not_there_is_told(
    target: Target, tmp_path: Path, url: str, words: str
) -> None:
    """At once: it is rather a slip than an outage."""
    with pytest.raises(SourceMissing) as caught:
        await load(target, tmp_path, f"{url}?{SECRET}")

    assert f"{url}: {words}" == str(caught.value)


@pytest.mark.usefixtures("impatient")
async def test_a_server_that_is_busy_is_asked_again(target: Target, tmp_path: Path, web: Web) -> None:
    """Before the first byte, and in the middle."""
    made = source(200, seed=3)
    web.files["/rows"] = made.data
    web.statuses = [503, 429]
    web.cuts = [1000]

    report = await load(target, tmp_path, web.url("/rows"))

    check(target, made, as_dict(report))


@pytest.mark.usefixtures("impatient")
async def test_a_server_that_goes_silent_is_asked_again(
    target: Target, tmp_path: Path, web: Web, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After a while, by another connection."""
    made = source(200, seed=3)
    web.files["/rows"] = made.data
    web.stalls = [1000, 0]
    monkeypatch.setattr(http, "_TIMEOUT", 0.2)

    report = await load(target, tmp_path, web.url("/rows"))

    check(target, made, as_dict(report))
    assert ["bytes=1000-"] * 2 == [asked.range for asked in web.asked][-2:]


@pytest.mark.parametrize("stall", [0, 1000])
def test_a_silent_server_does_not_hold_up_an_interrupt(web: Web, loads: Loads, stall: int) -> None:
    """Nobody waits for the rest of its patience."""
    web.files["/rows.jsonl"] = source(200, seed=3).data
    web.stalls = [stall]
    process = loads.start(web.url("/rows.jsonl"))
    await_that(lambda: len(web.asked) == 3 and not web.stalls, process)

    process.signal(signal.SIGINT)

    assert 130 == process.wait(10).code


def test_an_object_is_never_in_memory(web: Web, loads: Loads, tmp_path: Path) -> None:
    """A load takes no more for 100 MB than for a small file, nor does it write any of it to disk."""
    (tmp_path / "small.jsonl").write_bytes(LINE * 20_000)
    web.files["/rows.jsonl"] = LINE * 450_000
    before = {path.name for path in tmp_path.iterdir()}

    small, usual = peak(loads, "small.jsonl")
    run, most = peak(loads, web.url("/rows.jsonl"))

    assert (0, 0) == (small.code, run.code), run.err
    assert most <= usual + 20
    made = {path for path in tmp_path.rglob("*") if path.name not in before}
    assert sum(path.stat().st_size for path in made) < 1_000_000


async def test_a_password_goes_to_its_server_only(target: Target, tmp_path: Path, web: Web) -> None:
    """A redirect to another one does not take it along."""
    made = source(200, seed=3)
    with web_server() as other:
        other.files["/rows"] = made.data
        web.moved["/rows"] = other.url("/rows")

        report = await load(target, tmp_path, web.url("/rows").replace("//", "//me:password@"))

    check(target, made, as_dict(report))
    assert {"Basic bWU6cGFzc3dvcmQ="} == {asked.authorization for asked in web.asked}
    assert {None} == {asked.authorization for asked in other.asked}


def test_an_empty_object_is_no_rows(web: Web, loads: Loads) -> None:
    """As an empty file is."""
    web.files["/rows.jsonl"] = b""

    run = loads.run(web.url("/rows.jsonl"))

    assert (0, 0) == (run.code, run.report["rows_read"]), run.err


@pytest.fixture
def certified(tmp_path: Path) -> Iterator[Web]:
    """A server whose certificate is known to those who are told of it."""
    authority = trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    authority.cert_pem.write_to_path(str(tmp_path / "authority.pem"))
    with web_server(context) as up:
        yield up


def test_certificates_are_checked(certified: Web, loads: Loads, tmp_path: Path, target: Target) -> None:
    """Nothing is read from a server whose certificate nobody vouches for."""
    certified.files["/rows.jsonl"] = b'{"id":"k","a":1}\n'
    certified.cuts = [9]

    unknown = loads.run(certified.url("/rows.jsonl"))
    loads.variables = {"SSL_CERT_FILE": str(tmp_path / "authority.pem")}
    known = loads.run(certified.url("/rows.jsonl"))

    assert (2, 0) == (unknown.code, known.code), unknown.err + known.err
    assert "its certificate is not accepted" in unknown.err
    assert {"k": ("1", None, None)} == contents(target)
    assert "bytes=9-" in [asked.range for asked in certified.asked]


def test_a_proxy_of_the_environment_is_asked(web: Web, loads: Loads, target: Target) -> None:
    """For sources, and for the target too unless no_proxy names it."""
    web.files["/rows.jsonl"] = b'{"id":"k","a":1}\n'

    loads.variables = {"http_proxy": web.url(""), "no_proxy": "127.0.0.1"}

    run = loads.run("http://elsewhere.example/rows.jsonl")

    assert 0 == run.code, run.err
    assert {"k": ("1", None, None)} == contents(target)
    assert {"http://elsewhere.example/rows.jsonl"} == {asked.path for asked in web.asked}
