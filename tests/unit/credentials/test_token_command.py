"""--token-command: how the helper is run, and what is said where it gives no token."""

from __future__ import annotations

import shlex
import time
from pathlib import Path

import anyio
import anyio.lowlevel
import pytest

from loader.credentials.token_command import TokenCommand
from loader.credentials.token_source import TokensUnavailable
from loader.errors import LoadError, SettingsError, TargetError
from loader.halt import Halt
from tests.support.harness import wait_for
from tests.support.helper_program import HelperProgram, lives, signed


def shell(script: str) -> str:
    return f"sh -c {shlex.quote(script)}"


def program(path: Path, text: str, mode: int = 0o700) -> str:
    path.write_text(text)
    path.chmod(mode)
    return str(path)


async def test_what_it_prints_and_what_it_says() -> None:
    """Its stdout is the token, each line of its stderr is told; arguments are split as a shell does."""
    told: list[str] = []
    source = TokenCommand(shell('echo "a b" >&2; printf "\\nlast" >&2; echo t.o.k'), tell=told.append)

    token = await source.fetch()

    assert ("t.o.k", float("inf"), ["a b", "last"]) == (token.text, token.lifetime, told)
    assert "tokens that sh prints (--token-command)" == source.describe()


async def test_a_jwt_in_its_words_is_masked() -> None:
    """As `set -x` of a shell writes it."""
    told: list[str] = []
    token = signed("k" * 32)

    given = await TokenCommand(shell(f"set -x; echo {token}"), tell=told.append).fetch()

    assert (token, ["+ echo ***"]) == (given.text, told)


async def test_its_environment_has_none_of_our_secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    """What it needs for itself, it has."""
    secrets = ["PGRST_JWT_SECRET", "BULKLOAD_TOKEN", "BULKLOAD_PASSWORD", "BULKLOAD_APIKEY"]
    secrets += ["BULKLOAD_OAUTH_CLIENT_SECRET", "SUPABASE_SERVICE_ROLE_KEY", "BULKLOAD_TOKEN_COMMAND"]
    for name in (*secrets, "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "hush-hush")
    told: list[str] = []

    await TokenCommand(shell("env >&2; echo t"), tell=told.append).fetch()

    assert ["AWS_SECRET_ACCESS_KEY=hush-hush"] == [line for line in told if "hush-hush" in line]


FAILURES = [
    pytest.param("no-such-program hush", SettingsError, "there is no such program", id="missing"),
    pytest.param("TOKEN=hush no-such | x", SettingsError, "sh -c", id="a line for a shell"),
    pytest.param("/etc hush", SettingsError, "must not be run", id="a folder"),
    pytest.param(shell("exit 3 # hush"), TargetError, "ended with exit code 3", id="exit code"),
    pytest.param(shell("kill -9 $$ # hush"), TargetError, "was ended by SIGKILL", id="signal"),
    pytest.param(shell("yes hush"), TargetError, "more than 1 MiB", id="too much"),
    pytest.param(shell("sleep 600"), TargetError, "no token within 0.3 s", id="time-out"),
    pytest.param(shell("echo t; sleep 600 &"), TargetError, "no token within 0.3 s", id="open output"),
    pytest.param(shell(": hush"), SettingsError, "is empty", id="nothing"),
    pytest.param(shell("echo hush; echo hush"), SettingsError, "several lines", id="several lines"),
    pytest.param(shell("echo no login: hush"), SettingsError, "blanks", id="an error on stdout"),
    pytest.param(shell("echo hush >&2; exit 1"), TargetError, "exit code 1", id="an error on stderr"),
]


@pytest.mark.parametrize(("command", "kind", "words"), FAILURES)
async def test_where_it_gives_no_token_one_error_says_why(
    command: str, kind: type[LoadError], words: str
) -> None:
    """It quotes nothing that was printed, and no argument."""
    failed: list[int] = []
    source = TokenCommand(command, failed=lambda: failed.append(1), time_limit=0.3)

    with pytest.raises(kind) as caught:
        await source.fetch()

    assert (True, [1]) == (words in str(caught.value), failed)
    assert "--token-command" in str(caught.value)
    assert "hush" not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "mode", "words"),
    [
        ("#!/no/such/interpreter\n", 0o700, "interpreter in its first line"),
        ("#!/bin/sh\necho t\n", 0o600, "must not be run"),
        ("echo t\n", 0o700, "exec format error"),
    ],
)
async def test_a_file_that_is_no_program(tmp_path: Path, text: str, mode: int, words: str) -> None:
    """Each has words of its own."""
    with pytest.raises(SettingsError) as caught:
        await TokenCommand(program(tmp_path / "helper", text, mode)).fetch()

    assert words in str(caught.value)


async def test_later_a_failure_may_pass(tmp_path: Path) -> None:
    """A helper that has given a token before is tried again."""
    helper = HelperProgram(tmp_path / "helper", "k" * 32)
    helper.plan("k" * 32, lifetime=60, fails=range(2, 3))
    source = TokenCommand(str(helper.path))

    first = await source.fetch()
    with pytest.raises(TokensUnavailable, match="exit code 3") as caught:
        await source.fetch()
    third = await source.fetch()

    assert (True, True) == (caught.value.needs_mending, first.text != third.text)
    assert pytest.approx(60, abs=5) == third.lifetime


@pytest.mark.parametrize("way", ["time-out", "cancelled", "stopped"])
async def test_a_helper_that_hangs_is_ended_with_its_children(tmp_path: Path, way: str) -> None:
    """Whether its time is up, the load is given up, or it is to stop."""
    helper = HelperProgram(tmp_path / "helper", "k" * 32)
    helper.plan("k" * 32, hangs=range(1, 2))
    halt = Halt()
    time_limit = 1.0 if way == "time-out" else 60.0
    source = TokenCommand(str(helper.path), stoppable=halt.cancels, time_limit=time_limit)
    raised: list[type[Exception]] = []

    async def fetch() -> None:
        try:
            await source.fetch()
        except TargetError as error:
            raised.append(type(error))

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(fetch)
        while len(helper.pids) < 2:
            await anyio.lowlevel.checkpoint()
        began = time.monotonic()
        if way == "cancelled":
            tasks.cancel_scope.cancel()
        elif way == "stopped":
            halt.stop(TargetError("enough"))

    assert 5 > time.monotonic() - began
    wait_for(lambda: not any(map(lives, helper.pids)))  # a killed process takes a moment to go
    assert {"time-out": [TargetError], "cancelled": [], "stopped": [TokensUnavailable]}[way] == raised
