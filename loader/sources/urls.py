"""The URLs of sources: their names, and the secrets in them. No I/O."""

from __future__ import annotations

import os
import re
from pathlib import PurePath
from urllib.parse import parse_qsl, unquote, urlsplit

from loader import mask

WEB_SCHEMES = ("http", "https")
STORE_SCHEMES = ("s3", "gs", "az")
_URL = re.compile(rf"(?:{'|'.join(WEB_SCHEMES + STORE_SCHEMES)})://", re.IGNORECASE)
_IN_ARCHIVE = re.compile(r"([^/]+\.zip)/[^/]", re.IGNORECASE)  # a member of a zip archive
_HALF_A_PASSWORD = re.compile(r"[^\[@:]*:[^@]*[^@0-9][^@]*")  # what stands after the colon is no port
_LONGEST_NAME = 200  # bytes of a folder's name; file systems allow 255
_SHORTEST_SECRET = 6  # characters; anything shorter occurs in many harmless texts
_LONGEST_TEXT = 300  # characters of a server's words that are kept


def is_url(text: str) -> bool:
    """Return whether a source on the command line is a URL, not a file."""
    return _URL.match(text) is not None


def shown(url: str) -> str:
    """Return a URL without its user, query and fragment, which may contain passwords and signatures."""
    scheme, authority, path = _parts(url)
    text = f"{scheme.lower()}://{authority.rpartition('@')[2]}{path}"
    return text.encode(errors="surrogateescape").decode(errors="backslashreplace")  # as find.printable does


def last_name(name: str) -> str:
    """Return a name for the folder of a source: the last segment of its path, or the host of its URL.

    It is decoded, never empty, short enough for a file system, and as the locale writes names of files.

    Args:
        name: a path, or a URL as ``shown`` returns it.
    """
    if not is_url(name):
        archive = _IN_ARCHIVE.search(name)
        return _as_file_name(archive[1] if archive else PurePath(name).name)
    _, host, path = _parts(name)
    segment = unquote(path.rstrip("/")).rstrip("/").rpartition("/")[2].replace("\0", "_")
    tail = segment.encode(errors="replace")[-_LONGEST_NAME:]  # the end, .jsonl.gz, tells the most
    return _as_file_name(tail.decode(errors="ignore") or host)


def _as_file_name(text: str) -> str:
    return os.fsdecode(text.encode(errors="surrogateescape"))


def _parts(url: str) -> tuple[str, str, str]:
    """Return scheme, authority and path of any text that is_url accepts, even if urlsplit refuses it."""
    scheme, _, rest = url.partition("://")
    rest = re.split(r"[?#]", rest, maxsplit=1)[0]
    authority, slash, path = rest.partition("/")
    if "@" in path and _HALF_A_PASSWORD.fullmatch(authority):  # as in http://user:pa/ss@host
        user, _, rest = rest.rpartition("@")
        authority, slash, path = rest.partition("/")
        authority = f"{user}@{authority}"
    return scheme, authority, slash + path


def scrubbed(text: str, url: str) -> str:
    """Return a server's words on one line; empty if they repeat a secret of the URL.

    Args:
        text: what the server said.
        url: the URL that was requested, with its secrets.
    """
    parts = urlsplit(url)
    values = [value for pair in parse_qsl(parts.query) for value in pair[1:]]
    secrets = [
        parts.query,
        unquote(parts.query),
        parts.password or "",
        unquote(parts.password or ""),
        *values,
    ]
    if any(secret in text for secret in secrets if len(secret) >= _SHORTEST_SECRET):
        return ""
    text = mask.masked(text)
    # A query that the user did not write may be a signature: obstore adds Azure's to its URLs.
    text = re.sub(r"(\w+://[^\s?\"'<>]*)\?[^\s\"'<>]*", r"\1", text)
    return " ".join(text.split())[:_LONGEST_TEXT]
