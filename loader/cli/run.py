"""Runs a load in an event loop, with its progress on the terminal and an ear for signals."""

from __future__ import annotations

import gc
from collections.abc import Sequence
from typing import TYPE_CHECKING

import anyio

import loader
from loader.cli import signals
from loader.cli.progress import show_progress
from loader.errors import LoadError
from loader.halt import Halt
from loader.run.report import Report
from loader.settings import Settings

if TYPE_CHECKING:
    from rich.console import Console

# Rows are lists of texts, some ten thousand at a time, and none is in a cycle: to look for cycles among them
# as often as Python does by default costs a tenth of a load of CSV, and finds nothing.
_COLLECT = (50_000, 20, 100)


def run_load(
    settings: Settings, sources: Sequence[str], *, console: Console, progress: str, verbose: int
) -> Report:
    """Load the sources, until the end or a signal.

    Args:
        settings: what to load into, and how.
        sources: as the command line names them.
        console: where progress and messages go.
        progress: ``auto``, ``bar``, ``plain`` or ``none``.
        verbose: -1: no messages; 0: what matters; 1: all.

    Raises:
        LoadError: the load could not begin.
    """
    gc.set_threshold(*_COLLECT)
    with show_progress(progress, console, verbose=verbose) as observer:

        async def run() -> Report:
            halt = Halt()
            error: LoadError | None = None
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(signals.watch, halt, (lambda _: None) if verbose < 0 else console.print)
                try:
                    report = await loader.load(settings, sources, observer=observer, halt=halt)
                except LoadError as load_error:
                    error = load_error  # raised in here, it would leave as part of a group
                tasks.cancel_scope.cancel()
            if error is not None:
                raise error
            return report

        return anyio.run(run)
