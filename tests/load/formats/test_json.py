"""JSON arrays and lines that end with commas."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.harness import Target
from tests.support.outcome import contents
from tests.support.processes import Loads


def test_commas_behind_some_lines_are_nothing(target: Target, tmp_path: Path, loads: Loads) -> None:
    """Each row is on a line of its own all the same."""
    (tmp_path / "m.jsonl").write_text('{"id":"k1"}\n{"id":"k2"},\n{"id":"k3"}\n{"id":"k4"},\n{"id":"k5"}\n')

    run = loads.run("m.jsonl")

    assert 0 == run.code, run.err
    assert "m.jsonl: JSON Lines, with commas between the rows" in run.err
    assert ["k1", "k2", "k3", "k4", "k5"] == sorted(contents(target))


@pytest.mark.parametrize(
    "element",
    ['[{"id":"n"}]', '[[{"id":"n"}]]', '{"id":"n",\n"c":"a\nb"}', '{"id":"n"\n"c":1}', '"x"', "[\n]"],
)
def test_rejected_elements_of_an_array_are_refused_again(
    target: Target, tmp_path: Path, loads: Loads, element: str
) -> None:
    """The reject file, loaded again, lets in nothing that the array did not."""
    (tmp_path / "rows.json").write_text(f'[{{"id":"k"}},\n{element}\n,{{"id":"l"}}]')

    run = loads.run("rows.json")
    again = loads.run(str((run.folder / "rejects.jsonl").relative_to(tmp_path)))

    assert (1, 1) == (run.code, again.code), run.err + again.err
    assert 1 == again.report["rows_rejected"]
    assert {"k", "l"} == contents(target).keys()
