"""The run directory: what is resumed, what is refused, journals that are hurt; and signals."""

from __future__ import annotations

import json
import os
import shutil
import signal
import sqlite3
import subprocess
import time
from contextlib import closing
from pathlib import Path

import pytest

from tests.support.harness import Target
from tests.support.killing import await_quiet, kill_in_the_middle, stall_behind
from tests.support.line_faults import Answer, Stall, passing, reply
from tests.support.outcome import check, contents
from tests.support.processes import Loads, Run, await_that
from tests.support.proxy import Proxy
from tests.support.sources import Source, source

ROWS = 4000
BATCH_ROWS, CONCURRENCY = 100, 4
# One request for each batch: tests count them.
OPTIONS = (f"--batch-rows={BATCH_ROWS}", f"--concurrency={CONCURRENCY}", "--insert-first=never")


@pytest.fixture
def load_url(proxy: Proxy) -> str:
    """Have loads send through the proxy."""
    return proxy.url


@pytest.fixture
def load_options() -> tuple[str, ...]:
    """Have loads send one request for each batch: tests count them."""
    return OPTIONS


@pytest.fixture
def made(tmp_path: Path) -> Source:
    made = source(ROWS, seed=1)
    made.write(tmp_path / "rows.jsonl")
    return made


def test_the_same_command_goes_on_and_says_so(
    target: Target, proxy: Proxy, loads: Loads, made: Source
) -> None:
    """The first line says where; what was in flight is sent again, and nothing else."""
    kill_in_the_middle(loads, proxy, "rows.jsonl")
    begin = len(proxy.posts)
    run = loads.run("rows.jsonl")

    assert run.first.startswith("resuming at rows.jsonl:"), run.err
    before = {line for seen in proxy.posts[:begin] for line in seen.lines}
    after = {line for seen in proxy.posts[begin:] for line in seen.lines}
    assert len(before & after) <= CONCURRENCY * BATCH_ROWS
    assert len(after) < ROWS - 10 * BATCH_ROWS
    check(target, made, run.report)
    assert run.report["resumed"]
    assert made.rejects == run.rejects
    errors = (run.folder / "rejects.errors.jsonl").read_text().splitlines()
    wanted = [number for number, line in enumerate(made.lines, 1) if line in made.rejects]
    assert wanted == [json.loads(error)["line"] for error in errors]


def test_a_changed_source_is_refused(
    target: Target, proxy: Proxy, loads: Loads, made: Source, tmp_path: Path
) -> None:
    """Exit 2 with the choice of --fresh; nothing is sent. With --fresh it is loaded from its beginning."""
    kill_in_the_middle(loads, proxy, "rows.jsonl")
    longer = Source(
        [*made.lines, '{"id":"new","a":1}'], made.stored | {"new": ("1", None, None)}, {}, made.rejects
    )
    longer.write(tmp_path / "rows.jsonl")
    begin = len(proxy.seen)
    refused = loads.run("rows.jsonl")

    assert 2 == refused.code
    assert "--fresh" in refused.err
    assert "sources" in refused.err
    assert begin == len(proxy.seen)

    fresh = loads.run("--fresh", "rows.jsonl")
    assert not fresh.report["resumed"]
    check(target, longer, fresh.report)


def test_a_source_that_was_only_touched_is_refused(
    proxy: Proxy, loads: Loads, made: Source, tmp_path: Path
) -> None:
    """Somebody may have changed its middle: time counts as well as size and hashes."""
    assert made.lines
    kill_in_the_middle(loads, proxy, "rows.jsonl")
    os.utime(tmp_path / "rows.jsonl", (1, 1))

    assert 2 == loads.run("rows.jsonl").code


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ("--table=all_trades", "differs in table\n"),
        ("--schema=other", "differs in schema\n"),
        ("--on-conflict=id,a", "differs in on-conflict\n"),
        ("--columns=id,a", "differs in columns\n"),
        ("--drop=junk", "differs in drop\n"),
    ],
)
def test_another_target_is_refused(proxy: Proxy, loads: Loads, made: Source, change: str, words: str) -> None:
    """An unfinished load is not resumed into another relation, key, or set of columns."""
    assert made.lines
    kill_in_the_middle(loads, proxy, "rows.jsonl")
    begin = len(proxy.seen)
    refused = loads.run(change, "rows.jsonl")

    assert 2 == refused.code
    assert words in refused.err
    assert "--fresh" in refused.err
    assert "--run-dir" in refused.err
    assert begin == len(proxy.seen)


def test_another_url_is_refused(target: Target, proxy: Proxy, loads: Loads, made: Source) -> None:
    """Nor into another server."""
    assert made.lines
    kill_in_the_middle(loads, proxy, "rows.jsonl")
    loads.url = target.url

    refused = loads.run("rows.jsonl")

    assert 2 == refused.code
    assert "differs in url\n" in refused.err


def test_a_finished_load_is_replaced_by_the_next(target: Target, loads: Loads, made: Source) -> None:
    """Its run directory takes the next load of its source, which is counted anew; not another source's."""
    first = loads.run("--run-dir=run", "rows.jsonl")
    second = loads.run("--run-dir=run", "rows.jsonl")
    (loads.folder / "other.jsonl").write_text('{"id":"other","a":0}\n')
    third = loads.run("--run-dir=run", "other.jsonl")

    assert [1, 1, 2] == [first.code, second.code, third.code]
    assert not second.report["resumed"]
    assert made.rejects == second.rejects
    assert "holds a finished load that differs in sources: it is of rows.jsonl" in third.err
    check(target, made, json.loads((third.folder / "report.json").read_text()))


def test_a_dry_run_leaves_an_unfinished_load_alone(
    target: Target, proxy: Proxy, loads: Loads, made: Source
) -> None:
    """It would write over the report and the rejects: it is refused, and the load goes on as before."""
    killed = kill_in_the_middle(loads, proxy, "rows.jsonl")
    begin = len(proxy.seen)
    refused = loads.run("--dry-run", "rows.jsonl")

    assert 2 == refused.code
    assert "--run-dir" in refused.err
    assert begin == len(proxy.seen)
    assert not (killed.folder / "report.json").exists()
    assert 1 == loads.run("--dry-run", "--run-dir=elsewhere", "rows.jsonl").code
    resumed = loads.run("rows.jsonl")
    assert resumed.first.startswith("resuming at")
    check(target, made, resumed.report)


def test_several_sources_resume(
    target: Target, proxy: Proxy, loads: Loads, made: Source, tmp_path: Path
) -> None:
    """Killed in the second source of three, a load goes on there."""
    parts = [made.lines[:1000], made.lines[1000:3000], made.lines[3000:]]
    for number, lines in enumerate(parts):
        end = "" if number == 1 else "\n"  # the last line of a source needs none
        (tmp_path / f"part{number}.jsonl").write_text("\n".join(lines) + end)
    names = [f"part{number}.jsonl" for number in range(3)]
    kill_in_the_middle(loads, proxy, "--run-dir=run", *names, after=20)
    run = loads.run("--run-dir=run", *names)

    assert run.first.startswith("resuming at part1.jsonl:"), run.err
    check(target, made, run.report)
    assert made.rejects == run.rejects
    assert names == run.report["sources"]

    kill_in_the_middle(loads, proxy, "--run-dir=run", *names, after=20)
    refused = loads.run("--run-dir=run", *reversed(names))
    assert 2 == refused.code


def test_standard_input_says_that_it_cannot_be_resumed(
    target: Target, proxy: Proxy, loads: Loads, made: Source
) -> None:
    """After a kill it is loaded anew, from its beginning."""
    shell = ["sh", "-c", 'exec "$@" < rows.jsonl', "sh"]
    killed = kill_in_the_middle(loads, proxy, "--run-dir=run", "-", prefix=shell)
    run = loads.start("--run-dir=run", "-", prefix=shell).wait()

    assert "cannot be resumed" in killed.first
    assert "cannot be resumed" in run.first
    assert not run.report["resumed"]
    check(target, made, run.report)


def test_more_rejects_than_allowed_and_then_enough(target: Target, loads: Loads, tmp_path: Path) -> None:
    """Exit 3 leaves a load that goes on with a higher --max-errors; rejects are not counted twice."""
    many = source(ROWS, seed=3, bad=60)
    many.write(tmp_path / "rows.jsonl")
    stopped = loads.run("--max-errors=20", "rows.jsonl")
    again = loads.run("--max-errors=20", "rows.jsonl")
    resumed = loads.run("--max-errors=60", "rows.jsonl")

    assert (3, 3) == (stopped.code, again.code)
    assert len(stopped.rejects) == stopped.report["rows_rejected"] >= 21
    assert len(again.rejects) == again.report["rows_rejected"] >= 21
    check(target, many, resumed.report)
    assert many.rejects == resumed.rejects


def test_two_loads_on_one_run_directory(target: Target, proxy: Proxy, loads: Loads, made: Source) -> None:
    """The second is refused while the first runs, and not after that was killed."""
    stall_behind(proxy, 15)
    first = loads.start("rows.jsonl")
    await_quiet(proxy, first, 16)
    refused = loads.run("rows.jsonl")
    fresh = loads.run("--fresh", "rows.jsonl")
    assert first.running
    first.kill()
    proxy.fault = passing
    resumed = loads.run("rows.jsonl")

    for run in (refused, fresh):
        assert 2 == run.code
        assert "another load is using this run directory" in run.err
    assert resumed.first.startswith("resuming at")
    check(target, made, resumed.report)


def on_small_disk(loads: Loads, disk: Path, size: int, *arguments: str) -> tuple[Run, Path]:
    """A load with its run directory on a disk of so many KiB; gives also a copy of what it left there."""
    copy = loads.folder / "copy"
    script = (
        'mount -t tmpfs -o size="$1" tmpfs "$2" && shift && d="$1" && shift && c="$1" && shift && '
        '{ "$@"; code=$?; cp -a "$d" "$c"; exit $code; }'
    )
    prefix = [
        "unshare",
        "--mount",
        "--map-root-user",
        "sh",
        "-c",
        script,
        "sh",
        f"{size}k",
        str(disk),
        str(copy),
    ]
    shutil.rmtree(copy, ignore_errors=True)
    run = loads.start(f"--run-dir={disk}", *arguments, prefix=prefix).wait()
    return run, copy


@pytest.mark.parametrize("size", [8, 40, 64, 96, 128, 160, 220])
def test_a_full_disk_under_the_run_directory(target: Target, loads: Loads, tmp_path: Path, size: int) -> None:
    """Exit 4, the reason, the command that goes on; nothing is marked as done that is not: it completes."""
    disk = tmp_path / "disk"
    disk.mkdir()
    made = source(ROWS, seed=5, bad=90)
    made.write(tmp_path / "rows.jsonl")
    loads.options = ("--batch-rows=20", f"--concurrency={CONCURRENCY}")

    run, left = on_small_disk(loads, disk, size, "rows.jsonl")

    begun = contents(target)
    assert 4 == run.code, run.err
    assert "disk" in run.err
    assert "space" in run.err or "full" in run.err or "disk I/O error" in run.err
    shutil.copytree(left, disk, dirs_exist_ok=True)
    resumed = loads.run(f"--run-dir={disk}", "rows.jsonl")
    assert 1 == resumed.code, resumed.err
    check(target, made, json.loads((disk / "report.json").read_text()))
    assert made.rejects == (disk / "rejects.jsonl").read_text().splitlines()
    if begun:
        assert run.last.startswith("to resume: bulkload "), run.err


@pytest.mark.parametrize("damage", ["no database", "cut off", "garbage", "other pages"])
def test_a_damaged_journal_is_told(
    proxy: Proxy, loads: Loads, made: Source, target: Target, damage: str
) -> None:
    """A clear error that names --fresh, which then begins anew."""
    run = kill_in_the_middle(loads, proxy, "rows.jsonl")
    journal = run.folder / "journal.sqlite"
    with sqlite3.connect(journal) as database:
        database.execute("pragma wal_checkpoint(truncate)")
    database.close()
    content = bytearray(journal.read_bytes())
    match damage:
        case "no database":
            content[:16] = b"something else.."
        case "cut off":
            del content[5000:]
        case "garbage":
            content[4096:] = bytes(range(256)) * (len(content[4096:]) // 256)
        case _:
            content[100:4096] = b"\xff" * 3996
    journal.write_bytes(content)
    begin = len(proxy.posts)

    told = loads.run("rows.jsonl")

    assert 4 == told.code, told.err
    assert "journal.sqlite" in told.err
    assert "--fresh" in told.err
    assert "bug in bulkload" not in told.err
    assert begin == len(proxy.posts)
    fresh = loads.run("--fresh", "rows.jsonl")
    check(target, made, fresh.report)


@pytest.mark.parametrize("keep", [0.0, 0.3, 0.7, 0.97])
def test_a_torn_journal_of_a_power_cut_is_survived(
    proxy: Proxy, loads: Loads, made: Source, target: Target, keep: float
) -> None:
    """The end of journal.sqlite-wal never reached the disk, or only as zeros: what it held is sent again."""
    run = kill_in_the_middle(loads, proxy, "rows.jsonl")
    wal = run.folder / "journal.sqlite-wal"
    content = wal.read_bytes()
    assert content
    kept = int(len(content) * keep)
    wal.write_bytes(content[:kept] + bytes(min(3000, len(content) - kept)))
    (run.folder / "journal.sqlite-shm").unlink(missing_ok=True)

    resumed = loads.run("rows.jsonl")

    assert 1 == resumed.code, resumed.err
    check(target, made, resumed.report)
    assert made.rejects == resumed.rejects


def test_a_run_directory_that_cannot_be_written(loads: Loads, made: Source, tmp_path: Path) -> None:
    """A file where the folder should be, a folder where the journal should be: an error, not a traceback."""
    assert made.lines
    (tmp_path / "file").touch()
    (tmp_path / "run" / "journal.sqlite").mkdir(parents=True)

    assert 2 == loads.run("--run-dir=file/run", "rows.jsonl").code
    told = loads.run("--run-dir=run", "rows.jsonl")
    assert 4 == told.code
    assert "journal.sqlite" in told.err


SIGNALS = [(signal.SIGINT, 130), (signal.SIGTERM, 143)]


@pytest.mark.parametrize(("number", "code"), SIGNALS)
def test_the_first_signal_finishes_what_is_in_flight(
    target: Target, proxy: Proxy, loads: Loads, made: Source, number: signal.Signals, code: int
) -> None:
    """Nothing that was sent has to be sent again; the last line is the command that goes on."""
    process = loads.start("--max-rate=3000", "rows.jsonl")
    await_that(lambda: len(proxy.posts) >= 15, process, 20)
    process.signal(number)
    run = process.wait(20)
    stored = contents(target)
    begin = len(proxy.posts)
    resumed = loads.run("--max-rate=30000", "rows.jsonl")

    assert code == run.code, run.err
    assert ("interrupted", code) == (run.report["status"], run.report["exit_code"])
    assert 0 < run.report["rows_read"] < ROWS
    assert len(stored) <= run.report["rows_loaded"]
    assert f"to resume: bulkload {' '.join(OPTIONS)} --max-rate=3000 rows.jsonl" == run.last
    before = {line for seen in proxy.posts[:begin] for line in seen.lines}
    after = {line for seen in proxy.posts[begin:] for line in seen.lines}
    assert set() == before & after
    assert resumed.first.startswith("resuming at")
    check(target, made, resumed.report)
    assert made.rejects == resumed.rejects


@pytest.mark.parametrize(("number", "code"), SIGNALS)
def test_the_second_signal_waits_for_nobody(
    target: Target, proxy: Proxy, loads: Loads, made: Source, number: signal.Signals, code: int
) -> None:
    """Also where the server never answers, the load ends in a few seconds, and is resumed."""
    stall_behind(proxy, 15)
    process = loads.start("rows.jsonl")
    await_quiet(proxy, process, 16)
    process.signal(number)
    time.sleep(0.7)
    assert process.running
    process.signal(number)
    sent = time.monotonic()
    run = process.wait(20)
    took = time.monotonic() - sent
    proxy.fault = passing
    resumed = loads.run("rows.jsonl")

    assert took < 4
    assert code == run.code, run.err
    assert run.last.startswith("to resume: bulkload ")
    assert len(run.rejects) == run.report["rows_rejected"]
    check(target, made, resumed.report)
    assert made.rejects == resumed.rejects


def test_a_signal_before_the_first_row(proxy: Proxy, loads: Loads, made: Source, target: Target) -> None:
    """A server that does not even answer the preflight cannot hold the exit either."""
    proxy.fault = lambda _seen: Stall()
    process = loads.start("rows.jsonl")
    await_that(lambda: len(proxy.seen) >= 1, process)
    process.signal(signal.SIGINT)
    time.sleep(0.3)
    if process.running:
        process.signal(signal.SIGINT)
    sent = time.monotonic()
    run = process.wait(20)
    took = time.monotonic() - sent
    proxy.fault = passing
    resumed = loads.run("rows.jsonl")

    assert took < 4
    assert 130 == run.code, run.err
    check(target, made, resumed.report)


def test_a_stop_over_the_target_can_be_resumed(
    proxy: Proxy, loads: Loads, made: Source, target: Target
) -> None:
    """--retry-for is spent: exit 5, the words of the gateway, and the command that goes on."""
    gateway = Answer(reply("502 Bad Gateway", "<html>Bad Gateway</html>", kind="text/html"))
    proxy.fault = lambda seen: gateway if seen.number > 12 else None
    stopped = loads.run("--retry-for=1", "rows.jsonl")
    proxy.fault = passing
    resumed = loads.run("rows.jsonl")

    assert 5 == stopped.code
    assert "Bad Gateway" in stopped.err
    assert f"to resume: bulkload {' '.join(OPTIONS)} --retry-for=1 rows.jsonl" == stopped.last
    assert "stopped" == stopped.report["status"]
    assert resumed.first.startswith("resuming at")
    check(target, made, resumed.report)


def test_unshare_works_here() -> None:
    """Full disks need a mount of their own; this tells why their tests fail where that is forbidden."""
    script = "mount -t tmpfs tmpfs /mnt"
    done = subprocess.run(
        ["unshare", "--mount", "--map-root-user", "sh", "-c", script], capture_output=True, check=False
    )
    assert (0, b"") == (done.returncode, done.stderr)


def test_a_database_whose_log_has_grown_is_refused(proxy: Proxy, loads: Loads, tmp_path: Path) -> None:
    """What a running program has written since stands in its -wal file alone."""
    with closing(sqlite3.connect(tmp_path / "rows.db")) as database:
        database.execute("pragma journal_mode = wal")
        database.execute("pragma wal_autocheckpoint = 0")
        database.execute("create table t (id, a)")
        database.executemany("insert into t values (?, 1)", [(f"k{number}",) for number in range(ROWS)])
        database.commit()
        kill_in_the_middle(loads, proxy, "rows.db")
        database.execute("delete from t where id < 'k1'")
        database.commit()

        refused = loads.run("rows.db")

    assert 2 == refused.code
    assert "differs in sources" in refused.err, refused.err


def test_a_source_without_a_name_is_none(loads: Loads, tmp_path: Path) -> None:
    """A variable of the shell that is not set must not mean the folder."""
    (tmp_path / "rows.jsonl").write_text('{"id":"k"}\n')

    run = loads.run("--run-dir=run", "")

    assert (2, "error: a source has an empty name") == (run.code, run.first)
