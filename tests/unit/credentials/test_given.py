"""BULKLOAD_TOKEN, and what a program that bulkload runs is given."""

from __future__ import annotations

import re
from typing import Any

import pytest

from loader.child_environment import child_environment
from loader.errors import SettingsError
from loader.sandbox.process import clean_environment
from loader.settings import OPTIONS, Settings

URL = "http://localhost:3000"


@pytest.mark.parametrize(
    "text", ["a.b.c", " a.b.c\r\n", "Bearer a.b.c", "bearer\ta.b.c\n", "\n BEARER   a.b.c"]
)
def test_what_is_copied_along_with_a_token_is_taken_off(text: str) -> None:
    """Blanks around it, and the word Bearer."""
    assert "a.b.c" == Settings(url=URL, token=text).token


@pytest.mark.parametrize("text", ["sb_secret_x", " sb_secret_x", "sb_secret_x \r\n"])
def test_blanks_around_an_api_key_are_taken_off(text: str) -> None:
    """Variables and files often end with one; a key has none."""
    assert "sb_secret_x" == Settings(url=URL, apikey=text).apikey


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "is empty"),
        (" \n", "is empty"),
        ("Bearer ", "is empty"),
        ("hush.b.c\nhush.e.f", "several lines"),
        ("hush.b.c x", "a blank"),
        ("hush.\u00f6.c", "not printable ASCII"),
        ("hush.\x00.c", "not printable ASCII"),
        ("hush.\ud800.c", "not printable ASCII"),
    ],
)
def test_a_token_that_no_header_takes_is_refused(text: str, words: str) -> None:
    """The error does not quote it."""
    with pytest.raises(SettingsError, match="BULKLOAD_TOKEN") as caught:
        Settings(url=URL, token=text)

    assert words in str(caught.value)
    assert "hush" not in str(caught.value)


@pytest.mark.parametrize(
    ("command", "words"),
    [("", "names no program"), ("  ", "names no program"), ("'' x", "names no program"),
     ("print 'hush", "cannot be split")],
)  # fmt: skip
def test_a_command_that_cannot_be_split_is_refused(command: str, words: str) -> None:
    """Before anything is sent; the error does not quote it, for it may hold a secret."""
    with pytest.raises(SettingsError, match="--token-command") as caught:
        Settings(url=URL, token_command=command)

    assert words in str(caught.value)
    assert "hush" not in str(caught.value)


def test_children_get_no_credential_of_ours() -> None:
    """Each variable of a secret is left out, also of settings to come; those of other programs are not."""
    ours = [about.variable for about in OPTIONS.values() if about.variable]
    ours += ["BULKLOAD_TOKEN_COMMAND", "SUPABASE_SECRET_KEY", "SUPABASE_SERVICE_ROLE_KEY", "SUPABASE_KEY"]
    others = ["PATH", "HOME", "AWS_SECRET_ACCESS_KEY", "SUPABASE_ACCESS_TOKEN", "BULKLOAD_URL", "LC_ALL"]

    assert dict.fromkeys(others, "x") == child_environment(dict.fromkeys(ours + others, "x"))


def test_the_sandbox_gets_no_credential_of_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its servers have their own."""
    monkeypatch.setenv("BULKLOAD_TOKEN", "x")
    monkeypatch.setenv("BULKLOAD_APIKEY", "x")

    assert {"PGRST_JWT_SECRET": "own"} == {
        name: value
        for name, value in clean_environment({"PGRST_JWT_SECRET": "own"}).items()
        if name.startswith(("BULKLOAD_", "PGRST_"))
    }


@pytest.mark.parametrize("name", ["token", "jwt_secret", "apikey", "password", "oauth_client_secret"])
def test_no_secret_is_in_the_repr(name: str) -> None:
    """Of the settings."""
    given: dict[str, Any] = {name: "hush-hush", "login": "me@x" if name == "password" else None}
    if name == "password":
        given |= {"apikey": "key"}
    if name.startswith("oauth"):
        given |= {"oauth_token_url": "https://x/token", "oauth_client_id": "c"}

    assert not re.search("hush", repr(Settings(url=URL, **given)))
