"""Whatever an option is given, a load ends with an exit code of the contract, and never as a bug."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from unittest.mock import patch

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from loader.cli import main as command_line
from loader.errors import Exit
from loader.settings import OPTIONS
from loader.settings.option import flag

FLAGS = [
    flag(f"{name}_file" if about.secret else name)
    for name, about in OPTIONS.items()
    if name not in ("sandbox", "run_dir", "dry_run", "fresh")
]
NUMBERS = st.sampled_from(
    ["9" * 5000, "-1", "1e999", "nan", "inf", "0x10", "٣", "1_0", " 7 ", "5%", "1e-400%"]
)
WORDS = st.sampled_from(
    ["", "-", "--", "a=b", "=", "#3", "../..", "/dev/null", "/", "a\nb", "\x1b[2J", "%", "tab"]
)
VALUES = st.one_of(st.text(max_size=40), NUMBERS, WORDS, st.text("0123456789.,%kKmMiB=", max_size=12))
# Of a command line: no U+0000; a byte that is not UTF-8 comes as a surrogate. Of a file: anything.
ARGUMENTS = st.one_of(VALUES.filter(lambda text: "\0" not in text), st.just("\udcff\udc80"))
pytestmark = pytest.mark.usefixtures("folder")
ENDS = {Exit.COMPLETE, Exit.SOME_REJECTED, Exit.USAGE, Exit.TOO_MANY_REJECTS, Exit.STOPPED, Exit.UNAVAILABLE}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a source that has no row: the target is not asked to take any."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "empty.jsonl").write_text("")
    (tmp_path / "rows.jsonl").write_text('{"id":"a","price":1}\n{"id":"b"}\n')
    (tmp_path / "rows.csv").write_text('id,price\na,"1"\nb,\n')
    return tmp_path


def run(*arguments: str) -> int:
    """Run the command line in this process, and return its exit code."""
    with (
        patch.object(sys, "argv", ["bulkload", *arguments]),
        patch.object(sys, "stderr", sys.stderr),
        patch.object(sys, "unraisablehook", sys.unraisablehook),
        patch.object(sys, "stdout", sys.stdout),
    ):
        try:
            command_line._run_command()
        except SystemExit as ended:
            return int(ended.code or 0)
    return Exit.COMPLETE


def is_surrogate(character: str) -> bool:
    """Return whether UTF-8 cannot write it."""
    return "\ud800" <= character <= "\udfff"


TARGET = ("--url=http://127.0.0.1:1", "--retry-for=0", "--timeout=1", "--progress=none", "--fresh")


def test_without_odd_values_it_loads() -> None:
    """What is refused below is refused for its value."""
    assert (Exit.COMPLETE, Exit.UNAVAILABLE) == (run(*TARGET, "empty.jsonl"), run(*TARGET, "rows.csv"))


@pytest.mark.parametrize("option", FLAGS)
@given(value=ARGUMENTS)
@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_value_of_an_option_is_taken_or_refused(option: str, value: str) -> None:
    """On the command line."""
    assert run(*TARGET, f"{option}={value}", "empty.jsonl") in ENDS


@given(
    values=st.lists(st.tuples(st.sampled_from(FLAGS), ARGUMENTS), max_size=6),
    source=st.sampled_from(["empty.jsonl", "rows.jsonl", "rows.csv"]),
)
@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_options_together_are_taken_or_refused(values: list[tuple[str, str]], source: str) -> None:
    """Also those that contradict each other; here there are rows, and no server that takes them."""
    assert run(*TARGET, *(f"{option}={value}" for option, value in values), source) in ENDS


@given(text=st.text(max_size=60))
@example(text="a=1\x00")
@example(text="jwt-secret-file = '/dev/zero'")
@example(text="run-dir = 'a\\u0000b'")
@settings(max_examples=100, suppress_health_check=[HealthCheck.function_scoped_fixture])
@pytest.mark.parametrize("file", ["bulkload.toml", ".env", "secret"])
def test_any_file_of_the_folder_is_taken_or_refused(folder: Path, file: str, text: str) -> None:
    """Whatever stands in it."""
    (folder / file).write_bytes(text.encode(errors="surrogatepass"))

    assert (
        run(*TARGET, "--jwt-secret-file=secret" if file == "secret" else "--table=t", "empty.jsonl") in ENDS
    )


@given(name=st.sampled_from(FLAGS), value=VALUES)
@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_value_in_a_file_is_taken_or_refused(folder: Path, name: str, value: str) -> None:
    """As TOML writes it, U+0000 included."""
    written = "".join(f"\\U{ord(character):08x}" for character in value if not is_surrogate(character))
    (folder / "bulkload.toml").write_text(f'{name.removeprefix("--")} = "{written}"\n')

    assert run(*TARGET, "empty.jsonl") in ENDS


@given(secret=st.one_of(VALUES, st.just("-----BEGIN RSA PRIVATE KEY-----\nx\n-----END RSA PRIVATE KEY-----")))
@settings(max_examples=50, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_secret_signs_or_is_refused(secret: str) -> None:
    """PyJWT raises errors of its own."""
    value = "".join(character for character in secret if character != "\0" and not is_surrogate(character))
    with patch.dict(os.environ, {"PGRST_JWT_SECRET": value}):
        assert run("token", "--url=http://h") in {Exit.COMPLETE, Exit.USAGE}
