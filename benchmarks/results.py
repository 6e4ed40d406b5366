"""Write what was measured: results.json, results.md, the plots and the README's block."""

from __future__ import annotations

import importlib.metadata
import json
import os
import platform
import re
import subprocess
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from benchmarks import npm, tables
from benchmarks.bench import Bench
from benchmarks.measure import ROOT, environment, module
from benchmarks.targets import Results, judge

HOME = ROOT / "benchmarks"
ELSEWHERE = ROOT / ".cache" / "bench"  # for partial measurements
BEGIN, END = "<!-- make bench -->", "<!-- end -->"  # in the README


def machine(bench: Bench) -> dict[str, Any]:
    """Return what the figures depend on: the machine and the versions."""
    memory = re.search(r"\d+", Path("/proc/meminfo").read_text())
    clients = {"postgrest-py": importlib.metadata.version("postgrest")}
    try:
        clients["postgrest-js"] = npm.install()
    except LookupError as error:
        bench.say(f"postgrest-js is left out: {error}")
    return {
        "date": datetime.now(UTC).date().isoformat(),
        "cores": len(os.sched_getaffinity(0)),
        "memory_gb": round(int(memory[0]) / 1e6) if memory else 0,
        "python": platform.python_version(),
        **bench.server.versions(),
        "clients": clients,
        "rounds": bench.rounds,
        "inserts_first": bench.inserts_first,
    }


def read(folder: Path) -> Results:
    """Return the results that an earlier run wrote into ``folder``, judged by today's targets."""
    results: Results = json.loads((folder / "results.json").read_text())
    return results | {"targets": judge(results)}


def write(results: Results, folder: Path) -> None:
    """Write all but the README's block into ``folder``."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "results.json"
    path.write_text(json.dumps(results, indent=1) + "\n")
    (folder / "results.md").write_text(tables.report(results))
    subprocess.run(module("plots", path, folder / "plots"), env=environment({}), cwd=ROOT, check=True)


def write_readme(results: Results, path: Path) -> None:
    """Replace what stands between the README's two marks."""
    before, _, rest = path.read_text().partition(BEGIN)
    _, _, after = rest.partition(END)
    path.write_text(f"{before}{BEGIN}\n{tables.readme(results)}\n{END}{after}")
