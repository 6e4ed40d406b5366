"""Loads as processes of their own, to be signalled and killed."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any


@dataclass
class Run:
    """A load that has ended.

    Attributes:
        code: its exit code; negative: the signal that killed it.
        err: what it wrote to stderr.
        folder: its run directory.
        report: report.json as it was then; empty where there was none.
        rejects: the lines of rejects.jsonl, likewise, as far as it is UTF-8.
    """

    code: int
    err: str
    folder: Path
    report: dict[str, Any] = field(default_factory=dict)
    rejects: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        report, rejects = self.folder / "report.json", self.folder / "rejects.jsonl"
        if report.is_file():
            self.report = json.loads(report.read_text() or "{}")
        if rejects.is_file():
            self.rejects = rejects.read_text(errors="replace").splitlines()

    @property
    def first(self) -> str:
        """The first line of stderr."""
        return self.err.splitlines()[0] if self.err else ""

    @property
    def last(self) -> str:
        """The last line of stderr."""
        return self.err.splitlines()[-1] if self.err else ""


@dataclass
class Process:
    """A load as a process of its own, under way."""

    popen: subprocess.Popen[str]
    folder: Path

    def kill(self) -> Run:
        """Kill it with SIGKILL."""
        self.popen.kill()
        return self.wait()

    def wait(self, seconds: float = 120.0) -> Run:
        """Wait until it has ended."""
        try:
            _, err = self.popen.communicate(timeout=seconds)
        except subprocess.TimeoutExpired:
            self.popen.kill()
            _, err = self.popen.communicate()
            raise AssertionError(f"the load has not ended in {seconds:.0f} s, but said:\n{err}") from None
        return Run(self.popen.returncode, err, self.folder)

    def signal(self, number: signal.Signals) -> None:
        """Send it a signal."""
        self.popen.send_signal(number)

    @property
    def running(self) -> bool:
        """Whether it has not ended."""
        return self.popen.poll() is None


class Loads:
    """Loads into `api.faults` by `python -m loader`, from a folder of its own.

    Args:
        folder: where the sources are, and where each load's run directory goes.
        url: the server's, or the proxy's.
        secret: the token's.
        options: of each load.

    Attributes:
        variables: further ones of the environment.
    """

    def __init__(self, folder: Path, url: str, secret: str, *options: str) -> None:
        self.folder = folder
        self.url = url
        self.secret = secret
        self.options = options
        self.variables: dict[str, str] = {}

    def command(self, *arguments: str) -> list[str]:
        """Return the whole command line of a load."""
        return [sys.executable, "-m", "loader", *self.options, *arguments]

    def environment(self) -> dict[str, str]:
        """Return the environment of a load."""
        return {
            "PATH": os.environ["PATH"],
            "HOME": os.environ["HOME"],
            "PYTHONPATH": str(Path(__file__).parents[2]),
            "BULKLOAD_URL": self.url,
            "BULKLOAD_TABLE": "faults",
            "PGRST_JWT_SECRET": self.secret,
            **self.variables,
        }

    def start(self, *arguments: str, prefix: Sequence[str] = ()) -> Process:
        """Start a load into the directory of ``--run-dir=``, else that of the last argument, its source."""
        run_dirs = [argument.split("=", 1)[1] for argument in arguments if argument.startswith("--run-dir=")]
        folder = self.folder / (run_dirs[0] if run_dirs else f"{Path(arguments[-1]).name}.bulkload")
        popen = subprocess.Popen(
            [*prefix, *self.command(*arguments)],
            cwd=self.folder,
            env=self.environment(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )
        return Process(popen, folder)

    def run(self, *arguments: str) -> Run:
        """Run a load to its end."""
        return self.start(*arguments).wait()


def await_that(what: Callable[[], object], process: Process | None = None, seconds: float = 60.0) -> None:
    """Wait until a condition holds; fail when that takes too long, or the process ends before."""
    deadline = time.monotonic() + seconds
    while not what():
        if process is not None and not process.running:
            assert what(), f"the load has ended meanwhile: {process.wait()}"
            return
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.005)


def peak(loads: Loads, name: str, *options: str, dry: bool = True) -> tuple[Run, int]:
    """Run a load of a source, and return it with the most memory that it held, in MB."""
    code = "import os, sys; _, s, u = os.wait4(os.spawnv(os.P_NOWAIT, sys.argv[1], sys.argv[1:]), 0); "
    code += "open('peak', 'w').write(str(u.ru_maxrss)); sys.exit(os.waitstatus_to_exitcode(s))"
    flags = ["--dry-run"] if dry else []
    run = loads.start(*flags, *options, name, prefix=[sys.executable, "-c", code]).wait()
    return run, int((loads.folder / "peak").read_text()) * 1024 // 10**6
