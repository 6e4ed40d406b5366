"""What a web address and an encoding must look like. No I/O."""

from __future__ import annotations

import codecs
import re
from urllib.parse import urlsplit

from loader.errors import SettingsError

_SUPABASE = (".supabase.co", ".supabase.in", ".supabase.red")
# Encodings of host names and of Python itself, with underscores for what else may stand in their names.
_NO_FILES = frozenset({"idna", "punycode", "undefined", "unicode_escape", "raw_unicode_escape"})


def check_url(url: str) -> None:
    """Check that this is a base URL.

    Raises:
        SettingsError: it is no URL, or has a user, a query or a fragment.
    """
    if not _is_web_address(url):
        shown = re.sub(r"//[^/]*@", "//***@", url)
        raise SettingsError(
            f"--url {shown!r} is not a web address", advice="Write it as in http://localhost:3000."
        )
    parts = urlsplit(url)
    if parts.query or parts.fragment or "@" in parts.netloc:
        raise SettingsError(
            "--url must be the base URL alone: no user, no ? and no #",
            advice="PostgREST reads query parameters as filters; tokens have settings of their own.",
        )


def check_encoding(name: str) -> None:
    """Check that Python can read text in this encoding.

    Raises:
        SettingsError: it cannot.
    """
    if not _is_encoding(name):
        raise SettingsError(
            f"--encoding is {name!r}, which is not an encoding of text",
            advice="Give one that Python knows, as in latin-1, cp1252 or utf-16.",
        )


def is_supabase(url: str) -> bool:
    """Return whether this is the URL of a Supabase project."""
    return (urlsplit(url).hostname or "").endswith(_SUPABASE)


def _is_web_address(url: str) -> bool:
    try:
        parts = urlsplit(url)
        (parts.hostname or "").encode("idna")
        return (
            url.isprintable()
            and parts.scheme in ("http", "https")
            and bool(parts.hostname)
            and parts.port != 0
        )
    except ValueError:
        return False


def _is_encoding(name: str) -> bool:
    try:
        codec = codecs.lookup(name).name.replace("-", "_")
        if codec in _NO_FILES:
            return False
        "".encode(codec)
    except (LookupError, UnicodeError, ValueError):
        return False  # LookupError also for a codec that is not of text
    return True
