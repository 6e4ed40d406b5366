"""What can go wrong, and the exit code that says so.

    LoadError                 anything that ends a load early
    |- SettingsError     2    the command or its settings are wrong; nothing was sent
    |- SourceMissing     2    a source does not exist or cannot be opened; nothing was sent
    |- TooManyRejects    3    more rejected rows than --max-errors
    |- TargetError       4    the target refuses the load until something is mended; resumable
    |  '- TargetUnavailable  5  it stayed out of reach or overloaded for --retry-for; resumable
    |- SourceError       4    a source broke off while it was read; resumable
    |  '- SourceUnfit  2, 4   a source is not what the command takes it for; 2 where nothing was sent
    |- RunDirError       4    the run directory cannot be written; resumable
    '- Interrupted  130/143   SIGINT or SIGTERM

Exceptions of aiohttp, click and the operating system are translated once, where they enter.
"""

from __future__ import annotations

import signal
from enum import IntEnum

from loader.model import Reason


class Exit(IntEnum):
    """Exit codes of the command line (the contract in the README)."""

    COMPLETE = 0
    SOME_REJECTED = 1
    USAGE = 2
    TOO_MANY_REJECTS = 3
    STOPPED = 4
    UNAVAILABLE = 5
    BUG = 70
    SIGINT = 130
    SIGTERM = 143


class LoadError(Exception):
    """A load ended early.

    Args:
        message: what was wrong and where (``file:line``), in one sentence.
        said: the server's own words, if it said any.
        advice: what the user can do about it.
    """

    exit_code: Exit = Exit.STOPPED

    def __init__(self, message: str, *, said: str = "", advice: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.said = said
        self.advice = advice

    def __str__(self) -> str:
        # The words of others stay on the line that they are quoted on.
        lines = [_on_one_line(self.message)]
        if self.said:
            lines.append(f"the server said: {_on_one_line(self.said)}")
        if self.advice:
            lines.append(self.advice)
        return "\n".join(lines)


class SettingsError(LoadError):
    """The command or one of its settings is wrong; nothing was sent."""

    exit_code = Exit.USAGE


class SourceMissing(LoadError):  # noqa: N818 - it reads as what it says
    """A source does not exist or cannot be opened; nothing was sent."""

    exit_code = Exit.USAGE


class TooManyRejects(LoadError):  # noqa: N818 - it reads as what it says
    """More rows were rejected than --max-errors allows."""

    exit_code = Exit.TOO_MANY_REJECTS


class TargetError(LoadError):
    """The target refuses the load, for no fault of a row, until something is mended."""


class TargetUnavailable(TargetError):  # noqa: N818 - it reads as what it says
    """The target stayed out of reach or overloaded for as long as it was tried: later it may do."""

    exit_code = Exit.UNAVAILABLE


class SourceError(LoadError):
    """A source broke off, or is not what it should be, in the middle."""


class SourceUnfit(SourceError):  # noqa: N818 - it reads as what it says
    """A source is not what the command takes it for: its format, its columns, its encoding."""


class RunDirError(LoadError):
    """The run directory cannot be written, or what is in it cannot be read."""


class Interrupted(LoadError):  # noqa: N818 - it reads as what it says
    """A signal asked the load to stop."""

    def __init__(self, number: signal.Signals) -> None:
        super().__init__(f"interrupted by {number.name}")
        self.exit_code = Exit.SIGTERM if number is signal.SIGTERM else Exit.SIGINT


def words(reason: Reason) -> str:
    """Return the server's words on one line: code, message, details, hint."""
    text = f"{reason.code} {reason.message}".strip()
    if reason.details:
        text += f" ({reason.details})"
    if reason.hint:
        text += f" [hint: {reason.hint}]"
    return _on_one_line(text)


def _on_one_line(text: str) -> str:
    return text.replace("\n", "\\n")
