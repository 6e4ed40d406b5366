"""kill -9 of a load at any instant: resumed, it ends in the same table, with the same counts."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.support.killing import ROWS, kill_and_resume
from tests.support.line_faults import Act, Cut, Seen, Stall, passing
from tests.support.outcome import check, settle
from tests.support.processes import Loads, await_that
from tests.support.proxy import Proxy
from tests.support.servers import Servers
from tests.support.sources import source

KILLS = 4  # of each of the loads below: 20 rounds
RESOLUTIONS = ["merge", "none", "none", "ignore", "merge"]


@pytest.mark.parametrize(("seed", "resolution"), list(enumerate(RESOLUTIONS)))
def test_a_load_that_is_killed_again_and_again_ends_as_if_nothing_had_happened(
    target: Servers, tmp_path: Path, seed: int, resolution: str
) -> None:
    """Four kills a load: no row is lost, doubled or wrong, and only what was in flight is sent again."""
    target.replace_postgrest(pool=1 if seed % 2 else 10)
    made = source(ROWS, seed=seed)

    run = kill_and_resume(target, tmp_path, made, resolution, seed, KILLS)

    check(target, made, run.report, resolution=resolution)
    assert made.refused(resolution) == run.rejects
    assert run.report["bytes_read"] == sum(len(line) + 1 for line in made.lines)


def test_a_request_of_a_killed_load_that_is_late_changes_nothing(target: Servers, tmp_path: Path) -> None:
    """A body that waits in the server's pool when its load is killed, and gets its turn during the next."""
    target.replace_postgrest(pool=1)
    lines = [f'{{"id":"k{number % 40:03}","a":{number}}}' for number in range(2000)]
    (tmp_path / "rows.jsonl").write_text("\n".join(lines))
    wanted = {f"k{key:03}": (str(1960 + key), None, None) for key in range(40)}
    loads = Loads(tmp_path, target.url, target.secret, "--batch-rows=20", "--concurrency=8")
    process = loads.start("rows.jsonl")
    await_that(lambda: target.sql("select max(a) > 500 from api.faults")[0][0], process)
    process.kill()

    run = loads.run("rows.jsonl")

    assert 0 == run.code, run.err
    settle(target)
    found = target.texts("select id, a, b, c from api.faults")
    assert wanted == {str(key): tuple(values) for key, *values in found}


def test_a_row_that_was_inserted_at_the_second_try_is_known_to_be_in(target: Servers, tmp_path: Path) -> None:
    """The first try broke off, and the kill comes before its batch is settled: the row is not rejected."""
    keys = ("one", "two", "two", "three", "three")
    lines = [json.dumps({"id": key, "a": number}) for number, key in enumerate(keys)]
    (tmp_path / "rows.jsonl").write_text("\n".join(lines))
    sent: list[set[int]] = []  # the rows of each request

    def fault(seen: Seen) -> Act | None:
        sent.append(seen.lines)
        if {0} == seen.lines:
            return Cut() if 1 == sent.count({0}) else None
        return Stall() if 2 == sent.count({0}) else None

    with Proxy(target.url, fault, reads_bodies=True) as proxy:
        loads = Loads(tmp_path, proxy.url, target.secret, "--resolution=none", "--batch-rows=5")
        process = loads.start("rows.jsonl")
        await_that(lambda: 2 == sent.count({0}) and {0} != sent[-1], process)
        process.kill()
        proxy.fault = passing
        run = loads.run("rows.jsonl")

    assert (1, 3, 2) == (run.code, run.report["rows_loaded"], run.report["rows_rejected"])
    assert [lines[2], lines[4]] == run.rejects
