"""The URL of the target: a path before PostgREST's, redirects, who asks, and what travels in the clear."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from loader.errors import Exit
from loader.events import Event, Notice
from loader.plan.make import make_plan
from loader.sources.find import find
from loader.version import __version__
from tests.support.harness import Loaded
from tests.support.line_faults import Answer, reply
from tests.support.proxy import Proxy
from tests.support.servers import Servers
from tests.support.ways import origin_form, without_prefix

Load = Callable[..., Awaitable[Loaded]]
SETTLED = (300, 0, 0, 0)


@pytest.mark.parametrize("slash", ["", "/"])
async def test_postgrest_under_a_path(load: Load, target: Servers, slash: str) -> None:
    """A load asks for all below that path, the description too."""
    with Proxy(target.url, rewrite=without_prefix("/some/prefix")) as gateway:
        loaded = await load(url=f"{gateway.url}/some/prefix{slash}", on_conflict=None)

    assert SETTLED == loaded.counts
    assert "/some/prefix/" in {seen.path for seen in gateway.seen}


async def test_a_plan_under_a_path(target: Servers, tmp_path: Path) -> None:
    """The server is asked below that path, and knows the columns."""
    source = tmp_path / "rows.jsonl"
    source.write_text('{"id":"t1"}\n')
    with Proxy(target.url, rewrite=without_prefix("/some/prefix")) as gateway:
        settings = target.settings(url=f"{gateway.url}/some/prefix")
        plan = await make_plan(settings, find((str(source),)), [], preset=None, has_target=True)

    assert (True, "the table's primary key") == (plan.asked, plan.key_from)


async def test_a_redirect_is_told_and_not_followed(load: Load, proxy: Proxy, target: Servers) -> None:
    """No token reaches the other server; the message says where it is, and names --url."""
    with Proxy(target.url) as elsewhere:
        answer = reply("308 Permanent Redirect", "", f"Location: {elsewhere.url}/all_trades")
        proxy.fault = lambda _: Answer(answer)
        loaded = await load(url=proxy.url)

        assert [] == elsewhere.seen
    said = str(loaded.report.error)
    assert Exit.STOPPED == loaded.report.exit_code
    assert f"Is --url right? The server points to {elsewhere.url}/all_trades" in said


async def test_each_request_says_who_asks(load: Load, proxy: Proxy) -> None:
    """Supabase takes a secret key from no browser, so each request says that it is none."""
    loaded = await load(url=proxy.url)

    agent = f"\r\nUser-Agent: bulkload/{__version__}\r\n".encode()
    assert SETTLED == loaded.counts
    assert {"GET", "POST"} >= {seen.method for seen in proxy.seen}
    assert all(agent in seen.head for seen in proxy.seen)


async def test_what_travels_in_the_clear_is_said_once(
    load: Load, target: Servers, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On the first lines, also where a proxy leads there; all rows arrive."""
    heard: list[str] = []

    class Ear:
        def on(self, event: Event) -> None:
            if isinstance(event, Notice):
                heard.append(event.message)

    with Proxy(target.url, rewrite=origin_form) as forward:
        monkeypatch.setenv("http_proxy", forward.url)
        loaded = await load(url="http://server.example:3000", observer=Ear())

    assert SETTLED == loaded.counts
    assert ["--url says http://: the credential travels in the clear"] == [
        message.partition(",")[0] for message in heard
    ]
