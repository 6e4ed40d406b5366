"""Compressed sources: loaded like plain ones, resumed like plain ones, and refused with a clear word."""

from __future__ import annotations

import gzip
import io
import lzma
import sys
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import loader
from loader.errors import SettingsError
from loader.events import Event, Notice
from loader.run.report import Report
from loader.settings import MaxErrors
from tests.support.harness import Target
from tests.support.killing import BATCH_ROWS, CONCURRENCY, kill_and_resume, kill_in_the_middle
from tests.support.outcome import as_dict, check, contents, differences
from tests.support.packing import PACK, SUFFIXES, packed, zstandard
from tests.support.processes import Loads, peak
from tests.support.proxy import Proxy
from tests.support.sources import source
from tests.support.writing import store

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd


ROWS = 3000
OPTIONS = (f"--batch-rows={BATCH_ROWS}", f"--concurrency={CONCURRENCY}")
LINE = b'{"id":"k","a":1,"c":"%s"}\n' % (b"." * 200)


@pytest.mark.parametrize("members", [1, 5])
@pytest.mark.parametrize("suffix", SUFFIXES)
async def test_a_compressed_source_loads_like_a_plain_one(
    target: Target, tmp_path: Path, suffix: str, members: int
) -> None:
    """To the last digit, with its rejects and their offsets, from one member or from several."""
    made = source(ROWS, seed=members)
    text = made.data
    path = tmp_path / f"rows.jsonl{suffix}"
    path.write_bytes(packed(path.name, text, members))

    loaded = await target.load(path, table="faults")

    check(target, made, as_dict(loaded.report))
    assert path.stat().st_size == loaded.report.bytes_read
    for error, row in zip(loaded.errors, loaded.rejects, strict=True):
        assert text[error["offset"] :].startswith(row + b"\n")
        assert made.lines[error["line"] - 1].encode() == row


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_a_killed_load_goes_on(target: Target, tmp_path: Path, suffix: str) -> None:
    """Only what was in flight is sent again, and all counts are of the whole load."""
    made = source(ROWS, seed=7)
    name = f"rows.jsonl{suffix}"
    size = store(tmp_path, made.lines, [name])
    with Proxy(target.url, reads_bodies=True) as proxy:
        loads = Loads(tmp_path, proxy.url, target.secret, *OPTIONS)
        kill_in_the_middle(loads, proxy, name, after=8)
        begin = len(proxy.posts)
        run = loads.run(name)
        before = {line for seen in proxy.posts[:begin] for line in seen.lines}
        after = {line for seen in proxy.posts[begin:] for line in seen.lines}

    assert run.first.startswith(f"resuming at {name}:"), run.err
    assert len(before & after) <= CONCURRENCY * BATCH_ROWS
    check(target, made, run.report)
    assert made.rejects == run.rejects
    assert size == run.report["bytes_read"]


@pytest.mark.parametrize("seed", [1, 2])
def test_several_sources_of_all_kinds_go_on_after_kills_anywhere(
    target: Target, tmp_path: Path, seed: int
) -> None:
    """Three kills a load: no row is lost, doubled or wrong."""
    made = source(6000, seed=seed)
    names = ["a.jsonl.zst", "b.jsonl", "c.jsonl.gz", "d.jsonl.xz", "e.jsonl", "f.jsonl.bz2"][::seed]

    run = kill_and_resume(target, tmp_path, made, "merge", seed, 3, names)

    check(target, made, run.report)
    assert made.rejects == run.rejects
    assert sum((tmp_path / name).stat().st_size for name in names) == run.report["bytes_read"]


@pytest.mark.parametrize("suffix", [".gz", ".zst"])
def test_standard_input_is_decompressed(target: Target, tmp_path: Path, loads: Loads, suffix: str) -> None:
    """A byte at a time too; and it cannot be resumed."""
    made = source(200, seed=3)
    store(tmp_path, made.lines, [f"rows{suffix}"])
    shell = ["sh", "-c", f'dd if=rows{suffix} bs=1 status=none | "$@"', "sh"]

    run = loads.start("--run-dir=run", "-", prefix=shell).wait()

    assert "this source cannot be resumed: once stopped, it is loaded from its start" == run.first
    check(target, made, run.report)
    assert (tmp_path / f"rows{suffix}").stat().st_size == run.report["bytes_read"]


def in_tar(data: bytes) -> bytes:
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w") as archive:
        about = tarfile.TarInfo("rows.jsonl")
        about.size = len(data)
        archive.addfile(about, io.BytesIO(data))
    return file.getvalue()


def huge_window(data: bytes) -> bytes:
    compressor = zstd.ZstdCompressor(options={zstd.CompressionParameter.window_log: 28})
    return compressor.compress(data) + compressor.flush()


def huge_dictionary(data: bytes) -> bytes:
    filters = [{"id": lzma.FILTER_LZMA2, "dict_size": 256 * 2**20}]
    return lzma.compress(data, filters=filters)


BAD: list[tuple[str, Callable[[bytes], bytes], int, str]] = [
    ("rows.jsonl.gz", lambda _: b"", 2, "is not gzip, although its name says so: it is empty"),
    ("rows.jsonl.zst", lambda _: b"id,a\n1,2\n", 2, "is not zstd, although its name says so: it begins with"),
    ("rows.jsonl.xz", lambda data: lzma.compress(data)[:5], 2, "is not xz, although its name says so"),
    ("rows.jsonl", lambda data: b"\x1f\x8b\x08\xff" + data, 4, "is damaged, at byte"),
    ("rows.7z", lambda data: b"7z\xbc\xaf\x27\x1c\x00\x04" + data, 2, "is a 7z archive"),
    ("rows.tar", in_tar, 2, "is a tar archive"),
    ("rows.tar.gz", lambda data: gzip.compress(in_tar(data)), 2, "is a tar archive"),
    ("rows.tar.zst", lambda data: zstandard(in_tar(data)), 2, "is a tar archive"),
    ("rows.jsonl.gz.xz", lambda data: lzma.compress(gzip.compress(data)), 2, "is compressed twice"),
    ("rows.jsonl.zst", huge_window, 4, "needs more than 128 MiB of memory to decompress"),
    ("rows.jsonl.xz", huge_dictionary, 4, "needs more than 128 MiB of memory to decompress"),
]


async def load_all(target: Target, folder: Path, *names: str, **changes: Any) -> Report:
    """A load of these files in this process."""
    settings = target.settings(run_dir=folder / "run", table="faults", **changes)
    return await loader.load(settings, [str(folder / name) for name in names])


@pytest.mark.parametrize(("name", "make", "code", "words"), BAD, ids=[f"{case[0]}-{case[3]}" for case in BAD])
async def test_what_cannot_be_read_is_told(
    target: Target, tmp_path: Path, name: str, make: Callable[[bytes], bytes], code: int, words: str
) -> None:
    """With the file's name, before a row of the sources before it is sent."""
    source(50, bad=0).write(tmp_path / "good.jsonl")
    (tmp_path / name).write_bytes(make(LINE * 50))

    report = await load_all(target, tmp_path, "good.jsonl", name)

    assert (code, "stopped", 0) == (report.exit_code, report.status, report.requests)
    assert report.error is not None
    assert report.error.startswith(f"{tmp_path / name} {words}")
    assert 2 == len(report.error.splitlines())  # the second says what to do
    assert {} == contents(target)


def cut(stored: bytes) -> bytes:
    return stored[: len(stored) * 2 // 3]


def followed(stored: bytes) -> bytes:
    return stored + b"\0\0{}"


def unsound(stored: bytes) -> bytes:
    return stored[:-6] + bytes([stored[-6] ^ 1]) + stored[-5:]


HURT = [
    (".gz", cut, "is cut off after"),
    (".zst", cut, "is cut off after"),
    (".xz", cut, "is cut off after"),
    (".bz2", cut, "is cut off after"),
    (".gz", followed, "continues after its end, at byte"),
    (".bz2", followed, "continues after its end, at byte"),
    (".gz", unsound, "is damaged, at byte"),
]


@pytest.mark.parametrize(("suffix", "hurt", "words"), HURT)
async def test_rows_before_the_damage_are_loaded(
    target: Target, tmp_path: Path, suffix: str, hurt: Callable[[bytes], bytes], words: str
) -> None:
    """Once the file is mended the same load is refused: the file is another. With --fresh it is loaded."""
    made = source(16_000, seed=5, bad=0, repeats=0.0, shapes=False)
    text = made.data
    stored = packed(f"x{suffix}", text, members=1)
    name = f"rows.jsonl{suffix}"
    (tmp_path / name).write_bytes(hurt(stored))

    stopped = await load_all(target, tmp_path, name)
    found = contents(target)
    again = await load_all(target, tmp_path, name)
    (tmp_path / name).write_bytes(stored)
    with pytest.raises(SettingsError, match="this one differs in sources"):
        await load_all(target, tmp_path, name)
    mended = await load_all(target, tmp_path, name, fresh=True)

    for report in (stopped, again):
        assert 4 == report.exit_code
        assert report.error is not None
        assert report.error.startswith(f"{tmp_path / name} {words}")
        assert "--fresh" in report.error
    assert stopped.rows_read == again.rows_read == len(found) > 4000
    assert dict(list(made.stored.items())[: len(found)]) == found
    check(target, made, as_dict(mended))


@pytest.mark.parametrize("suffix", SUFFIXES)
async def test_damage_in_the_middle_is_told(target: Target, tmp_path: Path, suffix: str) -> None:
    """Exit 4, once it shows. Rows from before may be wrong; the mended file, loaded anew, sets them right."""
    made = source(16_000, seed=6, bad=0, repeats=0.0, shapes=False)
    text = made.data
    stored = packed(f"x{suffix}", text, members=1)
    name = f"rows.jsonl{suffix}"
    place = len(stored) * 2 // 3
    bad = bytes(byte ^ 0x55 for byte in stored[place : place + 40])
    (tmp_path / name).write_bytes(stored[:place] + bad + stored[place + 40 :])

    stopped = await load_all(target, tmp_path, name, max_errors=MaxErrors(number=10**6))
    (tmp_path / name).write_bytes(stored)
    mended = await load_all(target, tmp_path, name, fresh=True)

    assert 4 == stopped.exit_code
    assert stopped.error is not None
    assert stopped.error.startswith(f"{tmp_path / name} is damaged, at byte")
    assert stopped.rows_loaded > 4000
    assert (0, 16_000) == (mended.exit_code, mended.rows_loaded)
    found = differences(contents(target), made.stored)
    assert ([], []) == (found.lost, found.wrong)


async def test_padding_behind_the_end_is_no_garbage(target: Target, tmp_path: Path) -> None:
    """Tapes fill their last block with NULs."""
    made = source(100, bad=0)
    text = made.data
    (tmp_path / "rows.gz").write_bytes(gzip.compress(text) + b"\0" * 10_000)

    report = await load_all(target, tmp_path, "rows.gz")

    check(target, made, as_dict(report))


async def test_a_plain_file_with_a_compressed_name_is_loaded(target: Target, tmp_path: Path) -> None:
    """What it holds counts; a message says so."""
    made = source(100, bad=0)
    made.write(tmp_path / "rows.jsonl.gz")
    said: list[Event] = []

    class Listener:
        def on(self, event: Event) -> None:
            said.append(event)

    settings = target.settings(run_dir=tmp_path / "run", table="faults")
    report = await loader.load(settings, [str(tmp_path / "rows.jsonl.gz")], observer=Listener())

    check(target, made, as_dict(report))
    message = (
        f"{tmp_path / 'rows.jsonl.gz'} is not compressed, although its name says so: it is read as it is"
    )
    assert [message] == [event.message for event in said if isinstance(event, Notice)]


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_a_bomb_does_not_take_memory(loads: Loads, tmp_path: Path, suffix: str) -> None:
    """A load takes no more for 200 MB in 200 KB than for a plain file; xz and bzip2 remember some MB."""
    (tmp_path / "plain.jsonl").write_bytes(LINE * 20_000)
    few = LINE * 4000
    member = PACK[suffix](few)
    bomb = member * (60_000_000 // len(few))
    (tmp_path / f"bomb{suffix}").write_bytes(bomb)
    assert len(bomb) < 600_000

    plain, usual = peak(loads, "plain.jsonl")
    run, most = peak(loads, f"bomb{suffix}")

    assert (0, 0) == (plain.code, run.code), run.err
    assert most <= usual + 20


@pytest.mark.parametrize("suffix", [".gz", ".zst"])
def test_a_bomb_of_one_line_is_told(loads: Loads, tmp_path: Path, suffix: str) -> None:
    """A line has its bound, compressed or not, and with it the memory."""
    member = PACK[suffix](b" " * 2**24)
    (tmp_path / f"bomb{suffix}").write_bytes(member * 64)  # 1 GiB

    run, most = peak(loads, f"bomb{suffix}")

    assert 4 == run.code
    assert f"bomb{suffix}:1: the line is longer than 64 MiB" in run.err
    assert most < 200


def test_a_source_that_must_be_replaced_is_not_gone_on_with(tmp_path: Path, loads: Loads) -> None:
    """The same command would be refused, for the source will be another."""
    rows = "".join(f'{{"id":"k{number}"}}\n' for number in range(20_000))
    (tmp_path / "rows.jsonl.gz").write_bytes(gzip.compress(rows.encode())[:-20])

    run = loads.run("rows.jsonl.gz")

    assert 4 == run.code
    assert "--fresh" in run.err
    assert "to resume" not in run.err
