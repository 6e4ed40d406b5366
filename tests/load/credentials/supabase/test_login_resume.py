"""The refresh token of an unfinished load: what a crash leaves behind, and what it is good for."""

from __future__ import annotations

import json
from contextlib import suppress
from pathlib import Path

import pytest

from tests.support.harness import line
from tests.support.processes import Loads, Process, await_that
from tests.support.servers import Servers
from tests.support.supabase import PUBLISHABLE_KEY, USER, Supabase
from tests.support.supabase_auth import User

ROWS = 1200
COUNT = "select count(*), count(distinct a) from public.faults"


@pytest.fixture
def user_loads(loads: Loads, supabase: Supabase) -> Loads:
    """Return loads as processes, of the user, slow enough to be killed between two renewals."""
    supabase.auth.lifetime = 1.0
    lines = (line({"id": f"r{number}", "a": number}) for number in range(ROWS))
    (loads.folder / "rows.jsonl").write_text("".join(f"{text}\n" for text in lines))
    loads.options = ("--batch-rows=50", "--max-rate=600", "--retry-for=20", f"--login={USER.email}")
    loads.url = supabase.url
    loads.variables = {
        "PGRST_JWT_SECRET": "",
        "BULKLOAD_APIKEY": PUBLISHABLE_KEY,
        "BULKLOAD_PASSWORD": USER.password,
    }
    return loads


def session(process: Process) -> Path:
    """Return the file with the refresh token."""
    return process.folder / "session"


def is_made(folder: Path) -> bool:
    """Make a folder, and return whether its name was free."""
    with suppress(FileExistsError):
        folder.mkdir()
        return True
    return False


def secrets_in(folder: Path, supabase: Supabase) -> list[tuple[str, str]]:
    """Return which file holds which secret, of all files of a folder, at any depth."""
    secrets = [USER.password, PUBLISHABLE_KEY, *supabase.auth.given]
    contents = [(path.name, path.read_bytes()) for path in folder.rglob("*") if path.is_file()]
    return [(name, text) for name, content in contents for text in secrets if text.encode() in content]


def test_a_killed_load_is_resumed_without_the_password(
    user_loads: Loads, target: Servers, supabase: Supabase
) -> None:
    """The newest refresh token is all that is left behind, for its owner alone; at the end nothing is."""
    process = user_loads.start("rows.jsonl")
    await_that(lambda: supabase.auth.asked.count("refresh_token") >= 2 and supabase.posts > 5, process)
    await_that(lambda: supabase.auth.sessions[0].tokens[-1] in session(process).read_text(), process)
    command_line = Path(f"/proc/{process.popen.pid}/cmdline").read_bytes()
    killed = process.kill()

    assert not [text for text in (USER.password, PUBLISHABLE_KEY) if text.encode() in command_line]
    kept = supabase.auth.sessions[0].tokens[-2:]  # it may have been killed between a reply and the save
    assert {("session", True)} == {
        (name, secret in kept) for name, secret in secrets_in(user_loads.folder, supabase)
    }
    assert 0o600 == session(process).stat().st_mode & 0o777
    assert {"url", "login", "refresh_token"} == set(json.loads(session(process).read_text()))

    del user_loads.variables["BULKLOAD_PASSWORD"]
    resumed = user_loads.run("rows.jsonl")

    assert (0, [(ROWS, ROWS)]) == (resumed.code, target.sql(COUNT)), resumed.err
    assert 1 == supabase.auth.asked.count("password")
    assert [] == secrets_in(user_loads.folder, supabase)
    assert not session(process).exists()
    assert not [text for text in supabase.auth.given if text in killed.err + resumed.err]


def test_another_user_goes_on(user_loads: Loads, target: Servers, supabase: Supabase) -> None:
    """The user is told whose the rows are: those of before, and those that follow."""
    other = User("other@example.com", "the-password-of-another")
    supabase.auth.users[other.email] = other
    process = user_loads.start("rows.jsonl")
    await_that(lambda: supabase.posts > 5, process)
    process.kill()

    user_loads.variables["BULKLOAD_PASSWORD"] = other.password
    resumed = user_loads.run(f"--login={other.email}", "rows.jsonl")

    assert (0, [(ROWS, ROWS)]) == (resumed.code, target.sql(COUNT)), resumed.err
    assert f"this load began as {USER.email}: what is left of it is written as {other.email}" in resumed.err


def test_a_crash_between_the_reply_and_the_save(
    user_loads: Loads, target: Servers, supabase: Supabase
) -> None:
    """The refresh token that was kept is the parent of the one that was lost: Auth takes it again."""
    process = user_loads.start("rows.jsonl")
    await_that(lambda: supabase.posts > 5, process)
    supabase.is_auth_silent = True
    await_that(lambda: supabase.unanswered, process)
    kept = json.loads(session(process).read_text())["refresh_token"]
    process.kill()
    supabase.is_auth_silent = False

    assert kept == supabase.auth.sessions[0].tokens[-2]
    del user_loads.variables["BULKLOAD_PASSWORD"]
    resumed = user_loads.run("rows.jsonl")

    assert (0, [(ROWS, ROWS)]) == (resumed.code, target.sql(COUNT)), resumed.err
    assert (1, 1) == (len(supabase.auth.sessions), supabase.auth.asked.count("password"))


def test_a_save_that_fails(user_loads: Loads, target: Servers, supabase: Supabase) -> None:
    """The load stops, and says where; the refresh token of before the save is good for the resume."""
    process = user_loads.start("rows.jsonl")
    await_that(lambda: supabase.posts > 5, process)
    in_the_way = process.folder / "session.part"
    await_that(lambda: is_made(in_the_way), process)
    stopped = process.wait()
    in_the_way.rmdir()

    assert (4, True) == (stopped.code, f"{process.folder.name}/session: " in stopped.err), stopped.err
    kept = json.loads(session(process).read_text())["refresh_token"]
    assert kept == supabase.auth.sessions[0].tokens[-2]
    del user_loads.variables["BULKLOAD_PASSWORD"]
    resumed = user_loads.run("rows.jsonl")
    assert (0, [(ROWS, ROWS)]) == (resumed.code, target.sql(COUNT)), resumed.err
    assert 1 == supabase.auth.asked.count("password")


def test_a_session_that_was_revoked_meanwhile(user_loads: Loads, target: Servers, supabase: Supabase) -> None:
    """Without the password the load says so, and what to do; with it it signs in, and is completed."""
    process = user_loads.start("rows.jsonl")
    await_that(lambda: supabase.posts > 5, process)
    process.kill()
    supabase.auth.revoke()

    password = user_loads.variables.pop("BULKLOAD_PASSWORD")
    refused = user_loads.run("rows.jsonl")
    user_loads.variables["BULKLOAD_PASSWORD"] = password
    resumed = user_loads.run("rows.jsonl")

    assert (4, True) == (refused.code, "the session has ended" in refused.err), refused.err
    assert "Invalid Refresh Token" in refused.err
    assert "BULKLOAD_PASSWORD" in refused.err
    assert (0, [(ROWS, ROWS)]) == (resumed.code, target.sql(COUNT)), resumed.err


def test_a_session_is_of_one_user_and_one_project(
    user_loads: Loads, supabase: Supabase, target: Servers
) -> None:
    """Another user does not get it, and --fresh forgets it."""
    process = user_loads.start("rows.jsonl")
    await_that(lambda: supabase.posts > 5, process)
    process.kill()
    asked = len(supabase.auth.asked)
    del user_loads.variables["BULKLOAD_PASSWORD"]

    other = user_loads.run("--login=other@example.com", "rows.jsonl")
    fresh = user_loads.run("--fresh", "rows.jsonl")

    words = "needs the user's password"
    assert [(2, True), (2, True)] == [(run.code, words in run.err) for run in (other, fresh)]
    assert asked == len(supabase.auth.asked)
    assert target.sql(COUNT)[0][0] < ROWS
    assert not session(process).exists()
