"""Standard error: where messages go. A load does not fail because nobody can read them."""

from __future__ import annotations

import os
import sys
from typing import IO, TYPE_CHECKING, Any, cast

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


def make_console() -> Console:
    """Return a console that prints plain text on standard error."""
    from rich.console import Console  # 30 ms

    file = cast("IO[str]", SafeStderr())
    return Console(file=file, soft_wrap=True, highlight=False, markup=False, emoji=False)


def print_line(text: str) -> None:
    """Print on standard error, without the time that a console takes to import."""
    stderr = SafeStderr()
    stderr.write(f"{text}\n")
    stderr.flush()
