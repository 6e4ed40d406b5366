"""kill -9 of loads of every format: resumed, they end in the same table, with the same counts and rejects."""

from __future__ import annotations

from pathlib import Path

import pytest

import loader
from loader.errors import SettingsError
from tests.support.harness import Target
from tests.support.killing import BATCH_ROWS, CONCURRENCY, kill_and_resume, kill_in_the_middle, resent
from tests.support.outcome import as_dict, check, clear
from tests.support.packing import SUFFIXES
from tests.support.processes import Loads
from tests.support.proxy import Proxy
from tests.support.writing import FORMATS, format_of, rough, store, written

ROWS = 3000
OPTIONS = (f"--batch-rows={BATCH_ROWS}", f"--concurrency={CONCURRENCY}")
SUFFIX = dict(zip(FORMATS, 3 * ("", *SUFFIXES), strict=False))
UNLIKE = [
    "quoted.csv.zst",
    "typed.parquet",
    "pretty.json.gz",
    "plain.jsonl",
    "table.sqlite.bz2",
    "tabs.tsv",
    "array.json",
    "typed.parquet.xz",
    "commas.jsonl",
    "table.sqlite",
    "semicolons.csv",
]


@pytest.mark.parametrize("name", [f"{name}{suffix}" for name, suffix in SUFFIX.items()])
def test_a_killed_load_goes_on(target: Target, tmp_path: Path, name: str) -> None:
    """Only what was in flight is sent again, and all counts and rejects are of the whole load."""
    kind = format_of(name)
    made = rough(ROWS, seed=7, shapes=kind.shapes, typed=kind.typed)
    size = store(tmp_path, made.lines, [name])
    with Proxy(target.url, reads_bodies=True) as proxy:
        loads = Loads(tmp_path, proxy.url, target.secret, *OPTIONS, *kind.flags)
        kill_in_the_middle(loads, proxy, name, after=8)
        begin = len(proxy.posts)
        run = loads.run(name)

    assert run.first.startswith(f"resuming at {name}:"), run.err
    assert resent(proxy.posts[:begin], proxy.posts[begin:]) <= CONCURRENCY * BATCH_ROWS
    check(target, made, run.report)
    assert size == run.report["bytes_read"]
    file = written(name, made.lines)
    refused = [
        record for record, row in zip(file.records, made.lines, strict=True) if row in set(made.rejects)
    ]
    wanted = file.head + b"".join(record + b"\n" for record in refused)
    assert wanted == (run.folder / kind.rejects).read_bytes()


@pytest.mark.parametrize(
    ("seed", "resolution"), [(1, "merge"), (2, "none"), (3, "ignore")], ids=["merge", "none", "ignore"]
)
def test_unlike_sources_go_on_after_kills_anywhere(
    target: Target, tmp_path: Path, seed: int, resolution: str
) -> None:
    """Four kills a load: no row is lost, doubled or wrong, whichever source it stands in."""
    made = rough(6000, seed=seed, typed=True)
    names = UNLIKE[seed % 2 :: -1] + UNLIKE[seed % 2 + 1 :]

    run = kill_and_resume(target, tmp_path, made, resolution, seed, 4, names, flags=["--source-table=rows"])

    check(target, made, run.report, resolution=resolution)
    assert sum((tmp_path / name).stat().st_size for name in names) == run.report["bytes_read"]


@pytest.mark.parametrize("name", ["headless.csv.gz", "query.sqlite", "objects.json", "typed.parquet.zst"])
def test_plain_inserts_go_on_after_kills_anywhere(target: Target, tmp_path: Path, name: str) -> None:
    """Four kills a load of plain inserts, which must not be repeated blindly."""
    kind = format_of(name)
    made = rough(ROWS, seed=8, shapes=kind.shapes, typed=kind.typed)

    run = kill_and_resume(target, tmp_path, made, "none", 8, 4, [name], flags=kind.flags)

    check(target, made, run.report, resolution="none")


@pytest.mark.parametrize("name", FORMATS)
async def test_a_source_that_has_changed_is_refused(target: Target, tmp_path: Path, name: str) -> None:
    """A load that was stopped does not go on with another file; with --fresh it is loaded."""
    kind = format_of(name)
    made = rough(400, seed=9, bad=2, shapes=kind.shapes, typed=kind.typed)
    file = written(name, made.lines)
    (tmp_path / name).write_bytes(file.data)
    how = {"run_dir": tmp_path / "run", "table": "faults", **kind.options}
    paths = [str(tmp_path / name)]
    few = loader.settings.MaxErrors(number=0)

    stopped = await loader.load(target.settings(max_errors=few, batch_rows=10, **how), paths)
    other = rough(401, seed=9, bad=0, shapes=kind.shapes, typed=kind.typed)
    (tmp_path / name).write_bytes(written(name, other.lines).data)
    with pytest.raises(SettingsError, match="this one differs in sources"):
        await loader.load(target.settings(**how), paths)
    clear(target)
    fresh = await loader.load(target.settings(fresh=True, **how), paths)

    assert 3 == stopped.exit_code
    check(target, other, as_dict(fresh))
