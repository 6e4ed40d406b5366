"""Find the end of one element of a JSON array, by its strings and brackets only. No I/O."""

from __future__ import annotations

import re

_QUOTE, _BACKSLASH = b'"\\'
_STRING = re.compile(rb'[^"\\]*+(?:\\.[^"\\]*+)*+', re.DOTALL)
_WORD = re.compile(rb'[^ \t\r\n,"{}\[\]]*+')
# Matches up to the next bracket of one kind that is not in a string, or up to a string whose end is missing.
# The other kind of bracket is ignored, so that an element ends where it should even if it lacks one of those.
_UP_TO_BRACKET = {
    ord(first): re.compile(rb'[^"%b]*+(?:"[^"\\]*+(?:\\.[^"\\]*+)*+"[^"%b]*+)*+' % (pair, pair), re.DOTALL)
    for first, pair in (("{", rb"{}"), ("[", rb"\[\]"))
}


class ElementEnd:
    """Looks for the end of one element, a piece at a time. Each byte is looked at once.

    An object or array ends where its bracket is closed, a string at its quote, a bracket that closes nothing
    after itself, and anything else before a blank, a comma, a quote or a bracket.

    Args:
        first: the first byte of the element.
    """

    __slots__ = ("_depth", "_escaped", "_first", "_quoted")

    def __init__(self, first: int) -> None:
        self._first = first
        self._depth = 0
        # Whether the next byte is in a string, and after a backslash. A string's own quote opens it.
        self._quoted = self._escaped = False

    @property
    def is_delimited(self) -> bool:
        """Whether the element's own bytes show its end; otherwise only the byte after it does."""
        return self._first in b'"{}[]'

    def find(self, data: bytes, begin: int) -> tuple[int, bool]:
        """Return where the element ends, and true; if the end is not in ``data``, its length, and false.

        Args:
            data: contains the beginning of the element, or continues where the last data ended.
            begin: index of the element in it.
        """
        if self._first in b'{["':
            return self._find_closing(data, begin)
        if self._first in b"}]":
            return begin + 1, True
        end = _match_end(_WORD, data, begin)
        return end, end < len(data)

    def _find_closing(self, data: bytes, position: int) -> tuple[int, bool]:
        size, first, depth = len(data), self._first, self._depth
        up_to_bracket = _UP_TO_BRACKET.get(first)
        while position < size:
            if self._quoted:
                position = self._find_string_end(data, position)
                if first == _QUOTE and not self._quoted:
                    return position, True
                continue
            if up_to_bracket:
                position = _match_end(up_to_bracket, data, position)
            if position < size:
                byte = data[position]
                position += 1
                if byte == _QUOTE:
                    self._quoted = True
                elif byte == first:
                    depth += 1
                elif depth == 1:
                    return position, True
                else:
                    depth -= 1
        self._depth = depth
        return size, False

    def _find_string_end(self, data: bytes, position: int) -> int:
        """Return where the current string ends; the length of ``data`` if it continues after it."""
        position = _match_end(_STRING, data, position + self._escaped)
        self._escaped = False
        if position < len(data):
            # The match stops at a backslash only if that is the last byte.
            self._escaped = self._quoted = data[position] == _BACKSLASH
            position += 1
        return position


def _match_end(pattern: re.Pattern[bytes], data: bytes, position: int) -> int:
    """Return where a pattern that matches anywhere ends."""
    match = pattern.match(data, position)
    assert match is not None  # noqa: S101 - for the types
    return match.end()
