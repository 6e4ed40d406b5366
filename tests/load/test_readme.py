"""The README's examples run, and the documents name every option and exit code, and no others."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from loader.errors import Exit
from tests.support.harness import Target

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
OPTIONS = (ROOT / "docs" / "options.md").read_text(encoding="utf-8")
SAMPLE = ROOT / "examples" / "trades-100.jsonl"
BIN = Path(sys.executable).parent
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]

# The README's blocks marked `console` are run: what follows `$ ` is a command, the rest what it says.
BLOCKS = re.findall(r"^```console\n(.*?)^```", README, re.MULTILINE | re.DOTALL)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with the files that the README loads."""
    lines = SAMPLE.read_text(encoding="ascii").splitlines(keepends=True)
    (tmp_path / "dump.jsonl").write_text("".join(lines))
    lines[2] = re.sub('"amount":[^,]*', '"amount":"lots"', lines[2])
    (tmp_path / "bad.jsonl").write_text("".join(lines))
    return tmp_path


def shell(script: str, folder: Path, target: Target) -> str:
    """What a script says, on stdout and stderr, to whom the target is the README's server and sandbox."""
    environment = {
        "HOME": str(folder),
        "PATH": f"{BIN}:{os.environ['PATH']}",
        "XDG_STATE_HOME": str(folder / "state"),
        "XDG_CACHE_HOME": os.environ.get("XDG_CACHE_HOME", str(Path.home() / ".cache")),
        "PGRST_JWT_SECRET": target.secret,
    }
    environment |= {name: os.environ[name] for name in os.environ if name.startswith("BULKLOAD_POSTGR")}
    script = script.replace("http://localhost:3000", target.url)
    script = script.replace("the-secret-of-your-PostgREST", target.secret)
    return subprocess.run(
        ["sh", "-c", script],
        cwd=folder,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
        timeout=120,
    ).stdout


def comparable(line: str) -> str:
    """A line of output, without the figures that differ from run to run."""
    return re.sub(r"\d[\d,.]*", "#", line) if " rows/s" in line else line


@pytest.mark.parametrize("block", BLOCKS, ids=lambda block: str(block).split("\n", 1)[0])
def test_readme_examples(block: str, folder: Path, target: Target) -> None:
    """Each example ends as the README shows it; those that show no output must succeed."""
    commands = [line.removeprefix("$ ") for line in block.splitlines() if line.startswith("$ ")]
    shown = [line for line in block.splitlines() if not line.startswith("$ ")]
    end = "" if shown else "\necho ended with $?"

    said = shell("\n".join(commands) + end, folder, target).splitlines()

    if shown:
        assert [comparable(line) for line in shown] == [comparable(line) for line in said]
    else:
        assert "ended with 0" == said[-1], "\n".join(said)


def test_readme_has_examples() -> None:
    """The pattern above finds the README's examples."""
    assert 3 <= len(BLOCKS)


def options_of(*command: str) -> set[str]:
    """The options that a command's --help shows."""
    help_text = subprocess.run(
        [BIN / "bulkload", *command, "--help"], capture_output=True, text=True, check=True
    ).stdout
    return set(re.findall(r"^  (?:-\w, )?(--[a-z-]+)", help_text, re.MULTILINE))


def documented(heading: str) -> set[str]:
    """The options in the first column of a section's table, or that it takes as a load does."""
    section = OPTIONS.split(f"\n## {heading}\n", 1)[1].split("\n## ", 1)[0]
    rows = re.findall(r"^\| ([^|]*) \|", section, re.MULTILINE) + re.findall(
        r"^Takes .*", section, re.MULTILINE
    )
    return {option for row in rows for option in re.findall(r"`(--[a-z-]+)`", row)}


@pytest.mark.parametrize("command", ["load", "token", "sandbox"])
def test_options_are_documented(command: str) -> None:
    """docs/options.md has each option that --help shows, and no others."""
    assert options_of(command) - {"--help"} == documented(f"bulkload {command}")


def test_options_of_all_commands() -> None:
    """`bulkload --help` shows the options of a load, for that is what bulkload does."""
    assert options_of("load") <= options_of()
    assert documented("All of them") == {"--help", "--version"}


@pytest.mark.parametrize("text", [README, OPTIONS], ids=["README.md", "docs/options.md"])
def test_exit_codes_are_documented(text: str) -> None:
    """The tables of exit codes have each that there is, and no others."""
    table = text.split("| exit code | meaning |\n|--:|---|\n", 1)[1].split("\n\n", 1)[0]
    codes = [int(code) for row in table.splitlines() for code in re.findall(r"\d+", row.split("|")[1])]

    assert sorted(Exit) == codes


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.name))
def test_links_lead_somewhere(page: Path) -> None:
    """Each file that a page links to is there."""
    for link in re.findall(r"\]\(([^)#]+)", page.read_text(encoding="utf-8")):
        if not link.startswith("https://"):
            assert (page.parent / link).exists(), link
