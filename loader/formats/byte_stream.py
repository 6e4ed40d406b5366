"""Streams of bytes, and one that can be peeked into."""

from __future__ import annotations

from typing import Protocol

from loader.errors import SourceError

_SKIPPED = 1024 * 1024  # bytes that are skipped at a time


class ByteStream(Protocol):
    """The bytes of a source, from its start to its end."""

    async def read(self, size: int) -> bytes:
        """Return about ``size`` bytes, or fewer; none at the end.

        Raises:
            SourceError: the source broke off, or is damaged.
        """


class PeekableStream:
    """A stream whose first bytes can be looked at before they are read.

    Args:
        stream: gives the bytes.

    Attributes:
        head: the bytes that were looked at and not read yet.
        complete: whether these are all bytes of the stream.
    """

    def __init__(self, stream: ByteStream) -> None:
        self.head = b""
        self.complete = False
        self._stream = stream
        self._damage: SourceError | None = None  # raised once the bytes before it were read

    async def peek(self, size: int) -> bytes:
        """Return at least ``size`` of the first bytes, or all before the end or before damage.

        Raises:
            SourceError: the stream is damaged at its start.
        """
        while len(self.head) < size and not self.complete and self._damage is None:
            try:
                piece = await self._stream.read(size)
            except SourceError as error:
                if not self.head:
                    raise
                self._damage = error
                break
            self.complete = not piece
            self.head += piece
        return self.head

    async def skip(self, size: int) -> None:
        """Skip the next ``size`` bytes.

        Raises:
            SourceError: as read() does.
        """
        while size > 0 and (data := await self.read(_SKIPPED)):
            self.head = data[size:] + self.head
            size -= len(data)

    async def read(self, size: int) -> bytes:
        """Return the bytes that were looked at, and then the rest (ByteStream)."""
        if self.head:
            data, self.head = self.head[:size], self.head[size:]
            return data
        if self._damage is not None:
            raise self._damage
        return b"" if self.complete else await self._stream.read(size)
