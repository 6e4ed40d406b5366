"""Sources of every format from standard input."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.harness import Target
from tests.support.outcome import check
from tests.support.processes import Loads, Run
from tests.support.writing import FORMATS, format_of, rough, source_for, store, written


def piped(target: Target, folder: Path, name: str, *flags: str) -> Run:
    """A load of a file from standard input."""
    loads = Loads(folder, target.url, target.secret)
    shell = ["sh", "-c", f'cat {name} | "$@"', "sh"]
    return loads.start("--run-dir=run", *flags, "-", prefix=shell).wait()


@pytest.mark.parametrize(("name", "suffix"), [(name, ["", ".gz"][n % 2]) for n, name in enumerate(FORMATS)])
def test_standard_input_is_what_it_holds(target: Target, tmp_path: Path, name: str, suffix: str) -> None:
    """No name tells its format."""
    made = source_for(name, 400, seed=5)
    size = store(tmp_path, made.lines, [f"{name}{suffix}"])
    run = piped(target, tmp_path, f"{name}{suffix}", *format_of(name).flags)

    check(target, made, run.report)
    assert size == run.report["bytes_read"], run.err


@pytest.mark.parametrize("name", [*FORMATS, "plain.jsonl"])
def test_standard_input_may_be_anything(target: Target, tmp_path: Path, loads: Loads, name: str) -> None:
    """What it holds tells what it is; a database is written to the run directory for a while."""
    kind = format_of(name)
    made = rough(500, seed=3, bad=0, shapes=kind.shapes, typed=kind.typed)
    (tmp_path / name).write_bytes(written(name, made.lines).data)
    flags = ["--delimiter=;"] if name == "semicolons.csv" else []

    shell = ["sh", "-c", f'cat {name} | "$@"', "sh"]
    run = loads.start("--run-dir=run", *kind.flags, *flags, "-", prefix=shell).wait()

    assert 0 == run.code, run.err
    check(target, made, run.report)
    assert (tmp_path / name).stat().st_size == run.report["bytes_read"]
    assert {"journal.sqlite", "lock", "report.json"} == {path.name for path in run.folder.iterdir()}
