"""Measure bulkload against other ways to load the same rows: python -m benchmarks [--quick] [--only PART].

The benchmark starts a sandbox of its own and runs the parts one after the other; within a part all runs take
turns. A whole run writes results.json, results.md and the plots beside this file, and the README's block.
Quick and partial runs write to .cache/bench. ``--render`` measures nothing: it writes results.md, the plots
and the README's block again from results.json.
"""

from __future__ import annotations

import argparse
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks import results, tables
from benchmarks.bench import Bench
from benchmarks.measure import ROOT, Failed
from benchmarks.parts import changing, fixed, formats, growth, settings, shapes, startup, ways
from benchmarks.parts import tables as real_tables
from benchmarks.server import Server
from benchmarks.targets import judge
from loader.sandbox import sandbox


@dataclass(frozen=True, slots=True)
class Part:
    """A part of the benchmark and its share of the time; ``quick`` is that of a quick run (0: left out)."""

    measure: Callable[[Bench, float], dict[str, Any]]
    share: float
    quick: float = 0.0


PARTS = {
    "startup": Part(startup.measure, 0.01, 0.03),
    "settings": Part(settings.measure, 0.13),
    "ways": Part(ways.measure, 0.36, 0.45),
    "formats": Part(formats.measure, 0.10, 0.2),
    "tables": Part(real_tables.measure, 0.2, 0.2),
    "fixed": Part(fixed.measure, 0.22, 0.32),
    "growth": Part(growth.measure, 0.14),
    "shapes": Part(shapes.measure, 0.08),
    "changing": Part(changing.measure, 0.04),
}
MINUTES, QUICK_MINUTES = 16.5, 2.0  # for the parts; to set up and to draw takes some more


def arguments() -> argparse.Namespace:
    """Parse the command line."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=(__doc__ or "").split(":")[0])
    parser.add_argument("--quick", action="store_true", help="2 minutes only; writes to .cache/bench")
    parser.add_argument("--render", action="store_true", help="write the pages again from results.json")
    parser.add_argument("--only", metavar="PART", action="append", choices=list(PARTS), help=", ".join(PARTS))
    parser.add_argument("--minutes", type=float, help="for all parts together; a part has its share of them")
    parser.add_argument("--rounds", type=int, default=3, help="how often each is measured [default: 3]")
    return parser.parse_args()


def say(text: str) -> None:
    """Print a line and flush it."""
    print(text, flush=True)


def allotted(shares: Mapping[str, float], name: str, whole: float, spent: float) -> float:
    """Return the seconds for a part: its share of the whole, or less if earlier parts took too long."""
    names = list(shares)
    left = sum(shares[other] for other in names[names.index(name) :])
    return min(whole, (whole - spent) / left) * shares[name]


def measure(bench: Bench, given: argparse.Namespace) -> tuple[dict[str, Any], bool]:
    """Run the parts that were asked for; return their results, and whether all went well."""
    measured: dict[str, Any] = {"machine": results.machine(bench)}
    whole = 60 * (given.minutes or (QUICK_MINUTES if given.quick else MINUTES))
    wanted = given.only or [name for name, part in PARTS.items() if part.quick or not given.quick]
    shares = {
        name: (part.quick if given.quick else 0.0) or part.share
        for name, part in PARTS.items()
        if name in wanted
    }
    begin = time.monotonic()
    well = True
    for name in shares:
        start = time.monotonic()
        seconds = allotted(shares, name, whole, start - begin)
        say(f"\n{name}, some {seconds:.0f} s")
        try:
            measured[name] = PARTS[name].measure(bench, seconds)
        except Failed as error:
            say(f"{name} failed: {error}")
            well = False
        say(f"{name} took {time.monotonic() - start:.0f} s")
    measured["targets"] = judge(measured)
    return measured, well


def main() -> None:
    """Measure, print and write."""
    given = arguments()
    if given.render:
        measured = results.read(results.HOME)
        results.write(measured, results.HOME)
        results.write_readme(measured, ROOT / "README.md")
        return
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # as at Ctrl-C: nothing is left behind
    results.ELSEWHERE.mkdir(parents=True, exist_ok=True)
    start = time.monotonic()
    with (
        tempfile.TemporaryDirectory(prefix="running-", dir=results.ELSEWHERE) as name,
        sandbox(Path(name, "state")) as box,
    ):
        bench = Bench(Server(box), Path(name), rounds=given.rounds, quick=given.quick, say=say)
        measured, well = measure(bench, given)
    whole = well and not given.quick and not given.only
    results.write(measured, results.HOME if whole else results.ELSEWHERE)
    say("\n" + tables.report(measured))
    if whole:
        results.write_readme(measured, ROOT / "README.md")
    say(f"{time.monotonic() - start:.0f} s in all")
    sys.exit(0 if well else 1)


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        sys.exit(130)
