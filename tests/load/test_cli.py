"""The command line, as a person or a script meets it: what it prints, and its exit codes."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.support.harness import Target, trade, wait_for

Environment = dict[str, str | None]  # None: the variable is not there

NO_SANDBOX: Environment = {"BULKLOAD_POSTGRES_BIN": "/nowhere"}  # it cannot start, and says so
WRONG = "a-secret-that-the-server-does-not-have-at-all"


@dataclass(frozen=True)
class Ended:
    """A command that has ended."""

    code: int
    out: str
    err: str


class Shell:
    """Runs bulkload in a folder of its own, with the target in its environment."""

    def __init__(self, folder: Path, target: Target) -> None:
        self.folder = folder
        self.environment: Environment = {
            "PATH": os.environ["PATH"],
            "HOME": os.environ["HOME"],
            "PYTHONPATH": str(Path(__file__).parents[2]),
            "BULKLOAD_URL": target.url,
            "PGRST_JWT_SECRET": target.secret,
        }

    def start(self, *arguments: str, env: Environment | None = None) -> subprocess.Popen[str]:
        """Start it; an environment variable given as None is not there."""
        variables = self.environment | (env or {})
        return subprocess.Popen(
            [sys.executable, "-m", "loader", *arguments],
            cwd=self.folder,
            env={name: value for name, value in variables.items() if value is not None},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def run(self, *arguments: str, typed: str = "", env: Environment | None = None) -> Ended:
        """Run it to its end."""
        with self.start(*arguments, env=env) as process:
            out, err = process.communicate(typed, timeout=60)
        assert "Traceback" not in err
        return Ended(process.returncode, out, err)


@pytest.fixture
def shell(tmp_path: Path, target: Target) -> Shell:
    shell = Shell(tmp_path, target)
    (tmp_path / "empty").mkdir()
    (tmp_path / "good.jsonl").write_text("".join(f"{trade(f't{i}')}\n" for i in range(3)))
    return shell


def test_a_load_says_what_it_did_and_leaves_a_report(shell: Shell, target: Target) -> None:
    """Exit 0, a summary on stderr, nothing on stdout, the report in the run directory."""
    ended = shell.run("good.jsonl")

    assert (0, "") == (ended.code, ended.out)
    assert "3 rows: 3 loaded" in ended.err
    report = json.loads((shell.folder / "good.jsonl.bulkload" / "report.json").read_text())
    assert ("complete", 0, 3) == (report["status"], report["exit_code"], report["rows_loaded"])
    assert [(3,)] == target.sql("select count(*) from core.trades")


def test_json_prints_the_report_on_stdout(shell: Shell) -> None:
    """With --json stdout is the report and nothing else."""
    ended = shell.run("--json", "-q", "good.jsonl")

    assert json.loads((shell.folder / "good.jsonl.bulkload" / "report.json").read_text()) == json.loads(
        ended.out
    )
    assert "" == ended.err


@pytest.mark.parametrize(
    ("arguments", "environment", "code", "words"),
    [
        pytest.param(["none.jsonl"], {}, 2, ["none.jsonl: no such file"], id="no such file"),
        pytest.param(["none*.jsonl"], {}, 2, ["none*.jsonl: no file has such a name"], id="an empty glob"),
        pytest.param(["empty"], {}, 2, ["empty: no file in it has a name that tells"], id="an empty folder"),
        pytest.param([], {}, 0, ["Usage: bulkload"], id="nothing"),
        pytest.param(["--concurrency", "2"], {}, 2, ["no source was named"], id="no source"),
        pytest.param(["-", "-"], {}, 2, ["standard input can be read only once"], id="stdin twice"),
        pytest.param(
            ["good.jsonl"],
            {"BULKLOAD_URL": None},
            2,
            ["--url is missing", "BULKLOAD_URL", "--sandbox"],
            id="no URL",
        ),
        pytest.param(
            ["--url", "localhost:3000", "good.jsonl"], {}, 2, ["not a web address"], id="half a URL"
        ),
        pytest.param(
            ["--url", "http://127.0.0.1:1", "--retry-for", "1", "good.jsonl"],
            {},
            5,
            ["connection refused", "http://127.0.0.1:1", "Is --url right"],
            id="a URL that nothing listens on",
        ),
        pytest.param(
            ["--url", "http://nothing.invalid", "good.jsonl"],
            {},
            4,
            ["nothing.invalid", "--url"],
            id="no such host",
        ),
        pytest.param(
            ["good.jsonl"],
            {"PGRST_JWT_SECRET": WRONG},
            4,
            ["JWSInvalidSignature", "PGRST_JWT_SECRET"],
            id="a wrong secret",
        ),
        pytest.param(
            ["good.jsonl"], {"PGRST_JWT_SECRET": None}, 4, ["42501", "No token was sent"], id="no secret"
        ),
        pytest.param(["--table", "nope", "good.jsonl"], {}, 4, ["--table", "404"], id="a wrong table"),
        pytest.param(
            ["--schema", "nope", "good.jsonl"], {}, 4, ["--schema", "PGRST106"], id="a wrong schema"
        ),
        pytest.param(["--role", "nobody", "good.jsonl"], {}, 4, ["nobody", "--role"], id="a wrong role"),
        pytest.param(
            ["--on-conflict", "price", "good.jsonl"], {}, 4, ["42P10", "--on-conflict"], id="a wrong key"
        ),
        pytest.param(
            ["--max-errors", "many", "good.jsonl"], {}, 2, ["--max-errors"], id="a wrong number of errors"
        ),
        pytest.param(["--batch-bytes", "1X", "good.jsonl"], {}, 2, ["'1X' is not a size"], id="a wrong size"),
        pytest.param(
            ["--concurrency", "0", "good.jsonl"], {}, 2, ["--concurrency", "at least 1"], id="no requests"
        ),
        pytest.param(["--concurrency", "x", "good.jsonl"], {}, 2, ["--concurrency"], id="not a number"),
        pytest.param(
            ["--resolution", "merge", "good.jsonl"], {}, 2, ["merge-duplicates"], id="a wrong resolution"
        ),
        pytest.param(
            ["--columns", "price", "good.jsonl"], {}, 2, ["--columns lacks the key"], id="columns without key"
        ),
        pytest.param(
            ["--on-conflict", "id", "--columns", "price", "good.jsonl"],
            {},
            2,
            ["--columns lacks the key"],
            id="columns without the key that is given",
        ),
        pytest.param(
            ["--map", "a=b", "--set", "a=1", "good.jsonl"],
            {},
            2,
            ["--map and --set give a more than once"],
            id="a column twice",
        ),
        pytest.param(
            ["--sandbox", "--drop", "b", "--map", "a=b", "good.jsonl"],
            NO_SANDBOX,
            2,
            ["--drop and --map both name b"],
            id="a contradiction, before the sandbox starts",
        ),
        pytest.param(
            ["--sandbox", "--preset", "kraken", "--id", "refid", "good.jsonl"],
            NO_SANDBOX,
            2,
            ["the preset kraken does not allow 'refid' as the id"],
            id="a wrong id, before the sandbox starts",
        ),
        pytest.param(
            ["--sandbox", "--preset", "kraken", "--usd-rates", "none.csv", "good.jsonl"],
            NO_SANDBOX,
            2,
            ["--usd-rates none.csv"],
            id="no file of rates, before the sandbox starts",
        ),
        pytest.param(
            ["--sandbox", "--on-conflict", "", "good.jsonl"],
            NO_SANDBOX,
            2,
            ["'' is not a list of columns"],
            id="an empty key",
        ),
        pytest.param(
            ["--sandbox", "none.jsonl"],
            NO_SANDBOX,
            2,
            ["none.jsonl: no such file"],
            id="no such file, before the sandbox starts",
        ),
        pytest.param(
            ["--on-conflict", "nope", "good.jsonl"], {}, 4, ["--on-conflict names nope", "price"], id="no key"
        ),
        pytest.param(
            ["--columns", "id,ordr", "good.jsonl"], {}, 4, ["--columns names ordr", "price"], id="no column"
        ),
        pytest.param(["--url", "http://[::1", "good.jsonl"], {}, 2, ["not a web address"], id="a broken URL"),
        pytest.param(
            ["--url", "ftp://u:pw@h", "good.jsonl"], {}, 2, ["ftp://***@h"], id="a password in the URL"
        ),
        pytest.param(
            ["--timeout", "inf", "good.jsonl"], {}, 2, ["--timeout is inf"], id="no time-out at all"
        ),
        pytest.param(["--nope", "good.jsonl"], {}, 2, ["--nope"], id="a wrong option"),
        pytest.param(
            ["--jwt-secret-file", "none", "good.jsonl"],
            {},
            2,
            ["--jwt-secret-file none"],
            id="no secret file",
        ),
        pytest.param(
            ["--sandbox", "good.jsonl"],
            NO_SANDBOX,
            2,
            ["BULKLOAD_POSTGRES_BIN"],
            id="no PostgreSQL for the sandbox",
        ),
    ],
)
def test_what_is_wrong_is_told_with_what_to_do(
    shell: Shell,
    target: Target,
    *,
    arguments: list[str],
    environment: Environment,
    code: int,
    words: list[str],
) -> None:
    """A message in words, the exit code of the contract, no traceback, and nothing sent."""
    ended = shell.run(*arguments, env=environment)

    assert code == ended.code, ended.err
    output = ended.out + ended.err
    assert [] == [word for word in words if word not in output], output
    assert [] == target.sql("select id from core.trades")


@pytest.mark.parametrize(
    "content", [b"", b"\n\n  \r\n", b"\xef\xbb\xbf"], ids=["empty", "blank lines", "BOM"]
)
def test_a_source_without_rows_is_no_error(shell: Shell, content: bytes) -> None:
    """0 rows, exit 0, and it says so; the target need not even be there."""
    (shell.folder / "empty.jsonl").write_bytes(content)

    ended = shell.run("empty.jsonl", env={"BULKLOAD_URL": "http://127.0.0.1:1"})

    assert 0 == ended.code
    assert "no rows" in ended.err


def test_standard_input_is_a_source(shell: Shell, target: Target) -> None:
    """``-`` reads what is piped in; its run directory is stdin.bulkload."""
    ended = shell.run("-", typed=f"{trade('piped')}\n")

    assert 0 == ended.code
    assert [("piped",)] == target.sql("select id from core.trades")
    assert (shell.folder / "stdin.bulkload" / "report.json").exists()


def test_several_sources_are_one_load_in_their_order(shell: Shell, target: Target) -> None:
    """A glob and a file: the later source's row wins."""
    (shell.folder / "a1.jsonl").write_text(trade("x", amount=1) + "\n")
    (shell.folder / "a2.jsonl").write_text(trade("x", amount=2))
    (shell.folder / "b.jsonl").write_text(trade("x", amount=3))

    ended = shell.run("--json", "a*.jsonl", "b.jsonl")

    report = json.loads(ended.out)
    assert ["a1.jsonl", "a2.jsonl", "b.jsonl"] == report["sources"]
    assert 3 == report["rows_read"]
    assert [(3,)] == target.sql("select amount from core.trades")


def test_rejects_are_summed_up_by_code(shell: Shell) -> None:
    """Exit 1, and the summary says how many of what, where the first is, and where all are."""
    rows = [trade("t1"), trade("t2", market="binance"), "{", trade("t3", market="binance"), trade("t4")]
    (shell.folder / "dirty.jsonl").write_text("\n".join(rows))

    ended = shell.run("dirty.jsonl")

    assert 1 == ended.code
    assert (
        '2 x 22P02 column market: invalid input value for enum core.market_enum: "binance"; '
        "first: dirty.jsonl:2" in ended.err
    )
    assert "1 x not-json" in ended.err
    assert "dirty.jsonl.bulkload/rejects.jsonl" in ended.err
    assert 2 == shell.run("dirty.jsonl.bulkload").code


def test_a_source_is_never_written_over(shell: Shell) -> None:
    """Mended rejects are loaded from another run directory; in their own they would be lost."""
    (shell.folder / "run").mkdir()
    rejects = shell.folder / "run" / "rejects.jsonl"
    rejects.write_text(trade("t1"))

    for flags in ([], ["--fresh"]):
        ended = shell.run("--run-dir", "run", *flags, "run/rejects.jsonl")
        assert (2, trade("t1")) == (ended.code, rejects.read_text())
        assert "--run-dir" in ended.err
    assert 0 == shell.run("run/rejects.jsonl").code


def test_a_share_of_rejects_is_judged_at_the_end_too(shell: Shell) -> None:
    """Where most bad rows came before there was enough to judge by."""
    rows = ["{"] * 900 + [trade(f"t{i}") for i in range(600)]
    (shell.folder / "early.jsonl").write_text("\n".join(rows))

    assert 3 == shell.run("--max-errors", "5%", "early.jsonl").code
    assert 1 == shell.run("--fresh", "--max-errors", "60%", "early.jsonl").code


def test_a_secret_is_never_printed(shell: Shell) -> None:
    """Not even where it is what is wrong."""
    (shell.folder / ".env").write_bytes(b"PGRST_JWT_SECRET=hush-hush\nOTHER=\xff\n")

    ended = shell.run("good.jsonl", env={"PGRST_JWT_SECRET": None})

    assert (2, False) == (ended.code, "hush" in ended.err)
    assert ".env is not UTF-8" in ended.err


@pytest.mark.parametrize("style", ["plain", "bar"])
def test_a_load_does_not_need_anyone_to_listen(shell: Shell, style: str) -> None:
    """With a standard error that cannot be written, it loads all the same."""
    command = f"exec {sys.executable} -m loader -v --progress {style} good.jsonl 2>/dev/full"
    environment = {name: value for name, value in shell.environment.items() if value is not None}
    ended = subprocess.run(["sh", "-c", command], cwd=shell.folder, env=environment, timeout=60, check=False)

    report = json.loads((shell.folder / "good.jsonl.bulkload" / "report.json").read_text())
    assert (0, "complete") == (ended.returncode, report["status"])


def test_flag_then_environment_then_dotenv_then_file(shell: Shell) -> None:
    """Each setting comes from the nearest place that names it."""

    def table(*flags: str, env: Environment | None = None) -> str:
        ended = shell.run("--json", *flags, "good.jsonl", env=env)
        found: str = json.loads(ended.out)["target"]["table"]
        return found

    (shell.folder / "pyproject.toml").write_text("[tool.bulkload]\ntable = 'from_project'\nmax-errors = 5\n")
    assert "from_project" == table()
    (shell.folder / "bulkload.toml").write_text("table = 'from_file'\n")
    assert "from_file" == table()
    (shell.folder / ".env").write_text("BULKLOAD_TABLE=from_dotenv\n")
    assert "from_dotenv" == table()
    assert "from_environment" == table(env={"BULKLOAD_TABLE": "from_environment"})
    (shell.folder / "bulkload.toml").write_text("table = 'from_file'\njson = true\n")
    assert "from_flag" == table("--table", "from_flag", env={"BULKLOAD_TABLE": "from_environment"})


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("tabel = 'x'", "'tabel', which is not a setting"),
        ("table = ", "is not TOML"),
        ("jwt-secret = 'x'", "secret"),
    ],
)
def test_a_wrong_file_of_settings_is_refused(shell: Shell, text: str, words: str) -> None:
    """A typo in bulkload.toml is told, not ignored."""
    (shell.folder / "bulkload.toml").write_text(text)

    ended = shell.run("good.jsonl")

    assert (2, True) == (ended.code, words in ended.err), ended.err


def test_a_dry_run_sends_no_row(shell: Shell, target: Target) -> None:
    """Everything is read and checked, and the target is asked; the table stays as it is."""
    ended = shell.run("--dry-run", "good.jsonl")

    assert 0 == ended.code
    assert "3 rows checked, none sent" in ended.err
    assert [] == target.sql("select id from core.trades")
    assert 4 == shell.run("--dry-run", "--table", "nope", "good.jsonl").code


def test_the_token_is_the_one_that_a_load_sends(shell: Shell, target: Target) -> None:
    """Its claims are role, aud (the URL as written) and exp."""
    claims = json.loads(shell.run("token", "--decode", "--url", f"{target.url}/").out)

    assert ("api_data_producer", f"{target.url}/") == (claims["role"], claims["aud"])
    assert 3 == len(shell.run("token").out.strip().split("."))
    assert 2 == shell.run("token", env={"PGRST_JWT_SECRET": None}).code


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_ends_a_load_that_waits_for_its_source(
    shell: Shell, target: Target, number: signal.Signals, code: int
) -> None:
    """What was read before is in the table, and the command that resumes it is the last line."""
    with shell.start("--fresh", "--batch-rows", "1", "-") as process:
        assert process.stdin is not None
        process.stdin.write("".join(f"{trade(f't{i}')}\n" for i in range(4000)))
        process.stdin.flush()
        wait_for(lambda: target.sql("select count(*) from core.trades")[0][0] > 0)
        process.send_signal(number)
        # Standard input stays open: the process must not wait for it.
        assert code == process.wait(timeout=10)
        assert process.stderr is not None
        err = process.stderr.read()
        process.stdin.close()

    report = json.loads((shell.folder / "stdin.bulkload" / "report.json").read_text())
    assert [(report["rows_loaded"],)] == target.sql("select count(*) from core.trades")
    assert "interrupted" == report["status"]
    assert "to resume: bulkload --batch-rows 1 -" == err.splitlines()[-1]


@pytest.mark.parametrize(
    "arguments", [["--help"], ["load", "--help"], ["sandbox", "--help"], ["token", "--help"]]
)
def test_each_command_has_help(shell: Shell, arguments: list[str]) -> None:
    """Help names the options, and `bulkload --help` those of a load."""
    ended = shell.run(*arguments)

    assert 0 == ended.code
    assert "Usage" in ended.out
    assert ("--concurrency" in ended.out) == (arguments[0] in ("--help", "load"))
