"""A trial loads a source through a fault. What trials of one fault come to is added up."""

from __future__ import annotations

import shutil
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.support.outcome import clear, contents, counts_wrong, differences, settle
from tests.support.processes import Loads, Run
from tests.support.servers import Servers
from tests.support.sources import Source, source

_KEPT = 5  # folders


@dataclass(frozen=True, slots=True)
class Trial:
    """The servers and a folder for one trial, and the seed of all that is random in it."""

    target: Servers
    folder: Path
    seed: int

    def source(self, rows: int, **options: Any) -> Source:
        """Return a source of this trial, which is written as rows.jsonl; options are those of `source`."""
        made = source(rows, seed=self.seed, **options)
        made.write(self.folder / "rows.jsonl")
        return made

    def loads(self, url: str, *options: str) -> Loads:
        """Return loads from the folder to this URL."""
        return Loads(self.folder, url, self.target.secret, *options)

    def has(self, rows: int) -> Callable[[], bool]:
        """Return a function that tells whether the table has so many rows."""
        return lambda: bool(self.target.sql("select count(*) >= %s from api.faults", rows)[0][0])


@dataclass(frozen=True, slots=True)
class Ended:
    """A trial that has ended: its source, the last load of it, and the load's resolution."""

    source: Source
    run: Run
    resolution: str = "merge"


Attempt = Callable[[Trial], Ended]


@dataclass(frozen=True, slots=True)
class Scenario:
    """A fault and how often it is tried.

    Attributes:
        attempt: makes a trial of it.
        rounds: how many rounds a whole soak has.
        each: how many of them a trial is.
    """

    attempt: Attempt
    rounds: int
    each: int = 1


@dataclass(slots=True)
class Tally:
    """The sums over the trials of a fault.

    Attributes:
        odd: the first thing that was not as it must be, beside lost and wrong rows.
        odd_rounds: the seeds of all trials in which something was not.
    """

    rounds: int = 0
    rows: int = 0
    retries: int = 0
    lost: int = 0
    wrong: int = 0
    odd: str = ""
    odd_rounds: list[int] = field(default_factory=list)

    def __bool__(self) -> bool:
        """Whether anything is wrong."""
        return bool(self.lost or self.wrong or self.odd)

    def __str__(self) -> str:
        text = (
            f"{self.rounds} rounds, {self.rows:,} rows, {self.retries:,} retries, "
            f"{self.lost} rows lost, {self.wrong} rows wrong"
        )
        return f"{text}; rounds {self.odd_rounds}: {self.odd}" if self.odd_rounds else text

    def note(self, seed: int, odd: str) -> None:
        """Note that something was not as it must be in the trial with this seed."""
        self.odd = self.odd or odd
        self.odd_rounds.append(seed)

    def add(self, target: Servers, ended: Ended, seed: int) -> None:
        """Compare the table with the source, and count."""
        settle(target)
        made, report = ended.source, ended.run.report
        differing = differences(contents(target), made.stored if ended.resolution == "merge" else made.first)
        self.rows += len(made.lines)
        self.retries += report.get("retries", 0)
        self.lost += len(differing.lost)
        self.wrong += len(differing.wrong) + len(differing.extra)
        wrong = counts_wrong(made, report, resolution=ended.resolution) if report else "no report"
        if wrong:
            self.note(seed, f"{wrong}: {report.get('error')}")


def soak(target: Servers, name: str, fault: Scenario, rounds: int, until: float) -> Tally:
    """Try a fault for so many rounds, or until a time on the monotonic clock.

    The folders of the first odd trials are kept.
    """
    tally = Tally()
    seed = 0
    while tally.rounds < rounds and time.monotonic() < until:
        folder = Path(tempfile.mkdtemp(prefix=f"soak-{name}-"))
        clear(target)
        try:
            tally.add(target, fault.attempt(Trial(target, folder, seed)), seed)
        except AssertionError as error:
            tally.note(seed, f"{error} (see {folder})")
        if seed not in tally.odd_rounds[:_KEPT]:
            shutil.rmtree(folder)
        seed += 1
        tally.rounds += fault.each
    return tally
