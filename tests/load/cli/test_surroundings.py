"""Odd surroundings and signals: each ends with words and an exit code of the contract."""

from __future__ import annotations

import json
import os
import re
import select
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.load.test_cli import Environment, Shell, shell
from tests.support.harness import Target, trade, wait_for
from tests.support.line_faults import Stall
from tests.support.proxy import Proxy

__all__ = ["shell"]  # a fixture


def bash(shell: Shell, command: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run a line of a shell in which $LOAD is the command."""
    environment = {name: value for name, value in shell.environment.items() if value is not None}
    load = f"{sys.executable} -m loader"
    ended = subprocess.run(
        ["bash", "-c", command.replace("$LOAD", load)],
        cwd=shell.folder, env=environment | variables, capture_output=True, text=True,
        errors="replace", timeout=60, check=False,
    )  # fmt: skip
    assert "Traceback" not in ended.stderr
    return ended


@pytest.mark.parametrize("files", [6, 7, 8, 10])
def test_too_few_files_are_told(shell: Shell, files: int) -> None:
    """Whatever wants one more: exit 2 or 4, in words."""
    ended = bash(shell, f"ulimit -n {files}; exec $LOAD good.jsonl")

    assert ended.returncode in (2, 4), ended.stderr
    assert re.search(r"too (many|few).* files|unable to open", ended.stderr, re.IGNORECASE)


@pytest.mark.parametrize("arguments", ["token", "token --decode", "--help", "--version", "load --help"])
def test_a_full_disk_behind_stdout_is_told(shell: Shell, arguments: str) -> None:
    """Exit 4: what was asked for has not arrived."""
    ended = bash(shell, f"$LOAD {arguments} > /dev/full")

    assert (4, True) == (ended.returncode, "no space left on device" in ended.stderr)


@pytest.mark.parametrize("locale", [{"LC_ALL": "C", "PYTHONUTF8": "0"}, {"LC_ALL": "C.UTF-8"}])
@pytest.mark.parametrize("name", ["é.jsonl", "東京 😀.jsonl"])
def test_a_name_outside_the_locale_is_loaded(
    shell: Shell, target: Target, locale: dict[str, str], name: str
) -> None:
    """Its run directory has its name, and the report too."""
    (shell.folder / name).write_text(f"{trade()}\n")

    ended = bash(shell, f"$LOAD '{name}'", **locale)

    assert 0 == ended.returncode, ended.stderr
    assert [name] == json.loads((shell.folder / f"{name}.bulkload" / "report.json").read_text())["sources"]
    assert [("t1",)] == target.sql("select id from core.trades")


@pytest.mark.parametrize(
    "name", ["a\nreport: 3 rows loaded\n.jsonl", "\x1b[2J\x1b]0;owned\x07.jsonl", "\u202egpj.jsonl"]
)
def test_a_name_of_a_file_cannot_speak_to_the_terminal(shell: Shell, name: str) -> None:
    """It is shown with escapes, also in the command that resumes; JSON has it as it is."""
    (shell.folder / name).write_text("not json\n")

    ended = shell.run("-v", "--max-errors", "0", name)

    assert 3 == ended.code
    assert not set("\x1b\x07\u202e") & set(ended.err)
    assert not [line for line in ended.err.split("\n") if line.strip().startswith("report: 3 rows")]
    assert [name] == json.loads((shell.folder / f"{name}.bulkload" / "report.json").read_text())["sources"]
    resume = ended.err.split("to resume: bulkload ")[1].strip()
    assert name == bash(shell, f"printf '%s\\n' {resume} | tail -n +4").stdout[:-1]


@pytest.mark.parametrize(
    "secret",
    [
        "-----BEGIN RSA PRIVATE KEY-----\nMIIEvQIBADANBgkqhkiG9w0B\n-----END RSA PRIVATE KEY-----",
        "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIExample me@here",
    ],
)
def test_a_key_is_no_secret_of_hs256(shell: Shell, secret: str) -> None:
    """Exit 2, and the key is not shown."""
    for command in ("token", "good.jsonl"):
        ended = shell.run(command, env={"PGRST_JWT_SECRET": secret})
        assert (2, True) == (ended.code, "PEM or SSH key" in ended.err)
        assert not any(part in ended.err for part in secret.split())


@pytest.mark.parametrize(
    "url", ["http://user:pa/ss@h", "user:pa55word@h", "http:/user:pa55word@h", "http://user:pa55word@h?a=b"]
)
def test_a_password_is_never_shown(shell: Shell, url: str) -> None:
    """Neither of --url nor of a source, in whatever form."""
    commands: list[list[str]] = [["--url", url, "good.jsonl"], [f"--url={url}", "good.jsonl"], [url]]
    for arguments in commands:
        ended = shell.run("-vv", *arguments)
        assert 2 == ended.code, ended.err
        assert not [word for word in ("pa/ss", "pa55word") if word in ended.err + ended.out]
    for arguments in (["token", url], ["good.jsonl", f"--concurrency={url}"]):
        ended = shell.run("-vv", *arguments)
        assert 2 == ended.code
        assert "://" not in url or "pa55word" not in ended.err


def test_a_password_of_an_endpoint_is_never_shown(shell: Shell) -> None:
    """That of AWS_ENDPOINT_URL, which obstore quotes."""
    variables: Environment = {
        "AWS_ENDPOINT_URL": "http://me:open-sesame@127.0.0.1:1",
        "AWS_ACCESS_KEY_ID": "me",
        "AWS_SECRET_ACCESS_KEY": "wJalrXUtnFEMIbPxRfiCY",
        "AWS_ALLOW_HTTP": "true",
    }

    ended = shell.run("-vv", "s3://bucket/key.jsonl", env=variables)

    assert 2 == ended.code
    assert not [word for word in ("open-sesame", "wJalrXUtnFEMIbPxRfiCY") if word in ended.err]


class Waiting:
    """A load whose request gets no answer."""

    def __init__(self, shell: Shell, proxy: Proxy) -> None:
        self.process = shell.start("--fresh", "--timeout=40", "--url", proxy.url, "good.jsonl")
        wait_for(lambda: bool(proxy.posts), 30)
        self.said = ""

    def hears(self, words: str, seconds: float) -> bool:
        """Return whether the load says some words within so many seconds."""
        assert self.process.stderr is not None
        deadline = time.monotonic() + seconds
        while words not in self.said and time.monotonic() < deadline:
            if select.select([self.process.stderr], [], [], 0.1)[0]:
                self.said += os.read(self.process.stderr.fileno(), 4096).decode()
        return words in self.said


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_second_signal_does_not_wait(
    shell: Shell, target: Target, number: signal.Signals, code: int
) -> None:
    """The first says at once what is waited for and how long; after the second the same command resumes."""
    with Proxy(target.url, lambda seen: Stall() if seen.number else None) as proxy:
        load = Waiting(shell, proxy)
        load.process.send_signal(number)
        assert load.hears("1 request has no answer yet: waiting for it, ", 3), load.said
        seconds = re.search(r"(\d+) s at most", load.said)
        assert seconds is not None
        assert 20 < int(seconds[1]) <= 40
        assert load.process.poll() is None
        load.process.send_signal(number)
        started = time.monotonic()
        assert code == load.process.wait(10)
        assert time.monotonic() - started < 5
        _, err = load.process.communicate()
    report = json.loads((shell.folder / "good.jsonl.bulkload" / "report.json").read_text())
    assert ("interrupted", 0) == (report["status"], report["rows_loaded"])
    assert "to resume: bulkload" in load.said + err

    assert 0 == shell.run("good.jsonl").code
    assert [(3,)] == target.sql("select count(*) from core.trades")


def test_no_proxy_or_log_prints_past_the_mask(shell: Shell, tmp_path: Path) -> None:
    """A traceback under -vv is masked, too."""
    (tmp_path / "sitecustomize.py").write_text(
        "import loader.sources.find as find, os\n"
        "def broken(*_): raise RuntimeError('\\x1b[2J ' + os.environ['PGRST_JWT_SECRET'])\n"
        "find.find = broken\n"
    )
    variables: Environment = {"PYTHONPATH": f"{tmp_path}:{shell.environment['PYTHONPATH']}"}
    with shell.start("-vv", "good.jsonl", env=variables) as process:
        _, err = process.communicate(timeout=60)

    assert 70 == process.returncode
    assert "RuntimeError: \\x1b[2J ***" in err
    assert (shell.environment["PGRST_JWT_SECRET"] or "") not in err
