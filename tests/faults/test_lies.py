"""Servers that lie or are broken: a load ends with words, and no row is lost or counted twice."""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Callable, Iterator

import pytest

from loader.errors import Exit
from tests.support.harness import Target
from tests.support.line_faults import Act, Answer, Fault, Lie, Mute, Seen, reply
from tests.support.outcome import contents
from tests.support.processes import Loads, Run, peak
from tests.support.proxy import Proxy

ROWS = [f'{{"id":"k{number:03}","a":{number}}}' for number in range(300)]
KEYS = {f"k{number:03}" for number in range(300)}
OK = "HTTP/1.1 200 OK\r\n"


@pytest.fixture
def proxy(target: Target) -> Iterator[Proxy]:
    """Return a proxy before the servers that leaves it to the server to say `100 Continue`."""
    with Proxy(target.url) as up:
        yield up


@pytest.fixture
def load_url(proxy: Proxy) -> str:
    return proxy.url


@pytest.fixture
def load_options() -> tuple[str, ...]:
    return ("--batch-rows=100", "--retry-for=3", "--timeout=10", "--insert-first=never")


def run(loads: Loads, *flags: str) -> Run:
    """Load the rows, and see that there is a report whose counts add up, and no bug."""
    if not (loads.folder / "rows.jsonl").exists():
        (loads.folder / "rows.jsonl").write_text("".join(f"{row}\n" for row in ROWS))
    ended = loads.run(*flags, "rows.jsonl")
    assert Exit.BUG != ended.code, ended.err
    assert "Traceback" not in ended.err
    report = ended.report
    parts = ("loaded", "superseded", "ignored", "rejected")
    assert report["rows_read"] == sum(report[f"rows_{part}"] for part in parts)
    return ended


def posts(act: Act | Callable[[Seen], Act], *, first: int = 1, last: int = 10**9) -> Fault:
    """Return a fault of the requests with rows from the first to the last."""

    def fault(seen: Seen) -> Act | None:
        if not first <= seen.number <= last:
            return None
        return act(seen) if callable(act) else act

    return fault


@pytest.mark.parametrize(
    ("date", "words"),
    [
        ("Fri, 31 Dec 9990 23:59:59 GMT", "ahead of ours, and only 10 min of that are believed"),
        ("Thu, 01 Jan 1970 00:00:00 GMT", "behind ours, and only 10 min of that are believed"),
        ("Fri, 31 Dec 99999999999 23:59:59 GMT", ""),
        ("Fri, 31 Dec 2023 99:99:99 +99999999999", ""),
        ("x" * 5000, ""),
    ],
)
def test_a_clock_is_believed_for_minutes(
    loads: Loads, proxy: Proxy, target: Target, date: str, words: str
) -> None:
    """No date makes tokens that live for years, and a notice tells of it; one that is none is ignored."""
    error = '{"code":"PGRST003","message":"no connection","details":null,"hint":null}'
    answer = Answer(reply("504 Gateway Timeout", error, f"Date: {date}"))
    proxy.fault = posts(answer, last=1)

    ended = run(loads)

    assert (0, KEYS) == (ended.code, set(contents(target)))
    assert words in ended.err
    assert bool(words) == ("believed" in ended.err)
    for seen in proxy.seen:
        claims = json.loads(base64.urlsafe_b64decode(f"{seen.token.split('.')[1]}=="))
        assert abs(claims["exp"] - time.time()) < 600 + 300 + 60


@pytest.mark.parametrize("field", ["code", "message", "details", "hint"])
@pytest.mark.parametrize("size", [900_000, 7_900_000])
def test_a_huge_error_takes_no_memory(loads: Loads, proxy: Proxy, field: str, size: int) -> None:
    """Each field is cut when it enters: also what is kept of each reject is small."""
    error = {"code": "22P02", "details": None, "hint": None, "message": "m"} | {field: "x" * size}
    proxy.fault = posts(Answer(reply("400 Bad Request", json.dumps(error))))
    (loads.folder / "rows.jsonl").write_text("".join(f"{row}\n" for row in ROWS[:12]))

    ended, memory = peak(loads, "rows.jsonl", dry=False)

    assert memory < 200, f"{memory} MB"
    assert (1, 12) == (ended.code, ended.report["rows_rejected"]) or field == "code", ended.err
    journal = sum(path.stat().st_size for path in ended.folder.iterdir())
    assert journal < 2_000_000
    assert Exit.BUG != ended.code


@pytest.mark.parametrize("resolution", ["merge", "ignore"])
@pytest.mark.parametrize("count", ["104", "9" * 18, "9" * 5000, "-4", "1e3", "٣"])
def test_a_count_that_cannot_be_is_refused(loads: Loads, proxy: Proxy, resolution: str, count: str) -> None:
    """More rows than were sent, or no number: exit 4, and nothing is counted as ignored."""
    applied = f"Preference-Applied: resolution={resolution}-duplicates, count=exact"
    proxy.fault = posts(Lie(reply("201 Created", "", applied, f"Content-Range: */{count}")))

    ended = run(loads, f"--resolution={resolution}-duplicates")

    assert 4 == ended.code, ended.err
    assert (0, 0) == (ended.report["rows_ignored"], ended.report["rows_loaded"])
    assert "too-many-stored" in ended.err or "no-count" in ended.err


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(reply("200 OK", "", "X: " + "y" * 2_000_000), id="a huge header"),
        pytest.param(
            reply("200 OK", "", *(f"X-{n}: {'y' * 60_000}" for n in range(120))), id="headers of 7 MB"
        ),
        pytest.param(reply("200 OK", "", *(f"X-{n}: y" for n in range(20_000))), id="many headers"),
        pytest.param(reply("200 " + "y" * 3_000_000), id="a huge reason phrase"),
        pytest.param(b"HTTP/1.1 100 Continue\r\n\r\n" * 20_000, id="100 for ever"),
        pytest.param(b"\x00\xff\x1b[2J garbage\r\n\r\n", id="no HTTP"),
        pytest.param(b"HTTP/1.1 999999 What\r\n\r\n", id="a status of six digits"),
        pytest.param(f"{OK}Content-Length: 5\r\nContent-Length: 7\r\n\r\nabc".encode(), id="two lengths"),
        pytest.param(f"{OK}Content-Length: {'9' * 5000}\r\n\r\n".encode(), id="a length of 5000 digits"),
        pytest.param(f"{OK}Transfer-Encoding: chunked\r\n\r\nzz\r\n".encode(), id="a broken chunk"),
        pytest.param(f"{OK}Content-Encoding: gzip\r\nContent-Length: 4\r\n\r\nabcd".encode(), id="no gzip"),
        pytest.param(
            reply("503 \xff\x1b".encode("latin-1").decode("latin-1"), "", "Retry-After: " + "9" * 5000),
            id="Retry-After",
        ),
        pytest.param(reply("400 Bad", '{"code":' + "[" * 5000), id="deep JSON"),
        pytest.param(
            reply("400 Bad", '{"code":"22P02","message":"m","details":' + "[" * 400 + "]" * 400 + "}"),
            id="deep details",
        ),
        pytest.param(reply("307 Go", "", "Location: http://\xff\x1b[2J/"), id="an odd Location"),
    ],
)
def test_a_broken_reply_is_no_bug(loads: Loads, proxy: Proxy, target: Target, answer: bytes) -> None:
    """The load stops with words, or goes on; with a truthful server the same command completes it."""
    proxy.fault = posts(lambda seen: Answer(answer, early=seen.number % 2 == 0), first=2, last=6)

    first = run(loads, "--max-errors=1000")

    proxy.fault = posts(Mute(), last=0)
    assert first.code in (0, 1, 3, 4, 5)
    assert "\x1b" not in first.err
    ended = run(loads, "--max-errors=1000") if first.code > 1 else first
    rejected = {json.loads(line)["id"] for line in ended.rejects}
    assert KEYS == set(contents(target)) | rejected, ended.err


def test_a_body_goes_out_where_nobody_says_continue(loads: Loads, proxy: Proxy, target: Target) -> None:
    """After two seconds, once; then it is not asked for any more."""
    proxy.fault = lambda seen: Mute() if seen.expects else None
    started = time.monotonic()

    ended = run(loads, "--concurrency=1", "--batch-rows=30")

    assert (0, KEYS, 0) == (ended.code, set(contents(target)), ended.report["retries"])
    assert 1 == sum(seen.expects for seen in proxy.seen)
    assert time.monotonic() - started < 10


def test_417_is_answered_by_a_request_that_expects_nothing(
    loads: Loads, proxy: Proxy, target: Target
) -> None:
    """RFC 9110, 10.1.1."""
    proxy.fault = lambda seen: Answer(reply("417 Expectation Failed"), early=True) if seen.expects else None

    ended = run(loads, "--concurrency=1", "--batch-rows=30")

    assert (0, KEYS, 0) == (ended.code, set(contents(target)), ended.report["retries"])
    assert 1 == sum(seen.expects for seen in proxy.seen)


def test_no_secret_comes_back_from_a_server(loads: Loads, proxy: Proxy) -> None:
    """Neither token nor secret: in Location, a header, the status line, a body, or what is no HTTP."""

    def quote(seen: Seen) -> Act:
        words = f"{seen.token} {loads.secret}"
        answers = [
            reply(
                "400 Bad", json.dumps({"code": "22P02", "message": words, "details": words, "hint": words})
            ),
            reply("400 Bad", json.dumps({"code": words, "message": words})),
            reply("502 Bad", words, kind="text/html"),
            f"HTTP/1.1 2x0 {words}\r\n\r\n".encode(),
            f"HTTP/1.1 200 OK\r\n{words}\r\n\r\n".encode(),
            f"HTTP/1.1 200 OK\r\nX {words}: {words}\r\n\r\n".encode(),
            reply(f"307 {words}", "", f"Location: http://h/?token={words}"),
        ]
        return Answer(answers[seen.number % len(answers)])

    for number in range(7):
        proxy.fault = posts(lambda seen, number=number: quote(Seen("", "", number, 0, seen.token)))  # type: ignore[misc]
        ended = run(loads, "--fresh", "-vv", "--retry-for=0.3", f"--run-dir=run{number}")
        texts = [path.read_bytes().decode(errors="replace") for path in ended.folder.iterdir()]
        for text in (ended.err, *texts):
            assert loads.secret not in text
            assert not [seen.token for seen in proxy.seen if seen.token in text]
        assert "***" in ended.err


def test_no_message_forges_another(loads: Loads, proxy: Proxy) -> None:
    """Escapes and newlines of a server are shown as such; files have them as escapes of JSON."""
    evil = "\x1b[2J\x9b31m\u202e\nreport: 3 rows loaded\r"
    error = json.dumps({"code": "22P02", "message": evil, "details": evil, "hint": evil}, ensure_ascii=False)
    proxy.fault = posts(Answer(reply("400 Bad", error)))

    ended = run(loads, "-v", "--max-errors=20")

    assert 3 == ended.code
    assert "\\x1b[2J\\x9b31m\\u202e\\nreport: 3 rows loaded\\r" in ended.err
    assert not [line for line in ended.err.split("\n") if line.strip().startswith("report: 3")]
    assert not set("\x1b\x9b\u202e\r") & set(ended.err)
    for name in ("report.json", "rejects.errors.jsonl"):
        text = (ended.folder / name).read_text()
        assert not set("\x1b\x9b\u202e\r") & set(text)
        assert "\\u009b" in text
    entry = json.loads((ended.folder / "rejects.errors.jsonl").read_text().splitlines()[0])
    assert evil == entry["message"]


def test_a_redirect_gets_no_token(loads: Loads, proxy: Proxy, target: Target) -> None:
    """The load stops, and says where the server points to."""
    with Proxy(target.url) as elsewhere:
        proxy.fault = posts(Answer(reply("307 Temporary Redirect", "", f"Location: {elsewhere.url}/faults")))

        ended = run(loads)

        assert (4, []) == (ended.code, elsewhere.seen)
        assert elsewhere.url in ended.err
