"""URLs are shown without their secrets, and a changed object is recognised."""

from __future__ import annotations

import pytest

from loader.sources.http import HttpObject
from loader.sources.remote_object import ObjectInfo
from loader.sources.urls import is_url, last_name, scrubbed, shown

NAMES = [
    ("https://host/a/rows.jsonl?Signature=x#y", "https://host/a/rows.jsonl", "rows.jsonl"),
    ("http://me:secret@host:81/rows.jsonl", "http://host:81/rows.jsonl", "rows.jsonl"),
    ("HTTPS://Host/my%20rows.jsonl", "https://Host/my%20rows.jsonl", "my rows.jsonl"),
    ("https://host/a/rows/?x=1", "https://host/a/rows/", "rows"),
    ("https://host:81/?rows=a/b", "https://host:81/", "host:81"),
    ("https://host", "https://host", "host"),
    ("https://host?a=/b", "https://host", "host"),
    ("https://host/a%2Fb%00c", "https://host/a%2Fb%00c", "b_c"),
    ("https://host/%2F", "https://host/%2F", "host"),
    ("https://host/..", "https://host/..", ".."),
    ("https://h/" + "é" * 150 + ".gz", "https://h/" + "é" * 150 + ".gz", "é" * 98 + ".gz"),
    ("http://a@b@host/x", "http://host/x", "x"),
    ("http://[::1/x?y", "http://[::1/x", "x"),
    ("s3://bucket/year=2024/rows.jsonl.zst", "s3://bucket/year=2024/rows.jsonl.zst", "rows.jsonl.zst"),
    ("az://box/\udcffrows", "az://box/\\xffrows", "\\xffrows"),
]


@pytest.mark.parametrize(("url", "name", "folder"), NAMES)
def test_a_url_has_a_name_without_secrets(url: str, name: str, folder: str) -> None:
    """One for messages and reports, and from that one for its folder."""
    assert (True, name, folder) == (is_url(url), shown(url), last_name(shown(url)))


@pytest.mark.parametrize("name", ["rows.jsonl", "-", "./http://x", "file:///x", "http:/x", "a/http://b"])
def test_other_names_are_files(name: str) -> None:
    """Also unusual ones."""
    assert not is_url(name)


@pytest.mark.parametrize(
    ("name", "folder"), [("a/rows.jsonl", "rows.jsonl"), ("..", ".."), ("stdin", "stdin")]
)
def test_a_file_names_its_folder(name: str, folder: str) -> None:
    """By the last part of its path."""
    assert folder == last_name(name)


SAID = [
    ("no such\n  key", "https://host/x?sig=abcdefgh", "no such key"),
    ("bad sig=abcdefgh", "https://host/x?sig=abcdefgh", ""),
    ("bad abc+defg", "https://host/x?sig=abc%2Bdefg", ""),
    ("bad pass word", "https://me:pass%20word@host/x", ""),
    ("GET https://acc.blob/c/x?sv=1&sig=abc in 3 ms", "az://c/x", "GET https://acc.blob/c/x in 3 ms"),
    ("a" * 400, "https://host/x", "a" * 300),
]


@pytest.mark.parametrize(("text", "url", "kept"), SAID)
def test_a_servers_words_are_kept_but_for_secrets(text: str, url: str, kept: str) -> None:
    """All are left out if a secret of the URL is among them."""
    assert kept == scrubbed(text, url)


KNOWN = ObjectInfo(10, '"a"', "Mon", ranges=True)
LATER = [
    (ObjectInfo(10, '"a"', "Mon", ranges=False), ""),
    (
        ObjectInfo(10, '"a"', "Tue", ranges=True),
        "",
    ),  # the nodes of one server may tell different times
    (ObjectInfo(None, None, None, ranges=True), ""),
    (ObjectInfo(10, None, "Tue", ranges=True), "Last-Modified"),
    (ObjectInfo(11, '"b"', "Mon", ranges=True), "size, ETag"),
]


@pytest.mark.parametrize(("now", "changed"), LATER)
def test_what_a_server_tells_shows_a_change(now: ObjectInfo, changed: str) -> None:
    """A property that it does not tell shows none."""
    assert changed == KNOWN.changed(now)


def test_a_rest_is_asked_for_only_where_it_is_known_to_be_one() -> None:
    """That needs ranges, a size, and an ETag or a time."""
    abouts = [
        KNOWN,
        ObjectInfo(10, None, "Mon", ranges=True),
        ObjectInfo(10, '"a"', "Mon", ranges=False),
        ObjectInfo(None, '"a"', "Mon", ranges=True),
        ObjectInfo(10, None, None, ranges=True),
    ]

    assert [True, True, False, False, False] == [about.resumable for about in abouts]


@pytest.mark.parametrize("said", ["bWU6b3Blbi1zZXNhbWU=", "me:open-sesame", "open-sesame"])
def test_a_password_that_a_source_repeats_is_hidden(said: str) -> None:
    """Basic sends it in base64 (RFC 7617), and a server may show what it was sent."""
    url = "http://me:open-sesame@h/rows.jsonl"
    HttpObject(url)

    assert said not in scrubbed(f"Authorization: Basic {said}", url)


@pytest.mark.parametrize(
    ("url", "name"),
    [
        ("http://me:pa/ss@h/rows.jsonl", "http://h/rows.jsonl"),
        ("http://me:1a/ss@h", "http://h"),
        ("http://h:80/@me/rows.jsonl", "http://h:80/@me/rows.jsonl"),
        ("http://[::1]:80/@me", "http://[::1]:80/@me"),
    ],
)
def test_half_a_password_is_no_host(url: str, name: str) -> None:
    """A slash in a password must be percent-encoded; the password is not shown all the same."""
    assert name == shown(url)
