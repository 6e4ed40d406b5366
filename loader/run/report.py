"""What a load did: counted from its events, written as report.json."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import orjson

from loader.errors import Exit, LoadError, TooManyRejects
from loader.events import Event, Read, Rejected, Renewed, Requested, Resumed, Retrying, Settled, Skipped
from loader.model import Decision
from loader.outgoing import json_bytes
from loader.run.journal import RejectGroup

_STATUS = {
    Exit.COMPLETE: "complete",
    Exit.SOME_REJECTED: "complete_with_rejects",
    Exit.SIGINT: "interrupted",
    Exit.SIGTERM: "interrupted",
}
_KEPT = (
    "rows_loaded",
    "rows_superseded",
    "rows_ignored",
    "bytes_sent",
    "batches",
    "requests",
    "retries",
    "token_refreshes",
)
_EXAMPLE_LENGTH = 200


@dataclass(slots=True)
class Tally:
    """Counts what happens. An observer."""

    rows_loaded: int = 0
    rows_superseded: int = 0
    rows_ignored: int = 0
    rows_rejected: int = 0
    bytes_read: int = 0
    bytes_sent: int = 0
    batches: int = 0
    requests: int = 0
    retries: int = 0
    token_refreshes: int = 0
    resumed: bool = False
    rows_before: int = 0
    started: float = field(default_factory=time.monotonic)

    @property
    def rows_read(self) -> int:
        """Rows whose fate is known; others may have been read, and a resumed load reads them again."""
        return self.rows_loaded + self.rows_superseded + self.rows_ignored + self.rows_rejected

    def counts(self) -> dict[str, int]:
        """What is counted over all runs of a load; bytes_read follows from where this one begins."""
        return {name: getattr(self, name) for name in _KEPT}

    def on(self, event: Event) -> None:
        """Count an event."""
        match event:
            case Read(size) | Skipped(size):
                self.bytes_read += size
            case Requested(size=size, decision=decision):
                self.requests += 1
                self.bytes_sent += size
                self.batches += decision is Decision.DONE and event.rows > 0
            case Retrying():
                self.retries += 1
            case Renewed():
                self.token_refreshes += 1
            case Rejected():
                self.rows_rejected += 1
            case Resumed():
                for name, count in event.counts.items():
                    setattr(self, name, count)
                self.bytes_read = event.bytes
                self.resumed = True
                self.rows_before = self.rows_read
            case Settled(outcome):
                self.rows_loaded += outcome.loaded
                self.rows_superseded += outcome.superseded
                self.rows_ignored += outcome.ignored
            case _:
                pass


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """The end of a load; the fields of report.json.

    ``bytes_read`` counts the sources' bytes as they are stored, those that a resumed load passes over too.
    ``rows_checked`` is for a dry run, which settles no row.
    ``seconds`` and ``rows_per_second`` are of this run; ``rejects`` groups rejected rows by code and
    form of message.
    """

    status: str
    exit_code: int
    rows_read: int
    rows_loaded: int
    rows_superseded: int
    rows_ignored: int
    rows_rejected: int
    bytes_read: int
    bytes_sent: int
    batches: int
    requests: int
    retries: int
    token_refreshes: int
    resumed: bool
    rows_checked: int | None
    seconds: float
    rows_per_second: float
    target: dict[str, str]
    sources: list[str]
    rejects: list[dict[str, Any]]
    error: str | None

    def json(self) -> bytes:
        """The report as report.json has it."""
        return json_bytes(self, orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)


def report(
    tally: Tally,
    groups: list[RejectGroup],
    *,
    error: LoadError | None,
    target: dict[str, str],
    sources: tuple[str, ...],
    rows_checked: int | None,
    advise: Callable[[str, str], str],
) -> Report:
    """The report of a load that has ended.

    Args:
        tally: what was counted.
        groups: the rejected rows.
        error: why it ended early; None: it did not.
        target: url, schema and table.
        sources: their names.
        rows_checked: for a dry run, rows that were read and checked.
        advise: tells what can be done about rejects, from their code and message.
    """
    exit_code = Exit.SOME_REJECTED if tally.rows_rejected else Exit.COMPLETE
    if error is not None:
        exit_code = error.exit_code
    seconds = time.monotonic() - tally.started
    return Report(
        status=_STATUS.get(exit_code, "stopped"),
        exit_code=exit_code,
        rows_read=tally.rows_read,
        rows_loaded=tally.rows_loaded,
        rows_superseded=tally.rows_superseded,
        rows_ignored=tally.rows_ignored,
        rows_rejected=tally.rows_rejected,
        bytes_read=tally.bytes_read,
        bytes_sent=tally.bytes_sent,
        batches=tally.batches,
        requests=tally.requests,
        retries=tally.retries,
        token_refreshes=tally.token_refreshes,
        resumed=tally.resumed,
        rows_checked=rows_checked,
        seconds=round(seconds, 3),
        rows_per_second=round((tally.rows_read - tally.rows_before) / seconds, 1) if seconds else 0.0,
        target=target,
        sources=list(sources),
        rejects=[_group(group, sources, advise) for group in groups],
        error=None if error is None else str(error),
    )


def _group(group: RejectGroup, sources: tuple[str, ...], advise: Callable[[str, str], str]) -> dict[str, Any]:
    first = group.example
    return {
        "code": first.reason.code,
        "count": group.count,
        "message": first.reason.message,
        "place": f"{sources[first.place.source]}:{first.place.line}",
        "advice": advise(first.reason.code, first.reason.message),
        "example": first.data[:_EXAMPLE_LENGTH].decode(errors="replace"),
    }


def too_many(rejected: int, settled: int, allowed: object) -> TooManyRejects:
    """The error for a load that stops over its rejects."""
    return TooManyRejects(
        f"{rejected} of {settled} rows were rejected, more than --max-errors {allowed} allows",
        advice="rejects.errors.jsonl has the reasons. Give a higher --max-errors to load the rest.",
    )
