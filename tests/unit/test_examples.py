"""The examples that need no server do what they say."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

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


def test_make_trades_is_stable(tmp_path: Path) -> None:
    """make_trades.py gives the bytes that it has always given, whatever Python runs it."""
    run("make_trades.py", "100", tmp_path / "trades.jsonl").check_returncode()

    assert SAMPLE.read_bytes() == (tmp_path / "trades.jsonl").read_bytes()
