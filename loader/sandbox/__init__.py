"""An embedded PostgreSQL with sql/ applied and a PostgREST over it, for tests, trials and `bulkload sandbox`.

Everything here is synchronous and belongs to the main thread: the kernel ends the servers with the thread
that started them. The servers listen on 127.0.0.1 only. PostgreSQL asks for passwords. PostgREST asks for a
token, except for what sql/ makes public: any user of this machine can read the view latest_trades.
"""

from __future__ import annotations

import os
import time
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING

from loader.sandbox import cluster, schema
from loader.sandbox.binaries import PostgresPrograms, find_postgres
from loader.sandbox.errors import BinariesMissing, SandboxError
from loader.sandbox.fetch import find_postgrest
from loader.sandbox.postgres import Postgres
from loader.sandbox.postgrest import PostgREST
from loader.sandbox.state import Sandbox, State, state_folder

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

__all__ = [
    "BinariesMissing",
    "PostgREST",
    "Postgres",
    "PostgresPrograms",
    "Sandbox",
    "SandboxError",
    "find_postgres",
    "find_postgrest",
    "reset",
    "sandbox",
    "state_folder",
]

PATIENCE = 30.0  # seconds for another process that is starting the same sandbox


def ignore(_text: str) -> None:
    """Says nothing."""


@contextmanager
def sandbox(
    state: Path | None = None, *, fsync: bool = True, say: Callable[[str], None] = ignore
) -> Iterator[Sandbox]:
    """Starts the sandbox, or joins the one that another process has up; what is in it stays between uses.

    The one that starts it also stops it, at the end of the `with` block or of its life, also by kill -9; one
    that joined is left without it then.

    Args:
        state: Where it lives; None is `state_folder()`.
        fsync: False is fast and loses everything at a power cut: for tests. Without effect on one that is up.
        say: Is told, in a line, about what takes long.

    Raises:
        BinariesMissing: PostgreSQL or PostgREST was not found.
        SandboxError: It does not start; the message says why.
    """
    place = State(state)
    with ExitStack() as stack:
        stop = time.monotonic() + PATIENCE
        while (lock := place.lock()) is None:
            if (joined := place.running()) is not None:
                say(f"Using the sandbox that is up at {joined.url}")
                yield joined
                return
            if time.monotonic() > stop:
                raise SandboxError(
                    f"Another process has held the sandbox in {place.folder} for {PATIENCE:.0f} s, starting."
                )
            time.sleep(0.05)
        stack.callback(os.close, lock)
        place.withdraw()
        up = _start(place, stack, fsync=fsync, say=say)
        stack.callback(place.withdraw)
        place.publish(up)
        yield up


def _start(place: State, stack: ExitStack, *, fsync: bool, say: Callable[[str], None]) -> Sandbox:
    programs = find_postgres()
    binary = find_postgrest(say)
    cluster.sweep(place.data)
    if not place.data.exists():
        say(f"Making a PostgreSQL cluster in {place.data}")
    secrets = place.secrets()
    postgres = Postgres(
        programs.folder, place.data, fsync=fsync, password=secrets.postgres, log=place.log / "postgres.log"
    )
    stack.callback(postgres.stop)
    postgres.start()
    schema.apply(programs.psql, postgres.uri, secrets.authenticator)
    authenticator = postgres.uri_for("authenticator", secrets.authenticator)
    postgrest = PostgREST(binary, authenticator, secrets.jwt, log=place.log / "postgrest.log")
    stack.callback(postgrest.stop)
    postgrest.start()
    return Sandbox(
        url=postgrest.url,
        secret=secrets.jwt,
        database=postgres.uri,
        log=place.log,
        authenticator=authenticator,
        programs=programs.psql.parent,
    )


def reset(state: Path | None = None) -> None:
    """Empties the sandbox: removes its cluster with every row. The next start makes a new one.

    Args:
        state: Where it lives; None is `state_folder()`.

    Raises:
        SandboxError: It is running.
    """
    place = State(state)
    lock = place.lock()
    if lock is None:
        raise SandboxError(
            f"The sandbox in {place.folder} is running: end it first (Ctrl-C where it was started)."
        )
    try:
        place.withdraw()
        cluster.sweep(place.data)
        if place.data.exists():
            cluster.await_release(place.data)
            cluster.remove(place.data)
    finally:
        os.close(lock)
