"""The examples of README.md and docs/ run, and the pages name every option and exit code, and no others."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from loader.errors import Exit
from tests.support import documents
from tests.support.harness import Target

ROOT = Path(__file__).parents[2]
README = ROOT / "README.md"
CONTRIBUTING = ROOT / "CONTRIBUTING.md"
OPTIONS = (ROOT / "docs" / "options.md").read_text(encoding="utf-8")
BIN = Path(sys.executable).parent
DOCS = sorted((ROOT / "docs").glob("*.md"))
PAGES = [README, CONTRIBUTING, *DOCS]


def blocks(page: Path, language: str) -> list[str]:
    """Return the blocks of a page that are marked with this language."""
    text = page.read_text(encoding="utf-8")
    return re.findall(rf"^```{language}\n(.*?)^```", text, re.MULTILINE | re.DOTALL)


# In blocks marked `console` a command follows `$ `, and the other lines are its output.
EXAMPLES = [
    pytest.param(page, block, id=f"{page.name}: {block.split(chr(10), 1)[0]}")
    for page in (README, *DOCS)
    for block in blocks(page, "console")
]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with the files that the examples load."""
    documents.write(tmp_path)
    return tmp_path


def environment(folder: Path, target: Target) -> dict[str, str]:
    """Return the environment of an example: the target's secret and a sandbox of its own."""
    names = ["PYTHONPATH", *(name for name in os.environ if name.startswith("BULKLOAD_POSTGR"))]
    return {name: os.environ[name] for name in names if name in os.environ} | {
        "HOME": str(folder),
        "PATH": f"{BIN}:{os.environ['PATH']}",
        "XDG_STATE_HOME": str(folder / "state"),
        "XDG_CACHE_HOME": os.environ.get("XDG_CACHE_HOME", str(Path.home() / ".cache")),
        "PGRST_JWT_SECRET": target.secret,
    }


def shell(script: str, folder: Path, target: Target, **variables: str) -> str:
    """Return what a script prints, on stdout and stderr, with the target in place of the page's server."""
    script = script.replace("http://localhost:3000", target.url)
    script = script.replace("the-secret-of-your-PostgREST", target.secret)
    return subprocess.run(
        ["sh", "-c", script],
        cwd=folder,
        env=environment(folder, target) | variables,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
        timeout=120,
    ).stdout


def comparable(line: str) -> str:
    """A line of output, without the figures that differ from run to run."""
    return re.sub(r"\d[\d,.]*", "#", line) if " rows/s" in line else line


@pytest.mark.parametrize(("page", "block"), EXAMPLES)
def test_examples(page: Path, block: str, folder: Path, target: Target) -> None:
    """Each example ends as its page shows it; those that show no output must succeed."""
    commands = [line.removeprefix("$ ") for line in block.splitlines() if line.startswith("$ ")]
    shown = [line for line in block.splitlines() if not line.startswith("$ ")]
    variables = {} if page == README else {"BULKLOAD_URL": target.url}  # as docs/README.md says
    script = "\n".join(commands if shown else ["set -e", *commands, "printf '\\ndone\\n'"])

    printed = shell(script, folder, target, **variables).splitlines()

    if shown:
        assert [comparable(line) for line in shown] == [comparable(line) for line in printed]
    else:
        assert "done" == printed[-1], "\n".join(printed)


@pytest.mark.parametrize("page", [README, ROOT / "docs" / "python.md"], ids=lambda page: str(page.name))
def test_python_examples(page: Path, folder: Path, target: Target) -> None:
    """The Python of a page runs, one block after the other, and loads each row that is good."""
    script = "\n".join(blocks(page, "python")).replace('"..."', repr(target.secret))
    script = script.replace("http://localhost:3000", target.url)
    command = [sys.executable, "-c", f"{script}\nprint(report.status, report.rows_loaded)"]

    run = subprocess.run(
        command, cwd=folder, env=environment(folder, target), capture_output=True, text=True, check=False
    )

    assert (0, "") == (run.returncode, run.stderr)
    assert "complete 100" == run.stdout.splitlines()[0]
    assert "complete 100" == run.stdout.splitlines()[-1]


def test_pages_have_examples() -> None:
    """The pattern finds the examples of the README and of the pages."""
    assert 3 <= len(blocks(README, "console"))
    assert 20 <= len(EXAMPLES)


def options_of(*command: str) -> set[str]:
    """The options that a command's --help shows."""
    help_text = subprocess.run(
        [BIN / "bulkload", *command, "--help"], capture_output=True, text=True, check=True
    ).stdout
    return set(re.findall(r"^  (?:-\w, )?(--[a-z0-9-]+)", help_text, re.MULTILINE))


def documented(heading: str) -> set[str]:
    """The options in the first column of a section's table, or that it takes as a load does."""
    section = OPTIONS.split(f"\n## {heading}\n", 1)[1].split("\n## ", 1)[0]
    if "the options of [credentials](#credentials)" in section:
        section += OPTIONS.split("\n### Credentials\n", 1)[1].split("\n### ", 1)[0]
    rows = re.findall(r"^\| ([^|]*) \|", section, re.MULTILINE) + re.findall(
        r"^Takes .*", section, re.MULTILINE
    )
    return {option for row in rows for option in re.findall(r"`(--[a-z0-9-]+)`", row)}


@pytest.mark.parametrize("command", ["load", "token", "sandbox"])
def test_options_are_documented(command: str) -> None:
    """docs/options.md has each option that --help shows, and no others."""
    assert options_of(command) - {"--help"} == documented(f"bulkload {command}")


def test_options_of_all_commands() -> None:
    """`bulkload --help` shows the options of a load, for that is what bulkload does."""
    assert options_of("load") <= options_of()
    assert documented("All of them") == {"--help", "--version"}


@pytest.mark.parametrize("text", [README.read_text("utf-8"), OPTIONS], ids=["README.md", "docs/options.md"])
def test_exit_codes_are_documented(text: str) -> None:
    """The tables of exit codes have each that there is, and no others."""
    table = text.split("| exit code | meaning |\n|--:|---|\n", 1)[1].split("\n\n", 1)[0]
    codes = [int(code) for row in table.splitlines() for code in re.findall(r"\d+", row.split("|")[1])]

    assert sorted(Exit) == codes


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.name))
def test_links_lead_somewhere(page: Path) -> None:
    """Each file that a page links to is there, and has the heading that the link names."""
    for link, _, heading in re.findall(r"\]\(([^)#]*)(#?)([^)]*)\)", page.read_text(encoding="utf-8")):
        if link.startswith("https://"):
            continue
        path = page.parent / link if link else page
        assert path.exists(), link
        if heading:
            assert heading in headings(path), f"{link}#{heading}"


def headings(page: Path) -> set[str]:
    """Return the anchors that GitHub gives the headings of a page."""
    titles = re.findall(r"^#+ (.*)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", title.lower()).replace(" ", "-") for title in titles}


@pytest.mark.parametrize("page", DOCS, ids=lambda page: str(page.name))
def test_the_index_has_each_page(page: Path) -> None:
    """docs/README.md links each page of docs/."""
    index = (ROOT / "docs" / "README.md").read_text(encoding="utf-8")

    assert page.name == "README.md" or f"]({page.name})" in index


def test_contributing_names_files_that_are_there() -> None:
    """Each file and folder in CONTRIBUTING.md is in the tree, or in loader/."""
    text = "\n".join(
        line for line in CONTRIBUTING.read_text("utf-8").splitlines() if "no `utils.py`" not in line
    )
    names = [name for name in re.findall(r"`([\w./]+)`", text) if re.search(r"/|\.py$|\.md$", name)]

    missing = [name for name in names if not (ROOT / name).exists() and not (ROOT / "loader" / name).exists()]

    assert [] == missing
    assert 20 <= len(names)
