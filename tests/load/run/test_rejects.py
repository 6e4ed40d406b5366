"""Reject files in a run directory."""

from __future__ import annotations

from pathlib import Path

from loader.formats.source_format import is_reject_file
from tests.support.processes import Loads


def test_no_reject_files_are_left_of_an_earlier_load(loads: Loads, tmp_path: Path) -> None:
    """Of whatever format they were: those that nobody has loaded are in a folder of their own."""
    (tmp_path / "rows").write_text("id,a\nk,x\n")
    first = loads.run("--run-dir=run", "rows")
    (tmp_path / "rows").write_text('{"id":"k","a":1}\n')
    second = loads.run("--run-dir=run", "rows")

    assert (1, 0) == (first.code, second.code)
    assert [] == [path for path in second.folder.iterdir() if is_reject_file(path.name)]
