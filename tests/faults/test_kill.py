"""kill -9 of a load at any instant: resumed, it ends in the same table, with the same counts."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.killing import ROWS, kill_and_resume
from tests.support.processes import Loads, await_that
from tests.support.site import Site, check, clear, settle, site, source

KILLS = 4  # of each of the loads below: 20 rounds
RESOLUTIONS = ["merge", "none", "none", "ignore", "merge"]


@pytest.fixture(scope="module")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with site(tmp_path_factory.mktemp("site")) as up:
        yield up


@pytest.mark.parametrize(("seed", "resolution"), list(enumerate(RESOLUTIONS)))
def test_a_load_that_is_killed_again_and_again_ends_as_if_nothing_had_happened(
    servers: Site, tmp_path: Path, seed: int, resolution: str
) -> None:
    """Four kills a load: no row is lost, doubled or wrong, and only what was in flight is sent again."""
    servers.replace_postgrest(pool=1 if seed % 2 else 10)
    clear(servers)
    made = source(ROWS, seed=seed)

    run = kill_and_resume(servers, tmp_path, made, resolution, seed, KILLS)

    check(servers, made, run.report, resolution=resolution)
    assert made.refused(resolution) == run.rejects
    assert run.report["bytes_read"] == sum(len(line) + 1 for line in made.lines)


def test_a_request_of_a_killed_load_that_is_late_changes_nothing(servers: Site, tmp_path: Path) -> None:
    """A body that waits in the server's pool when its load is killed, and gets its turn during the next."""
    servers.replace_postgrest(pool=1)
    clear(servers)
    lines = [f'{{"id":"k{number % 40:03}","a":{number}}}' for number in range(2000)]
    (tmp_path / "rows.jsonl").write_text("\n".join(lines))
    wanted = {f"k{key:03}": (str(1960 + key), None, None) for key in range(40)}
    loads = Loads(tmp_path, servers.url, servers.secret, "--batch-rows=20", "--concurrency=8")
    process = loads.start("rows.jsonl")
    await_that(lambda: servers.sql("select max(a) > 500 from api.faults")[0][0], process)
    process.kill()

    run = loads.run("rows.jsonl")

    assert run.code == 0, run.err
    settle(servers)
    found = servers.texts("select id, a, b, c from api.faults")
    assert wanted == {str(key): tuple(values) for key, *values in found}
