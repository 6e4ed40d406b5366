"""Where an element of a JSON array ends: strings and brackets are looked at, nothing else. No I/O."""

from __future__ import annotations

import re

_QUOTE, _BACKSLASH = b'"\\'
_STRING = re.compile(rb'[^"\\]*+(?:\\.[^"\\]*+)*+', re.DOTALL)
_WORD = re.compile(rb'[^ \t\r\n,"{}\[\]]*+')
# All up to the next bracket of a kind that is in no string, or to a string that has no end yet. The other
# kind need not be looked at: where one of those is missing, the element still ends where it should.
_UP_TO_BRACKET = {
    ord(first): re.compile(rb'[^"%b]*+(?:"[^"\\]*+(?:\\.[^"\\]*+)*+"[^"%b]*+)*+' % (pair, pair), re.DOTALL)
    for first, pair in (("{", rb"{}"), ("[", rb"\[\]"))
}


class ElementEnd:
    """Looks for the end of one element, a piece at a time; each byte is looked at once.

    An object or array ends where its bracket closes, a string at its quote, a bracket that closes nothing
    behind itself, and anything else before a blank, a comma, a quote or a bracket.

    Args:
        first: the element's first byte.
    """

    __slots__ = ("_depth", "_escaped", "_first", "_quoted")

    def __init__(self, first: int) -> None:
        self._first = first
        self._depth = 0
        # Whether the next byte is in a string, and behind a backslash. A string's own quote opens it.
        self._quoted = self._escaped = False

    @property
    def shown(self) -> bool:
        """Whether the element's own bytes show where it ends; else only what follows does."""
        return self._first in b'"{}[]'

    def find(self, data: bytes, at: int) -> tuple[int, bool]:
        """Where the element ends, and whether it does; else the end of the data.

        Args:
            data: holds the element's beginning, or goes on where the last data ended.
            at: where the element is in it.
        """
        if self._first in b'{["':
            return self._closing(data, at)
        if self._first in b"}]":
            return at + 1, True
        end = _end(_WORD, data, at)
        return end, end < len(data)

    def _closing(self, data: bytes, at: int) -> tuple[int, bool]:
        size, first, depth = len(data), self._first, self._depth
        up_to = _UP_TO_BRACKET.get(first)
        while at < size:
            if self._quoted:
                at = self._unquote(data, at)
                if first == _QUOTE and not self._quoted:
                    return at, True
                continue
            at = _end(up_to, data, at) if up_to else at
            if at < size:
                byte = data[at]
                at += 1
                if byte == _QUOTE:
                    self._quoted = True
                elif byte == first:
                    depth += 1
                elif depth == 1:
                    return at, True
                else:
                    depth -= 1
        self._depth = depth
        return size, False

    def _unquote(self, data: bytes, at: int) -> int:
        """Where the string ends that the data is in; else the end of the data."""
        at = _end(_STRING, data, at + self._escaped)
        self._escaped = False
        if at < len(data):
            # A backslash is met only where it is the last byte.
            self._escaped = self._quoted = data[at] == _BACKSLASH
            at += 1
        return at


def _end(pattern: re.Pattern[bytes], data: bytes, at: int) -> int:
    """Where a pattern that matches everywhere ends."""
    match = pattern.match(data, at)
    assert match is not None  # noqa: S101 - for the types
    return match.end()
