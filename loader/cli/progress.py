"""Shows a load while it runs: a line every few seconds, and messages; progress_bar.py draws a bar."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from loader.events import (
    Event,
    FormatDetected,
    HelperFailed,
    HelperOutput,
    Notice,
    Observer,
    Observers,
    Opened,
    Read,
    Rejected,
    Renewed,
    Resumed,
    Retrying,
    Settled,
    Skipped,
    Throttled,
)

if TYPE_CHECKING:
    from rich.console import Console

_INTERVAL = 5.0  # seconds between plain lines, and between messages of one kind
_HELPER_LINES = 50  # the last of what a helper writes


@contextmanager
def show_progress(style: str, console: Console, *, verbose: int) -> Iterator[Observer]:
    """Show a load's progress and its messages while it runs.

    Args:
        style: ``bar``, ``plain``, ``none``, or ``auto``: a bar where the console is a terminal.
        console: where.
        verbose: -1: no messages; 0: what matters; 1: all.
    """
    helper = HelperPrinter(console, only_failures=verbose < 0)
    messages = (MessagePrinter(console, verbose=verbose), helper) if verbose >= 0 else (helper,)
    if style == "bar" or (style == "auto" and console.is_terminal):
        from loader.cli.progress_bar import ProgressBar  # only needed here, and slow to import

        with ProgressBar(console) as bar:
            yield Observers(bar, *messages)
    elif style == "none":
        yield Observers(*messages)
    else:
        yield Observers(ProgressLines(console), *messages)


class RateMeter:
    """Counts rows and bytes, and gives their rates. An observer."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._started = clock()
        self.size: int | None = None
        self.rows = 0
        self.bytes = 0  # in this run
        self.bytes_before = 0

    def on(self, event: Event) -> None:
        """Count an event."""
        match event:
            case Opened(size):
                self.size = size
            case Resumed():
                self.bytes_before = event.bytes
            case Skipped(size):
                self.bytes_before += size
            case Read(size):
                self.bytes += size
            case Settled(outcome):
                self.rows += outcome.loaded + outcome.superseded + outcome.ignored
            case Rejected():
                self.rows += 1
            case _:
                pass

    def text(self) -> str:
        """Return the rates, as in ``1,200 rows, 600 rows/s, 0.1 MB/s``."""
        seconds = max(self._clock() - self._started, 1e-3)
        return f"{self.rows:,} rows, {self.rows / seconds:,.0f} rows/s, {self.bytes / seconds / 1e6:.1f} MB/s"

    def rest(self) -> str:
        """Return the rest, as in ``, 12% read, 0:01:20 left``; empty where the size is not known."""
        if not self.size:
            return ""
        done = min((self.bytes_before + self.bytes) / self.size, 1.0)
        bytes_left = max(self.size - self.bytes_before - self.bytes, 0)
        left = (self._clock() - self._started) * bytes_left / self.bytes if self.bytes else 0.0
        minutes, seconds = divmod(int(left), 60)
        return f", {done:.0%} read, {minutes // 60}:{minutes % 60:02}:{seconds:02} left"


class ProgressLines:
    """Prints a line every few seconds, for logs. An observer."""

    def __init__(self, console: Console, clock: Callable[[], float] = time.monotonic) -> None:
        self._console = console
        self._clock = clock
        self._meter = RateMeter(clock)
        self._next_line = clock() + _INTERVAL

    def on(self, event: Event) -> None:
        """Print a line if the last is old enough."""
        self._meter.on(event)
        if isinstance(event, Settled) and self._clock() >= self._next_line:
            self._next_line = self._clock() + _INTERVAL
            self._console.print(self._meter.text() + self._meter.rest())


class HelperPrinter:
    """Prints what --token-command writes for its user, at once or only if it has failed. An observer."""

    def __init__(self, console: Console, *, only_failures: bool) -> None:
        self._console = console
        self._only_failures = only_failures
        self._lines: deque[str] = deque(maxlen=_HELPER_LINES)

    def on(self, event: Event) -> None:
        """Print a line, or keep it until it is known whether the helper has failed."""
        match event:
            case HelperOutput(line) if self._only_failures:
                self._lines.append(line)
            case HelperOutput(line):
                self._print(line)
            case HelperFailed():
                for line in self._lines:
                    self._print(line)
                self._lines.clear()
            case Renewed():
                self._lines.clear()
            case _:
                pass

    def _print(self, line: str) -> None:
        self._console.print(f"token-command: {line}")


class MessagePrinter:
    """Prints notices and retries, these not each time; with -v the pace, new tokens and rejects too.

    An observer.
    """

    def __init__(
        self, console: Console, *, verbose: int, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._console = console
        self._verbose = verbose
        self._clock = clock
        self._next_retry = float("-inf")
        self._next_pace = float("-inf")

    def on(self, event: Event) -> None:
        """Print the event's message, if it has one."""
        match event:
            case Notice(message):
                self._console.print(message)
            case FormatDetected(source, text, usual) if self._verbose or not usual:
                self._console.print(f"{source}: {text}")
            case Retrying(why, seconds):
                if self._verbose or self._clock() >= self._next_retry:
                    self._next_retry = self._clock() + _INTERVAL
                    self._console.print(f"retrying in {seconds:.1f} s: {why}")
            case Throttled(in_flight, rows) if self._verbose and self._clock() >= self._next_pace:
                self._next_pace = self._clock() + _INTERVAL
                self._console.print(f"up to {in_flight} requests in flight, of up to {rows:,} rows each")
            case Renewed() if self._verbose:
                self._console.print("renewed the token")
            case Rejected(reject) if self._verbose:
                self._console.print(
                    f"rejected line {reject.place.line}: {reject.reason.code} {reject.reason.message}"
                )
            case _:
                pass
