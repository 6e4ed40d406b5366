"""Zip archives: each member that has a format's name is a source, in the archive's order."""

from __future__ import annotations

import io
import json
import zipfile
from pathlib import Path

import pytest

from tests.support.outcome import contents
from tests.support.processes import Loads
from tests.support.servers import Servers

CSV = b"id,a\nk1,1\nk2,2\n"
JSONL = b'{"id":"k3","a":3}\n'


def archive(path: Path, *members: tuple[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> None:
    """Write a zip archive."""
    with zipfile.ZipFile(path, "w", method) as file:
        for name, data in members:
            file.writestr(name, data)


@pytest.mark.parametrize(
    "method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA]
)
def test_the_only_file_is_read_whatever_its_name(
    target: Servers, tmp_path: Path, loads: Loads, method: int
) -> None:
    """Its format is detected as that of any file; the run directory has the archive's name."""
    archive(tmp_path / "export.zip", ("trades 2021", CSV), method=method)

    run = loads.run("export.zip")

    assert 0 == run.code, run.err
    assert {"k1": ("1", None, None), "k2": ("2", None, None)} == contents(target)
    report = json.loads((tmp_path / "export.zip.bulkload" / "report.json").read_text())
    assert (["export.zip/trades 2021"], len(CSV)) == (report["sources"], report["bytes_read"])


def test_several_members_are_loaded_in_their_order(target: Servers, tmp_path: Path, loads: Loads) -> None:
    """Those whose names tell a format; the others are named, and what macOS adds is ignored."""
    later = b'{"id":"k1","a":9}\n'
    archive(
        tmp_path / "all.zip",
        ("b/1.csv", CSV),
        ("readme.txt", b"hello"),
        ("__MACOSX/b/._1.csv", b"\0\5\26\7"),
        ("b/.DS_Store", b"\0"),
        ("a/2.jsonl", later + JSONL),
    )

    run = loads.run("all.zip")

    assert 0 == run.code, run.err
    assert {"k1": ("9", None, None), "k2": ("2", None, None), "k3": ("3", None, None)} == contents(target)
    assert ["all.zip/b/1.csv", "all.zip/a/2.jsonl"] == run.report["sources"]
    assert "left out, because their names tell no format: all.zip/readme.txt" in run.err
    assert "DS_Store" not in run.err


def test_a_folder_may_hold_archives(target: Servers, tmp_path: Path, loads: Loads) -> None:
    """Beside other files."""
    (tmp_path / "dumps").mkdir()
    archive(tmp_path / "dumps" / "1.zip", ("1.csv", CSV))
    (tmp_path / "dumps" / "2.jsonl").write_bytes(JSONL)

    run = loads.run("dumps")

    assert 0 == run.code, run.err
    assert {"k1", "k2", "k3"} == set(contents(target))


def test_a_rejected_row_names_its_member(target: Servers, tmp_path: Path, loads: Loads) -> None:
    """With line and offset in it; the reject file is as the member's would be."""
    archive(tmp_path / "x.zip", ("t.csv", CSV + b"k3,x\nk4,4\n"))

    run = loads.run("x.zip")

    assert 1 == run.code
    assert {"k1", "k2", "k4"} == set(contents(target))
    folder = tmp_path / "x.zip.bulkload"
    (error,) = map(json.loads, (folder / "rejects.errors.jsonl").read_text().splitlines())
    assert ("x.zip/t.csv", 4, len(CSV)) == (error["source"], error["line"], error["offset"])
    assert b"id,a\nk3,x\n" == (folder / "rejects.csv").read_bytes()


def test_a_load_of_a_member_is_resumed(target: Servers, tmp_path: Path, loads: Loads) -> None:
    """From where it stopped: what is before is unpacked, and not sent."""
    rows = b"".join(b'{"id":"r%d","a":%s}\n' % (n, b'"x"' if n == 900 else b"1") for n in range(1000))
    archive(tmp_path / "x.zip", ("rows.jsonl", rows))

    stopped = loads.run("--batch-rows=100", "--max-errors=0", "x.zip")
    resumed = loads.run("--batch-rows=100", "--max-errors=5", "x.zip")

    assert (3, 1) == (stopped.code, resumed.code), resumed.err
    assert resumed.report["resumed"]
    assert 999 == len(contents(target))


def encrypted() -> bytes:
    """Return an archive whose member says that it is encrypted."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as file:
        file.writestr("t.csv", CSV)
    data = bytearray(buffer.getvalue())
    data[6] |= 1  # flags of the local header
    data[data.index(b"PK\x01\x02") + 8] |= 1  # and of the directory
    return bytes(data)


def damaged() -> bytes:
    """Return an archive whose member is not what its checksum says."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as file:
        file.writestr("t.csv", CSV)
    return buffer.getvalue().replace(b"k2,2", b"k2,3", 1)


def of(*members: tuple[str, bytes]) -> bytes:
    """Return an archive."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as file:
        for name, data in members:
            file.writestr(name, data)
    return buffer.getvalue()


REFUSED: list[tuple[str, bytes, int, str]] = [
    ("encrypted.zip", encrypted(), 2, "encrypted.zip is encrypted"),
    ("cut.zip", of(("t.csv", CSV))[:-10], 2, "cut.zip cannot be read as a zip archive"),
    ("damaged.zip", damaged(), 4, "is damaged"),
    ("empty.zip", of(), 2, "there is no file in the archive"),
    ("mixed.zip", of(("a.txt", b"x"), ("b.txt", b"y")), 2, "no file in the archive has a name that tells"),
    ("book.xlsx", of(("[Content_Types].xml", b"<x/>"), ("xl/workbook.xml", b"<x/>")), 2, "an Excel workbook"),
    ("cut.xlsx", of(("xl/workbook.xml", b"<x/>"))[:30], 2, "cut.xlsx is an Excel workbook, and damaged"),
    ("nested.zip", of(("inner.zip", of(("t.csv", CSV)))), 2, "is a zip archive"),
]


@pytest.mark.parametrize(("name", "data", "code", "words"), REFUSED, ids=[name for name, *_ in REFUSED])
def test_what_cannot_be_unpacked_is_refused(
    target: Servers, tmp_path: Path, loads: Loads, name: str, data: bytes, code: int, words: str
) -> None:
    """With what it is; before a row was sent, if that can be known before."""
    (tmp_path / name).write_bytes(data)

    run = loads.run(name)

    assert code == run.code, run.err
    assert words in run.err
    assert set() == set(contents(target)) - {"k1", "k2"}
