"""A web server for sources at URLs."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.web_server import Web, web_server


@pytest.fixture
def web() -> Iterator[Web]:
    """Return a web server that is up, and serves nothing yet."""
    with web_server() as up:
        yield up
