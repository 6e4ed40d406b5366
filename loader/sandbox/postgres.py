"""A PostgreSQL server of its own."""

from __future__ import annotations

import secrets
import time
from signal import SIGINT, SIGKILL, SIGQUIT, Signals
from typing import TYPE_CHECKING

from loader.sandbox import cluster
from loader.sandbox.account import find_account
from loader.sandbox.errors import SandboxError
from loader.sandbox.process import Process, clean_environment, free_port

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from loader.sandbox.account import Account

__all__ = ["DATABASE", "Postgres"]

DATABASE = "bulkload"
PATIENCE = 120.0  # seconds for a start; replaying the log after a crash takes its time
POLL = 0.01  # seconds
PORTS = 5  # how many ports to try when somebody is faster

# wal: a load should not be held up by checkpoints. errors: no statement of a rejected batch in the log.
SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",  # a long path to the state folder would break them
    "max_connections": "50",
    "max_wal_size": "4GB",
    "log_min_error_statement": "panic",
    "logging_collector": "off",
    "log_destination": "stderr",
}
# Only a crash of the machine loses a commit: synchronous_commit stays on, so that one of the server does not.
FAST_AND_LOOSE = {"fsync": "off", "full_page_writes": "off"}

# What an ended start says when a new try helps: a taken port; processes of the last server.
TAKEN = "could not create any TCP/IP sockets"
LINGERING = ("pre-existing shared memory block", "lock file")


class Postgres:
    """One PostgreSQL server on 127.0.0.1 with passwords (SCRAM), for the main thread of one process.

    It ends when we end, by a fast shutdown. After `stop()` or `kill()` it can be started again, same port.

    Args:
        bindir: The folder of initdb and postgres.
        data: The cluster's folder; made by the first start. Its parent is made too.
        port: A fixed port; None takes a free one and keeps it.
        fsync: False is fast and loses everything at a power cut: for tests.
        settings: More settings of postgresql.conf, which win.
        password: Of the superuser, postgres; None makes one up, good for a cluster that this object makes.
        log: The file for its log, emptied at each start; None keeps the end of it in memory.
    """

    def __init__(
        self,
        bindir: Path,
        data: Path,
        port: int | None = None,
        *,
        fsync: bool = True,
        settings: Mapping[str, str] | None = None,
        password: str | None = None,
        log: Path | None = None,
    ) -> None:
        self.bindir = bindir
        self.data = data.absolute()
        self.port = port
        self._fsync = fsync
        self._settings = {**SETTINGS, **({} if fsync else FAST_AND_LOOSE), **(settings or {})}
        self._password = password or secrets.token_urlsafe(24)
        self._log = log
        self._process: Process | None = None

    def __repr__(self) -> str:
        return f"<Postgres {self.data} port={self.port} {self._process}>"

    @property
    def uri(self) -> str:
        """The superuser's libpq URI, with password, for the database `bulkload` (made by `schema.apply`)."""
        return self.uri_for("postgres", self._password)

    def uri_for(self, user: str, password: str) -> str:
        """Returns the libpq URI of another user; the password must need no escaping."""
        return f"postgresql://{user}:{password}@127.0.0.1:{self.port}/{DATABASE}"

    def start(self) -> None:
        """Makes the cluster if there is none, starts the server and returns when it takes connections.

        Raises:
            SandboxError: It does not start; the message has the end of its log.
        """
        account = find_account(self.bindir)
        self.data.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        if not cluster.exists(self.data):
            cluster.make(self.data, self.bindir, account, self._password, fsync=self._fsync)
        cluster.check(self.data, self.bindir, account)
        stop = time.monotonic() + PATIENCE
        ports = iter([self.port] if self.port else [free_port() for _ in range(PORTS)])
        port = next(ports)
        while not self._started(port, account, stop):
            said = self._process.output() if self._process else ""
            self.kill()
            late = time.monotonic() > stop
            if TAKEN in said and not late and (other := next(ports, None)):
                port = other
            elif late or not any(sign in said for sign in LINGERING):
                raise SandboxError(
                    f"PostgreSQL does not start on port {port} with {self.data}. Its log ends with:\n{said}"
                )
            time.sleep(POLL)
        self.port = port

    def stop(self) -> None:
        """Ends it by a fast shutdown and returns when it has ended; nothing to do when it is not up."""
        self._end((SIGINT, 60), (SIGQUIT, 10))

    def kill(self) -> None:
        """Ends it as a crash would (SIGKILL): what was committed is replayed by the next start."""
        self._end((SIGKILL, 10))

    def _end(self, *steps: tuple[Signals, float]) -> None:
        if self._process is not None:
            self._process.stop(*steps)
            self._process = None

    def _started(self, port: int, account: Account, stop: float) -> bool:
        cluster.await_release(self.data)
        data = self.data.resolve()
        command = [str(self.bindir / "postgres"), "-D", str(data), "-p", str(port)]
        for name, value in self._settings.items():
            command += ["-c", f"{name}={value}"]
        self._process = Process(
            command, death=SIGINT, env=clean_environment({}), log=self._log, prefix=account.prefix
        )
        while self._process.running and time.monotonic() < stop:
            if _ready(data, self._process.pid):
                return True
            time.sleep(POLL)
        return False


def _ready(data: Path, pid: int) -> bool:
    """Reads, as pg_ctl does, the line of postmaster.pid on which the server says whether it is ready."""
    try:
        lines = (data / "postmaster.pid").read_text().splitlines()
    except FileNotFoundError:
        return False
    return len(lines) >= 8 and lines[0] == str(pid) and lines[7].strip() == "ready"
