"""One server process that goes when its parent goes."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import tempfile
from typing import TYPE_CHECKING

from loader.child_environment import child_environment
from loader.sandbox.errors import SandboxError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path
    from signal import Signals

__all__ = ["Process", "bound", "clean_environment", "free_port", "taken"]

TAIL = 4000  # bytes of a server's output that an error shows

# The kernel sends the death signal only for a parent that dies after setpriv asked for it. The shell finds
# out whether it was dead by then: the parent's id is no longer ours.
GUARD = '[ "$PPID" = "$0" ] && exec "$@"'


def free_port() -> int:
    """Returns a TCP port of 127.0.0.1 that nobody listens on now (by the time it is used somebody may)."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def clean_environment(extra: Mapping[str, str]) -> dict[str, str]:
    """Returns our environment and `extra`, without what would steer libpq, PostgreSQL or PostgREST elsewhere.

    Credentials of a load are not in it either. Messages come in English (LC_ALL=C), so that they can be told
    apart.
    """
    own = child_environment(os.environ)
    kept = {key: value for key, value in own.items() if not key.startswith("PG")}
    return {**kept, "LC_ALL": "C", **extra}


def bound(command: Sequence[str | Path], death: Signals, prefix: Sequence[str] = ()) -> list[str]:
    """Returns the command that runs `command` and sends it `death` when the thread that started it ends.

    Raises:
        SandboxError: There is no setpriv (util-linux).
    """
    if shutil.which("setpriv") is None:
        raise SandboxError(
            "The sandbox needs setpriv to end its servers with itself: install util-linux (Linux)."
        )
    binding = ["setpriv", "--pdeathsig", death.name.removeprefix("SIG"), "--", "/bin/sh", "-c", GUARD]
    return [*prefix, *binding, str(os.getpid()), *map(str, command)]


def taken(port: int) -> bool:
    """Tells whether somebody listens on this port of 127.0.0.1."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # connections that linger do not count
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return True
        return False


class Process:
    """A program in a session of its own (a terminal's Ctrl-C does not reach it) that ends when we end.

    The kernel signals it when the *thread* that started it ends: start it from the main thread.

    Args:
        command: The program and its arguments; it must not fork itself into the background.
        death: The signal that it gets when we die, however we die.
        env: Its whole environment.
        log: The file that takes its output, emptied first (mode 0600); None: for `output()` only.
        prefix: The command that runs it as another account (see `account.Account`).

    Raises:
        SandboxError: There is no setpriv (util-linux), or the program cannot be run.
    """

    def __init__(
        self,
        command: Sequence[str | Path],
        *,
        death: Signals,
        env: Mapping[str, str],
        log: Path | None = None,
        prefix: Sequence[str] = (),
    ) -> None:
        guarded = bound(command, death, prefix)
        self._text = ""
        self._file = _output(log)
        try:
            self._popen = subprocess.Popen(
                guarded,
                stdin=subprocess.DEVNULL,
                stdout=self._file,
                stderr=subprocess.STDOUT,
                cwd="/",
                env=dict(env),
                start_new_session=True,
            )
        except OSError as error:
            os.close(self._file)
            raise SandboxError(f"{guarded[0]} cannot be run: {error}") from error

    def __repr__(self) -> str:
        return f"<Process {self.pid} {'up' if self.running else 'ended'}>"

    @property
    def pid(self) -> int:
        """The process id: of the program itself, for every step before it execs the next."""
        return self._popen.pid

    @property
    def running(self) -> bool:
        """Whether it has not ended yet."""
        return self._popen.poll() is None

    def output(self) -> str:
        """Returns the end of what it has written so far."""
        if self._file >= 0:
            size = os.fstat(self._file).st_size
            tail = os.pread(self._file, TAIL, max(0, size - TAIL))
            self._text = tail.decode(errors="replace").strip()
        return self._text

    def stop(self, *steps: tuple[Signals, float]) -> None:
        """Sends each signal and waits for so many seconds, SIGKILL at last. Returns when it has ended."""
        try:
            for signal, seconds in steps:
                self._popen.send_signal(signal)
                try:
                    self._popen.wait(seconds)
                    break
                except subprocess.TimeoutExpired:
                    continue
        finally:
            self._popen.kill()
            self._popen.wait()
            if self._file >= 0:
                self.output()
                os.close(self._file)
                self._file = -1


def _output(log: Path | None) -> int:
    if log is None:
        with tempfile.TemporaryFile() as unnamed:
            return os.dup(unnamed.fileno())
    try:
        log.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        return os.open(log, os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND, 0o600)
    except OSError as error:
        raise SandboxError(f"The log {log} cannot be written: {error.strerror}.") from error
