"""Bytes that come one piece after another, and a look at the first of them."""

from __future__ import annotations

import codecs
from contextlib import suppress
from typing import Protocol

from loader.errors import SourceError, SourceUnfit
from loader.formats.source_format import lenient

_DROPPED = 1024 * 1024  # bytes that are left out at a time
_PORTION = 1024 * 1024  # bytes


def rows_of_portion(rows: int, size: int, most: int, most_bytes: int = _PORTION) -> int:
    """How many rows the next portion of a database may have, so that it is not large whatever is in them.

    Args:
        rows: of the last portion.
        size: of it, in bytes, about.
        most: rows.
        most_bytes: bytes, about.
    """
    return max(1, min(most, rows * most_bytes // max(size, 1)))


class Bytes(Protocol):
    """What gives a source's bytes from front to back."""

    async def read(self, size: int) -> bytes:
        """About ``size`` bytes, or fewer; none at the end.

        Raises:
            SourceError: the source broke off, or is damaged.
        """


class Ahead:
    """Bytes of which the first can be looked at before they are read.

    Attributes:
        head: those that were looked at.
        whole: whether that is all there is.
    """

    def __init__(self, data: Bytes) -> None:
        self.head = b""
        self.whole = False
        self._data = data
        self._broken: SourceError | None = None

    async def look(self, size: int) -> bytes:
        """At least so many of the first bytes, where there are as many before the end or damage."""
        while len(self.head) < size and not self.whole and self._broken is None:
            try:
                piece = await self._data.read(size)
            except SourceError as error:
                if not self.head:
                    raise
                self._broken = error  # told once what is before it was read
                break
            self.whole = not piece
            self.head += piece
        return self.head

    async def drop(self, size: int) -> None:
        """Leave out so many of the first bytes."""
        while size > 0 and (data := await self.read(_DROPPED)):
            self.head = data[size:] + self.head
            size -= len(data)

    async def read(self, size: int) -> bytes:
        """What was looked at, and then the rest."""
        if self.head:
            data, self.head = self.head[:size], self.head[size:]
            return data
        if self._broken is not None:
            raise self._broken
        return b"" if self.whole else await self._data.read(size)


class Recoded:
    """Text of another encoding as UTF-8.

    What is not in the encoding passes as it is, where that can be told: its row is then rejected.

    Args:
        data: the text.
        encoding: its, as Python names it.
        name: the source's, for messages.
    """

    def __init__(self, data: Bytes, encoding: str, name: str) -> None:
        self._data = data
        self._decoder = codecs.getincrementaldecoder(encoding)(lenient(encoding))
        self._encoding = encoding
        self._name = name
        self._line = 1
        self._broken: SourceError | None = None

    async def read(self, size: int) -> bytes:
        """About ``size`` bytes of the source, in UTF-8; none at the end."""
        while self._broken is None:
            piece = await self._data.read(size)
            text = self._decode(piece)
            if text or (not piece and self._broken is None):
                # What is in no encoding is no UTF-8 either, whatever its bytes look like.
                return text.encode(errors="surrogatepass")
        raise self._broken

    def _decode(self, piece: bytes) -> str:
        """The text of a piece, or of what is before a break in it, which is told at the next read."""
        text, reason = "", ""
        try:
            text = self._decoder.decode(piece, final=not piece)
        except UnicodeDecodeError as error:
            reason = error.reason
            held = len(self._decoder.getstate()[0])  # of an earlier piece
            with suppress(UnicodeDecodeError):  # an encoding with shifts may not know where it broke
                text = self._decoder.decode(error.object[held : error.start])
        except UnicodeError:  # the codec of UTF-16 says no more than that
            order = f"--encoding {self._encoding}-le or {self._encoding}-be says the order of its bytes."
            raise SourceUnfit(f"{self._name}:1: it has no byte order mark", advice=order) from None
        self._line += text.count("\n")
        if reason:
            self._broken = SourceError(
                f"{self._name}:{self._line}: not {self._encoding}: {reason}",
                advice="Is it whole, and is that its --encoding? Rows that were sent before are loaded.",
            )
        return text
