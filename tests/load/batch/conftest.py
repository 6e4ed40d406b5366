"""The table of dirty rows."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.dirty.cases import dirty_table
from tests.support.harness import Target


@pytest.fixture(scope="module")
def dirty_servers(servers: Target) -> Iterator[Target]:
    """Make api.dirty for the tests of a file."""
    with dirty_table(servers) as target:
        yield target


@pytest.fixture
def dirty(dirty_servers: Target) -> Target:
    """Return the servers, with an empty api.dirty."""
    dirty_servers.sql("truncate api.dirty")
    return dirty_servers
