"""A PostgREST of its own."""

from __future__ import annotations

import http.client
import time
from signal import SIGKILL, SIGTERM, Signals
from typing import TYPE_CHECKING

from loader.sandbox.errors import SandboxError
from loader.sandbox.process import Process, clean_environment, free_port, taken

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

__all__ = ["PostgREST", "answers"]

PATIENCE = 30.0  # seconds for a start
POLL = 0.01  # seconds
PORTS = 5  # how many ports to try when somebody is faster
TAKEN = "Network.Socket.bind"


class PostgREST:
    """One PostgREST on 127.0.0.1, for the main thread of one process. It ends when we end.

    After `stop()` or `kill()` it can be started again, on the same port.

    Args:
        binary: The program.
        database_uri: The libpq URI that it connects with, authenticator's, with the password.
        secret: What it checks HS256 tokens against; at least 32 characters.
        port: A fixed port; None takes a free one and keeps it.
        settings: More environment variables (PGRST_DB_POOL, ...), which win.
        log: The file for its log, emptied at each start; None keeps the end of it in memory.
    """

    def __init__(
        self,
        binary: Path,
        database_uri: str,
        secret: str,
        port: int | None = None,
        settings: Mapping[str, str] | None = None,
        *,
        log: Path | None = None,
    ) -> None:
        self.port = port
        self._binary = binary
        # By the environment: arguments can be read by everybody on this machine.
        self._settings = {
            "PGRST_DB_URI": database_uri,
            "PGRST_DB_SCHEMAS": "api",
            "PGRST_DB_ANON_ROLE": "api_anon",
            "PGRST_JWT_SECRET": secret,
            "PGRST_SERVER_HOST": "127.0.0.1",
            "PGRST_LOG_LEVEL": "warn",
            **(settings or {}),
        }
        self._log = log
        self._process: Process | None = None

    def __repr__(self) -> str:
        return f"<PostgREST {self.url} {self._process}>"

    @property
    def url(self) -> str:
        """The base URL, without a slash at its end."""
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        """Starts it and returns when it has read the database's schema and answers.

        Raises:
            SandboxError: It does not start; the message has the end of its log.
        """
        ports = iter([self.port] if self.port else [free_port() for _ in range(PORTS)])
        stop = time.monotonic() + PATIENCE
        said = ""
        for port in ports:
            if taken(port):  # its holder may be a PostgREST too, whose answer we would take for ours
                said = "Address in use"
                continue
            environment = clean_environment({**self._settings, "PGRST_SERVER_PORT": str(port)})
            self._process = Process([self._binary], death=SIGKILL, env=environment, log=self._log)
            while self._process.running and time.monotonic() < stop:
                if answers(port) and self._process.running:
                    self.port = port
                    return
                time.sleep(POLL)
            said = self._process.output()
            self.kill()
            if TAKEN not in said:
                break
        raise SandboxError(
            f"PostgREST ({self._binary}) does not start on port {port}. Its log ends with:\n{said}"
        )

    def stop(self) -> None:
        """Ends it and returns when it has ended; nothing to do when it is not up."""
        self._end((SIGTERM, 5))

    def kill(self) -> None:
        """Ends it as a crash would (SIGKILL)."""
        self._end((SIGKILL, 5))

    def _end(self, *steps: tuple[Signals, float]) -> None:
        if self._process is not None:
            self._process.stop(*steps)
            self._process = None


def answers(port: int) -> bool:
    """Tells whether a PostgREST that knows its schema answers on this port of 127.0.0.1."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=2)
    try:
        connection.request("HEAD", "/")
        reply = connection.getresponse()
        return reply.status != 503 and (reply.getheader("Server") or "").startswith("postgrest")
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()
