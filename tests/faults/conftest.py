"""Servers that tests may kill, stop and replace."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.outcome import clear
from tests.support.servers import Servers, running_servers


@pytest.fixture(scope="session")
def servers(programs: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Servers]:
    """Start servers apart from those of the other tests, which find a deadlock at once."""
    del programs
    with running_servers(tmp_path_factory.mktemp("faults"), settings={"deadlock_timeout": "20ms"}) as up:
        yield up


@pytest.fixture
def target(servers: Servers) -> Servers:
    """Return the servers, with an empty api.faults and PostgREST as it usually is."""
    servers.restore_postgrest()
    clear(servers)
    return servers
