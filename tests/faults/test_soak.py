"""The short form of the soak."""

from __future__ import annotations

import re

from tests.soak.__main__ import FAULTS, main
from tests.soak.trials import Ended, Scenario, Trial


def test_the_soak_prints_a_line_for_each_fault() -> None:
    """A round of a few faults: no rows lost, none wrong; what was not named does not run."""
    written: list[str] = []

    code = main(["--rounds=1", "swallow", "too-early", "rotation"], written.append)

    assert 0 == code, written
    assert 3 == len(written)
    form = r"(.+): 1 rounds, [\d,]+ rows, [1-9]\d* retries, 0 rows lost, 0 rows wrong"
    assert all(re.fullmatch(form, line) for line in written[:2]), written


def test_the_soak_tells_what_is_wrong() -> None:
    """The line of a fault that loses rows says so, and the exit code is 1."""

    def lose(trial: Trial) -> Ended:
        ended = FAULTS["swallow"].attempt(trial)
        trial.target.sql("delete from api.faults where id in (select min(id) from api.faults)")
        return ended

    written: list[str] = []
    code = main([], written.append, {"losing": Scenario(lose, 1)})

    assert 1 == code
    assert "1 rows lost" in written[0]


def test_a_hostile_and_an_unlucky_server_for_a_few_seeds() -> None:
    """No bug, no hang, no row lost or doubled; `make soak` has 500 seeds of each."""
    written: list[str] = []

    code = main(["--rounds=6", "hostile", "unlucky"], written.append)

    assert 0 == code, written
    assert ["6 rounds", "6 rounds"] == [re.findall(r"\d+ rounds", line)[0] for line in written]
