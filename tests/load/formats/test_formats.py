"""Sources of every format, compressed in every way: what the table holds, and what is rejected."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import loader
from loader.formats.source_format import is_reject_file
from tests.support.harness import Loaded, Target
from tests.support.outcome import as_dict, check, contents
from tests.support.packing import SUFFIXES, packed
from tests.support.sources import Source, Stored
from tests.support.writing import FORMATS, Written, format_of, rough, rows, source_for, store, written

ROWS = 1500


def rejects(file: Written, made: Source, resolution: str = "merge") -> list[tuple[int, bytes]]:
    """Line and text of each record that must be rejected."""
    refused = set(made.refused(resolution))
    return [
        (line, record)
        for line, record, row in zip(file.lines, file.records, made.lines, strict=True)
        if row in refused
    ]


def check_rejects(loaded: Loaded, name: str, file: Written, wanted: list[tuple[int, bytes]]) -> None:
    """The reject file holds these records, and rejects.errors.jsonl their lines."""
    assert file.head + b"".join(record + b"\n" for _, record in wanted) == (
        (loaded.folder / format_of(name).rejects).read_bytes()
    )
    assert [line for line, _ in wanted] == [error["line"] for error in loaded.errors]


CASES = [(name, suffix, 1 + number % 2) for name in FORMATS for number, suffix in enumerate(("", *SUFFIXES))]


@pytest.mark.parametrize(("name", "suffix", "members"), CASES)
async def test_every_value_arrives(
    target: Target, tmp_path: Path, name: str, suffix: str, members: int
) -> None:
    """To the last digit, with default options; what cannot get in is rejected as it stands."""
    made = source_for(name, ROWS, seed=members)
    file = written(name, made.lines)
    path = tmp_path / f"{name}{suffix}"
    path.write_bytes(packed(path.name, file.data, members))

    loaded = await target.load(path, table="faults", **format_of(name).options)

    check(target, made, as_dict(loaded.report))
    assert path.stat().st_size == loaded.report.bytes_read
    check_rejects(loaded, name, file, rejects(file, made))


MENDED = [(rb"\\u0000|\0|refused", b"mended"), (rb'(?<=\d)x(?=[",;\t])', b"")]


def mend(path: Path) -> None:
    """Make rows of a reject file what the server takes."""
    data = path.read_bytes()
    for wrong, right in MENDED:
        data = re.sub(wrong, right, data)
    path.write_bytes(data)


def mended(made: Source) -> Stored:
    """The table once all rows of a source have got in."""
    table = dict(made.stored)
    for row in rows(made.rejects):
        id_, c = row["id"].replace("\0", "mended"), row.get("c")
        table[id_] = (str(row["a"]).removesuffix("x"), None, c and c.replace("refused", "mended"))
    return table


@pytest.mark.parametrize("name", FORMATS)
async def test_a_reject_file_is_a_source_in_its_turn(target: Target, tmp_path: Path, name: str) -> None:
    """Loaded as it is, just its rows are rejected, as they were; mended, they get in."""
    made = source_for(name, 300, seed=3, bad=20)
    kind = format_of(name)
    (tmp_path / name).write_bytes(written(name, made.lines).data)

    first = await target.load(tmp_path / name, table="faults", **kind.options)
    path = first.folder / kind.rejects
    again = await target.load(path, table="faults", **kind.options)
    unchanged = (again.folder / kind.rejects).read_bytes() == path.read_bytes()
    mend(path)
    last = await target.load(path, table="faults", **kind.options)

    assert (20, (0, 0, 0, 20), True) == (again.report.rows_read, again.counts, unchanged)
    assert [error["code"] for error in first.errors] == [error["code"] for error in again.errors]
    assert (0, 20) == (last.report.exit_code, last.report.rows_read)
    assert mended(made) == contents(target)


REFUSED_ALONE = [
    b'[{"id":"k1","c":"a\nb"}]',
    b'[{"id":"k1","c":"a\r\nb"}]',
    b'[{"id":"k\n1"},\n{"id":"k2",\n"a":"x"}]',
    b'[[{"id":"k1"}]]',
    b'[[{"id":"k1"}],[[{"id":"k2"}]]]',
    b'["text\nof lines"]',
]


@pytest.mark.parametrize("data", REFUSED_ALONE)
async def test_what_an_array_may_not_hold_is_refused_again(
    target: Target, tmp_path: Path, data: bytes
) -> None:
    """A newline in a string, an array in an array: no reject file makes a row of it."""
    (tmp_path / "rows.json").write_bytes(data)

    first = await target.load(tmp_path / "rows.json", table="faults")
    again = await target.load(first.folder / "rejects.jsonl", table="faults")

    assert {} == contents(target)
    assert first.counts == again.counts
    assert [error["code"] for error in first.errors] == [error["code"] for error in again.errors]
    assert first.rejects == again.rejects


async def test_rejects_of_unlike_sources_are_sources_too(target: Target, tmp_path: Path) -> None:
    """JSON of all kinds goes to one file, CSV to one for each header; all are loaded in their turn."""
    names = ["plain.jsonl", *(name for name in FORMATS if name != "headless.csv")]
    made = rough(600, seed=4, bad=60, typed=True)
    store(tmp_path, made.lines, names)

    settings = target.settings(run_dir=tmp_path / "run", table="faults", source_table="rows")
    report = await loader.load(settings, [str(tmp_path / name) for name in names])
    found = sorted(path for path in (tmp_path / "run").iterdir() if is_reject_file(path.name))
    check(target, made, as_dict(report))
    for path in found:
        mend(path)
    settings = target.settings(run_dir=tmp_path / "again", table="faults")
    again = await loader.load(settings, [str(path) for path in found])

    names = [path.name for path in found]
    assert ["rejects.2.csv", "rejects.3.csv", "rejects.csv", "rejects.jsonl"] == names
    assert (0, 60) == (again.exit_code, again.rows_read)
    assert mended(made) == contents(target)
