"""A wrong key is told at once, and a plain secret costs no time."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.keys import pem, public_pem
from tests.unit.cli.test_any_value import run

TARGET = "--url=http://127.0.0.1:1"


@pytest.mark.parametrize("command", [[], ["plan"], ["token"]], ids=["load", "plan", "token"])
@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--jwt-key-file=key"], "key holds a public key"),
        (["--jwt-secret-file=secret", "--jwt-secret-is-base64"], "secret is not base64"),
        (
            ["--jwt-key-file=good", "--jwt-alg=PS256"],
            "--jwt-alg is PS256, but --jwt-key-file good",
        ),
        (["--jwt-key-file=good", "--jwt-claim=exp=1"], "--jwt-claim cannot set exp"),
    ],
    ids=["key", "secret", "alg", "claim"],
)
def test_a_wrong_key_is_told_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str],
    command: list[str], options: list[str], words: str,
) -> None:  # fmt: skip
    """Exit 2, before a source is looked for, which is not there either."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "key").write_text(public_pem("P-256"))
    (tmp_path / "good").write_text(pem("P-256"))
    (tmp_path / "secret").write_text("no base64, for sure")
    sources = [] if command == ["token"] else ["none.jsonl"]

    code = run(*command, TARGET, *options, *sources)

    assert (2, True) == (code, words in (err := capfd.readouterr().err)), err


def test_a_plain_secret_is_checked_without_the_libraries_that_sign() -> None:
    """They take 100 ms to import."""
    code = (
        "import sys, loader;"
        "settings = loader.Settings(url='http://h', jwt_secret='a secret', jwt_claim=(('a', '1'),));"
        "loader.check_settings(settings);"
        "print({'jwt', 'cryptography', 'aiohttp'} & set(sys.modules))"
    )
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert "set()" == ended.stdout.strip()
