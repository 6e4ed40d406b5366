"""The examples do what they say."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.harness import Target

ROOT = Path(__file__).parents[2]
SAMPLE = ROOT / "examples" / "trades-100.jsonl"


def run(
    script: str, *arguments: str | Path, target: Target | None = None
) -> subprocess.CompletedProcess[str]:
    """Run an example; in the target's environment, where there is one."""
    environment = os.environ | (target.box.environment() if target else {})
    command = [sys.executable, ROOT / "examples" / script, *arguments]
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)


async def test_check_sums_of_a_loaded_dump(target: Target) -> None:
    """Where the table holds what the file holds, each line says yes and the exit code is 0."""
    await target.load(SAMPLE)

    checked = run("check_sums.py", SAMPLE, target=target)

    assert (0, "") == (checked.returncode, checked.stderr)
    assert 4 == checked.stdout.count("  yes")


@pytest.mark.parametrize(
    "change",
    [
        "update core.trades set price = price + 1e-18 where id = (select min(id) from core.trades)",
        "delete from core.trades where id = (select min(id) from core.trades)",
    ],
)
async def test_check_sums_sees_the_last_digit(target: Target, change: str) -> None:
    """A single unit of the 18th decimal, or a single row, makes it say NO and exit 1."""
    await target.load(SAMPLE)
    target.sql(change)

    checked = run("check_sums.py", SAMPLE, target=target)

    assert 1 == checked.returncode
    assert "  NO" in checked.stdout
