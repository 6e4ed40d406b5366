"""Folders as sources: the files in them that are loaded, and those that are left out."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

from tests.support.harness import Target
from tests.support.outcome import contents
from tests.support.processes import Loads
from tests.support.writing import rough, store


def test_a_folder_is_its_files(target: Target, tmp_path: Path, loads: Loads) -> None:
    """In the order of their names, also in folders below; others are left out, and told."""
    folder = tmp_path / "dumps"
    for name in ("2024", "old.bulkload", "run", ".git"):
        (folder / name).mkdir(parents=True)
    made = rough(1200, seed=4, bad=0, repeats=0.0, shapes=False, typed=True)
    names = ["2024/quoted.csv.gz", "array.json", "commas.jsonl", "plain.ndjson", "tabs.tsv", "typed.parquet"]
    store(folder, made.lines, names)
    store(folder, ['{"id":"z1"}'], ["old.bulkload/rejects.jsonl"])
    store(folder, ['{"id":"z2"}'], [".hidden.jsonl"])
    store(folder, ['{"id":"z3"}'], [".git/rows.jsonl"])
    store(folder, ['{"id":"z4"}'], ["README"])
    store(
        folder,
        ['{"id":"z5"}', '{"id":"z6"}', '{"id":"z7"}'],
        ["run/lock", "run/report.json", "run/rejects.jsonl"],
    )
    with closing(sqlite3.connect(folder / "x.db")) as database:
        database.execute("create table one (id, a)")
        database.execute("insert into one values ('x', 2)")
        database.commit()

    run = loads.run("--run-dir=run", "dumps")

    assert 0 == run.code, run.err
    assert made.stored | {"x": ("2", None, None)} == contents(target)
    assert [f"dumps/{name}" for name in [*names, "x.db"]] == run.report["sources"]
    (told,) = [line for line in run.err.splitlines() if "left out" in line]
    assert "left out, because their names tell no format: dumps/README" == told
