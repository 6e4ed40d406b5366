"""Stand between a client and a server, and delay all bytes by half a round trip each way.

`python -m benchmarks.far URL --round-trip 0.04` prints its own URL and runs until it is ended. Bandwidth is
not limited, and connecting takes no round trip.
"""

from __future__ import annotations

import argparse
import asyncio
from contextlib import suppress
from urllib.parse import urlsplit

from benchmarks.wire import PIECE


async def carry(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, seconds: float) -> None:
    """Forward bytes, and the end of the stream, ``seconds`` later."""
    under_way: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue()
    now = asyncio.get_running_loop().time

    async def arrive() -> None:
        while True:
            when, data = await under_way.get()
            await asyncio.sleep(when - now())
            if not data:
                return
            writer.write(data)
            await writer.drain()

    async def leave() -> None:
        data = b"-"
        while data:
            try:
                data = await reader.read(PIECE)
            except OSError:
                data = b""
            under_way.put_nowait((now() + seconds, data))

    with suppress(OSError):
        await asyncio.gather(arrive(), leave())
    writer.close()


async def serve(target: str, round_trip: float) -> None:
    """Accept connections until cancelled."""
    far = urlsplit(target)

    async def client(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        up_reader, up_writer = await asyncio.open_connection(far.hostname, far.port, limit=PIECE)
        half = round_trip / 2
        await asyncio.gather(carry(reader, up_writer, half), carry(up_reader, writer, half))

    listening = await asyncio.start_server(client, "127.0.0.1", limit=PIECE)
    print(f"http://127.0.0.1:{listening.sockets[0].getsockname()[1]}", flush=True)
    async with listening:
        await listening.serve_forever()


def main() -> None:
    """Serve until ended."""
    parser = argparse.ArgumentParser(description="A line with a long round trip, on 127.0.0.1.")
    parser.add_argument("target", help="URL of the server at its end")
    parser.add_argument("--round-trip", type=float, default=0.04, help="seconds")
    given = parser.parse_args()
    with suppress(KeyboardInterrupt):
        asyncio.run(serve(given.target, given.round_trip))


if __name__ == "__main__":
    main()
