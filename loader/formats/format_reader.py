"""The interface of a format's reader.

A reader of text gets a stream of bytes; a reader of a database gets a file, in which its library can seek.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Protocol

from loader.formats.records import Records
from loader.model import Place


class FormatReader(Protocol):
    """Reads the records of one source of a format."""

    def describe(self) -> str:
        """Return what the source was found to be, for people.

        A reader of a database does I/O here: call it in a thread.

        Raises:
            SourceUnfit: it cannot be read as the command asks.
            SourceError: it is damaged.
        """

    def records(self, start: Place) -> AsyncIterator[Records]:
        """Return the records from ``start`` on, in pieces of bounded size.

        Args:
            start: the place of the first record to return.

        Raises:
            SourceUnfit: the source cannot be read as the command asks.
            SourceError: it broke off, or is damaged. The records before the damage are returned first.
        """


class DatabaseReader(FormatReader, Protocol):
    """Reads the rows of a database file."""

    def count_rows(self) -> int | None:
        """Return how many rows there are, for the progress; None if only reading them all would tell.

        This does I/O: call it in a thread.
        """
