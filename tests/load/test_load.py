"""Loads into the real PostgREST and PostgreSQL."""

from __future__ import annotations

from pathlib import Path

from loader.events import Event, Settled
from tests.support.harness import Target, trade


async def test_rows_arrive(target: Target) -> None:
    """Each row of the file is in the table, and the report says so."""
    loaded = await target.load([trade(f"t{i}") for i in range(10)])

    assert (10, 0, 0, 0) == loaded.counts
    assert "complete" == loaded.report.status
    assert 10 == len(target.sql("select id from core.trades"))


async def test_a_source_that_shrinks_is_not_taken_for_complete(target: Target, tmp_path: Path) -> None:
    """What was cut off while it was read is missed: exit 4."""
    path = tmp_path / "shrinking.jsonl"
    path.write_text("".join(f"{trade(f't{i:06}')}\n" for i in range(20_000)))

    class Cutter:
        """Cuts the file once the first batch is in."""

        def on(self, event: Event) -> None:
            if isinstance(event, Settled) and path.stat().st_size > 3_000_000:
                with path.open("r+b") as file:
                    file.truncate(3_000_000)

    loaded = await target.load(path, observer=Cutter(), concurrency=1)

    assert (4, "stopped") == (loaded.report.exit_code, loaded.report.status)
    assert "shrinking.jsonl was changed while it was loaded: its size was" in (loaded.report.error or "")
    assert "bytes and is 3000000" in (loaded.report.error or "")
