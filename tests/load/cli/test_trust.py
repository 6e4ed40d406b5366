"""A folder is not a friend: what its files may say, and what they may not."""

from __future__ import annotations

import json
import os
import pty
import subprocess
import sys
from pathlib import Path

import jwt
import pytest

from tests.load.test_cli import Environment, Shell, shell
from tests.support.harness import Target

__all__ = ["shell"]  # a fixture

NOBODY = 65534  # a user who is not us
FROM_FOLDER: Environment = {"BULKLOAD_URL": None}
ALL_FROM_FOLDER: Environment = {"BULKLOAD_URL": None, "PGRST_JWT_SECRET": None}


def write(path: Path, text: str, mode: int = 0o600) -> Path:
    """Write a file with these permissions, whatever the umask."""
    path.write_text(text)
    path.chmod(mode)
    return path


def rows(target: Target) -> int:
    """Return how many rows have arrived."""
    count: int = target.sql("select count(*) from core.trades")[0][0]
    return count


@pytest.mark.parametrize("file", [".env", "bulkload.toml", "pyproject.toml"])
def test_a_target_of_the_folder_gets_no_token_of_the_environment(
    shell: Shell, target: Target, file: str
) -> None:
    """The first line says so, and a script must give --trust-config: in a flag, or in the environment."""
    text = {
        ".env": f"BULKLOAD_URL={target.url}\n",
        "bulkload.toml": f"url = '{target.url}'\n",
        "pyproject.toml": f"[tool.bulkload]\nurl = '{target.url}'\n",
    }[file]
    write(shell.folder / file, text)

    refused = shell.run("good.jsonl", env=FROM_FOLDER)

    first = refused.err.splitlines()[0]
    assert (2, 0) == (refused.code, rows(target))
    assert [] == [word for word in (file, target.url, "PGRST_JWT_SECRET") if word not in first]
    assert "--trust-config" in refused.err
    trusted = shell.run("--trust-config", "good.jsonl", env=FROM_FOLDER)
    assert (0, first) == (trusted.code, trusted.err.splitlines()[0])
    assert 0 == shell.run("good.jsonl", env=FROM_FOLDER | {"BULKLOAD_TRUST_CONFIG": "1"}).code
    assert 3 == rows(target)


@pytest.mark.parametrize(("answer", "code"), [("y\n", 0), ("\n", 2), ("no\n", 2)])
def test_a_terminal_is_asked(shell: Shell, target: Target, answer: str, code: int) -> None:
    """Only yes is yes."""
    write(shell.folder / ".env", f"BULKLOAD_URL={target.url}\n")
    environment = {
        name: value for name, value in (shell.environment | FROM_FOLDER).items() if value is not None
    }
    ours, theirs = pty.openpty()
    with subprocess.Popen(
        [sys.executable, "-m", "loader", "--progress=none", "good.jsonl"],
        cwd=shell.folder, env=environment, stdin=theirs, stdout=subprocess.DEVNULL, stderr=theirs,
    ) as process:  # fmt: skip
        os.close(theirs)
        os.write(ours, answer.encode())
        said = b""
        while True:
            try:
                part = os.read(ours, 4096)
            except OSError:  # the other end is closed
                break
            if not part:
                break
            said += part
    os.close(ours)

    assert code == process.returncode, said
    assert b"Go on? [y/N]" in said
    assert (3 if code == 0 else 0) == rows(target)


def test_a_folder_that_has_both_is_not_asked_about(shell: Shell, target: Target) -> None:
    """Target and secret of one folder know each other already."""
    write(shell.folder / ".env", f"BULKLOAD_URL={target.url}\nPGRST_JWT_SECRET={target.secret}\n")

    ended = shell.run("good.jsonl", env=ALL_FROM_FOLDER)

    assert (0, False) == (ended.code, "trust" in ended.err)
    write(shell.folder / ".env", "")
    write(shell.folder / "secret", target.secret)
    write(shell.folder / "bulkload.toml", f"url = '{target.url}'\njwt-secret-file = 'secret'\n")
    assert 0 == shell.run("good.jsonl", env=ALL_FROM_FOLDER).code


def test_a_target_of_the_user_is_not_asked_about(shell: Shell) -> None:
    """The environment and a flag are the user's, whatever else the folder sets."""
    write(shell.folder / ".env", "BULKLOAD_URL=http://127.0.0.1:1\nBULKLOAD_CONCURRENCY=2\n")

    assert 0 == shell.run("good.jsonl").code
    assert 0 == shell.run("--url", shell.environment["BULKLOAD_URL"] or "", "good.jsonl").code


@pytest.mark.parametrize("link", ["secret", ".env"])
def test_a_link_to_a_secret_elsewhere_is_no_secret_of_the_folder(
    shell: Shell, target: Target, tmp_path_factory: pytest.TempPathFactory, link: str
) -> None:
    """Else an archive could bring a link to the user's own."""
    elsewhere = tmp_path_factory.mktemp("home")
    text = target.secret if link == "secret" else f"PGRST_JWT_SECRET={target.secret}\n"
    (shell.folder / link).symlink_to(write(elsewhere / "theirs", text))
    more = "jwt-secret-file = 'secret'\n" if link == "secret" else ""
    write(shell.folder / "bulkload.toml", f"url = '{target.url}'\n{more}")

    ended = shell.run("good.jsonl", env=ALL_FROM_FOLDER)

    assert (2, 0) == (ended.code, rows(target))
    assert "--trust-config" in ended.err
    assert 0 == shell.run("--trust-config", "good.jsonl", env=ALL_FROM_FOLDER).code


@pytest.mark.parametrize(
    "text",
    [
        "run-dir = '../elsewhere'",
        "run-dir = '/tmp/elsewhere-of-bulkload'",
        "preset = 'kraken'\nusd-rates = '/etc/passwd'",
    ],
)
def test_a_folder_names_no_files_elsewhere(shell: Shell, text: str) -> None:
    """A load writes into its run directory, and reads the rates."""
    write(shell.folder / "bulkload.toml", text)

    ended = shell.run("good.jsonl")

    assert (2, True) == (ended.code, "outside of the folder" in ended.err.splitlines()[0])
    assert not (shell.folder.parent / "elsewhere").exists()
    assert not Path("/tmp/elsewhere-of-bulkload").exists()


@pytest.mark.parametrize(
    ("file", "text"),
    [
        (".env", "BULKLOAD_SANDBOX=1\nBULKLOAD_POSTGREST=./program\n"),
        (".env", "BULKLOAD_SANDBOX=1\nBULKLOAD_POSTGRES_BIN=.\n"),
        ("bulkload.toml", "sandbox = true\npostgrest = './program'\n"),
        ("bulkload.toml", "sandbox = true\npostgres-bin = '.'\n"),
        ("bulkload.toml", "token-command = './program'\n"),
        (".env", "BULKLOAD_TRUST_CONFIG=1\n"),
        ("bulkload.toml", "trust-config = true\n"),
        (".env", "BULKLOAD_TABEL=x\n"),
    ],
)
def test_a_folder_sets_options_and_nothing_else(shell: Shell, file: str, text: str) -> None:
    """No path of a program, no word for itself, and no misspelt option: exit 2, and nothing was started."""
    for name in ("program", "postgres", "initdb", "psql", "pg_ctl"):
        write(shell.folder / name, "#!/bin/sh\ntouch started\n", 0o700)
    write(shell.folder / file, text)

    ended = shell.run("good.jsonl")

    assert (2, False) == (ended.code, (shell.folder / "started").exists()), ended.err
    assert file in ended.err


def test_nothing_in_env_is_replaced(shell: Shell, target: Target) -> None:
    """`${...}` stands for itself: a secret keeps it, and a URL does not get a secret."""
    write(shell.folder / ".env", "BULKLOAD_URL=http://127.0.0.1:1/${PGRST_JWT_SECRET}\n")
    ended = shell.run("--trust-config", "--retry-for", "0", "good.jsonl", env=FROM_FOLDER)
    report = json.loads((shell.folder / "good.jsonl.bulkload" / "report.json").read_text())
    assert "http://127.0.0.1:1/${PGRST_JWT_SECRET}" == report["target"]["url"]
    assert target.secret not in ended.err

    secret = "a-${HOME}-secret-$x-of-more-than-32-characters"
    write(shell.folder / ".env", f"PGRST_JWT_SECRET='{secret}'\n")
    token = shell.run("token", env={"PGRST_JWT_SECRET": None}).out.strip()
    assert "api_data_producer" == jwt.decode(token, secret, ["HS256"], audience=target.url)["role"]


@pytest.mark.parametrize("mode", [0o620, 0o602, 0o666])
@pytest.mark.parametrize("file", [".env", "secret"])
def test_a_file_that_others_can_write_has_no_secret(
    shell: Shell, target: Target, file: str, mode: int
) -> None:
    """They could put in another, which the server would refuse at best."""
    text = target.secret if file == "secret" else f"PGRST_JWT_SECRET={target.secret}\n"
    write(shell.folder / file, text, mode)
    flags = ["--jwt-secret-file", "secret"] if file == "secret" else []

    ended = shell.run(*flags, "good.jsonl", env={"PGRST_JWT_SECRET": None})

    assert (2, 0) == (ended.code, rows(target))
    assert "others can write it" in ended.err
    (shell.folder / file).chmod(0o644)
    assert 0 == shell.run(*flags, "good.jsonl", env={"PGRST_JWT_SECRET": None}).code


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files away")
def test_a_file_of_another_user_has_no_secret(shell: Shell, target: Target) -> None:
    """Its owner can write it at any time."""
    os.chown(write(shell.folder / "secret", target.secret), NOBODY, NOBODY)

    ended = shell.run("--jwt-secret-file", "secret", "good.jsonl", env={"PGRST_JWT_SECRET": None})

    assert (2, True) == (ended.code, "another user" in ended.err)


@pytest.mark.parametrize("file", [".env", "bulkload.toml", "pyproject.toml", "secret"])
@pytest.mark.parametrize("kind", ["pipe", "device"])
def test_a_pipe_or_a_device_is_not_waited_for(shell: Shell, file: str, kind: str) -> None:
    """Exit 2 with words, at once."""
    if kind == "pipe":
        os.mkfifo(shell.folder / file)
    else:
        (shell.folder / file).symlink_to("/dev/zero")
    flags = ["--jwt-secret-file", "secret"] if file == "secret" else []

    ended = shell.run(*flags, "good.jsonl")

    assert 2 == ended.code
    assert "not a regular file" in ended.err or "is empty" in ended.err


def test_a_folder_of_that_name_is_no_file_of_settings(shell: Shell) -> None:
    """Some call a virtual environment .env."""
    (shell.folder / ".env").mkdir()

    assert 0 == shell.run("good.jsonl").code


def test_a_secret_may_come_through_a_pipe(shell: Shell, target: Target) -> None:
    """As from `<(pass show it)`, which may take a while."""
    command = f"{sys.executable} -m loader --jwt-secret-file <(sleep 1; echo '{target.secret}') good.jsonl"
    environment = {name: value for name, value in shell.environment.items() if value is not None}
    del environment["PGRST_JWT_SECRET"]

    ended = subprocess.run(
        ["bash", "-c", command], cwd=shell.folder, env=environment, timeout=60, check=False
    )

    assert 0 == ended.returncode
    assert 3 == rows(target)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (f"max-errors = {'1' * 5000}", "not TOML"),
        (f"batch-bytes = 0x{'f' * 5000}", "too large a number"),
        ("[table]\nname = 'x'", "is a table"),
        ("columns = [['id']]", "list of lists"),
        ('run-dir = "a\\u0000b"', "U+0000"),
        (f"a = {'[' * 5000}{']' * 5000}", "not TOML"),
    ],
)
def test_odd_values_in_a_file_are_told(shell: Shell, text: str, words: str) -> None:
    """Exit 2, in words."""
    write(shell.folder / "bulkload.toml", text)

    ended = shell.run("good.jsonl")

    assert (2, True) == (ended.code, words in ended.err), ended.err[:1000]


@pytest.mark.parametrize(
    "toml",
    [
        "url = 'http://127.0.0.1:1'\noauth-token-url = 'http://127.0.0.1:1/token'\noauth-client-id = 'me'\n",
        "url = 'http://127.0.0.1:1'\nlogin = 'me@example.com'\n",
    ],
)
def test_a_token_is_not_fetched_where_a_folder_says(shell: Shell, toml: str) -> None:
    """Also `bulkload token` sends secrets: to whoever gives a token for them. To sign one it asks nothing."""
    secret = "BULKLOAD_PASSWORD" if "login" in toml else "BULKLOAD_OAUTH_CLIENT_SECRET"
    variables: Environment = {secret: "hush-hush", "BULKLOAD_APIKEY": "a-key"}
    write(shell.folder / "bulkload.toml", toml)

    ended = shell.run("token", env=ALL_FROM_FOLDER | variables)

    assert (2, True) == (ended.code, "this needs --trust-config" in ended.err), ended.err
    assert "hush-hush" not in ended.err
    write(shell.folder / "bulkload.toml", "url = 'http://127.0.0.1:1'\n")
    assert 0 == shell.run("token", env={"BULKLOAD_URL": None}).code
