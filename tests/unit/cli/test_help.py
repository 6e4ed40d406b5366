"""``--help``: the options in groups, readable in 80 columns."""

from __future__ import annotations

import re

import pytest
from click.testing import CliRunner

from loader.cli.main import cli
from loader.settings import OPTIONS, Group

GROUPS = ["Target", "Credentials", "Sources", "Columns", "Load", "Output"]


def help_of(*command: str) -> str:
    """What a command shows on a terminal of 80 columns."""
    return CliRunner().invoke(cli, [*command, "--help"], terminal_width=80).output


def sections(text: str) -> dict[str, list[str]]:
    """The options of each section, in order."""
    parts = re.split(r"^(\w+):\n", text, flags=re.MULTILINE)[1:]
    found = zip(parts[::2], parts[1::2], strict=True)
    return {name: re.findall(r"^  (?:-\w, )?(--[a-z0-9-]+)", body, re.MULTILINE) for name, body in found}


@pytest.mark.parametrize(
    ("command", "expected"),
    [
        ([], [*GROUPS, "Other", "Commands"]),
        (["load"], [*GROUPS, "Other"]),
        (["plan"], [*GROUPS, "Other"]),
        (["token"], ["Target", "Credentials", "Output", "Other"]),
        (["sandbox"], ["Options"]),
    ],
)
def test_options_stand_in_groups(command: list[str], expected: list[str]) -> None:
    """In one order; a group without options is not shown."""
    assert expected == list(sections(help_of(*command)))
    assert list(Group) == GROUPS


def test_a_group_has_its_settings_in_the_order_of_the_fields() -> None:
    """The everyday ones first."""
    shown = sections(help_of())
    for group in GROUPS:
        expected = [
            f"{name}_file" if about.secret else name
            for name, about in OPTIONS.items()
            if about.group == group and about.has_file
        ]
        assert [f"--{name.replace('_', '-')}" for name in expected] == [
            option for option in shown[group] if group != "Output" and option != "--trust-config"
        ]
    assert ["--url", "--table"] == shown["Target"][:2]
    assert "--trust-config" == shown["Target"][-1]
    assert ["--version", "--help"] == shown["Other"]
    assert ["--progress", "--json", "--quiet", "--verbose"] == shown["Output"]


@pytest.mark.parametrize("command", [[], ["load"], ["plan"], ["token"], ["sandbox"]])
def test_texts_stand_in_one_column(command: list[str]) -> None:
    """No line is wider than 80, and each text begins where the others do."""
    text = help_of(*command)
    entries = re.findall(r"^(  -.*?\S  +)\S", text, re.MULTILINE)

    assert 80 >= max(map(len, text.splitlines()))
    assert 1 == len({len(entry) for entry in entries})
    assert "[default:\n" not in text


def test_a_default_is_shown_as_it_is_written() -> None:
    """Not as Python has it, and only where there is one."""
    text = " ".join(help_of().split())

    assert "Most bytes of a request. [default: 1MiB]" in text
    assert "Time limit of a request. [default: 120]" in text
    assert "Columns of the key that rows are merged by. [default: primary key, else id]" in text
    assert "Most rows a second. --batch-rows" in text
