"""What is kept of a reply: short, without secrets, and right where the server cut it off or lied."""

from __future__ import annotations

import json

import pytest

from loader import mask
from loader.model import Decision, Reason, Reply
from loader.postgrest.reply import read_reply
from loader.postgrest.verdict import judge
from loader.postgrest.write import Write

TOKEN = "eyJhbGciOiJIUzI1NiJ9.eyJyb2xlIjoidyJ9.c2lnbmF0dXJl"
WORDS = {"code": "22P02", "message": "m", "details": "d", "hint": "h"}


def error(**fields: object) -> bytes:
    """An error of PostgREST's."""
    return json.dumps(WORDS | fields).encode()


@pytest.mark.parametrize("field", ["message", "details", "hint"])
def test_each_field_of_an_error_is_cut(field: str) -> None:
    """What is kept of each reject is small."""
    reply = read_reply(400, {}, error(**{field: "x" * 900_000}), None)

    assert reply.reason is not None
    assert "x" * 2000 + "..." == getattr(reply.reason, field)


def test_a_code_is_cut() -> None:
    """It is no SQLSTATE then, and judged by the status."""
    reply = read_reply(400, {}, error(code="x" * 900_000), None)

    assert reply.reason is not None
    assert 103 == len(reply.reason.code)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (
            b'{"code":"22P02","details":null,"hint":null,"message":"invalid: \\"xxxx\\u00',
            Reason("22P02", 'invalid: "xxxx', None, None),
        ),
        (b'{"code":"22P02","details":"a\\', Reason("22P02", "", "a", None)),
        (b'{"code":"22P02","details":nul', Reason("22P02", "", None, None)),
        (b'{"code":"22P0', None),
        (b'{"details":"x', None),
        (b"<html>" + b"x" * 100, None),
        (b"", None),
    ],
)
def test_an_error_that_is_cut_off_has_its_code(content: bytes, reason: Reason | None) -> None:
    """PostgREST writes it first; a message may quote a value of megabytes."""
    assert reason == read_reply(400, {}, content, None, complete=False).reason


@pytest.mark.parametrize(
    ("header", "count"),
    [
        ("*/5", 5),
        ("0-4/5", 5),
        ("*/*", None),
        ("*/-4", None),
        ("*/" + "9" * 5000, None),
        ("9" * 5000 + "-1/5", None),
        ("*/٣", None),
    ],
)
def test_a_count_has_a_length(header: str, count: int | None) -> None:
    """Python reads no number of 5,000 digits."""
    assert count == read_reply(201, {"Content-Range": header}, b"", None).count


@pytest.mark.parametrize(
    ("header", "seconds"), [("7", 7.0), ("9" * 5000, None), ("-1", None), ("٣", None), ("1e3", None)]
)
def test_retry_after_has_a_length(header: str, seconds: float | None) -> None:
    """Seconds in digits, as RFC 9110 has them."""
    assert seconds == read_reply(503, {"Retry-After": header}, b"", None).retry_after


def test_the_token_does_not_come_back() -> None:
    """Neither in the body, nor in an error, nor in Location; also where it stands across a cut."""
    long = "x" * 1980 + TOKEN
    replies = [
        read_reply(502, {}, f"you sent {TOKEN}".encode(), TOKEN),
        read_reply(400, {}, error(message=f"m {TOKEN}", details=long, hint=TOKEN), TOKEN),
        read_reply(400, {}, error(code=TOKEN), TOKEN),
        read_reply(307, {"Location": f"http://h/?jwt={TOKEN}"}, b"", TOKEN),
    ]

    for reply in replies:
        assert TOKEN[:20] not in repr(reply)
        assert "***" in repr(reply)
    assert TOKEN in mask._tokens


def test_bytes_of_a_header_that_are_no_text_are_escaped() -> None:
    """The report could not be written with them."""
    reply = read_reply(307, {"Location": "http://\udcff/"}, b"", None)

    assert "http://\\xff/" == reply.location


def test_details_that_are_nested_too_deeply_are_no_bug() -> None:
    """What orjson reads may be too deep for it to write."""
    reply = read_reply(400, {}, b'{"code":"22P02","details":' + b"[" * 500 + b"]" * 500 + b"}", None)

    assert reply.reason is not None
    assert "nested too deeply" in (reply.reason.details or "")


@pytest.mark.parametrize("resolution", ["merge-duplicates", "ignore-duplicates", "none"])
def test_more_rows_than_were_sent_are_refused(resolution: str) -> None:
    """No row is counted as loaded or ignored for it."""
    write = Write(resolution, ("id",))  # type: ignore[arg-type]
    reply = Reply(201, count=104, applied=f"resolution={resolution}")

    verdict = judge(reply, write, rows=100)

    assert (Decision.STOP, "too-many-stored") == (verdict.decision, verdict.reason.code)
