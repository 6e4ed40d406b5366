"""Loads into the real PostgREST and PostgreSQL."""

from __future__ import annotations

from tests.harness import Target, trade


async def test_rows_arrive(target: Target) -> None:
    """Each row of the file is in the table, and the report says so."""
    loaded = await target.load([trade(f"t{i}") for i in range(10)])

    assert (10, 0, 0, 0) == loaded.counts
    assert "complete" == loaded.report.status
    assert 10 == len(target.sql("select id from core.trades"))
