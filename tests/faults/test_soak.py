"""The short form of the soak."""

from __future__ import annotations

import re

from tests import soak


def test_the_soak_prints_a_line_for_each_fault() -> None:
    """A round of a few faults: no rows lost, none wrong; what was not named does not run."""
    said: list[str] = []

    code = soak.main(["--rounds=1", "swallow", "too-early", "rotation"], said.append)

    assert 0 == code, said
    assert 3 == len(said)
    form = r"(.+): 1 rounds, [\d,]+ rows, [1-9]\d* retries, 0 rows lost, 0 rows wrong"
    assert all(re.fullmatch(form, line) for line in said[:2]), said


def test_the_soak_tells_what_is_wrong() -> None:
    """A fault that loses rows is told by its line and the exit code."""
    original = soak.FAULTS["rotation"]

    def losing(one: soak.Round) -> soak.Ended:
        made, run, resolution = soak.FAULTS["swallow"][0](one)
        one.target.sql("delete from api.faults where id in (select min(id) from api.faults)")
        return made, run, resolution

    soak.FAULTS["rotation"] = (losing, 1)
    try:
        said: list[str] = []
        code = soak.main(["rotation"], said.append)
    finally:
        soak.FAULTS["rotation"] = original

    assert 1 == code
    assert "1 rows lost" in said[0]
