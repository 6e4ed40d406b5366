"""Load the same rows with postgrest-py, Supabase's client for Python, as its users do.

Run as a command, it reads the dump, sends rows for some seconds, and prints rows, seconds and CPU seconds
as JSON. Numbers go through floats, as they do in such scripts, and lose digits.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import resource
import sys
import time
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any

from postgrest import AsyncPostgrestClient, ReturnMethod, SyncPostgrestClient

from loader.credentials.minted import Minted

TABLE = "all_trades"


def batches(dump: Path, size: int, seconds: float) -> Iterator[list[Any]]:
    """Yield rows of the dump, ``size`` at a time, until the time is over."""
    deadline = time.perf_counter() + seconds
    with dump.open() as file:
        while time.perf_counter() < deadline and (lines := list(islice(file, size))):
            yield [json.loads(line) for line in lines]


def one_by_one(url: str, headers: dict[str, str], dump: Path, size: int, seconds: float) -> int:
    """Load as a first script does, an upsert after the other; return the number of rows."""
    rows = 0
    with SyncPostgrestClient(url, schema="api", headers=headers) as client:
        for batch in batches(dump, size, seconds):
            client.from_(TABLE).upsert(batch[0] if size == 1 else batch).execute()
            rows += len(batch)
    return rows


async def at_once(
    url: str, headers: dict[str, str], dump: Path, size: int, seconds: float, concurrency: int
) -> int:
    """Load as fast as it can be made to: inserts, nothing sent back, several in flight; return the rows."""
    work = batches(dump, size, seconds)
    rows = 0

    async def worker() -> None:
        nonlocal rows
        for batch in work:
            await client.from_(TABLE).insert(batch, returning=ReturnMethod.minimal).execute()
            rows += len(batch)

    async with (
        AsyncPostgrestClient(url, schema="api", headers=headers) as client,
        asyncio.TaskGroup() as tasks,
    ):
        for _ in range(concurrency):
            tasks.create_task(worker())
    return rows


def main() -> None:
    """Load, and print the measurement."""
    parser = argparse.ArgumentParser(description="Loads rows with postgrest-py.")
    parser.add_argument("--url", required=True)
    parser.add_argument("--dump", type=Path, required=True)
    parser.add_argument("--batch", type=int, default=1000)
    parser.add_argument("--concurrency", type=int, default=0, help="0: the plain script, an upsert at a time")
    parser.add_argument("--seconds", type=float, default=3)
    given = parser.parse_args()
    secret = os.environ["PGRST_JWT_SECRET"]
    token = Minted(secret, role="api_data_producer", audience=given.url, lifetime=3600).mint()
    headers = {"Authorization": f"Bearer {token}"}
    before = resource.getrusage(resource.RUSAGE_SELF)
    start = time.perf_counter()
    common = (given.url, headers, given.dump, given.batch, given.seconds)
    rows = asyncio.run(at_once(*common, given.concurrency)) if given.concurrency else one_by_one(*common)
    seconds = time.perf_counter() - start
    after = resource.getrusage(resource.RUSAGE_SELF)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    json.dump({"rows": rows, "seconds": seconds, "cpu_seconds": cpu}, sys.stdout)


if __name__ == "__main__":
    main()
