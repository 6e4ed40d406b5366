"""Standard output and standard error: the only ways out for text, without secrets and control characters."""

from __future__ import annotations

import errno
import os
import sys
import traceback
from typing import IO, TYPE_CHECKING, Any, cast

from loader.errors import LoadError
from loader.outgoing import shown, shown_lines

if TYPE_CHECKING:
    from rich.console import Console


class SafeStderr:
    """Standard error, without errors of its own: what cannot be written is dropped."""

    def __init__(self) -> None:
        self._stream: Any = sys.stderr  # None where it was closed before Python began

    def write(self, text: str) -> int:
        """Write text, if that is possible."""
        self._try("write", text)
        return len(text)

    def flush(self) -> None:
        """Flush, if that is possible."""
        self._try("flush")

    def _try(self, name: str, *arguments: str) -> None:
        try:
            getattr(self._stream, name)(*arguments)
        except OSError:
            # What is left in its buffer must not fail again when Python ends.
            os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
        except (ValueError, AttributeError):
            pass  # it was closed before we began

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


class ShownStderr(SafeStderr):
    """Standard error for whatever writes there past our console: libraries, warnings, the interpreter.

    Each line of a text is shown as `outgoing.shown` shows it.
    """

    def write(self, text: str) -> int:
        """Write text, without secrets and control characters."""
        super().write("\n".join(map(shown, text.split("\n"))))
        return len(text)


def make_console() -> Console:
    """Return a console that prints plain text on standard error, without secrets and control characters.

    Each text that it prints is one line; `print_lines` is for several.
    """
    from rich.console import Console  # 30 ms

    class ShownConsole(Console):
        def print(self, *objects: Any, **options: Any) -> None:
            texts = [shown(part) if isinstance(part, str) else part for part in objects]
            super().print(*texts, **options)

    file = cast("IO[str]", _stderr())
    return ShownConsole(file=file, soft_wrap=True, highlight=False, markup=False, emoji=False)


def print_line(text: str) -> None:
    """Print a line on standard error, without the time that a console takes to import."""
    _print(shown(text))


def print_lines(text: str) -> None:
    """Print a text of several lines, the later ones indented: none can pass for another message."""
    _print(shown_lines(text))


def print_traceback(error: BaseException) -> None:
    """Print where an error comes from."""
    print_lines("".join(traceback.format_exception(error)).rstrip("\n"))


def _print(text: str) -> None:
    stderr = _stderr()
    stderr.write(f"{text}\n")
    stderr.flush()


def print_out(text: str) -> None:
    """Print on standard output what was asked for.

    Raises:
        LoadError: it cannot be written.
    """
    try:
        sys.stdout.write(text if text.endswith("\n") else f"{text}\n")
        sys.stdout.flush()
    except (OSError, AttributeError, ValueError) as error:
        sys.stdout = None  # or Python would try once more at its exit, and fail
        why = os.strerror(getattr(error, "errno", None) or errno.EBADF).lower()
        raise LoadError(f"cannot write to standard output: {why}") from error


def guard_stderr() -> None:
    """Let nothing reach standard error but by `outgoing.shown`, from now on."""
    if not isinstance(sys.stderr, SafeStderr):
        sys.stderr = ShownStderr()


def _stderr() -> SafeStderr:
    """Return standard error for texts that are fit to be shown, and for escapes of our own."""
    stream = sys.stderr
    if isinstance(stream, ShownStderr):
        own = SafeStderr()
        own.__dict__["_stream"] = stream.__dict__["_stream"]
        return own
    return SafeStderr()
