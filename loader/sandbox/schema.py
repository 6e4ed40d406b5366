"""Applies sql/ to a server."""

from __future__ import annotations

import subprocess
from pathlib import Path
from urllib.parse import urlsplit

from loader.sandbox.errors import SandboxError
from loader.sandbox.process import clean_environment

__all__ = ["apply", "libpq_environment", "setup_file"]

# In a wheel sql/ lies beside this file, in the repository beside loader/.
PLACES = (Path(__file__).parent / "sql" / "setup.sql", Path(__file__).parents[2] / "sql" / "setup.sql")
PATIENCE = 120.0  # seconds

SCRIPT = r"""
SELECT format('CREATE DATABASE %I', :'database')
WHERE NOT EXISTS (SELECT FROM pg_database WHERE datname = :'database')
\gexec
\connect :database
\ir :setup
"""


def setup_file() -> Path:
    """Returns the path of setup.sql.

    Raises:
        SandboxError: The installation lacks it.
    """
    for place in PLACES:
        if place.is_file():
            return place
    raise SandboxError(f"This installation of bulkload lacks {PLACES[0]}: install it again.")


def libpq_environment(uri: str) -> dict[str, str]:
    """Returns what libpq reads in place of the URI: PGHOST, PGPORT, PGUSER, PGPASSWORD, PGDATABASE."""
    parts = urlsplit(uri)
    return {
        "PGHOST": parts.hostname or "",
        "PGPORT": str(parts.port or ""),
        "PGUSER": parts.username or "",
        "PGPASSWORD": parts.password or "",
        "PGDATABASE": parts.path.removeprefix("/"),
    }


def apply(psql: Path, uri: str, authenticator_password: str) -> None:
    """Makes the database if there is none and applies sql/setup.sql to it. Done again, it keeps the rows.

    Args:
        psql: The client program.
        uri: The superuser's, with the name of the database.
        authenticator_password: What authenticator shall log in with; it must need no quoting.

    Raises:
        SandboxError: The message has what psql said.
    """
    target = libpq_environment(uri)
    database = target["PGDATABASE"]
    setup = str(setup_file()).replace("\\", "\\\\").replace("'", "\\'")
    # Over standard input: a password among the arguments could be read by everybody on this machine.
    settings = {"database": database, "authenticator_password": authenticator_password, "setup": setup}
    script = "".join(f"\\set {name} '{value}'\n" for name, value in settings.items()) + SCRIPT
    command = [str(psql), "--no-psqlrc", "--quiet", "--set=ON_ERROR_STOP=1"]
    environment = clean_environment({**target, "PGDATABASE": "postgres", "PGCLIENTENCODING": "UTF8"})
    try:
        done = subprocess.run(
            command,
            input=script,
            env=environment,
            capture_output=True,
            text=True,
            timeout=PATIENCE,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise SandboxError(f"sql/setup.sql could not be applied: {error}") from error
    if done.returncode:
        raise SandboxError(f"sql/setup.sql could not be applied: {done.stderr.strip()}")
