"""The tables of the benchmark that look like those of people."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from benchmarks.parts.tables import LOADS
from benchmarks.real_tables import KEYS, TABLES, WRITERS, as_texts, definitions, rows
from benchmarks.reference import READERS
from benchmarks.targets import judge


@pytest.mark.parametrize("name", TABLES)
def test_a_table_has_its_columns_and_its_key(name: str) -> None:
    """Each row has a cell for each column, and no two have one key; the rows are the same each time."""
    made = TABLES[name]
    places = [list(made.columns).index(column) for column in made.key]

    cells = list(rows(made, 2000))

    assert {len(made.columns)} == set(map(len, cells))
    assert 2000 == len({tuple(row[place] for place in places) for row in cells})
    assert cells == list(rows(made, 2000))


def test_flights_have_na_in_three_cells_of_a_hundred(tmp_path: Path) -> None:
    """NA stands for null in the CSV of flights, and nothing for it in that of trades."""
    flights, gaps = tmp_path / "flights.csv", tmp_path / "gaps.csv"
    WRITERS[".csv"](TABLES["flights"], flights, 5000)
    WRITERS[".csv"](TABLES["gaps"], gaps, 5000)

    cells = [cell for row in csv.reader(flights.read_text().splitlines()) for cell in row]
    empty = [cell for row in csv.reader(gaps.read_text().splitlines()) for cell in row]

    assert 0.03 == round(cells.count("NA") / len(cells), 2)
    assert 0.045 == pytest.approx(empty.count("") / len(empty), abs=0.005)


@pytest.mark.parametrize("suffix", WRITERS)
def test_only_reading_counts_the_rows(tmp_path: Path, suffix: str) -> None:
    """The same table is written in each format, and read as a reference."""
    if suffix == ".parquet":
        pytest.importorskip("polars")
    path = tmp_path / f"flights{suffix}"
    WRITERS[suffix](TABLES["flights"], path, 120)

    assert 120 == READERS[suffix](path)


def test_the_sink_knows_the_tables() -> None:
    """Each table that is loaded is described, and the key of a twin is of texts."""
    known = definitions()

    assert set() == {load.into or load.table for load in LOADS.values() if load.table} - set(known)
    for name in KEYS:
        key = {known[as_texts(name)]["properties"][column]["format"] for column in TABLES[name].key}
        assert {"text"} == key


def test_a_quick_run_leaves_targets_unmeasured() -> None:
    """What a quick run did not load is not measured; what it loaded is held to its target."""
    run = {"of": 3.0, "peak_rss_mb": 90.0}
    judged = judge({"tables": {"runs": {"flights.csv": run}, "ratios": {"flights.jsonl": 1.5}}})

    measured = {entry["target"]: entry["measured"] for entry in judged if entry["met"]}
    assert {
        "flights, CSV: client CPU of csv.reader's": "3.00",
        "flights, JSON Lines: of trades as JSON Lines, a byte": "1.50",
        "tables: peak memory, MB": "90",
    } == measured
