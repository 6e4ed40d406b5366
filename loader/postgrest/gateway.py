"""What gateways in front of PostgREST say, and what their statuses mean. No I/O.

Sources: Supabase's docs ("HTTP status codes"), Cloudflare's ("5xx errors"), and the pages of nginx and Kong.
"""

from __future__ import annotations

from collections.abc import Mapping
from html.parser import HTMLParser
from typing import Any

import orjson

_SAY_NOTHING = frozenset({"script", "style", "noscript", "svg", "head"})
# Fields of JSON in which gateways put their words.
_FIELDS = ("message", "msg", "error_description", "error", "detail", "title")

_DEEPEST = 10  # objects around the words

_DOWN = "The server behind the gateway is down, or restarts."
_SLOW = "The server behind the gateway did not answer in time: give a lower --batch-rows or --concurrency."

ADVICE: dict[int, str] = {
    402: "The project is restricted (a quota is exceeded, or a bill is open): see its dashboard.",
    403: "A gateway in front of the server refuses the requests: a firewall, or a rule on addresses.",
    413: "The gateway takes no request as large as this row.",
    429: "The gateway limits the rate of requests: give a lower --concurrency, or --max-rate.",
    502: _DOWN,
    503: _DOWN,
    504: _SLOW,
    520: "Cloudflare could not read the server's answer. Headers or a URL that are too long do that as well.",
    521: f"{_DOWN} (Cloudflare: the connection is refused.) Is the project paused?",
    522: "Cloudflare cannot connect to the server in time: it is overloaded, or out of reach.",
    523: "Cloudflare cannot reach the server: its address is wrong, or its network is down.",
    524: f"{_SLOW} (Cloudflare waits for 100 s.)",
    525: "Cloudflare and the server agree on no TLS: the project's owner must mend that.",
    526: "Cloudflare does not trust the server's certificate: the project's owner must mend that.",
    530: "Cloudflare cannot resolve the server's name: is --url right, and is the project paused or deleted?",
    540: "The project is paused: restore it in its dashboard.",
    544: f"{_SLOW} (Supabase's gateway.)",
}


def words(content: bytes) -> str:
    """Return what a body says, on one line: its message if it is JSON, its title and text if it is a page.

    Args:
        content: its begin, if it is long.
    """
    text = content.decode(errors="replace")
    if is_page(content):
        text = _page(text) or text
    elif text.lstrip().startswith("{"):
        text = _message(text) or text
    return " ".join(text.split())


def _message(text: str) -> str:
    try:
        body = orjson.loads(text)
    except orjson.JSONDecodeError:
        return ""
    return _told(body) if isinstance(body, dict) else ""


def _told(body: Mapping[str, Any], levels: int = _DEEPEST) -> str:
    for name in _FIELDS:
        value = body.get(name)
        if levels and isinstance(value, dict) and (told := _told(value, levels - 1)):
            return told
        if isinstance(value, str) and value.strip():
            hint = body.get("hint")
            return f"{value} ({hint})" if isinstance(hint, str) and hint else value
    return ""


class _Page(HTMLParser):
    """Reads the title of a page, and its first words."""

    def __init__(self) -> None:
        super().__init__()
        self.title = ""
        self.text: list[str] = []
        self._open: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Remember the elements whose text is no words, and the title."""
        del attrs
        if tag in _SAY_NOTHING or tag == "title":
            self._open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        """Forget them."""
        if tag in self._open:
            del self._open[self._open.index(tag) :]

    def handle_data(self, data: str) -> None:
        """Take the words."""
        if self._open and self._open[-1] == "title":
            self.title += data
        elif not self._open:
            self.text.append(data)


def _page(text: str) -> str:
    """Return a page's title, and the words below it."""
    page = _Page()
    page.feed(text)
    title, below = " ".join(page.title.split()), " ".join(" ".join(page.text).split())
    below = below.removeprefix(title).strip()
    return ": ".join(filter(None, (title, below)))


def is_page(content: bytes) -> bool:
    """Return whether a body is a web page."""
    return content[:1000].lstrip()[:1] == b"<"
