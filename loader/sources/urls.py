"""URLs of sources, and what is known of an object behind one. No I/O."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import PurePath
from typing import Protocol
from urllib.parse import parse_qsl, unquote, urlsplit

WEB = ("http", "https")
STORES = ("s3", "gs", "az")
_URL = re.compile(rf"(?:{'|'.join(WEB + STORES)})://", re.IGNORECASE)
_LONGEST_NAME = 200  # bytes of a folder's name, which may have 255
_SECRET = 6  # characters; what is shorter is found in many a harmless text
_WORDS = 300  # characters of a server's words that are kept


def is_url(text: str) -> bool:
    """Whether it names an object elsewhere, and no file."""
    return _URL.match(text) is not None


def shown(url: str) -> str:
    """A URL without its user, query and fragment: those hold passwords and signatures."""
    parts = _parts(url)
    text = f"{parts[0].lower()}://{parts[1].rpartition('@')[2]}{parts[2]}"
    return text.encode(errors="surrogateescape").decode(errors="backslashreplace")  # as open.printable does


def last_name(name: str) -> str:
    """What to call a folder for a source of this (shown) name: the last segment of a URL's path, or its host.

    It is decoded, never empty, and fits a file system.
    """
    if not is_url(name):
        return PurePath(name).name
    _, host, path = _parts(name)
    last = unquote(path.rstrip("/")).rstrip("/").rpartition("/")[2].replace("\0", "_")
    cut = last.encode(errors="replace")[-_LONGEST_NAME:]  # its end says most: .jsonl.gz
    return cut.decode(errors="ignore") or host


def _parts(url: str) -> tuple[str, str, str]:
    """Scheme, authority and path of any text that is_url, also where urlsplit refuses it."""
    scheme, _, rest = url.partition("://")
    rest = re.split(r"[?#]", rest, maxsplit=1)[0]
    authority, slash, path = rest.partition("/")
    return scheme, authority, slash + path


def scrubbed(text: str, url: str) -> str:
    """A server's words on one line, or nothing: where they repeat what ``shown`` leaves out of the URL."""
    parts = urlsplit(url)
    values = [value for pair in parse_qsl(parts.query) for value in pair[1:]]
    secrets = [
        parts.query,
        unquote(parts.query),
        parts.password or "",
        unquote(parts.password or ""),
        *values,
    ]
    if any(secret in text for secret in secrets if len(secret) >= _SECRET):
        return ""
    # A query that is not the user's own is a signature too: obstore puts Azure's there.
    text = re.sub(r"(\w+://[^\s?\"'<>]*)\?[^\s\"'<>]*", r"\1", text)
    return " ".join(text.split())[:_WORDS]


@dataclass(frozen=True, slots=True)
class About:
    """What a server tells of an object.

    Attributes:
        size: in bytes; None where it does not tell.
        etag: its ETag, if that is a strong one: a weak one says nothing of bytes (RFC 9110, 8.8.1).
        last_modified: as the server writes it.
        ranges: whether a part of it can be asked for.
    """

    size: int | None
    etag: str | None
    last_modified: str | None
    ranges: bool

    @property
    def resumable(self) -> bool:
        """Whether the rest of it can be asked for, and known to be the rest of the same."""
        return self.ranges and self.size is not None and bool(self.etag or self.last_modified)

    def changed(self, now: About) -> str:
        """What tells that it is another object by now; nothing where all is as it was."""
        pairs = {
            "size": (self.size, now.size),
            "ETag": (self.etag, now.etag),
            "Last-Modified": (self.last_modified, now.last_modified),
        }
        if self.etag and self.etag == now.etag:  # the nodes of a server may differ in its time
            del pairs["Last-Modified"]
        return ", ".join(name for name, (was, new) in pairs.items() if was and new and was != new)


class Body(Protocol):
    """The bytes of an object from some offset on, as a server gives them."""

    about: About

    def read(self, size: int) -> bytes:
        """At most so many; none at the end, be it too early.

        Raises:
            Failed: the connection broke.
        """

    def close(self) -> None:
        """Let go of the connection."""


class Remote(Protocol):
    """An object at a server."""

    def about(self) -> About:
        """Ask what it is.

        Raises:
            Failed: the server cannot be reached, or refuses.
        """

    def get(self, offset: int, about: About, most: int | None = None) -> Body:
        """Ask for its bytes, from ``offset`` on and at most so many, on condition that it is the same still.

        Raises:
            Failed: the server cannot be reached, or refuses.
            Changed: it is another object by now.
        """


class Failed(Exception):  # noqa: N818 - it is what it says
    """A request got no answer, or a bad one.

    Args:
        why: in words that fit behind the object's name and a colon.
        said: the server's own words.
        passing: whether it may be otherwise soon.
        reached: whether a server was there.
    """

    def __init__(self, why: str, *, said: str = "", passing: bool = False, reached: bool = True) -> None:
        super().__init__(why)
        self.why = why
        self.said = said
        self.passing = passing
        self.reached = reached


class Changed(Exception):  # noqa: N818 - it is what it says
    """It is another object by now; the text says what tells so."""
