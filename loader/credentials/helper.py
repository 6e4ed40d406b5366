"""Run a helper program: no shell, a time limit, bounded output, and none of it outlives the run."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import cast

import anyio
from anyio.abc import ByteReceiveStream, Process

_MOST_OUTPUT = 2**20  # bytes
_LONGEST_LINE = 2000  # bytes of a line of stderr that are shown
_MOST_LINES = 200  # that are shown
_LATE = 0.5  # seconds for the rest of stderr, which a program in the background may hold open
_GRACE = 1.0  # seconds between SIGTERM and SIGKILL


@dataclass(frozen=True, slots=True)
class Ended:
    """How a helper has ended.

    Attributes:
        code: its exit code; negative: the signal that ended it; None: it ran out of time, or was too verbose.
        output: what it has written to stdout.
        too_much: whether that is more than 1 MiB.
    """

    code: int | None
    output: bytes = field(repr=False)
    too_much: bool = False


async def run(
    command: Sequence[str],
    *,
    environment: Mapping[str, str],
    tell: Callable[[str], None],
    time_limit: float,
) -> Ended:
    """Run a program to the end of its output. If it is left off in the middle, its whole group is ended.

    It has a session of its own, and nothing to read: it cannot ask on the terminal.

    Args:
        command: the program and its arguments.
        environment: all its variables.
        tell: given each line that it writes to stderr.
        time_limit: seconds.

    Raises:
        OSError: it cannot be run.
    """
    process = await anyio.open_process(
        command, stdin=subprocess.DEVNULL, env=environment, start_new_session=True
    )
    ended: Ended | None = None
    try:
        with anyio.move_on_after(time_limit):
            ended = await _communicate(process, tell)
    finally:
        if ended is None or ended.code is None:
            with anyio.CancelScope(shield=True):
                await _end_group(process)
        with anyio.CancelScope(shield=True), anyio.move_on_after(_GRACE):
            await process.aclose()
    return ended or Ended(None, b"")


async def _communicate(process: Process, tell: Callable[[str], None]) -> Ended:
    stdout, stderr = cast("ByteReceiveStream", process.stdout), cast("ByteReceiveStream", process.stderr)
    output = b""
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(_show, stderr, tell)
        with suppress(anyio.EndOfStream):
            while len(output) <= _MOST_OUTPUT:
                output += await stdout.receive()
        if len(output) > _MOST_OUTPUT:
            tasks.cancel_scope.cancel()
            return Ended(None, b"", too_much=True)
        code = await process.wait()
        tasks.cancel_scope.deadline = anyio.current_time() + _LATE
    return Ended(code, output)


async def _show(stream: ByteReceiveStream, tell: Callable[[str], None]) -> None:
    """Tell the lines of a stream, as far as they are not too long or too many, while they come."""
    shown = 0
    line = b""
    while True:
        try:
            part = await stream.receive()
        except anyio.EndOfStream:
            break
        *whole, rest = part.split(b"\n")
        for end in whole:
            shown += _tell(line + end, tell, shown)
            line = b""
        line = (line + rest)[:_LONGEST_LINE]
    _tell(line, tell, shown)


def _tell(line: bytes, tell: Callable[[str], None], shown: int) -> int:
    """Tell a line, unless it is empty; return how many lines that makes."""
    text = line[:_LONGEST_LINE].decode(errors="replace").rstrip()
    if not text or shown >= _MOST_LINES:
        return 0
    tell(text)
    return 1


async def _end_group(process: Process) -> None:
    """End a program and all that it has started in its group."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, number)
        with anyio.move_on_after(_GRACE):
            await process.wait()
        if number is signal.SIGTERM and not _group_lives(process.pid):
            return


def _group_lives(group: int) -> bool:
    try:
        os.killpg(group, 0)
    except (ProcessLookupError, PermissionError):
        return False
    return True
