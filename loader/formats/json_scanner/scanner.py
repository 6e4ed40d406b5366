"""The scanner: it takes the bytes of a JSON array as they arrive, and returns its elements. No I/O."""

from __future__ import annotations

import re
from dataclasses import dataclass

from loader.errors import SourceError
from loader.formats.json_scanner.element_end import ElementEnd
from loader.formats.json_scanner.element_runs import element_places, whole_elements

_BOM = b"\xef\xbb\xbf"
_LARGEST_RUN = 512 * 1024  # bytes that are decoded at once
_SMALLEST_RUN = 2048  # bytes; decoding fewer at once does not pay
_LONGEST_GAP = 256  # bytes; longer gaps are skipped, but not expected again

_BRACE = ord("{")
_BLANKS = re.compile(rb"[ \t\r\n]*+")
_GAP = re.compile(rb"[ \t\r\n,]*+")


@dataclass(frozen=True, slots=True)
class Elements:
    """Neighbouring elements of an array, in order.

    Attributes:
        texts: the bytes of each in the source, which may not be valid JSON.
        lines: on which line of the source each begins.
        offsets: of each in the source, in bytes.
    """

    texts: list[bytes]
    lines: list[int]
    offsets: list[int]


class JsonScanner:
    """Splits a JSON array, or JSON values with commas, blanks or nothing between them, into its elements.

    A byte order mark at the start is left out. Surplus and missing commas are ignored. An element that is not
    valid JSON extends to where its brackets are closed; a bracket that closes nothing is an element. The
    scanner holds at most the bytes of one unfinished element.

    Args:
        name: the source's name, for messages.
        longest: bytes that an element may have.
        offset: of the first byte that is fed. An array may begin only at 0; a bracket after that belongs to
            an element.
        line: on which that byte is.
        inside_array: whether that byte is within the array, at the beginning of an element. The scanner that
            was there before tells it in its attribute of this name.

    Attributes:
        inside_array: whether the elements that were returned last are within an array.
    """

    def __init__(
        self, name: str, longest: int, *, offset: int = 0, line: int = 1, inside_array: bool = False
    ) -> None:
        self.inside_array = inside_array
        self._name = name
        self._longest = longest
        self._offset = offset  # of the bytes that are fed next
        self._line = line  # of the byte that is looked at next
        self._started = inside_array or offset > 0
        self._closed = False  # whether the bracket that closes the array was read
        self._error: SourceError | None = None
        self._maybe_bom = b""  # first bytes that may become a byte order mark

        self._unfinished: ElementEnd | None = None  # looks for the end of an element that was begun
        self._parts: list[bytes] = []  # of that element
        self._begin = (offset, line)  # of that element
        self._length = 0  # of that element, in bytes

        self._gap: bytes | None = None  # the bytes between the last two elements
        self._key = b""  # the first key of the last element that was found alone
        self._opening = b"{"  # the first bytes that the next elements probably have
        self._run_size = _LARGEST_RUN  # bytes that probably decode at once

    def feed(self, data: bytes) -> Elements:
        """Return the elements that end in ``data``.

        Raises:
            SourceError: an element is too long, or something follows the array. If there are elements before
                that, they are returned first, and the next call raises the error.
        """
        if self._error is not None:
            raise self._error
        if not self._started and self._offset == 0:
            data, self._maybe_bom = self._maybe_bom + data, b""
            if len(data) < len(_BOM) and _BOM.startswith(data):
                self._maybe_bom = data
                return Elements([], [], [])
        return self._feed(data)

    def finish(self) -> Elements:
        """Return the last element, if only the end of the source shows its end (a number). Call this last.

        Raises:
            SourceError: the array or its last element is cut off.
        """
        if self._error is not None:
            raise self._error
        elements = self._feed(self._maybe_bom)
        if self._unfinished is not None and (self._unfinished.is_delimited or self.inside_array):
            offset, line = self._begin
            raise SourceError(
                f"{self._name}:{line}: the element at byte {offset:,} has no end: "
                "the source is cut off in it, or a quote or a bracket is missing",
                advice="Get the source again, whole, or mend it, and load it with --fresh. "
                "The elements before it are loaded.",
            )
        if self.inside_array and not self._closed:
            raise SourceError(
                f"{self._name}:{self._line}: the source is cut off at byte {self._offset:,}: "
                "the array is not closed",
                advice="Get the source again, whole, and load it with --fresh. "
                "The elements before the cut are loaded.",
            )
        if self._unfinished is not None:
            self._finish_element(elements)
        return elements

    def _feed(self, data: bytes) -> Elements:
        elements = Elements([], [], [])
        try:
            self._split(data, elements)
        except SourceError as error:
            self._error = error
            if not elements.texts:
                raise
        self._offset += len(data)
        return elements

    def _split(self, data: bytes, elements: Elements) -> None:
        position = 0
        if not self._started:
            position = self._enter_array(data)
        elif self._unfinished is not None:
            position = self._take_one(data, 0, elements)
        while position < len(data) and not self._closed:
            end_of_last = position
            position = self._skip_gap(data, position)
            if position == len(data) or self._closed:
                break
            if elements.texts and position - end_of_last <= _LONGEST_GAP:
                self._gap = data[end_of_last:position]
            end_of_run = self._take_run(data, position, elements)
            position = end_of_run if end_of_run > position else self._take_one(data, position, elements)
        if self._closed and (position := self._skip(_BLANKS, data, position)) < len(data):
            raise SourceError(
                f"{self._name}:{self._line}: the array has ended, but the source continues at byte "
                f"{self._offset + position:,} with {data[position : position + 20]!r}",
                advice="A source holds one array, or elements without brackets around them. "
                "The elements before that byte are loaded.",
            )

    def _enter_array(self, data: bytes) -> int:
        """Look for the bracket that opens the array, and return where the first element may begin."""
        position = len(_BOM) if self._offset == 0 and data.startswith(_BOM) else 0
        position = self._skip(_BLANKS, data, position)
        if position < len(data):
            self._started = True
            self.inside_array = data.startswith(b"[", position)
        return position + self.inside_array

    def _skip_gap(self, data: bytes, position: int) -> int:
        """Skip what is between elements, and the end of the array; return where the next element begins."""
        position = self._skip(_GAP, data, position)
        if self.inside_array and data.startswith(b"]", position):
            self._closed = True
            position += 1
        return position

    def _skip(self, pattern: re.Pattern[bytes], data: bytes, position: int) -> int:
        match = pattern.match(data, position)
        end = match.end() if match is not None else position
        self._line += data.count(b"\n", position, end)
        return end

    def _take_run(self, data: bytes, begin: int, elements: Elements) -> int:
        """Take many elements at once; return where the last one ends, or ``begin`` if that fails."""
        gap = self._gap
        smallest = max(_SMALLEST_RUN, 4 * self._length)
        if gap is None or len(data) - begin < smallest or data[begin] != _BRACE:
            return begin
        boundary = b"}" + gap + self._opening
        while True:
            size = min(self._run_size, self._longest, len(data) - begin)
            end = data.rfind(boundary, begin, begin + size) + 1
            piece = data[begin:end]
            if texts := whole_elements(piece, gap):
                offsets, lines = element_places(texts, piece, gap, self._offset + begin, self._line)
                elements.texts.extend(texts)
                elements.lines.extend(lines)
                elements.offsets.extend(offsets)
                self._line += piece.count(b"\n")
                self._run_size = min(2 * size, _LARGEST_RUN)
                return end
            # A piece half as long may contain neither the invalid element nor the misleading boundary.
            self._run_size = size // 2
            if self._run_size < smallest:
                self._run_size = smallest
                return begin

    def _take_one(self, data: bytes, begin: int, elements: Elements) -> int:
        """Take one element, or a part of it; return where it ends, or the length of ``data``."""
        if self._unfinished is None:
            self._unfinished = ElementEnd(data[begin])
            self._begin, self._length = (self._offset + begin, self._line), 0
        end, is_finished = self._unfinished.find(data, begin)
        self._length += end - begin
        if self._length > self._longest:
            offset, line = self._begin
            raise SourceError(
                f"{self._name}:{line}: the element at byte {offset:,} is longer than {self._longest:,} bytes",
                advice="Is a quote or a bracket missing in it?",
            )
        self._line += data.count(b"\n", begin, end)
        self._parts.append(data[begin:end])
        if is_finished:
            self._finish_element(elements)
        return end

    def _finish_element(self, elements: Elements) -> None:
        text = b"".join(self._parts)
        self._parts.clear()
        self._unfinished = None
        offset, line = self._begin
        elements.texts.append(text)
        elements.lines.append(line)
        elements.offsets.append(offset)
        # Objects within elements rarely begin with the key of the elements, so it tells them apart.
        key, colon, _ = text[:64].partition(b":")
        self._opening = key + colon if colon and key == self._key and text[:1] == b"{" else b"{"
        self._key = key
