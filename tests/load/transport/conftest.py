"""Rows, and what a load of them through any way to the server must leave in the table."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import pytest
import trustme

from tests.support.harness import Loaded, ids, trade
from tests.support.servers import Servers

ROWS = [trade(f"t{number:04}") for number in range(300)]


@pytest.fixture(scope="session")
def ca() -> trustme.CA:
    """Return an authority that the system does not know."""
    return trustme.CA()


@pytest.fixture
def load(target: Servers) -> Callable[..., Awaitable[Loaded]]:
    """Return a load of 300 rows in ten batches; if it ends well, all of them must be in the table."""

    async def run(**changes: Any) -> Loaded:
        loaded = await target.load(ROWS, **{"batch_rows": 30, "concurrency": 2} | changes)
        if loaded.report.exit_code == 0:
            stored = target.sql("select id from core.trades order by id")
            assert [f"t{number:04}" for number in range(300)] == ids(stored)
        return loaded

    return run
