"""A JSON array of any size -> the bytes of its elements, as they arrive. No I/O.

Most elements are found many at a time: what reaches from the beginning of an element to what looks like
the end of a later one is decoded, which fails unless it is just so many whole elements. Where that fails,
an element is looked for alone, with an eye on strings and brackets only: a broken one has an end as well.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from loader.errors import SourceError
from loader.formats.json_element_end import ElementEnd
from loader.formats.json_element_runs import places, whole

_BOM = b"\xef\xbb\xbf"
_MOST = 512 * 1024  # bytes that are decoded at once
_LEAST = 2048  # bytes; for fewer it is not worth it
_LONGEST_GAP = 256  # bytes; longer ones are passed over, but not looked for

_BRACE = ord("{")
_BLANKS = re.compile(rb"[ \t\r\n]*+")
_GAP = re.compile(rb"[ \t\r\n,]*+")


@dataclass(frozen=True, slots=True)
class Elements:
    """Neighbouring elements of an array, in order.

    Args:
        texts: each as it stands in the source, which need not be JSON.
        lines: on which line of the source each begins.
        offsets: where in the source each begins, in bytes.
    """

    texts: list[bytes]
    lines: list[int]
    offsets: list[int]


class JsonScanner:
    """Splits a JSON array, or JSON values with commas or blanks (or nothing) between them, into its elements.

    A byte order mark at the start is left out; commas too many, and commas that are missing, do not matter.
    An element that is no JSON is given up to where its brackets close; a bracket that closes nothing is an
    element of its own. It holds the bytes of one unfinished element at most.

    Args:
        name: the source's, for messages.
        longest: bytes that an element may have.
        offset: where the first byte that is fed stands; 0 is where the array may begin, and later on no
            bracket is taken for its beginning.
        line: on which line that is.
        inside: whether that is between the brackets of the array (``inside`` of the JsonScanner that was
            there before says so), at the beginning of an element.
    """

    def __init__(
        self, name: str, longest: int, *, offset: int = 0, line: int = 1, inside: bool = False
    ) -> None:
        self.inside = inside  # whether the elements that were given last stand between brackets
        self._name = name
        self._longest = longest
        self._offset = offset  # of what is fed next
        self._line = line  # of what is looked at next
        self._begun = inside or offset > 0
        self._ended = False  # the array's bracket was closed
        self._error: SourceError | None = None
        self._start = b""  # what may become a byte order mark

        self._open: ElementEnd | None = None  # of an element that has no end yet
        self._parts: list[bytes] = []  # of that element
        self._begin = (offset, line)  # of that element
        self._length = 0  # of it, in bytes

        self._gap: bytes | None = None  # what was between two elements
        self._key = b""  # what the last one that was looked at alone begins with
        self._opening = b"{"  # what the next ones are likely to begin with
        self._reach = _MOST  # bytes that are likely to be decoded without failing

    def feed(self, data: bytes) -> Elements:
        """The elements that end in ``data``.

        Raises:
            SourceError: an element is longer than it may be, or something stands behind the array's end.
                Elements before that are given first, and then the next call raises it.
        """
        if self._error is not None:
            raise self._error
        if not self._begun and self._offset == 0:
            data, self._start = self._start + data, b""
            if len(data) < len(_BOM) and _BOM.startswith(data):
                self._start = data
                return Elements([], [], [])
        return self._feed(data)

    def end(self) -> Elements:
        """All was fed: the last element, where it is one whose end only this can tell (a number, say).

        Raises:
            SourceError: the array or its last element is cut off.
        """
        if self._error is not None:
            raise self._error
        found = self._feed(self._start)
        if self._open is not None and (self._open.shown or self.inside):
            offset, line = self._begin
            raise SourceError(
                f"{self._name}:{line}: the element at byte {offset:,} has no end: "
                "the source is cut off in it, or a quote or a bracket is missing",
                advice="Get the source again, whole, or mend it, and load it with --fresh. "
                "The elements before it are loaded.",
            )
        if self.inside and not self._ended:
            raise SourceError(
                f"{self._name}:{self._line}: the source is cut off at byte {self._offset:,}: "
                "the array is not closed",
                advice="Get the source again, whole, and load it with --fresh. "
                "The elements before the cut are loaded.",
            )
        if self._open is not None:
            self._finish(found)
        return found

    def _feed(self, data: bytes) -> Elements:
        found = Elements([], [], [])
        try:
            self._split(data, found)
        except SourceError as error:
            self._error = error
            if not found.texts:
                raise
        self._offset += len(data)
        return found

    def _split(self, data: bytes, found: Elements) -> None:
        at = 0
        if not self._begun:
            at = self._enter(data)
        elif self._open is not None:
            at = self._alone(data, 0, found)
        while at < len(data) and not self._ended:
            end = at
            at = self._pass(data, at)
            if at == len(data) or self._ended:
                break
            if found.texts and at - end <= _LONGEST_GAP:
                self._gap = data[end:at]
            many = self._many(data, at, found)
            at = many if many > at else self._alone(data, at, found)
        if self._ended and (at := self._skip(_BLANKS, data, at)) < len(data):
            raise SourceError(
                f"{self._name}:{self._line}: the array has ended, and the source goes on at byte "
                f"{self._offset + at:,} with {data[at : at + 20]!r}",
                advice="It should hold one array, or elements without brackets. What is before it is loaded.",
            )

    def _enter(self, data: bytes) -> int:
        """Look for the array's bracket; returns where the first element may be."""
        at = len(_BOM) if self._offset == 0 and data.startswith(_BOM) else 0
        at = self._skip(_BLANKS, data, at)
        if at < len(data):
            self._begun = True
            self.inside = data.startswith(b"[", at)
        return at + self.inside

    def _pass(self, data: bytes, at: int) -> int:
        """Pass over what is between elements, and the array's end; returns where the next one begins."""
        at = self._skip(_GAP, data, at)
        if self.inside and data.startswith(b"]", at):
            self._ended = True
            at += 1
        return at

    def _skip(self, what: re.Pattern[bytes], data: bytes, at: int) -> int:
        match = what.match(data, at)
        end = match.end() if match is not None else at
        self._line += data.count(b"\n", at, end)
        return end

    def _many(self, data: bytes, begin: int, found: Elements) -> int:
        """Take many elements at once, from the beginning of one; returns where the last one ends."""
        gap = self._gap
        least = max(_LEAST, 4 * self._length)
        if gap is None or len(data) - begin < least or data[begin] != _BRACE:
            return begin
        mark = b"}" + gap + self._opening
        while True:
            reach = min(self._reach, self._longest, len(data) - begin)
            end = data.rfind(mark, begin, begin + reach) + 1
            piece = data[begin:end]
            if texts := whole(piece, gap):
                offsets, lines = places(texts, piece, gap, self._offset + begin, self._line)
                found.texts.extend(texts)
                found.lines.extend(lines)
                found.offsets.extend(offsets)
                self._line += piece.count(b"\n")
                self._reach = min(2 * reach, _MOST)
                return end
            # Within a piece half as long there may be neither the broken element nor a misleading mark.
            self._reach = reach // 2
            if self._reach < least:
                self._reach = least
                return begin

    def _alone(self, data: bytes, begin: int, found: Elements) -> int:
        """Take one element, or more of it; returns where it ends, or the data."""
        if self._open is None:
            self._open = ElementEnd(data[begin])
            self._begin, self._length = (self._offset + begin, self._line), 0
        end, ended = self._open.find(data, begin)
        self._length += end - begin
        if self._length > self._longest:
            offset, line = self._begin
            raise SourceError(
                f"{self._name}:{line}: the element at byte {offset:,} is longer than {self._longest:,} bytes",
                advice="Is a quote or a bracket missing in it?",
            )
        self._line += data.count(b"\n", begin, end)
        self._parts.append(data[begin:end])
        if ended:
            self._finish(found)
        return end

    def _finish(self, found: Elements) -> None:
        text = b"".join(self._parts)
        self._parts.clear()
        self._open = None
        offset, line = self._begin
        found.texts.append(text)
        found.lines.append(line)
        found.offsets.append(offset)
        # Objects within elements seldom begin with the same key, and then cannot be mistaken for elements.
        key, colon, _ = text[:64].partition(b":")
        self._opening = key + colon if colon and key == self._key and text[:1] == b"{" else b"{"
        self._key = key
