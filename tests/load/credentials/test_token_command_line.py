"""A helper, as the command line shows it: its words, signals, and what is left behind."""

from __future__ import annotations

import shlex
import signal
from pathlib import Path

import pytest

from tests.support.harness import Target
from tests.support.helper_program import EVER, HelperProgram, lives, signed
from tests.support.processes import Loads, Run, await_that

NO_SECRET = {"PGRST_JWT_SECRET": ""}
FIRST = range(1, 2)
WORDS = "\x1b[31mtouch the key\x1b[0m\n"


@pytest.fixture
def helper(target: Target, tmp_path: Path) -> HelperProgram:
    return HelperProgram(tmp_path / "helper", target.secret)


@pytest.fixture
def loads(loads: Loads, helper: HelperProgram) -> Loads:
    """Loads of 200 rows, in batches of 20, whose tokens come from the helper."""
    loads.variables |= NO_SECRET | {"BULKLOAD_TOKEN_COMMAND": shlex.quote(str(helper.path))}
    rows = [f'{{"id":"{number}","a":{number}}}\n' for number in range(200)]
    (loads.folder / "rows.jsonl").write_text("".join(rows))
    loads.options = ("--batch-rows=20", "--progress=none")
    return loads


def left_behind(run: Run) -> str:
    """Return all that stands in the files of the run directory."""
    return "".join(path.read_text(errors="replace") for path in run.folder.iterdir())


def test_its_words_are_shown_and_kept_nowhere(loads: Loads, target: Target, helper: HelperProgram) -> None:
    """On a line of their own, without control characters."""
    helper.plan(target.secret, says=WORDS)

    run = loads.run("rows.jsonl")

    assert (0, 1) == (run.code, run.err.count("token-command: "))
    assert (True, False) == ("touch the key" in run.err, "\x1b" in run.err)
    assert "touch the key" not in left_behind(run)


@pytest.mark.parametrize(("fails", "code", "shown"), [(range(0), 0, 0), (FIRST, 4, 1)])
def test_with_quiet_its_words_are_shown_if_it_fails(
    loads: Loads, target: Target, helper: HelperProgram, fails: range, code: int, shown: int
) -> None:
    """They say why."""
    helper.plan(target.secret, says=WORDS, fails=fails)

    run = loads.run("-q", "rows.jsonl")

    assert (code, shown) == (run.code, run.err.count("touch the key"))


@pytest.mark.parametrize("hangs", [FIRST, EVER])
def test_an_interrupt_ends_a_helper_that_hangs(
    loads: Loads, target: Target, helper: HelperProgram, hangs: range
) -> None:
    """At the start, and in the middle of the load; with all that it has started. The load can be resumed."""
    helper.plan(target.secret, lifetime=0.5, hangs=hangs)
    process = loads.start("--max-rate=200", "rows.jsonl")
    await_that(lambda: len(helper.pids) >= 1 + hangs.start, process)

    process.signal(signal.SIGINT)

    run = process.wait(10)
    assert 130 == run.code
    await_that(lambda: not any(map(lives, helper.pids)))  # a killed process takes a moment to go
    helper.plan(target.secret)
    assert 0 == loads.run("rows.jsonl").code
    assert [(200,)] == target.sql("select count(*) from api.faults")


def test_a_token_through_a_pipe(loads: Loads, target: Target) -> None:
    """As <(command) of bash gives it."""
    del loads.variables["BULKLOAD_TOKEN_COMMAND"]
    loads.variables["T"] = signed(target.secret)
    script = 'exec "$@" --token-file <(printf %s "$T")'

    run = loads.start("rows.jsonl", prefix=["bash", "-c", script, "bash"]).wait()

    assert (0, False) == (run.code, loads.variables["T"] in run.err)


def test_two_sources_of_tokens_are_one_too_many(loads: Loads, target: Target) -> None:
    """The error names both."""
    loads.variables["BULKLOAD_TOKEN"] = signed(target.secret)

    run = loads.run("rows.jsonl")

    assert (2, True) == (run.code, "BULKLOAD_TOKEN and --token-command" in run.err)
