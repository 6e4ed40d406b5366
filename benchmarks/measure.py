"""Run a command and measure time, CPU and memory."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from signal import SIGKILL
from statistics import median

from loader.sandbox.process import Process

ROOT = Path(__file__).parents[1]
BULKLOAD = str(Path(sys.executable).with_name("bulkload"))
_WATCH = 0.5  # seconds between two samples of a running command


class Failed(Exception):  # noqa: N818 - said of a command
    """A command did not do what was to be measured; the message holds its output."""


@dataclass(frozen=True, slots=True)
class Run:
    """One measurement.

    CPU is the client's alone, not the servers'. The peak of memory is never less than this process's own,
    some 30 MB: of psql it says nothing.
    """

    rows: int
    seconds: float
    cpu_seconds: float
    peak_rss: int  # bytes

    @property
    def rate(self) -> float:
        """Rows a second."""
        return self.rows / self.seconds


def module(name: str, *arguments: object) -> list[str]:
    """Return the command that runs a module of this suite."""
    return [sys.executable, "-m", f"benchmarks.{name}", *map(str, arguments)]


def environment(extra: Mapping[str, str]) -> dict[str, str]:
    """Return this process's environment without settings of bulkload, and ``extra``.

    Python keeps its bytecode, as it does for a command that is installed.
    """
    kept = {name: value for name, value in os.environ.items() if not name.startswith("BULKLOAD_")}
    kept.pop("PYTHONDONTWRITEBYTECODE", None)
    return {**kept, "PYTHONPATH": str(ROOT), **extra}


def run(
    command: Sequence[str],
    rows: int,
    extra: Mapping[str, str],
    *,
    watch: Callable[[int], None] | None = None,
) -> tuple[Run, bytes]:
    """Run a command to its end; return its measurement and its output.

    The time is that of the whole command, unless it prints another as JSON: rows, seconds, cpu_seconds.

    Args:
        command: the program and its arguments.
        rows: how many rows it loads.
        extra: variables for its environment.
        watch: is called with its process id now and then.

    Raises:
        Failed: it ended with an error.
    """
    start = time.perf_counter()
    with subprocess.Popen(command, cwd=ROOT, env=environment(extra), stdout=subprocess.PIPE) as process:
        try:
            with _watching(process.pid, watch):
                output = process.stdout.read() if process.stdout else b""
                _, status, usage = os.wait4(process.pid, 0)
        except BaseException:
            process.kill()
            raise
        process.returncode = os.waitstatus_to_exitcode(status)
    seconds = time.perf_counter() - start
    if process.returncode:
        said = output.decode(errors="replace")[-1000:]
        raise Failed(f"{Path(command[0]).name} {command[1:]} ended with {process.returncode}. {said}")
    told = Run(rows, seconds, usage.ru_utime + usage.ru_stime, usage.ru_maxrss * 1024)
    return Run(**(asdict(told) | _told(output))), output


def _told(output: bytes) -> dict[str, float]:
    try:
        told = json.loads(output)
    except ValueError:
        return {}
    known = ("rows", "seconds", "cpu_seconds")
    return {name: told[name] for name in known} if "cpu_seconds" in told else {}


@contextmanager
def _watching(pid: int, watch: Callable[[int], None] | None) -> Iterator[None]:
    over = threading.Event()

    def sample() -> None:
        while watch is not None and not over.wait(_WATCH):
            watch(pid)

    thread = threading.Thread(target=sample, daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


@contextmanager
def background(name: str, *arguments: object) -> Iterator[str]:
    """Keep a server of this suite up; yield its URL. It ends with this process, however that ends."""
    server = Process(module(name, *arguments), death=SIGKILL, env=environment({}))
    try:
        deadline = time.monotonic() + 20
        while not server.output().startswith("http://"):
            if not server.running or time.monotonic() > deadline:
                raise Failed(f"{name} does not start: {server.output()}")
            time.sleep(0.02)
        yield server.output().split()[0]
    finally:
        server.stop()


def summary(runs: Sequence[Run]) -> dict[str, object]:
    """Return the medians and each run's rate, as results.json has them."""
    return {
        "rows": runs[0].rows,
        "rows_per_second": round(median(run.rate for run in runs)),
        "seconds": round(median(run.seconds for run in runs), 3),
        "cpu_us_per_row": round(median(run.cpu_seconds / run.rows * 1e6 for run in runs), 3),
        "peak_rss_mb": round(median(run.peak_rss for run in runs) / 1e6, 1),
        "rates": [round(run.rate) for run in runs],
    }
