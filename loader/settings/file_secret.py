"""A secret that stands in a file, which may be replaced while a load runs. No I/O of its own."""

from __future__ import annotations

from collections.abc import Callable
from typing import Self


class FileSecret(str):
    """The text of a file with a secret.

    Attributes:
        name: the option and the file, as messages call them: ``--jwt-key-file key.pem``.
        read_again: returns the text that the file has now, or raises SettingsError; None: it can be read only
            once, as a pipe.
    """

    __slots__ = ("name", "read_again")

    name: str
    read_again: Callable[[], str] | None

    def __new__(cls, text: str, name: str = "", read_again: Callable[[], str] | None = None) -> Self:
        """Return the text with its file."""
        secret = super().__new__(cls, text)
        secret.name = name
        secret.read_again = read_again
        return secret


def secret_name(secret: str, otherwise: str) -> str:
    """Return what messages call a secret: its option and file, if it comes from one."""
    return secret.name if isinstance(secret, FileSecret) and secret.name else otherwise
