"""The run directory: whose it is, what is kept of earlier loads, and what is not touched in it."""

from __future__ import annotations

import os
import sqlite3
import stat
import sys
from contextlib import closing
from pathlib import Path

import pytest

from tests.support.outcome import contents
from tests.support.processes import Loads
from tests.support.servers import Servers

BAD = '{"id":"bad","a":"x"}\n'
GOOD = '{"id":"good","a":1}\n'


def write(folder: Path, name: str, text: str) -> Path:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def rejected(folder: Path) -> list[str]:
    """Return the text of each file with rejected rows below a folder, earlier ones included."""
    return sorted(path.read_text() for path in folder.rglob("rejects.jsonl"))


@pytest.mark.parametrize("first", [BAD, GOOD])
def test_two_sources_of_one_name_are_two_loads(target: Servers, loads: Loads, first: str) -> None:
    """The second is refused with the option that loads it, and what the first has left is as it was."""
    write(loads.folder, "2020/trades.jsonl", first)
    write(loads.folder, "2021/trades.jsonl", '{"id":"other","a":2}\n')
    begun = loads.run("2020/trades.jsonl")
    left = {path.name: path.read_bytes() for path in begun.folder.iterdir()}

    refused = loads.run("2021/trades.jsonl")

    assert 2 == refused.code
    assert "2020/trades.jsonl, and this one is of 2021/trades.jsonl" in refused.err
    assert "--run-dir trades.jsonl.2.bulkload" in refused.err
    assert left == {path.name: path.read_bytes() for path in begun.folder.iterdir()}
    assert 0 == loads.run("--run-dir=trades.jsonl.2.bulkload", "2021/trades.jsonl").code
    assert "other" in contents(target)


def test_another_file_of_the_same_content_is_another_source(loads: Loads) -> None:
    """Also where the load of the first is unfinished: the folder tells them apart."""
    for folder in ("x1", "x2"):
        write(loads.folder, f"{folder}/data.jsonl", BAD * 3)
    stopped = loads.run("--max-errors=0", "x1/data.jsonl")
    refused = loads.run("--max-errors=0", "x2/data.jsonl")

    assert (3, 2) == (stopped.code, refused.code)
    assert "an unfinished load that differs in sources" in refused.err


def test_a_folder_may_move_with_its_source(loads: Loads) -> None:
    """The path is the one from the run directory: a load goes on where both stand elsewhere."""
    write(loads.folder, "a/data.jsonl", BAD * 3)
    loads.run("--max-errors=0", "--run-dir=a/run", "a/data.jsonl")
    (loads.folder / "a").rename(loads.folder / "b")

    resumed = loads.run("--run-dir=b/run", "b/data.jsonl")

    assert 1 == resumed.code, resumed.err
    assert resumed.report["resumed"]


def test_rejects_of_a_changed_source_are_kept(loads: Loads) -> None:
    """The source was mended and is loaded again: nobody has loaded the rejects, so they are set aside."""
    write(loads.folder, "data.jsonl", BAD + GOOD)
    first = loads.run("data.jsonl")
    write(loads.folder, "data.jsonl", GOOD + GOOD)
    second = loads.run("data.jsonl")

    assert (1, 0) == (first.code, second.code), second.err
    assert "they are kept in data.jsonl.bulkload/earlier-1" in second.err
    earlier = second.folder / "earlier-1"
    assert [BAD] == rejected(loads.folder)
    assert {"rejects.jsonl", "rejects.errors.jsonl", "report.json"} == {p.name for p in earlier.iterdir()}
    assert 0o700 == stat.S_IMODE(earlier.stat().st_mode)


def test_a_load_of_the_same_source_loads_its_rejects_again(loads: Loads) -> None:
    """Nothing is lost, and nothing piles up."""
    write(loads.folder, "data.jsonl", BAD + GOOD)
    for _ in range(3):
        assert 1 == loads.run("data.jsonl").code

    assert [BAD] == rejected(loads.folder)
    assert not list(loads.folder.rglob("earlier-*"))


@pytest.mark.parametrize("option", ["--fresh", "--table=faults2", "--set=a=x"])
def test_rejects_are_kept_from_other_loads_of_the_source(target: Servers, loads: Loads, option: str) -> None:
    """Into another table, with another column, or begun anew: that does not load them."""
    del target
    write(loads.folder, "data.jsonl", BAD + GOOD)
    loads.run("data.jsonl")
    write(loads.folder, "data.jsonl.bulkload/rejects.jsonl", "mended by hand\n")

    loads.run(option, "data.jsonl")

    assert "mended by hand\n" in rejected(loads.folder)


def test_rejects_that_were_loaded_are_replaced(target: Servers, loads: Loads) -> None:
    """The reject file was mended in place, and loaded as a source."""
    write(loads.folder, "data.jsonl", BAD + GOOD)
    loads.run("data.jsonl")
    write(loads.folder, "data.jsonl.bulkload/rejects.jsonl", '{"id":"bad","a":7}\n')
    mended = loads.run("--run-dir=mended", "data.jsonl.bulkload/rejects.jsonl")
    write(loads.folder, "data.jsonl", GOOD)
    again = loads.run("data.jsonl")

    assert (0, 0) == (mended.code, again.code), again.err
    assert [] == rejected(loads.folder)
    assert {"bad", "good"} == contents(target).keys()


def test_rejects_that_were_rejected_again_are_kept(loads: Loads) -> None:
    """Their own load has rejected them: nobody has loaded them."""
    write(loads.folder, "data.jsonl", BAD + GOOD)
    loads.run("data.jsonl")
    assert 1 == loads.run("--run-dir=mended", "data.jsonl.bulkload/rejects.jsonl").code
    write(loads.folder, "data.jsonl", GOOD)
    loads.run("data.jsonl")

    assert (loads.folder / "data.jsonl.bulkload/earlier-1/rejects.jsonl").read_text() == BAD


def test_rejects_changed_while_a_load_was_stopped_are_kept(loads: Loads) -> None:
    """A resumed load writes its rejects anew, and sets aside what somebody has mended meanwhile."""
    write(loads.folder, "data.jsonl", BAD * 3)
    loads.run("--max-errors=0", "data.jsonl")
    write(loads.folder, "data.jsonl.bulkload/rejects.jsonl", "mended by hand\n")
    resumed = loads.run("data.jsonl")

    assert 1 == resumed.code
    assert sorted(["mended by hand\n", BAD * 3]) == rejected(loads.folder)


def test_standard_input_keeps_the_rejects_of_the_last(loads: Loads) -> None:
    """Nobody can tell whether it is the same data."""
    for text in (BAD, GOOD, GOOD):
        write(loads.folder, "data", text)
        loads.start("-", prefix=["sh", "-c", 'exec "$@" < data', "sh"]).wait()

    assert [BAD] == rejected(loads.folder / "stdin.bulkload")
    assert ["earlier-1"] == [path.name for path in loads.folder.rglob("earlier-*")]


def test_a_dry_run_keeps_rejects_and_leaves_none_to_keep(loads: Loads) -> None:
    """It loads nothing: it is refused where it would overwrite them; its own are no one's."""
    write(loads.folder, "data.jsonl", "[]\n" + GOOD)
    tried = loads.run("--dry-run", "data.jsonl")
    loaded = loads.run("data.jsonl")
    refused = loads.run("--dry-run", "data.jsonl")

    assert (1, 1, 2) == (tried.code, loaded.code, refused.code), refused.err
    assert "rejects that nobody has loaded" in refused.err
    assert ["[]\n"] == rejected(loads.folder)


@pytest.mark.parametrize(
    "name", ["report.json", "rejects.csv", "rejects.errors.jsonl", "journal.sqlite", "spool"]
)
@pytest.mark.parametrize("option", ["--run-dir=.", "--fresh"])
def test_a_file_of_somebody_else_is_not_touched(loads: Loads, name: str, option: str) -> None:
    """No journal says that it is ours: exit 2, also with --fresh, and the file is as it was."""
    write(loads.folder, "data.jsonl", BAD)
    theirs = write(loads.folder, name, '{"precious":1}')
    with closing(sqlite3.connect(loads.folder / "theirs.db")) as database:
        database.execute("create table about_them (x)")
        database.commit()
    if name == "journal.sqlite":
        (loads.folder / "theirs.db").replace(theirs)
    before = theirs.read_bytes()

    run = loads.run("--run-dir=.", option, "data.jsonl")

    assert 2 == run.code, run.err
    assert f"{name} is there already" in run.err
    assert before == theirs.read_bytes()
    assert {"data.jsonl", "theirs.db", name} >= {path.name for path in loads.folder.iterdir()}


@pytest.mark.parametrize("name", ["report.new", "report.json.part", "rejects.jsonl.part", "lock"])
def test_a_source_in_the_run_directory_stays(loads: Loads, name: str) -> None:
    """Whatever it is called."""
    path = write(loads.folder, name, GOOD)

    write(loads.folder, "data.jsonl", GOOD)
    runs = [loads.run("--run-dir=.", "--format=jsonl", "data.jsonl", name) for _ in range(2)]

    assert [0, 0] == [run.code for run in runs], runs[-1].err
    assert GOOD == path.read_text()


def test_files_of_others_that_came_later_are_set_aside(loads: Loads) -> None:
    """Somebody has put a report.json into the folder of an unfinished load."""
    write(loads.folder, "data.jsonl", BAD * 3)
    loads.run("--max-errors=0", "--run-dir=.", "data.jsonl")
    write(loads.folder, "report.json", '{"precious":1}')
    resumed = loads.run("--run-dir=.", "data.jsonl")

    assert 1 == resumed.code, resumed.err
    assert '{"precious":1}' in [path.read_text() for path in loads.folder.rglob("report.json")]


@pytest.mark.parametrize("umask", [0o000, 0o022, 0o077, 0o277])
def test_modes_are_private_whatever_the_umask(loads: Loads, umask: int) -> None:
    """The folder is 700 and its files 600, as long as the load runs and after it."""
    (loads.folder / "data.jsonl").write_text(BAD + GOOD)
    seen = "import os, sys; os.umask(int(sys.argv[1])); os.execv(sys.argv[2], sys.argv[2:])"
    process = loads.start("data.jsonl", prefix=[sys.executable, "-c", seen, str(umask)])
    during: set[tuple[str, int]] = set()
    while process.running:
        for path in process.folder.glob("*"):
            try:
                during.add((path.name, stat.S_IMODE(path.lstat().st_mode)))
            except FileNotFoundError:
                continue
    run = process.wait()

    assert 1 == run.code, run.err
    assert 0o700 == stat.S_IMODE(run.folder.stat().st_mode)
    left = {(path.name, stat.S_IMODE(path.stat().st_mode)) for path in run.folder.iterdir()}
    assert {"journal.sqlite", "lock", "rejects.jsonl", "rejects.errors.jsonl", "report.json"} <= {
        n for n, _ in left
    }
    assert {0o600} == {mode for _, mode in left}
    assert any(name.startswith("journal.sqlite-") for name, _ in during)
    if umask != 0o277:  # SQLite makes its files without a right for a moment
        assert {0o600} == {mode for _, mode in during}


@pytest.mark.parametrize("name", ["journal.sqlite", "lock", "report.json", "rejects.jsonl", "spool"])
@pytest.mark.parametrize("kind", ["fifo", "link"])
def test_pipes_and_links_in_place_of_our_files_are_refused(loads: Loads, name: str, kind: str) -> None:
    """Nothing waits for a writer, and nothing is written where a link leads."""
    write(loads.folder, "data.jsonl", BAD)
    precious = write(loads.folder, "precious", "precious")
    (loads.folder / "run").mkdir()
    if kind == "fifo":
        os.mkfifo(loads.folder / "run" / name)
    else:
        (loads.folder / "run" / name).symlink_to(precious)

    process = loads.start("--run-dir=run", "data.jsonl")
    _, err = process.popen.communicate(timeout=30)

    assert process.popen.returncode in (2, 4), err
    assert name in err
    assert "is not a regular file" in err
    assert "precious" == precious.read_text()


def test_planted_links_are_not_followed(loads: Loads) -> None:
    """Where a temporary file would be."""
    write(loads.folder, "data.jsonl", BAD)
    precious = write(loads.folder, "precious", "precious")
    (loads.folder / "run").mkdir()
    for name in ("report.json.part", "report.new", "rejects.jsonl.part", "rejects.errors.jsonl.part"):
        (loads.folder / "run" / name).symlink_to(precious)

    assert 1 == loads.run("--run-dir=run", "data.jsonl").code
    assert "precious" == precious.read_text()


@pytest.mark.parametrize(
    "change",
    [
        "update about set value = '3' where name = 'version'",
        "update about set value = '999' where name = 'version'",
    ],
)
@pytest.mark.parametrize("finished", [False, True])
def test_a_journal_of_another_version_is_refused(
    target: Servers, loads: Loads, change: str, finished: bool
) -> None:
    """A load begun anew in silence would double its rows: exit 2, and --fresh."""
    write(loads.folder, "data.jsonl", BAD * 3 + GOOD)
    first = loads.run("--max-errors=100" if finished else "--max-errors=0", "data.jsonl")
    with closing(sqlite3.connect(first.folder / "journal.sqlite")) as database, database:
        database.execute(change)
        if "'3'" in change:
            database.execute("drop table own_files")  # it had none
    stored = contents(target)

    refused = loads.run("data.jsonl")

    assert 2 == refused.code, refused.err
    assert "another version" in refused.err
    assert "--fresh" in refused.err
    assert stored == contents(target)
    fresh = loads.run("--fresh", "data.jsonl")
    assert 1 == fresh.code, fresh.err
    assert BAD * 3 in rejected(loads.folder)


DAMAGES = [
    "update about set value = '[0,1]' where name = 'watermark'",
    "update about set value = '[0,1,-5,1]' where name = 'watermark'",
    "update about set value = '[9,1,0,1]' where name = 'watermark'",
    "update about set value = '[\"x\",1,0,1]' where name = 'watermark'",
    "update about set value = 'x' where name = 'watermark'",
    "delete from about where name = 'watermark'",
    "delete from about where name = 'version'",
    "delete from about where name = 'identity'",
    "update about set value = '[]' where name = 'identity'",
    "update about set value = '{}' where name = 'identity'",
    "update about set value = '{\"rows_loaded\":\"many\"}' where name = 'counts'",
    "update about set value = '{\"rows_loaded\":-1}' where name = 'counts'",
    "update about set value = '{\"nonsense\":1}' where name = 'counts'",
    "update about set value = x'ff' where name = 'counts'",
    "update formats set format = x'00'",
    "update formats set format = 'text'",
    "update rejects set source = 7",
    "update rejects set line = 'x'",
    "update rejects set data = 12.5",
    "insert into settled values ('nonsense', 0, 3, 0, 4)",
    "insert into settled values ('[1]', 0, 3, 0, 4)",
    "insert into settled values ('[\"id\"]', 'x', 3, 0, 4)",
    "insert into sent values ('x', '[\"id\"]', 0, 3, 0, 4)",
    "drop table settled",
    "drop table about",
    "drop table own_files",
]


@pytest.mark.parametrize("damage", DAMAGES)
def test_damaged_values_in_a_journal_are_told(target: Servers, loads: Loads, damage: str) -> None:
    """Exit 2 with what to do, no row is sent, and --fresh begins anew."""
    write(loads.folder, "data.jsonl", BAD * 3 + GOOD)
    stopped = loads.run("--max-errors=0", "data.jsonl")
    with closing(sqlite3.connect(stopped.folder / "journal.sqlite")) as database, database:
        database.execute(damage)
    stored = contents(target)

    told = loads.run("data.jsonl")

    assert 2 == told.code, told.err
    assert "journal.sqlite" in told.err
    assert "--fresh" in told.err
    assert stored == contents(target)
    assert 1 == loads.run("--fresh", "data.jsonl").code


def test_a_full_disk_leaves_no_part_of_a_report(loads: Loads) -> None:
    """No file may grow beyond a size: neither an empty report is left, nor one named that is not there."""
    text = "".join(f'{{"id":"bad{number}","a":"{"x" * 1000}"}}\n' for number in range(90))
    write(loads.folder, "data.jsonl", text)
    limit = ["sh", "-c", 'ulimit -f 120; exec "$@"', "sh"]  # blocks of 512 bytes

    run = loads.start("data.jsonl", prefix=limit).wait()

    assert 4 == run.code, run.err
    names = {path.name for path in run.folder.iterdir()}
    assert not [name for name in names if name.endswith((".part", ".new"))]
    assert [] == [
        path.name for path in run.folder.iterdir() if not path.stat().st_size and path.name != "lock"
    ]
    for name in ("report.json", "rejects.jsonl"):
        assert name in names or f"{name}\n" not in run.err.replace(";", "\n")
    resumed = loads.run("data.jsonl")
    assert 1 == resumed.code, resumed.err
    assert text.splitlines() == resumed.rejects


def test_no_pipe_is_waited_for_in_place_of_rates(loads: Loads) -> None:
    """--usd-rates is read more than once."""
    write(loads.folder, "data.jsonl", BAD)
    os.mkfifo(loads.folder / "rates")
    run = loads.start("--preset=kraken", "--usd-rates=rates", "data.jsonl").wait(20)

    assert 2 == run.code, run.err
    assert "regular file" in run.err
