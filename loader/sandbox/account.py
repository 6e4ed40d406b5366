"""Who runs PostgreSQL's programs: they refuse root, and a user without a name."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
from dataclasses import dataclass
from typing import TYPE_CHECKING

from loader.child_environment import child_environment
from loader.sandbox.errors import SandboxError

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["Account", "find_account"]


@dataclass(frozen=True, slots=True)
class Account:
    """How to run a program as somebody whom PostgreSQL accepts.

    Attributes:
        prefix: The command put before the program; it execs, so the process id stays.
        owner: User and group id that must own the data folder, when that is not ourselves. Such a user has no
            way into folders that are only ours.
    """

    prefix: tuple[str, ...] = ()
    owner: tuple[int, int] | None = None


def find_account(programs: Path) -> Account:
    """Finds out how to run PostgreSQL here.

    An ordinary user runs it directly. For root (and for a user id without a name, which initdb refuses too) a
    user namespace shows PostgreSQL another user id while the kernel goes on seeing ours: no system user, no
    chown. Containers often forbid that to root; then an unprivileged user that is there already runs it.

    Args:
        programs: PostgreSQL's bin folder, which that user must be able to reach.

    Raises:
        SandboxError: There is no way; the message says what to do.
    """
    root = os.geteuid() == 0
    if not root and _name(os.geteuid()) is not None:
        return Account()
    users = _unprivileged()
    for user in users[:1]:
        mapped = ("unshare", "--user", f"--map-user={user.pw_uid}", f"--map-group={user.pw_gid}", "--")
        if _works(*mapped, "/bin/sh", "-c", ":"):
            return Account(mapped)
    if not root:
        raise SandboxError(
            f"PostgreSQL does not run as user id {os.geteuid()}, which has no name on this machine, "
            "and user namespaces (unshare --user) are not allowed here. Run as a user with a name."
        )
    for user in users:
        switched = ("setpriv", f"--reuid={user.pw_uid}", f"--regid={user.pw_gid}", "--clear-groups", "--")
        if _works(*switched, "/bin/sh", "-c", 'test -x "$0"', str(programs / "postgres")):
            return Account(switched, (user.pw_uid, user.pw_gid))
    raise SandboxError(
        "PostgreSQL does not run as root. Tried a user namespace (unshare --user: not allowed here) and, "
        f"with setpriv, the users {', '.join(user.pw_name for user in users) or '(none found)'} "
        f"(they cannot run {programs}/postgres). "
        "Run bulkload as an ordinary user, or install the system package postgresql."
    )


def _unprivileged() -> list[pwd.struct_passwd]:
    """Users to run as, best first."""
    users = (_name(name) for name in ("postgres", "nobody"))
    return [user for user in users if user is not None and user.pw_uid != 0]


def _name(user: str | int) -> pwd.struct_passwd | None:
    try:
        return pwd.getpwnam(user) if isinstance(user, str) else pwd.getpwuid(user)
    except KeyError:
        return None


def _works(*command: str) -> bool:
    if shutil.which(command[0]) is None:
        return False
    try:
        done = subprocess.run(
            command,
            capture_output=True,
            cwd="/",
            env=child_environment(os.environ),
            timeout=10,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return False
    return done.returncode == 0
