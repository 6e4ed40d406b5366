"""What the sandbox keeps on disk, and who holds it."""

from __future__ import annotations

import fcntl
import json
import os
import secrets
import stat
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from loader.sandbox import cluster
from loader.sandbox.errors import SandboxError
from loader.sandbox.postgrest import answers
from loader.sandbox.schema import libpq_environment

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["Sandbox", "Secrets", "State", "state_folder"]


@dataclass(frozen=True, slots=True)
class Sandbox:
    """A sandbox that is up.

    Attributes:
        url: PostgREST's base URL, http://127.0.0.1:PORT.
        secret: The secret of its HS256 tokens, at least 32 characters.
        database: The superuser's libpq URI, with the password.
        log: The folder of postgres.log and postgrest.log.
        authenticator: The libpq URI that PostgREST connects with, with the password: for further PostgRESTs.
        programs: The folder of psql.
    """

    url: str
    secret: str = field(repr=False)
    database: str = field(repr=False)
    log: Path
    authenticator: str = field(repr=False)
    programs: Path

    def environment(self) -> dict[str, str]:
        """Returns the variables that lead a command to this sandbox, to be added to the rest."""
        return {
            "BULKLOAD_URL": self.url,
            "PGRST_JWT_SECRET": self.secret,
            "DATABASE_URL": self.database,
            **libpq_environment(self.database),
            "PATH": os.pathsep.join(filter(None, (str(self.programs), os.environ.get("PATH")))),
        }


@dataclass(frozen=True, slots=True)
class Secrets:
    """The sandbox's secrets, the same while its state folder lives; none needs quoting or escaping."""

    jwt: str = field(repr=False)
    postgres: str = field(repr=False)
    authenticator: str = field(repr=False)


def state_folder() -> Path:
    """Returns $XDG_STATE_HOME/bulkload/sandbox, else ~/.local/state/bulkload/sandbox.

    Raises:
        SandboxError: There is no home folder.
    """
    chosen = Path(os.environ.get("XDG_STATE_HOME", ""))
    try:
        return (chosen if chosen.is_absolute() else Path.home() / ".local" / "state") / "bulkload" / "sandbox"
    except RuntimeError as error:
        raise SandboxError("There is no home folder: set XDG_STATE_HOME.") from error


class State:
    """The state folder: `cluster/` the rows, `log/`, and secrets.json, running.json, lock (mode 0600).

    Raises:
        SandboxError: The folder cannot be made, or others can write to it.
    """

    def __init__(self, folder: Path | None) -> None:
        self.folder = (folder or state_folder()).absolute().resolve()
        try:
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            message = (
                f"The folder {self.folder} cannot be made: {error.strerror}. Set XDG_STATE_HOME to another."
            )
            raise SandboxError(message) from error
        _check_private(self.folder)
        self.data = self.folder / "cluster"
        self.log = self.folder / "log"
        self._running = self.folder / "running.json"

    def lock(self) -> int | None:
        """Returns a descriptor that holds the sandbox until closed (or our end); None: another one has it.

        Raises:
            SandboxError: The folder is somebody else's.
        """
        try:
            lock = os.open(self.folder / "lock", os.O_RDWR | os.O_CREAT, 0o600)
        except OSError as error:
            raise SandboxError(
                f"{self.folder} is not ours: {error.strerror}. Set XDG_STATE_HOME to another folder."
            ) from error
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(lock)
            return None
        return lock

    def running(self) -> Sandbox | None:
        """Returns the sandbox that another holder of the lock has up, or None while it is starting or going.

        The file may be left from a holder that was killed: it counts only when its PostgREST answers.
        """
        try:
            told = json.loads(self._running.read_text())
            up = Sandbox(**{**told, "log": Path(told["log"]), "programs": Path(told["programs"])})
            port = urlsplit(up.url).port
        except (OSError, ValueError, KeyError, TypeError):
            return None
        return up if port and answers(port) else None

    def publish(self, up: Sandbox) -> None:
        """Tells other processes that this sandbox is up."""
        _write(self._running, {key: str(value) for key, value in asdict(up).items()})

    def withdraw(self) -> None:
        """Takes that back."""
        self._running.unlink(missing_ok=True)

    def secrets(self) -> Secrets:
        """Returns the secrets; made when there is no cluster yet.

        Raises:
            SandboxError: There is a cluster, and its secrets are lost.
        """
        file = self.folder / "secrets.json"
        try:
            return Secrets(**json.loads(file.read_text()))
        except (FileNotFoundError, ValueError, TypeError) as error:
            if self.data.exists():
                message = f"{file} is lost or damaged. {cluster.RESET}"
                raise SandboxError(message) from error
        made = Secrets(secrets.token_urlsafe(48), secrets.token_urlsafe(24), secrets.token_urlsafe(24))
        _write(file, asdict(made))
        return made


def _check_private(folder: Path) -> None:
    """Checks that nobody else can put a file into the folder: a cluster, secrets, the target of a load.

    Raises:
        SandboxError: Somebody can.
    """
    status = folder.stat()
    if status.st_uid not in (os.geteuid(), 0):
        raise SandboxError(
            f"The folder {folder} belongs to user id {status.st_uid}, who can write to it. "
            "Set XDG_STATE_HOME to a folder of your own."
        )
    if status.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
        raise SandboxError(
            f"Others can write to the folder {folder}. Look into it, and then: chmod 700 '{folder}'; "
            "or set XDG_STATE_HOME to another folder."
        )


def _write(file: Path, content: Mapping[str, str]) -> None:
    """Writes a file that only we may read, whole or not at all."""
    fresh = file.with_suffix(".new")
    fresh.unlink(missing_ok=True)
    with open(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as stream:  # noqa: PTH123 - a descriptor
        json.dump(content, stream)
        stream.flush()
        os.fsync(stream.fileno())
    fresh.replace(file)
