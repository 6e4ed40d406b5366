"""How a body is sent until it is decided: which requests are made, and what its caller gets."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest
from aioresponses import CallbackResult, aioresponses

from loader.credentials.anonymous import Anonymous
from loader.credentials.tokens import Tokens
from loader.errors import LoadError, TargetError
from loader.events import Observers
from loader.halt import Halt, Halted
from loader.model import Reason, Shape
from loader.postgrest.body import Body
from loader.postgrest.client import PostgREST
from loader.postgrest.write import Write
from loader.send.result import LATE, Accepted, Cause, Refused, Unsure, Unusable
from loader.send.retry import Requests
from loader.settings import Settings
from loader.throttle.throttle import Throttle

BASE = "http://postgrest.test"
SHAPE = Shape(("id",))
ROWS = Body((b'{"id":1}\n{"id":2}',), 2)
UPSERT = Write("merge-duplicates", ("id",))
INSERT = Write("none")
URLS = {
    UPSERT: f"{BASE}/all_trades?on_conflict=id&columns=id",
    INSERT: f"{BASE}/all_trades?columns=id",
}

Answer = CallbackResult | Exception


def stored(count: int) -> CallbackResult:
    headers = {"Content-Range": f"*/{count}", "Preference-Applied": "resolution=merge-duplicates"}
    return CallbackResult(status=201, headers=headers)


def refused(status: int, code: str) -> CallbackResult:
    return CallbackResult(status=status, body=f'{{"code":"{code}","message":"..."}}')


GATEWAY = CallbackResult(status=504, body="<html>")


class Server:
    """Gives the answers in their turn, and notes the bodies that it was sent."""

    def __init__(self, answers: list[Answer]) -> None:
        self._answers = iter(answers)
        self.bodies: list[str] = []

    def answer(self, _url: object, *, data: Callable[[], object], **_request: object) -> CallbackResult:
        self.bodies.append(data.decode())  # type: ignore[attr-defined] # a payload of aiohttp's
        answer = next(self._answers)
        if isinstance(answer, Exception):
            raise answer
        return answer


@asynccontextmanager
async def requests(*answers: Answer, halt: Halt | None = None) -> AsyncIterator[tuple[Requests, Server]]:
    """Requests to a server that gives these answers, without waits in between."""
    settings = Settings(url=BASE)
    tokens = Tokens(Anonymous(), lambda: None)
    throttle = Throttle(batch_rows=None, batch_bytes=2**20, max_rate=None, concurrency=1)
    server = Server(list(answers))
    with aioresponses() as mocked:
        for url in URLS.values():
            mocked.post(url, callback=server.answer, repeat=True)
        async with PostgREST(settings, tokens) as client:
            yield (
                Requests(
                    client,
                    tokens,
                    settings=settings,
                    throttle=throttle,
                    halt=halt or Halt(),
                    observer=Observers(),
                    backoff=lambda _failures, _after: 0.0,
                ),
                server,
            )


SENT, NONE = '[{"id":1},{"id":2}]', "[]"
RESET = ConnectionResetError(104, "Connection reset by peer")
LOST = TimeoutError()


@pytest.mark.parametrize(
    ("answers", "expected", "bodies"),
    [
        pytest.param([stored(2)], Accepted(2, new=True), [SENT], id="accepted"),
        pytest.param([GATEWAY, stored(2)], Accepted(2, new=True), [SENT, SENT], id="a gateway gave up"),
        pytest.param(
            [RESET, stored(0), stored(2)],
            Accepted(2, new=True),
            [SENT, NONE, SENT],
            id="the connection broke",
        ),
        pytest.param(
            [RESET, RESET, GATEWAY, stored(0), stored(2)],
            Accepted(2, new=True),
            [SENT, NONE, NONE, NONE, SENT],
            id="it broke, and was down for a while",
        ),
        pytest.param([LOST, stored(0)], LATE, [SENT, NONE], id="too late: too large"),
    ],
)
async def test_upsert(answers: list[Answer], expected: Accepted | Refused, bodies: list[str]) -> None:
    """It is sent again until it is in; where the connection broke, only after a request without rows."""
    async with requests(*answers) as (target, server):
        result = await target.upsert(UPSERT, SHAPE, ROWS, location="")

    assert expected == result
    assert bodies == server.bodies


async def test_upsert_that_the_server_takes_no_more() -> None:
    """The preflight tells why the connection broke; the upsert raises it."""
    async with requests(RESET, refused(403, "42501")) as (target, server):
        with pytest.raises(TargetError, match="refuses the load"):
            await target.upsert(UPSERT, SHAPE, ROWS, location="")

    assert [SENT, NONE] == server.bodies


@pytest.mark.parametrize(
    ("answers", "expected", "bodies"),
    [
        pytest.param([stored(2)], Accepted(2, new=True), [SENT], id="accepted"),
        pytest.param([RESET, stored(0)], Unsure(late=False), [SENT, NONE], id="the connection broke"),
        pytest.param([LOST, stored(0)], Unsure(late=True), [SENT, NONE], id="too late: too large"),
        pytest.param([GATEWAY, stored(0)], Unsure(late=False), [SENT, NONE], id="a gateway gave up"),
        pytest.param(
            [refused(504, "PGRST003"), stored(2)],
            Accepted(2, new=True),
            [SENT, SENT],
            id="PostgREST knows that it is not in",
        ),
    ],
)
async def test_insert(answers: list[Answer], expected: object, bodies: list[str]) -> None:
    """It is sent again only where it is known not to be in."""
    async with requests(*answers) as (target, server):
        result = await target.insert(INSERT, SHAPE, ROWS, location="")

    assert expected == result
    assert bodies == server.bodies


async def test_insert_with_a_bad_row() -> None:
    """None of its rows is in."""
    async with requests(refused(400, "22P02")) as (target, _server):
        result = await target.insert(INSERT, SHAPE, ROWS, location="")

    assert Refused(Cause.ROW, Reason("22P02", "...")) == result


async def test_insert_without_privileges() -> None:
    """That is a result, not an error: an upsert may fare better."""
    async with requests(refused(401, "42501")) as (target, _server):
        result = await target.insert(INSERT, SHAPE, ROWS, location="")

    assert isinstance(result, Unusable)
    assert "42501" == result.reason.code


async def test_halt() -> None:
    """Once a stop is asked for no request is made."""
    halt = Halt()
    halt.stop(LoadError("enough"))
    async with requests(stored(2), halt=halt) as (target, server):
        with pytest.raises(Halted):
            await target.upsert(UPSERT, SHAPE, ROWS, location="")

    assert [] == server.bodies
