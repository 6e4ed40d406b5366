"""The server's keys are replaced while a load runs."""

from __future__ import annotations

import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from loader.cli.config import FolderSettings, secret
from loader.credentials.keys import private_key
from loader.events import Event, Settled
from tests.support.harness import Loaded, Target, trade, wait_for
from tests.support.keys import jwks, pem, public_jwk
from tests.support.postgrests import running_postgrest

ROWS = [trade(f"t{number}") for number in range(60)]
OLD, NEW = 0, 1  # numbers of keys


@dataclass(frozen=True)
class Rotation:
    """A server whose keys stand in a file, and a load whose key does.

    Attributes:
        target: the database.
        url: of the server.
        keys: the file with the server's JWKS.
        key: the file with the load's private key.
    """

    target: Target
    url: str
    keys: Path
    key: Path

    def serve(self, *numbers: int) -> None:
        """Have the server take these keys alone, and wait until it does."""
        self.keys.write_text(public(*numbers))
        wait_for(lambda: [self._takes(OLD), self._takes(NEW)] == [OLD in numbers, NEW in numbers])

    def _takes(self, number: int) -> bool:
        self.target.sql("notify pgrst, 'reload config'")  # again, for it may not listen yet
        token = private_key(pem("P-256", number)).sign(
            f'{{"role":"api_data_producer","exp":{time.time() + 60:.0f}}}'.encode()
        )
        request = urllib.request.Request(
            f"{self.url}/faults?limit=0", headers={"Authorization": f"Bearer {token}"}
        )
        try:
            with urllib.request.urlopen(request, timeout=10) as reply:
                status = reply.status
        except urllib.error.HTTPError as refused:
            status = refused.code
        return {200: True, 401: False}[status]

    async def load(
        self,
        source: Path | list[str] = ROWS,
        *,
        after_the_first: Callable[[], None] = lambda: None,
        **changes: Any,
    ) -> Loaded:
        """Load, and do something once the first batch is settled; nothing is sent meanwhile."""

        class Once:
            is_done = False

            def on(self, event: Event) -> None:
                if isinstance(event, Settled) and not self.is_done:
                    self.is_done = True
                    after_the_first()

        options: dict[str, Any] = {
            "url": self.url,
            "jwt_secret": None,
            "jwt_key": secret("jwt_key", self.key, FolderSettings()),
            "batch_rows": 10,
            "concurrency": 2,
        }
        return await self.target.load(source, observer=Once(), **options | changes)


def public(*numbers: int) -> str:
    """Return the JWKS of the public halves of keys."""
    return jwks(*(public_jwk("P-256", number, kid=f"key {number}") for number in numbers))


@pytest.fixture
def rotation(target: Target, tmp_path: Path) -> Iterator[Rotation]:
    """A server that takes the old key, which the load has."""
    keys, key = tmp_path / "jwks.json", tmp_path / "key.pem"
    keys.write_text(public(OLD))
    key.write_text(pem("P-256", OLD))
    with running_postgrest(target, f"@{keys}") as server:
        yield Rotation(target, server.url, keys, key)


def stored(target: Target) -> int:
    """Return how many rows are in the table."""
    count: int = target.sql("select count(*) from core.trades")[0][0]
    return count


async def test_a_load_goes_on_with_the_key_that_took_the_place_of_its_own(rotation: Rotation) -> None:
    """The server refuses the old key; bulkload reads --jwt-key-file again, and renews the token once."""

    def rotate() -> None:
        rotation.key.write_text(pem("P-256", NEW))
        rotation.serve(NEW)

    loaded = await rotation.load(after_the_first=rotate)

    assert (None, (60, 0, 0, 0)) == (loaded.report.error, loaded.counts)
    assert (60, 1) == (stored(rotation.target), loaded.report.token_refreshes)


async def test_a_load_keeps_its_key_while_the_server_takes_both(rotation: Rotation) -> None:
    """Also when its file has the new one already."""

    def rotate() -> None:
        rotation.serve(OLD, NEW)
        rotation.key.write_text(pem("P-256", NEW))

    loaded = await rotation.load(after_the_first=rotate)

    assert (None, (60, 0, 0, 0)) == (loaded.report.error, loaded.counts)
    assert 0 == loaded.report.token_refreshes


async def test_a_load_with_the_old_key_stops_and_is_resumed_with_the_new_one(
    rotation: Rotation, tmp_path: Path
) -> None:
    """Exit 4 with the server's words; the rest is loaded by the same command."""
    folder, source = tmp_path / "run", tmp_path / "rows.jsonl"
    source.write_text("".join(f"{row}\n" for row in ROWS))

    stopped = await rotation.load(source, after_the_first=lambda: rotation.serve(NEW), run_dir=folder)
    before = stored(rotation.target)
    rotation.key.write_text(pem("P-256", NEW))
    resumed = await rotation.load(source, run_dir=folder)

    assert (4, True) == (stopped.report.exit_code, 10 <= before < 60)
    assert "PGRST301 JWSError JWSInvalidSignature" in str(stopped.report.error)
    assert (0, True, 60) == (resumed.report.exit_code, resumed.report.resumed, stored(rotation.target))
