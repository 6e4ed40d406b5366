"""A helper program that prints tokens, for --token-command, and counts its runs."""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

import jwt

_PROGRAM = """#!{python} -SE
import base64, hashlib, hmac, json, os, subprocess, sys, time

folder = {folder!r}
with open(folder + "/runs", "a+") as runs:
    runs.write(str(os.getpid()) + "\\n")
    runs.seek(0)
    run = len(runs.readlines())
plan = json.load(open(folder + "/plan"))
if run in plan["hangs"]:
    child = subprocess.Popen(["sleep", "600"])
    with open(folder + "/runs", "a") as runs:
        runs.write(str(child.pid) + "\\n")
    child.wait()
sys.stderr.write(plan["says"])
sys.stderr.flush()
if run in plan["fails"]:
    sys.exit(3)

def part(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=")

claims = dict(plan["claims"], exp=time.time() + plan["lifetime"], run=run)
signed = part(b'{{"alg":"HS256","typ":"JWT"}}') + b"." + part(json.dumps(claims).encode())
signature = hmac.new(plan["secret"].encode(), signed, hashlib.sha256).digest()
print((signed + b"." + part(signature)).decode())
"""
_CLAIMS = {"role": "api_data_producer"}
EVER = range(2, 1000)  # all runs but the first


class HelperProgram:
    """A program that prints an HS256 token, or fails, or hangs.

    Args:
        folder: an empty one of its own.
        secret: that it signs with.
    """

    def __init__(self, folder: Path, secret: str) -> None:
        folder.mkdir()
        self._folder = folder
        self.path = folder / "give-token"
        self.path.write_text(_PROGRAM.format(python=sys.executable, folder=str(folder)))
        self.path.chmod(0o700)
        self.plan(secret)

    def plan(
        self,
        secret: str,
        *,
        lifetime: float = 300.0,
        fails: range = range(0),
        hangs: range = range(0),
        says: str = "",
    ) -> None:
        """Say what it does from now on.

        Args:
            secret: that it signs with.
            lifetime: seconds that its tokens are good.
            fails: the numbers of the runs that fail, with exit code 3.
            hangs: the numbers of the runs that hang, with a child.
            says: what it writes to stderr.
        """
        plan = {
            "secret": secret,
            "claims": _CLAIMS,
            "lifetime": lifetime,
            "fails": list(fails),
            "hangs": list(hangs),
            "says": says,
        }
        fresh = self._folder / "plan.new"
        fresh.write_text(json.dumps(plan))
        fresh.replace(self._folder / "plan")

    @property
    def pids(self) -> list[int]:
        """The ids of the processes that it was, with those of their children."""
        path = self._folder / "runs"
        return [int(pid) for pid in path.read_text().split()] if path.exists() else []

    @property
    def runs(self) -> int:
        """How often it was run, where it has not hung."""
        return len(self.pids)


def signed(secret: str, *, lifetime: float = 300.0, **claims: object) -> str:
    """Return a token of the usual role."""
    return jwt.encode({**_CLAIMS, "exp": time.time() + lifetime, **claims}, secret)


def lives(pid: int) -> bool:
    """Return whether a process is there, and no zombie."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state != "Z"
