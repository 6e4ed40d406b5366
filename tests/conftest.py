"""Fixtures: the servers are started once for the run. Where they cannot be, tests fail."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any
from unittest.mock import Mock

import aiohttp
import aioresponses.core
import pytest

from loader.sandbox import sandbox
from tests.support.harness import Target
from tests.support.site import Site, site


class _ClientResponse(aiohttp.ClientResponse):
    """Lets aioresponses 0.7.9 work with aiohttp 3.14 (aioresponses issue 289)."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        kwargs.setdefault("stream_writer", Mock(output_size=0))
        super().__init__(*args, **kwargs)


setattr(aioresponses.core, "ClientResponse", _ClientResponse)  # noqa: B010 - it is not exported


@pytest.fixture(autouse=True)
def bare_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """No test sees the settings of whoever runs it."""
    for name in os.environ:
        if name.startswith("BULKLOAD_") and name not in ("BULKLOAD_POSTGREST", "BULKLOAD_POSTGRES_BIN"):
            monkeypatch.delenv(name)
    monkeypatch.delenv("PGRST_JWT_SECRET", raising=False)


@pytest.fixture(scope="session")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Target]:
    """PostgreSQL and PostgREST with sql/ applied."""
    with sandbox(tmp_path_factory.mktemp("sandbox"), fsync=False) as box:
        target = Target(box, tmp_path_factory.mktemp("loads"))
        yield target
        target.close()


@pytest.fixture(scope="session")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """Servers with api.faults in them, for tests that kill loads and lines, and not them."""
    with site(tmp_path_factory.mktemp("undisturbed")) as up:
        yield up


@pytest.fixture
def target(servers: Target) -> Target:
    """The servers, with no trades in them."""
    servers.sql("truncate core.trades")
    return servers
