"""What a source of tokens keeps for a resume: a refresh token, which is good for one use."""

from __future__ import annotations

from typing import Protocol


class SessionStore(Protocol):
    """Keeps one text, which is a secret. The run directory has one (run/session_file.py)."""

    def load(self) -> str | None:
        """Return the text that was saved last; None if there is none.

        Raises:
            RunDirError: it cannot be read, or others can.
        """

    def save(self, text: str) -> None:
        """Keep a text, in place of the one before. It is on disk when this returns.

        Raises:
            RunDirError: it cannot be written.
        """


class Forgetful:
    """Keeps nothing longer than the process lasts (a SessionStore)."""

    def __init__(self) -> None:
        self._text: str | None = None

    def load(self) -> str | None:
        """Return the text that was saved last."""
        return self._text

    def save(self, text: str) -> None:
        """Remember a text."""
        self._text = text
