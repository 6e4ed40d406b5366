"""The benchmark's rows, sums and tables. No figure is held to anything here."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from benchmarks import grid, results, rows, tables
from benchmarks.__main__ import allotted
from benchmarks.grid import Cell
from benchmarks.measure import Run, summary
from benchmarks.parts.changing import points
from benchmarks.results import BEGIN, END, write_readme
from benchmarks.targets import TARGETS, judge


@pytest.fixture
def dump(tmp_path: Path) -> Path:
    """A dump of 2,500 rows."""
    path = tmp_path / "dump.jsonl"
    rows.write_jsonl(path, 2500)
    return path


def test_rows_are_of_246_bytes(tmp_path: Path) -> None:
    """Lines have 246 bytes in the mean, as whole numbers go; no two have one id; CSV holds the same rows."""
    count = rows.BASE + 10
    jsonl, table = tmp_path / "rows.jsonl", tmp_path / "rows.csv"
    rows.write_jsonl(jsonl, count)
    rows.write_csv(table, count)

    lines = [json.loads(line, parse_float=str) for line in jsonl.read_text().splitlines()]

    assert 246 == round(jsonl.stat().st_size / count)
    assert count == len({line["id"] for line in lines})
    assert rows.COLUMNS == list(lines[0])
    assert [",".join(map(str, line.values())) for line in lines] == table.read_text().splitlines()


def test_bodies_are_the_rows(dump: Path) -> None:
    """Bodies hold each row once, in order."""
    made = list(rows.bodies(dump, 2400, 1000))

    assert [1000, 1000, 400] == [count for count, _ in made]
    sent = [row for _, body in made for row in json.loads(body)]
    assert [json.loads(line) for line in dump.read_text().splitlines()[:2400]] == sent


def test_the_best_of_a_grid() -> None:
    """The highest median wins; of equals the smallest settings."""
    rates = {Cell(8, 1000): [3.0, 3.0], Cell(2, 4000): [1.0, 9.0, 2.0], Cell(4, 1000): [3.0]}

    assert Cell(4, 1000) == grid.best(rates)
    assert [Cell(1, 5), Cell(1, 6), Cell(2, 5), Cell(2, 6)] == grid.cells((1, 2), (5, 6))


def test_runs_take_turns() -> None:
    """Each way is run once in each round."""
    order: list[str] = []
    said: list[str] = []

    def way(name: str) -> Run:
        order.append(name)
        return Run(10, 2.0, 1.0, 0)

    runs = grid.interleaved({"a": lambda: way("a"), "b": lambda: way("b")}, 2, said.append)

    assert ["a", "b", "a", "b"] == order
    assert {"a": [5.0, 5.0], "b": [5.0, 5.0]} == {
        name: [one.rate for one in each] for name, each in runs.items()
    }
    assert "round 2: b: 5 rows/s" == said[-1]


def test_ratio_is_within_rounds() -> None:
    """The median of the rounds' ratios, whatever slowed a round as a whole."""
    assert 2.0 == grid.ratio([200.0, 20.0, 90.0], [100.0, 10.0, 30.0])


@pytest.mark.parametrize(
    ("given", "expected"), [(123_456, 120_000), (9_999_999, 1_000_000), (3, 10_000), (98_765, 99_000)]
)
def test_rounded(given: float, expected: int) -> None:
    """Two digits, within bounds."""
    assert expected == grid.rounded(given)


def test_time_is_shared_out() -> None:
    """A part has its share; what an earlier one took too long, the later ones have less."""
    shares = {"a": 0.5, "b": 0.25, "c": 0.25}

    assert 50.0 == allotted(shares, "a", 100.0, 0.0)
    assert 25.0 == allotted(shares, "b", 100.0, 40.0)
    assert 15.0 == allotted(shares, "b", 100.0, 70.0)
    assert 42.0 == allotted({"ways": 0.42}, "ways", 100.0, 0.0)


def sample() -> dict[str, Any]:
    """Results of an imagined run."""
    rates = {"bulkload": 140, "bulkload-again": 90, "raw-insert": 150, "raw-again": 100, "raw-upsert": 100}
    rates |= {"copy": 100, "py-one": 1, "py-best": 20, "js-best": 40, "sink": 800_000}
    runs = {
        key: {"title": key, **summary([Run(rate, 1.0, rate * 2e-6, 90_000_000)] * 3)}
        for key, rate in rates.items()
    }
    machine = {"date": "2026-01-01", "cores": 2, "memory_gb": 8, "python": "3.11", "inserts_first": True}
    machine |= {"postgresql": "15", "postgrest": "12", "clients": {"postgrest-py": "2"}, "rounds": 3}
    found = {"machine": machine, "ways": {"rows": 1000, "rounds": 3, "left_out": [], "runs": runs}}
    return found | {"targets": judge(found)}


def test_targets_are_judged() -> None:
    """Ratios are taken within the run; what was not measured is said to be so."""
    judged = {one["target"]: (one["measured"], one["met"]) for one in judge(sample())}

    assert len(TARGETS) == len(judged)
    assert ("0.93", False) == judged["empty table: of prebuilt inserts"]
    assert ("1.40", True) == judged["empty table: of prebuilt upserts"]
    assert ("3.50", True) == judged["empty table: of the best of postgrest-py and postgrest-js"]
    assert ("800,000", True) == judged["sink: rows/s"]
    assert ("2.00", False) == judged["sink: client CPU, us/row"]
    assert ("90", True) == judged["peak memory, MB"]
    assert ("not measured", None) == judged["a load of one row, s"]


def test_tables_hold_the_figures(tmp_path: Path) -> None:
    """The README gets its rows between its two marks, results.md the rest, and nothing else changes."""
    readme = tmp_path / "README.md"
    readme.write_text(f"before\n{BEGIN}\nold\n{END}\nafter\n")

    write_readme(sample(), readme)

    text = readme.read_text()
    assert text.startswith(f"before\n{BEGIN}\n|  | rows/s |")
    assert text.endswith(f"\n{END}\nafter\n")
    assert [
        "| bulkload | 140 | 2.00 | 90 |",
        "| bulkload-again | 90 | 2.00 | 90 |",
        "| copy | 100 | 2.00 | 90 |",
        "| py-best | 20 | 2.00 | 90 |",
        "| py-one | 1 | 2.00 | 90 |",
    ] == [line for line in text.splitlines() if line.startswith("| ") and "rows/s" not in line]
    assert "1,000 trades of 246 bytes" in text
    assert "old" not in text
    assert "| raw-insert | 150 | 2.00 | 90 |" in tables.report(sample()).splitlines()
    assert "| empty table: of `\\copy` | >= 1.00 | 1.40 |" in tables.report(sample()).splitlines()


def test_rows_with_optional_keys_have_a_table() -> None:
    """A line for each number of shapes, by target, and the ratio among the targets."""
    taken = summary([Run(1000, 2.0, 0.004, 120_000_000)])
    results = sample() | {"shapes": {"runs": {"sink": {"1": taken}, "server": {"4096": taken}}, "ratio": 0.2}}

    assert [
        "| the sink | 1 | 500 | 4.00 | 120 |",
        "| the server | 4,096 | 500 | 4.00 | 120 |",
    ] == tables.shapes(results).splitlines()[2:]
    assert "## Rows with optional keys" in tables.report(results)
    judged = {entry["target"]: (entry["measured"], entry["met"]) for entry in judge(results)}
    assert ("0.20", True) == judged["rows of 4,096 shapes: of rows of one"]


def test_committed_pages_hold_the_results() -> None:
    """results.md and the README's figures are those of results.json (`python -m benchmarks --render`)."""
    measured = results.read(results.HOME)

    assert tables.report(measured) == (results.HOME / "results.md").read_text()
    assert f"{BEGIN}\n{tables.readme(measured)}\n{END}" in (results.HOME.parent / "README.md").read_text()


def test_points_of_a_log() -> None:
    """Rows and requests are spread over the time that they took."""
    log = [(10.0, 11.0, 100, 1), (10.5, 11.0, 50, 2)]

    assert [[0.25, 100, 1.0, 100], [0.75, 200, 2.0, 50]] == points(log)


def test_no_path_of_this_machine() -> None:
    """What is committed of results names no folder of the machine that measured."""
    home = Path(__file__).parents[2]
    for path in [*(home / "benchmarks").glob("results.*"), *(home / "benchmarks" / "plots").glob("*.svg")]:
        assert str(home) not in path.read_text()
