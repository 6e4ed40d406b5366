"""A JSON array, or JSON values one after another, in any layout."""

from __future__ import annotations

from collections.abc import AsyncIterator

from loader.errors import SourceError
from loader.formats.byte_stream import ByteStream
from loader.formats.json_scanner import JsonScanner
from loader.formats.line_blocks import LONGEST_LINE
from loader.formats.origin import ElementOrigin, on_one_line
from loader.formats.records import Objects
from loader.formats.source_format import SourceFormat
from loader.model import Place

_READ = 256 * 1024  # bytes


class JsonArrayReader:
    """Reads the elements of a JSON array, or JSON values one after another (a FormatReader).

    Args:
        stream: gives the bytes from the first record on.
        source_format: whether it is an array.
        name: the source's name, for messages.
        size: ignored: a piece is the elements of one read.
    """

    def __init__(self, stream: ByteStream, source_format: SourceFormat, name: str, size: int) -> None:
        del size
        self._stream = stream
        self._format = source_format
        self._name = name

    def describe(self) -> str:
        """Return what was detected, for people."""
        return self._format.text

    async def records(self, start: Place) -> AsyncIterator[Objects]:
        """Return the elements, each on one line (FormatReader).

        Raises:
            SourceError: the source broke off, the array is not closed, or an element is longer than
                LONGEST_LINE.
        """
        inside_array = self._format.is_array and start.number > 1
        scanner = JsonScanner(
            self._name, LONGEST_LINE, offset=start.offset, line=start.line, inside_array=inside_array
        )
        begin = start
        damage: SourceError | None = None
        ended = False
        while not ended:
            try:
                data = await self._stream.read(_READ)
            except SourceError as error:
                damage = error  # the elements before it were returned
                break
            ended = not data
            elements = scanner.finish() if ended else scanner.feed(data)
            if not elements.texts:
                continue
            last = elements.texts[-1]
            end = Place(
                start.source,
                begin.number + len(elements.texts),
                elements.offsets[-1] + len(last),
                elements.lines[-1] + last.count(b"\n"),
            )
            texts = [on_one_line(text) for text in elements.texts]
            yield Objects(begin, end, texts, ElementOrigin(elements.texts, elements.lines, elements.offsets))
            begin = end
        if damage is not None:
            raise damage
