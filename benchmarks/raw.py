"""Send prebuilt requests over raw sockets, to measure the limit of the server.

`python -m benchmarks.raw --url URL --dump FILE ...` makes all requests first, then sends them over several
connections and prints time and CPU as JSON. PGRST_JWT_SECRET signs the token, if it is set.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import sys
import threading
import time
from collections import deque
from pathlib import Path
from urllib.parse import urlsplit

from benchmarks.rows import COLUMNS, bodies
from benchmarks.wire import Reply, connect, read_reply
from loader.credentials.minted import Minted

PAUSE = 0.02  # seconds before a request that was refused is sent again
TRIES = 500


def requests(
    url: str, dump: Path, rows: int, batch: int, *, resolution: str, secret: str | None
) -> deque[tuple[int, bytes]]:
    """Return whole requests, head and body, with the number of rows in each."""
    query = f"columns={','.join(COLUMNS)}"
    prefer = "return=minimal,count=exact,handling=strict"
    if resolution != "none":
        query, prefer = f"on_conflict=id&{query}", f"resolution={resolution},{prefer}"
    head = f"POST /all_trades?{query} HTTP/1.1\r\nHost: {urlsplit(url).netloc}\r\nPrefer: {prefer}\r\n"
    head += "Content-Type: application/json\r\nContent-Profile: api\r\n"
    if secret:
        token = Minted(secret, role="api_data_producer", audience=url, lifetime=3600).mint()
        head += f"Authorization: Bearer {token}\r\n"
    return deque(
        (count, f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body)
        for count, body in bodies(dump, rows, batch)
    )


def send(url: str, work: deque[tuple[int, bytes]], connections: int) -> float:
    """Send all requests; return the seconds.

    Raises:
        ConnectionError: a request was refused, or not all of its rows were written.
    """
    failures: list[Exception] = []

    def worker() -> None:
        try:
            _drain(url, work)
        except (OSError, IndexError) as error:
            failures.append(error)
            work.clear()

    threads = [threading.Thread(target=worker, daemon=True) for _ in range(connections)]
    start = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    seconds = time.perf_counter() - start
    if failures:
        raise failures[0]
    return seconds


def _drain(url: str, work: deque[tuple[int, bytes]]) -> None:
    line = connect(url)
    try:
        while True:
            try:
                count, request = work.popleft()
            except IndexError:
                return
            for _ in range(TRIES):
                line.sendall(request)
                reply = read_reply(line)
                if not reply.lasting:
                    line.close()
                    line = connect(url)
                if not _is_transient(reply):
                    break
                time.sleep(PAUSE)
            _check(reply, count)
    finally:
        line.close()


def _is_transient(reply: Reply) -> bool:
    """Return whether the same request may succeed later: the server was overloaded or slow."""
    return reply.status in (429, 503) or b'"57014"' in reply.body


def _check(reply: Reply, count: int) -> None:
    if not 200 <= reply.status < 300 or reply.count != count:
        said = (reply.head + reply.body).decode(errors="replace")
        raise ConnectionError(f"{count} rows were sent, and the server said: {said[:1000]}")


def main() -> None:
    """Send, and print rows, seconds and CPU seconds as JSON."""
    parser = argparse.ArgumentParser(description="Prebuilt requests over raw sockets.")
    parser.add_argument("--url", required=True)
    parser.add_argument("--dump", type=Path, required=True)
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--batch", type=int, default=4000)
    parser.add_argument("--connections", type=int, default=4)
    parser.add_argument("--resolution", default="none")
    given = parser.parse_args()
    work = requests(
        given.url,
        given.dump,
        given.rows,
        given.batch,
        resolution=given.resolution,
        secret=os.environ.get("PGRST_JWT_SECRET"),
    )
    rows = sum(count for count, _ in work)
    before = resource.getrusage(resource.RUSAGE_SELF)
    seconds = send(given.url, work, given.connections)
    after = resource.getrusage(resource.RUSAGE_SELF)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    json.dump({"rows": rows, "seconds": seconds, "cpu_seconds": cpu}, sys.stdout)


if __name__ == "__main__":
    main()
