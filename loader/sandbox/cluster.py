"""The data folder of a PostgreSQL cluster: made whole or not at all, and cleared away."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
import time
from pathlib import Path
from signal import SIGKILL
from typing import TYPE_CHECKING

from loader.sandbox.binaries import postgres_major
from loader.sandbox.errors import SandboxError
from loader.sandbox.process import bound, clean_environment

if TYPE_CHECKING:
    from loader.sandbox.account import Account

__all__ = ["await_release", "check", "exists", "make", "remove", "sweep"]

RESET = "`bulkload sandbox --reset` throws the sandbox and its rows away."
LOCALES = ("C.UTF-8", "C")  # the first sorts by code point and knows letters; not every system has it
RELEASE = 30.0  # seconds that a shutdown may take


def exists(data: Path) -> bool:
    """Tells whether `data` is a whole cluster."""
    return all((data / part).is_file() for part in ("PG_VERSION", "global/pg_control"))


def make(data: Path, programs: Path, account: Account, password: str, *, fsync: bool) -> None:
    """Makes a cluster in another folder and renames that: killed half-way, it leaves no `data`.

    An account that has no way into our folders gets one of its own in /var/tmp, and `data` is a link to it.

    Args:
        data: The folder to be; its parent exists.
        programs: PostgreSQL's bin folder.
        account: Who runs initdb, and later postgres.
        password: Of the superuser, postgres.
        fsync: Whether the cluster must survive a power cut.

    Raises:
        SandboxError: initdb failed; the message has what it said.
    """
    if account.owner is None:
        making = folder = Path(tempfile.mkdtemp(prefix=f"{data.name}.making-", dir=data.parent))
    else:
        folder = Path(tempfile.mkdtemp(prefix="bulkload-", dir="/var/tmp"))
        os.chown(folder, *account.owner)
        making = data.with_name(f"{data.name}.making-{folder.name}")
        making.symlink_to(folder)
    try:
        for locale in LOCALES:
            said = _initdb(folder, programs, account, password, locale, fsync=fsync)
            if said is None:
                making.rename(data)
                return
            if "locale" not in said:
                break
        raise SandboxError(f"initdb could not make the sandbox's cluster: {said}")
    finally:
        if making.exists():
            remove(making)


def _initdb(
    folder: Path, programs: Path, account: Account, password: str, locale: str, *, fsync: bool
) -> str | None:
    """Returns None, or what initdb said when it failed."""
    secret = os.memfd_create(
        "password"
    )  # neither a file that could stay behind nor an argument that others can read
    try:
        os.write(secret, password.encode() + b"\n")
        command = [str(programs / "initdb"), "--pgdata", str(folder), "--username=postgres"]
        command += [
            "--auth=scram-sha-256",
            f"--pwfile=/proc/self/fd/{secret}",
            "--encoding=UTF8",
            f"--locale={locale}",
        ]
        command += [] if fsync else ["--no-sync"]
        environment = clean_environment({})
        done = subprocess.run(
            bound(command, SIGKILL, account.prefix),
            pass_fds=[secret],
            cwd="/",
            env=environment,
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return str(error)
    finally:
        os.close(secret)
    return None if done.returncode == 0 else done.stderr.strip() or f"(exit code {done.returncode})"


def check(data: Path, programs: Path, account: Account) -> None:
    """Checks that these programs, run by this account, can use the cluster.

    Raises:
        SandboxError: It is of another major version, or belongs to somebody else.
    """
    theirs = int((data / "PG_VERSION").read_text().strip())
    ours = postgres_major(programs)
    if theirs != ours:
        raise SandboxError(
            f"The cluster {data} was made by PostgreSQL {theirs}; PostgreSQL {ours} was found in {programs}. "
            f"Set BULKLOAD_POSTGRES_BIN to the bin folder of PostgreSQL {theirs}. Or start anew: {RESET}"
        )
    wanted = account.owner[0] if account.owner else os.geteuid()
    if data.stat().st_uid != wanted:
        raise SandboxError(
            f"The cluster {data} belongs to user id {data.stat().st_uid}; PostgreSQL would run as {wanted}. "
            f"Run as the user who made it, or set XDG_STATE_HOME to another folder. Or start anew: {RESET}"
        )


def await_release(data: Path) -> None:
    """Waits until no postmaster has the cluster: one whose owner was just killed is still shutting down.

    A postmaster.pid without a postmaster (power cut) is removed, whatever else has its process id by now.

    Raises:
        SandboxError: It is in use and stays so.
    """
    stop = time.monotonic() + RELEASE
    while (pid := _postmaster(data)) is not None:
        if time.monotonic() > stop:
            raise SandboxError(
                f"PostgreSQL (process {pid}) has {data} and keeps it. End it with: kill -INT {pid}"
            )
        time.sleep(0.02)
    (data / "postmaster.pid").unlink(missing_ok=True)


def _postmaster(data: Path) -> int | None:
    try:
        pid = int((data / "postmaster.pid").read_text().split("\n", 1)[0])
        arguments = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
    except (FileNotFoundError, ProcessLookupError, ValueError):
        return None
    return pid if os.fsencode(data.resolve()) in arguments else None


def sweep(data: Path) -> None:
    """Removes what a killed start left: folders in the making, and a `data` that never became a cluster.

    Raises:
        SandboxError: `data` holds something that no initdb has put there.
    """
    for making in data.parent.glob(f"{data.name}.making-*"):
        remove(making)
    if data.is_symlink() and not data.exists():
        data.unlink()
    elif data.is_dir() and not exists(data):
        if any(data.iterdir()) and not (data / "PG_VERSION").exists():
            raise SandboxError(f"{data} is no PostgreSQL cluster and not empty: nothing was touched.")
        remove(data)


def remove(folder: Path) -> None:
    """Removes the folder (and where it points to), first from its name and then from the disk."""
    doomed = folder
    if ".making-" not in folder.name:
        doomed = folder.with_name(f"{folder.name}.making-{os.getpid()}-{time.monotonic_ns()}")
        folder.rename(doomed)
    if doomed.is_symlink():
        _remove_tree(doomed.resolve())
        doomed.unlink()
    else:
        _remove_tree(doomed)


def _remove_tree(folder: Path) -> None:
    """Removes it also while the helpers of a killed initdb write their last into it.

    Raises:
        SandboxError: It cannot be removed.
    """
    stop = time.monotonic() + 5
    while folder.exists():
        try:
            shutil.rmtree(folder)
        except OSError as error:
            if time.monotonic() > stop:
                raise SandboxError(f"{folder} cannot be removed: {error.strerror}.") from error
            time.sleep(0.05)
