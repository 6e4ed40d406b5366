"""Comparison of `api.faults` and a report with the source that was loaded."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from loader.run.report import Report
from tests.support.harness import Target
from tests.support.sources import Source, Stored


def contents(target: Target) -> Stored:
    """Return the rows of api.faults by key, each value as PostgreSQL writes it."""
    rows = target.texts("select id, a, b, c from api.faults")
    return {str(key): tuple(values) for key, *values in rows}


def clear(target: Target) -> None:
    """Empty the tables, once the last load has nothing in flight any more."""
    settle(target)
    target.sql("truncate core.trades, api.faults")


def settle(target: Target, seconds: float = 30.0) -> None:
    """Wait until no request of an ended load is at work in the database."""
    busy = "select 1 from pg_stat_activity where usename = 'authenticator' and state <> 'idle'"
    deadline = time.monotonic() + seconds
    while target.sql(busy):
        assert time.monotonic() < deadline, "a request is still at work"
        time.sleep(0.01)


@dataclass(frozen=True)
class Differences:
    """The keys of rows that a table lacks, has with other values, or should not have."""

    lost: list[str]
    wrong: list[str]
    extra: list[str]

    def __bool__(self) -> bool:
        return bool(self.lost or self.wrong or self.extra)

    def __str__(self) -> str:
        parts = {"lost": self.lost, "wrong": self.wrong, "extra": self.extra}
        return ", ".join(f"{len(keys)} {name} ({' '.join(keys[:5])})" for name, keys in parts.items() if keys)


def differences(found: Stored, wanted: Stored) -> Differences:
    """Compare a table with what it must hold."""
    lost = [key for key in wanted if key not in found]
    wrong = [key for key in wanted if key in found and found[key] != wanted[key]]
    extra = [key for key in found if key not in wanted]
    return Differences(lost, wrong, extra)


def check(target: Target, made: Source, report: Mapping[str, Any], *, resolution: str = "merge") -> None:
    """Assert that the table is the source's to the last digit, and that the report's counts are right."""
    wanted = made.stored if resolution == "merge" else made.first
    found = differences(contents(target), wanted)
    assert not found, f"{found}, {report}"
    wrong = counts_wrong(made, report, resolution=resolution)
    assert not wrong, f"{wrong}: {report}"


def counts_wrong(made: Source, report: Mapping[str, Any], *, resolution: str = "merge") -> str:
    """Return what is wrong with the counts of a complete load; an empty text where they are right."""
    loaded, superseded, ignored, rejected = (
        report[f"rows_{part}"] for part in ("loaded", "superseded", "ignored", "rejected")
    )
    refused = made.refused(resolution)
    good = len(made.lines) - len(refused)
    right = {
        "exit_code": 1 if refused else 0,
        "rows_read": len(made.lines),
        "sum": len(made.lines),
        "rejected": len(refused),
        "others": 0,
        "good": good,
    }
    kept = (superseded, loaded + ignored) if resolution == "ignore" else (ignored, loaded + superseded)
    said = {
        "exit_code": report["exit_code"],
        "rows_read": report["rows_read"],
        "sum": loaded + superseded + ignored + rejected,
        "rejected": rejected,
        "others": kept[0],
        "good": kept[1],
    }
    return ", ".join(
        f"{name} is {said[name]} and not {value}" for name, value in right.items() if said[name] != value
    )


def as_dict(report: Report) -> dict[str, Any]:
    """Return a report as its file holds it."""
    found: dict[str, Any] = json.loads(report.json())
    return found
