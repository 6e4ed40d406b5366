"""One request -> one reply: what the client makes of what comes back (aioresponses plays the server)."""

from __future__ import annotations

import gzip
import json
from collections.abc import AsyncIterator

import aiohttp
import pytest
from aioresponses import CallbackResult, aioresponses
from yarl import URL

from loader.credentials.anonymous import Anonymous
from loader.credentials.tokens import Tokens
from loader.model import NoReply, Reason, Reply
from loader.postgrest.body import EMPTY, Body
from loader.postgrest.client import PostgREST
from loader.postgrest.description import Description
from loader.postgrest.write import Write
from loader.settings import Settings

BASE = "http://postgrest.test"
POST = f"{BASE}/all_trades?on_conflict=id&columns=id"
UPSERT = Write("merge-duplicates", ("id",))


@pytest.fixture
async def client() -> AsyncIterator[PostgREST]:
    tokens = Tokens(Anonymous(), lambda: None)
    async with PostgREST(Settings(url=BASE), tokens) as client:
        yield client


async def test_a_success_tells_its_count_and_preferences(client: PostgREST) -> None:
    """From Content-Range and Preference-Applied."""
    with aioresponses() as server:
        headers = {"Content-Range": "*/2", "Preference-Applied": "resolution=merge-duplicates, count=exact"}
        server.post(POST, status=201, headers=headers)
        reply = await client.post(UPSERT, ("id",), EMPTY)

    assert Reply(201, count=2, applied="resolution=merge-duplicates, count=exact") == reply


@pytest.mark.parametrize(
    ("content", "reason", "words"),
    [
        (
            '{"code":"22P02","details":null,"hint":"h","message":"m"}',
            Reason("22P02", "m", None, "h"),
            "m (h)",
        ),
        ('{"code":"X","message":"m","details":{"a":1}}', Reason("X", "m", '{"a":1}', None), "m"),
        ('{"message":"no Route matched"}', None, "no Route matched"),
        ('{"code":502,"message":"m"}', None, "m"),
        ("<html>Bad Gateway</html>", None, "Bad Gateway"),
        ("{}", None, "{}"),
        ("", None, ""),
    ],
)
async def test_only_an_error_with_a_code_is_a_reason(
    client: PostgREST, content: str, reason: Reason | None, words: str
) -> None:
    """Of what a gateway says the words are kept."""
    with aioresponses() as server:
        server.post(POST, status=400, body=content)
        reply = await client.post(UPSERT, ("id",), EMPTY)

    assert isinstance(reply, Reply)
    assert (reason, words) == (reply.reason, reply.body)


@pytest.mark.parametrize(
    ("header", "seconds"), [("7", 7.0), ("0", 0.0), ("Wed, 21 Oct 2015 07:28:00 GMT", None), ("", None)]
)
async def test_retry_after_is_read_in_seconds(client: PostgREST, header: str, seconds: float | None) -> None:
    """A date is not: clocks differ."""
    with aioresponses() as server:
        server.post(POST, status=503, headers={"Retry-After": header})
        reply = await client.post(UPSERT, ("id",), EMPTY)

    assert isinstance(reply, Reply)
    assert seconds == reply.retry_after


@pytest.mark.parametrize(
    ("error", "lost"),
    [
        (TimeoutError(), NoReply("no answer within 120 s", slow=True)),
        (aiohttp.ServerDisconnectedError(), NoReply("Server disconnected")),
        (
            ConnectionResetError(104, "Connection reset by peer"),
            NoReply("[Errno 104] Connection reset by peer"),
        ),
    ],
)
async def test_no_reply_is_lost(client: PostgREST, error: Exception, lost: NoReply) -> None:
    """The network's exceptions end here."""
    with aioresponses() as server:
        server.post(POST, exception=error)

        assert lost == await client.post(UPSERT, ("id",), EMPTY)


async def test_rows_go_out_with_columns_and_preferences(client: PostgREST) -> None:
    """Names are quoted where they must be; the schema and the preferences stand in the headers."""
    seen: list[tuple[URL, dict[str, str], bytes]] = []

    def answer(url: URL, **request: object) -> CallbackResult:
        headers, data = request["headers"], request["data"]
        assert isinstance(headers, dict)
        assert isinstance(data, aiohttp.payload.Payload)
        seen.append((url, headers, data.decode().encode()))
        return CallbackResult(status=201)

    with aioresponses() as server:
        url = f"{BASE}/all_trades?on_conflict=id&columns=id,%22a%20b%22,%22x%5C%22y%22"
        server.post(URL(url, encoded=True), callback=answer)
        await client.post(UPSERT, ("id", "a b", 'x"y'), Body((b'{"id":1}\n{"id":2}', b'{"id":3}'), 3))

    assert b'[{"id":1},{"id":2},{"id":3}]' == seen[0][2]
    assert "api" == seen[0][1]["Content-Profile"]
    assert "resolution=merge-duplicates,return=minimal,count=exact,handling=strict" == seen[0][1]["Prefer"]
    assert "Authorization" not in seen[0][1]


def columns(**about: dict[str, str]) -> str:
    """An OpenAPI document with these columns of the relation."""
    return json.dumps({"definitions": {"all_trades": {"properties": about}}})


PRIMARY_KEY = "Note:\nThis is a Primary Key.<pk/>"


@pytest.mark.parametrize(
    ("text", "description"),
    [
        pytest.param(
            columns(id={"format": "text"}, n={"format": "numeric"}),
            Description({"id": "text", "n": "numeric"}),
            id="types",
        ),
        pytest.param(
            columns(id={"format": "text", "description": PRIMARY_KEY}, n={"description": "the number"}),
            Description({"id": "text", "n": ""}, ("id",)),
            id="a primary key",
        ),
        pytest.param(
            columns(
                b={"format": "text", "description": f"commented\n\n{PRIMARY_KEY}"},
                n={"format": "numeric"},
                a={"format": "text", "description": PRIMARY_KEY},
            ),
            Description({"b": "text", "n": "numeric", "a": "text"}, ("b", "a")),
            id="a primary key of two columns, as they are listed",
        ),
        pytest.param(
            columns(id={"description": "<fk table='t' column='c'/>"}), Description({"id": ""}), id="fk"
        ),
        pytest.param('{"definitions":{}}', Description(), id="another relation"),
        pytest.param("no JSON", Description(), id="no JSON"),
        pytest.param("[]", Description(), id="no object"),
    ],
)
async def test_openapi_tells_columns_and_primary_key(
    client: PostgREST, text: str, description: Description
) -> None:
    """What it does not tell is empty."""
    with aioresponses() as server:
        server.get(f"{BASE}/", body=text)

        assert description == await client.describe()


@pytest.mark.parametrize(
    ("url", "endpoint"),
    [
        ("http://localhost:3000", "http://localhost:3000"),
        ("http://localhost:3000/", "http://localhost:3000"),
        ("https://x.example/api/", "https://x.example/api"),
        ("https://abc.supabase.co", "https://abc.supabase.co/rest/v1"),
        ("https://abc.supabase.co/", "https://abc.supabase.co/rest/v1"),
        ("https://abc.supabase.co/rest/v1", "https://abc.supabase.co/rest/v1"),
    ],
)
def test_a_supabase_project_gets_its_path(url: str, endpoint: str) -> None:
    """The audience stays the URL exactly as it was written."""
    settings = Settings(url=url)

    assert (endpoint, url) == (settings.endpoint, settings.audience)


async def test_a_packed_reply_is_unpacked_and_no_further_than_it_is_kept(client: PostgREST) -> None:
    """A bomb of 32 MB becomes its first MiB: what an error says stands at its begin."""
    error = b'{"code":"22P02","details":null,"hint":null,"message":"' + b"m" * 32_000_000 + b'"}'
    with aioresponses() as server:
        packed = {"Content-Encoding": "gzip"}
        server.post(POST, status=400, body=gzip.compress(error), headers=packed)
        server.post(POST, status=400, body=b"no gzip", headers=packed)
        bomb = await client.post(UPSERT, ("id",), EMPTY)
        broken = await client.post(UPSERT, ("id",), EMPTY)

    assert isinstance(bomb, Reply)
    assert isinstance(broken, Reply)
    assert bomb.reason is not None
    assert ("22P02", 2003) == (bomb.reason.code, len(bomb.reason.message))
    assert (None, "") == (broken.reason, broken.body)
