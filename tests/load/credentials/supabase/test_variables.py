"""Supabase's own variables, as the command line meets them."""

from __future__ import annotations

import pytest

from tests.load.test_cli import Environment, Shell, shell
from tests.support.harness import line
from tests.support.servers import Servers
from tests.support.supabase import SECRET_KEY, Supabase

__all__ = ["shell"]  # a fixture

BARE: Environment = {"BULKLOAD_URL": None, "PGRST_JWT_SECRET": None, "BULKLOAD_TABLE": "faults"}
BOTH = "the URL is that of SUPABASE_URL; the API key is that of SUPABASE_SECRET_KEY"


@pytest.fixture
def folder(shell: Shell) -> Shell:
    """Return a shell in a folder with three rows for the project."""
    (shell.folder / "rows.jsonl").write_text("".join(f"{line({'id': f'r{i}'})}\n" for i in range(3)))
    return shell


def write_env(folder: Shell, text: str, mode: int = 0o600) -> None:
    """Write the folder's .env."""
    path = folder.folder / ".env"
    path.write_text(text)
    path.chmod(mode)


def rows(target: Servers) -> int:
    """Return how many rows have arrived."""
    return int(target.sql("select count(*) from public.faults")[0][0])


def test_the_first_line_says_what_was_taken(folder: Shell, target: Servers, supabase: Supabase) -> None:
    """Of the environment, or of .env; not with --quiet, and never the key itself."""
    variables: Environment = BARE | {"SUPABASE_URL": supabase.url, "SUPABASE_SECRET_KEY": SECRET_KEY}
    ended = folder.run("rows.jsonl", env=variables)
    quiet = folder.run("-q", "rows.jsonl", env=variables)
    write_env(folder, f"SUPABASE_URL={supabase.url}\nSUPABASE_SECRET_KEY={SECRET_KEY}\n")
    of_folder = folder.run("rows.jsonl", env=BARE)

    assert (0, BOTH) == (ended.code, ended.err.splitlines()[0])
    assert (0, "") == (quiet.code, quiet.err)
    expected = BOTH.replace("URL;", "URL of .env;") + " of .env"
    assert (0, expected) == (of_folder.code, of_folder.err.splitlines()[0])
    assert SECRET_KEY not in ended.err + of_folder.err
    assert 3 == rows(target)


def test_a_key_is_not_sent_to_another_host(folder: Shell, target: Servers, supabase: Supabase) -> None:
    """The load goes on without it, and says so: here the gateway lets nobody in without a key."""
    variables: Environment = {"SUPABASE_URL": "https://abcd.supabase.co", "SUPABASE_SECRET_KEY": SECRET_KEY}

    ended = folder.run("--url", f"{supabase.url}/rest/v1", "rows.jsonl", env=BARE | variables)

    first = "SUPABASE_SECRET_KEY is not sent: SUPABASE_URL names another host than --url"
    assert (4, first, 0) == (ended.code, ended.err.splitlines()[0], rows(target))
    assert {""} == {seen.apikey for seen in supabase.seen}


@pytest.mark.parametrize(
    "text",
    ["SUPABASE_URL={url}\n", "BULKLOAD_URL={url}\n", "SUPABASE_URL={url}\nSUPABASE_KEY=sb_secret_of_it\n"],
)
def test_a_target_of_the_folder_gets_no_key_of_the_environment(
    folder: Shell, target: Servers, supabase: Supabase, text: str
) -> None:
    """Unless the user says so: whoever made the folder would get it."""
    write_env(folder, text.format(url=supabase.url))
    variables = BARE | {"SUPABASE_SECRET_KEY": SECRET_KEY}

    refused = folder.run("rows.jsonl", env=variables)

    assert (2, 0, []) == (refused.code, rows(target), supabase.seen)
    assert "the variable SUPABASE_SECRET_KEY" in refused.err.splitlines()[0]
    assert 0 == folder.run("--trust-config", "rows.jsonl", env=variables).code


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("ca-file = 'ca.pem'", "ca.pem"),
        ("client-cert = 'client.pem'", "client.pem"),
        ("oauth-token-url = 'https://evil.example/token'", "https://evil.example/token"),
        ("oauth-issuer = 'https://evil.example'", "https://evil.example"),
    ],
)
def test_a_folder_does_not_say_who_may_have_a_secret(
    folder: Shell, supabase: Supabase, text: str, word: str
) -> None:
    """Nor whom to believe that it is the one who may: nothing is sent."""
    (folder.folder / "bulkload.toml").write_text(f"{text}\n")
    variables: Environment = {"BULKLOAD_URL": supabase.url, "BULKLOAD_APIKEY": SECRET_KEY}

    ended = folder.run("rows.jsonl", env=BARE | variables)

    assert (2, []) == (ended.code, supabase.seen)
    assert word in ended.err.splitlines()[0]
    assert "--trust-config" in ended.err


def test_a_key_in_the_environment_is_seen_beside_a_secret_of_the_folder(
    folder: Shell, supabase: Supabase
) -> None:
    """A folder that brings a secret of its own could else have the user's key sent to its target."""
    secret = folder.folder / "secret"
    secret.write_text("a-secret-of-the-folder-of-more-than-32-characters")
    (folder.folder / "bulkload.toml").write_text(f"url = '{supabase.url}'\njwt-secret-file = 'secret'\n")

    ended = folder.run("rows.jsonl", env=BARE | {"BULKLOAD_APIKEY": SECRET_KEY})

    assert (2, True, []) == (ended.code, "the variable BULKLOAD_APIKEY" in ended.err, supabase.seen)


def test_a_key_in_a_file_that_others_can_write_is_refused(folder: Shell, supabase: Supabase) -> None:
    """As with all secrets."""
    write_env(folder, f"SUPABASE_URL={supabase.url}\nSUPABASE_KEY={SECRET_KEY}\n", 0o666)

    ended = folder.run("rows.jsonl", env=BARE)

    assert (2, True, []) == (ended.code, "others can write it" in ended.err, supabase.seen)


def test_a_link_to_a_key_elsewhere_is_no_key_of_the_folder(
    folder: Shell, supabase: Supabase, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Else an archive could bring a link to the user's own .env of another project."""
    theirs = tmp_path_factory.mktemp("home") / ".env"
    theirs.write_text(f"SUPABASE_SECRET_KEY={SECRET_KEY}\n")
    theirs.chmod(0o600)
    (folder.folder / ".env").symlink_to(theirs)
    (folder.folder / "bulkload.toml").write_text(f"url = '{supabase.url}'\n")

    ended = folder.run("rows.jsonl", env=BARE)

    assert (2, []) == (ended.code, supabase.seen)
    assert "the file that .env is a link to" in ended.err.splitlines()[0]
