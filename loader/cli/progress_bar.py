"""Shows a load as a progress bar on a terminal."""

from __future__ import annotations

from typing import Self

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from loader.cli.progress import RateMeter
from loader.events import Event, Opened, Read, Settled, Skipped


class ProgressBar:
    """Shows a progress bar. Use it as a context manager around the load. An observer."""

    def __init__(self, console: Console) -> None:
        self._meter = RateMeter()
        self._progress = Progress(
            BarColumn(),
            TextColumn("{task.percentage:>3.0f}%"),
            TextColumn("{task.description}"),
            TimeRemainingColumn(compact=True),
            console=console,
            transient=True,
        )
        self._task = self._progress.add_task("starting", total=None)

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._progress.stop()

    def on(self, event: Event) -> None:
        """Draw an event."""
        self._meter.on(event)
        if isinstance(event, Opened):
            self._progress.update(self._task, total=event.size)
        elif isinstance(event, Settled | Skipped | Read):
            self._progress.update(
                self._task,
                completed=self._meter.bytes_before + self._meter.bytes,
                description=self._meter.text(),
            )
