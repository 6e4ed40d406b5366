"""Fixtures of all tests. Where the servers cannot be started, tests fail: none is skipped."""

from __future__ import annotations

import os
from collections import OrderedDict
from collections.abc import Iterator
from fcntl import LOCK_EX, flock
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import aiohttp
import aioresponses.core
import pytest
from hypothesis import settings

from loader import mask
from loader.sandbox import find_postgrest
from tests.support.killing import BATCH_ROWS, CONCURRENCY
from tests.support.outcome import clear
from tests.support.processes import Loads
from tests.support.proxy import Proxy
from tests.support.servers import Servers, running_servers

# A shared machine may be slow at any moment: an example has no time limit of its own.
settings.register_profile("shared", deadline=None)
settings.load_profile("shared")


class _ClientResponse(aiohttp.ClientResponse):
    """Lets aioresponses 0.7.9 work with aiohttp 3.14 (aioresponses issue 289)."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        kwargs.setdefault("stream_writer", Mock(output_size=0))
        super().__init__(*args, **kwargs)


setattr(aioresponses.core, "ClientResponse", _ClientResponse)  # noqa: B010 - it is not exported


def pytest_make_parametrize_id(val: object, argname: str) -> str | None:
    """Name a gzip file by its argument: it holds the time, and all workers must call a test the same."""
    return argname if isinstance(val, bytes) and val.startswith(b"\x1f\x8b") else None


@pytest.fixture(autouse=True)
def bare_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """No test sees the settings of whoever runs it."""
    for name in os.environ:
        if name.startswith(("BULKLOAD_", "SUPABASE_")) and name not in (
            "BULKLOAD_POSTGREST",
            "BULKLOAD_POSTGRES_BIN",
        ):
            monkeypatch.delenv(name)
    monkeypatch.delenv("PGRST_JWT_SECRET", raising=False)
    for name in [name for name in os.environ if name.lower().endswith("_proxy")]:
        monkeypatch.delenv(name)


@pytest.fixture(autouse=True)
def forgetful_mask(monkeypatch: pytest.MonkeyPatch) -> None:
    """A process hides its secrets until its end; a test must not hide those of another, as x is one."""
    monkeypatch.setattr(mask, "_secrets", set())
    monkeypatch.setattr(mask, "_tokens", OrderedDict())


@pytest.fixture(scope="session")
def programs(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Have PostgREST on this machine: one worker fetches it, if need be, and the others wait for that."""
    shared = tmp_path_factory.getbasetemp().parent  # by all workers
    with (shared / "programs.lock").open("w") as lock:
        flock(lock, LOCK_EX)
        find_postgrest()


@pytest.fixture(scope="session")
def servers(programs: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Servers]:
    """Start PostgreSQL with sql/ and api.faults, and PostgREST: a pair for each worker of pytest-xdist."""
    del programs
    with running_servers(tmp_path_factory.mktemp("servers")) as up:
        yield up


@pytest.fixture
def target(servers: Servers) -> Servers:
    """Return the servers, with no rows in core.trades and api.faults."""
    clear(servers)
    return servers


@pytest.fixture
def proxy(target: Servers) -> Iterator[Proxy]:
    """Return a proxy before the servers, which keeps what it sees."""
    with Proxy(target.url, reads_bodies=True) as up:
        yield up


@pytest.fixture
def load_url(target: Servers) -> str:
    """Return where `loads` send their rows: to PostgREST, unless a file overrides this by its proxy's URL."""
    return target.url


@pytest.fixture
def load_options() -> tuple[str, ...]:
    """Return the options of `loads`: many batches, some of them in flight. A file may override them."""
    return (f"--batch-rows={BATCH_ROWS}", f"--concurrency={CONCURRENCY}")


@pytest.fixture
def loads(target: Servers, tmp_path: Path, load_url: str, load_options: tuple[str, ...]) -> Loads:
    """Return loads as processes of their own, with their sources and run directories in `tmp_path`."""
    return Loads(tmp_path, load_url, target.secret, *load_options)
