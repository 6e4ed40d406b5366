"""Text in other encodings than UTF-8."""

from __future__ import annotations

import codecs
from contextlib import suppress

from loader.errors import SourceError, SourceUnfit
from loader.formats.byte_stream import ByteStream

_UTF8_NAMES = frozenset({"utf-8", "utf8", "u8"})


def is_utf8(encoding: str) -> bool:
    """Return whether this is a common name of UTF-8."""
    return encoding.lower() in _UTF8_NAMES


def error_handler(encoding: str) -> str:
    """Return the error handler of Python's codecs that lets bytes which are not in an encoding pass.

    They are written back as they were read.

    Args:
        encoding: its name in Python.
    """
    is_wide = codecs.lookup(encoding).name.startswith(("utf-16", "utf-32"))
    return "surrogatepass" if is_wide else "surrogateescape"


class Utf8Stream:
    """A stream of text in some encoding, as UTF-8.

    Bytes that are not in the encoding pass as they are, if the encoding allows it. Their row is rejected
    later.

    Args:
        stream: gives the text.
        encoding: of the text, as Python names it.
        name: the source's name, for messages.
    """

    def __init__(self, stream: ByteStream, encoding: str, name: str) -> None:
        self._stream = stream
        self._decoder = codecs.getincrementaldecoder(encoding)(error_handler(encoding))
        self._encoding = encoding
        self._name = name
        self._line = 1
        self._damage: SourceError | None = None  # raised once the text before it was read

    async def read(self, size: int) -> bytes:
        """Return the UTF-8 of about ``size`` bytes of the source; none at the end (ByteStream).

        Raises:
            SourceUnfit: the encoding needs a byte order mark, and there is none.
            SourceError: the text is not in the encoding; or as the source's own read() does.
        """
        while self._damage is None:
            piece = await self._stream.read(size)
            text = self._decode(piece)
            if text or (not piece and self._damage is None):
                # A byte that is not in the encoding must not turn into valid UTF-8.
                return text.encode(errors="surrogatepass")
        raise self._damage

    def _decode(self, piece: bytes) -> str:
        """Return the text of a piece, up to damage in it."""
        text, reason = "", ""
        try:
            text = self._decoder.decode(piece, final=not piece)
        except UnicodeDecodeError as error:
            reason = error.reason
            from_earlier_piece = len(self._decoder.getstate()[0])
            with suppress(UnicodeDecodeError):  # a decoder with a shift state may not know where it failed
                text = self._decoder.decode(error.object[from_earlier_piece : error.start])
        except UnicodeError:  # the codec of UTF-16 gives no details
            advice = f"--encoding {self._encoding}-le or {self._encoding}-be tells the order of its bytes."
            raise SourceUnfit(f"{self._name}:1: it has no byte order mark", advice=advice) from None
        self._line += text.count("\n")
        if reason:
            self._damage = SourceError(
                f"{self._name}:{self._line}: not {self._encoding}: {reason}",
                advice="Is it whole, and is that its --encoding? Rows that were sent before are loaded.",
            )
        return text
