"""Sources of every format, compressed in every way: what the table holds, and what is rejected."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.faults import Site, Source, as_dict, check, clear, contents, site
from tests.harness import Loaded
from tests.packing import SUFFIXES, packed
from tests.writing import FORMATS, REFUSED, Written, format_of, rough, written

ROWS = 1500


@pytest.fixture(scope="module")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with site(tmp_path_factory.mktemp("site")) as up:
        up.sql(REFUSED)
        yield up


@pytest.fixture
def target(servers: Site) -> Site:
    clear(servers)
    return servers


def source_for(name: str, rows: int = ROWS, *, seed: int, bad: int = 6) -> Source:
    """Rows that can be written in a format."""
    kind = format_of(name)
    return rough(rows, seed=seed, bad=bad, shapes=kind.shapes, typed=kind.typed)


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
    target: Site, tmp_path: Path, name: str, suffix: str, members: int
) -> None:
    """To the last digit, with default options; what cannot get in is rejected as it stands."""
    made = source_for(name, seed=members)
    file = written(name, made.lines)
    path = tmp_path / f"{name}{suffix}"
    path.write_bytes(packed(path.name, file.data, members))

    loaded = await target.load(path, table="faults", **format_of(name).options)

    check(target, made, as_dict(loaded.report))
    assert path.stat().st_size == loaded.report.bytes_read
    check_rejects(loaded, name, file, rejects(file, made))


@pytest.mark.parametrize("name", FORMATS)
async def test_rejects_are_a_source_in_their_turn(target: Site, tmp_path: Path, name: str) -> None:
    """Loaded as they are, the same rows come back; mended, they get in."""
    made = source_for(name, 300, seed=3, bad=20)
    file = written(name, made.lines)
    (tmp_path / name).write_bytes(file.data)
    options = format_of(name).options | {"table": "faults"}

    first = await target.load(tmp_path / name, **options)
    path = first.folder / format_of(name).rejects
    again = await target.load(path, **options)
    text = path.read_bytes().replace(b"\\u0000", b"mended").replace(b"\0", b"mended")
    path.write_bytes(text.replace(b'x"', b'"').replace(b"x,", b",").replace(b"x\t", b"\t").replace(b"x;", b";")
                     .replace(b"refused", b"mended"))
    mended = await target.load(path, **options)

    assert (1, 20, 20) == (again.report.exit_code, again.report.rows_read, again.report.rows_rejected)
    assert [r for _, r in rejects(file, made)] == (path.parent / "x", again)
