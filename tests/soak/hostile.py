"""A server that lies at random, and one that is truthful but has no luck. All chance comes from the seed."""

from __future__ import annotations

import json
import random
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.soak.trials import Ended, Trial
from tests.support.line_faults import (
    Act,
    Answer,
    Cut,
    Lie,
    Mute,
    Seen,
    Stall,
    Swallow,
    expired,
    passing,
    reply,
)
from tests.support.outcome import clear, contents, settle
from tests.support.processes import Loads, Run
from tests.support.proxy import Proxy

MOST_MEMORY = 200  # MB
_ROWS = 300
_LONGEST_RUN = 60.0  # seconds; --retry-for and --timeout are 1 and 2
_BETWEEN_EXPIRIES = 40  # requests: more than are sent again over one expiry
_RESOLUTIONS = ("merge", "ignore", "none")
_CODES = (
    "PGRST301",
    "PGRST003",
    "PGRST000",
    "57014",
    "40001",
    "53300",
    "08006",
    "42501",
    "PGRST205",
    "\x1b[2J",
)
_ROW_CODES = ("22P02", "23505", "23502", "P0001", "XX000", "21000", "45000")  # that refuse rows
_STATUSES = (201, 200, 204, 206, 226, 300, 307, 401, 403, 404, 417, 429, 500, 502, 503, 504, 520, 999)
_ROW_STATUSES = (400, 409, 413, 422)
_PEAK = (
    "import os, sys; _, s, u = os.wait4(os.spawnv(os.P_NOWAIT, sys.argv[1], sys.argv[1:]), 0); "
    "open('peak', 'w').write(str(u.ru_maxrss)); sys.exit(os.waitstatus_to_exitcode(s))"
)


def hostile(trial: Trial) -> Ended:
    """Load through a server whose replies are random, then let it be truthful: no row is lost or doubled.

    With every other seed it also refuses rows that are good; then each of them is in the table or rejected.
    """
    chance = random.Random(trial.seed)
    resolution = _RESOLUTIONS[trial.seed % 3]
    refuses = bool(trial.seed % 2)
    made = trial.source(_ROWS, bad=4, repeats=0.0 if refuses else 0.02)
    options = ("--batch-rows=40", "--retry-for=1", "--timeout=2", f"--max-errors={_ROWS}", _named(resolution))

    def lies(_seen: Seen) -> Act | None:
        return _act(chance, refuses=refuses, inserts=resolution == "none") if chance.random() < 0.3 else None

    with Proxy(trial.target.url, lies) as proxy:
        loads = trial.loads(proxy.url, *options)
        run = _run(loads)
        if run.code > 1:
            run = _run(loads)
        proxy.fault = passing
        if run.code > 1:
            run = _run(loads, "--retry-for=30")
        assert run.code in (0, 1), run.err
        if not refuses:
            return Ended(made, run, resolution)
        _check_union(trial, made.lines, run)
        clear(trial.target)
        return Ended(made, _run(loads, "--fresh", "--retry-for=30"), resolution)


def unlucky(trial: Trial) -> Ended:
    """Load from a truthful server over a line that breaks, with kill -9 in between: exact all the same."""
    chance = random.Random(trial.seed)
    resolution = _RESOLUTIONS[trial.seed % 3]
    made = trial.source(1500)
    acts: tuple[Act, ...] = (
        Swallow(), Cut(), Cut(reset=True), Stall(), Stall(late=True), Mute(),
        Answer(reply("502 Bad Gateway", "<html>")), Answer(reply("429 Slow Down", "", "Retry-After: 0")),
        Answer(reply("503 Busy", "", "Retry-After: 0"), early=True),
        Answer(reply("401 No", expired()), early=True),
    )  # fmt: skip

    expired_at = -_BETWEEN_EXPIRIES

    def fault(seen: Seen) -> Act | None:
        nonlocal expired_at
        if not seen.number or chance.random() >= 0.06:
            return None
        act = chance.choice(acts)
        if act is acts[-1]:  # a truthful server does not call a fresh token expired
            if seen.number - expired_at < _BETWEEN_EXPIRIES:
                return None
            expired_at = seen.number
        return act

    with Proxy(trial.target.url, fault) as proxy:
        options = ("--batch-rows=100", "--timeout=2", "--max-errors=1500", _named(resolution))
        loads = trial.loads(proxy.url, *options)
        for _ in range(2):
            process = loads.start("rows.jsonl")
            goal = len(proxy.posts) + chance.randint(1, 12)
            while process.running and len(proxy.posts) < goal:
                time.sleep(0.002)
            run = process.kill()
            assert run.code in (-9, 0, 1), run.err
            if run.code >= 0:
                break
        else:
            run = loads.start("rows.jsonl").wait(200)
        proxy.await_idle()
    return Ended(made, run, resolution)


def _named(resolution: str) -> str:
    return f"--resolution={resolution}" if resolution == "none" else f"--resolution={resolution}-duplicates"


def _run(loads: Loads, *flags: str) -> Run:
    """Run a load, and check what must hold for each, whatever the server does."""
    run = loads.start(*flags, "rows.jsonl", prefix=(sys.executable, "-c", _PEAK)).wait(_LONGEST_RUN)
    memory = int((loads.folder / "peak").read_text()) * 1024 // 10**6
    assert run.code in (0, 1, 3, 4, 5), f"exit {run.code}: {run.err}"
    assert "Traceback" not in run.err, run.err
    assert "\x1b" not in run.err, run.err
    assert memory < MOST_MEMORY, f"{memory} MB of memory"
    parts = ("loaded", "superseded", "ignored", "rejected")
    counts = [run.report[f"rows_{part}"] for part in parts]
    assert run.report["rows_read"] == sum(counts), run.report
    assert min(counts) >= 0, run.report
    for path in run.folder.iterdir():
        assert loads.secret.encode() not in _bytes(path), path
    return run


def _bytes(path: Path) -> bytes:
    return path.read_bytes() if path.is_file() else b""


def _check_union(trial: Trial, lines: list[str], run: Run) -> None:
    """Check that each row is in the table as it was, or is rejected as it was."""
    settle(trial.target)
    rejected = set(run.rejects)
    stored = contents(trial.target)
    assert rejected <= set(lines), "a reject is no line of the source"
    for line in lines:
        row: dict[str, Any] = json.loads(line)
        found = stored.pop(row["id"], None)
        assert found is not None or line in rejected, f"lost: {line}"
        assert found is None or found[0] == str(row["a"]), f"wrong: {line}"
    assert not stored, f"from nowhere: {list(stored)[:5]}"


def _act(chance: random.Random, *, refuses: bool, inserts: bool) -> Act:
    """Return what becomes of a request.

    Whoever stores a plain insert and says that it is refused is believed: the rows are rejected as duplicates
    then. Only with ``refuses`` does the server lie like that.
    """
    kind = chance.random()
    if kind < 0.45:
        return Answer(_reply(chance, refuses=refuses), early=chance.random() < 0.3)
    if kind < 0.7:
        if inserts and not refuses:
            return Lie(chance.choice(_NO_HTTP)(chance))
        return Lie(_reply(chance, refuses=refuses))
    return chance.choice((Swallow(), Cut(), Cut(reset=True), Mute(), Stall()))


def _reply(chance: random.Random, *, refuses: bool) -> bytes:
    """Return a reply that no PostgREST gives; it never says credibly that it has stored rows."""
    if chance.random() < 0.15:
        return chance.choice(_NO_HTTP)(chance)
    status = chance.choice(_STATUSES + (_ROW_STATUSES if refuses else ()))
    headers = [make(chance) for make in chance.sample(_HEADERS, chance.randint(0, 3))]
    if status < 300:
        headers.append(f"Content-Range: */{chance.choice(('4000000', '9' * 18, '9' * 5000, '-4', 'x', ''))}")
        headers.append("Preference-Applied: resolution=merge-duplicates, resolution=ignore-duplicates")
    return reply(
        f"{status} {chance.choice(('OK', 'x' * 3000, 'a; b'))}", _body(chance, refuses=refuses), *headers
    )


def _body(chance: random.Random, *, refuses: bool) -> str:
    code = chance.choice(_CODES + (_ROW_CODES if refuses else ()))
    long = "x" * chance.choice((0, 10, 5000, 2_000_000))
    error: dict[str, Any] = {"code": code, "message": "m", "details": None, "hint": None}
    error[chance.choice(("message", "details", "hint"))] = chance.choice(
        (long, [long], {"a": 1}, 7, "\nreport: 3")
    )
    return chance.choice((json.dumps(error), "", "{}", "[]", "null", "[" * 3000, "<html>no</html>", long))


_HEADERS: tuple[Callable[[random.Random], str], ...] = (
    lambda _: "Date: Fri, 31 Dec 9990 23:59:59 GMT",
    lambda _: "Date: Fri, 31 Dec 99999999999 23:59:59 GMT",
    lambda chance: f"Retry-After: {chance.choice(('0', '1', '9' * 400, '-1', 'soon'))}",
    lambda _: "Location: http://elsewhere/\x1b[2J",
    lambda _: "Set-Cookie: a=" + "b" * 3000,
    lambda chance: "X-Long: " + "y" * chance.choice((100, 60_000, 300_000)),
    lambda chance: "\r\n".join(f"X-{n}: y" for n in range(chance.choice((10, 100, 5000)))),
    lambda _: "Content-Encoding: gzip",
    lambda _: "Content-Range: 0-1/" + "9" * 5000,
    lambda _: "Connection: close",
    lambda _: "Transfer-Encoding: chunked",
)
_NO_HTTP: tuple[Callable[[random.Random], bytes], ...] = (
    lambda chance: chance.randbytes(200),
    lambda _: b"HTTP/1.1 100 Continue\r\n\r\n" * 2000,
    lambda _: b"HTTP/1.1 2x0 OK\r\n\r\n",
    lambda _: b"HTTP/1.1 200 " + b"y" * 2_000_000,
    lambda _: b"HTTP/1.1 200 OK\r\nContent-Length: " + b"9" * 5000 + b"\r\n\r\n",
    lambda _: b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nshort",
    lambda _: b"HTTP/1.1 204 No Content\r\nContent-Length: 3\r\n\r\nabcHTTP/1.1 201 Created\r\n\r\n",
    lambda _: b"\x1b[2J\r\n\r\n",
)
