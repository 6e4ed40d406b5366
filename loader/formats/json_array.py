"""A JSON array, or JSON values one after another: bytes -> objects, each with its place."""

from __future__ import annotations

from collections.abc import AsyncIterator

from loader.errors import SourceError
from loader.formats.encoding import Bytes
from loader.formats.json_scanner import JsonScanner
from loader.formats.jsonl import LONGEST_LINE
from loader.formats.origin import ElementOrigin, on_one_line
from loader.formats.records import Objects
from loader.model import Place

_READ = 256 * 1024  # bytes


async def objects(data: Bytes, *, start: Place, inside: bool, name: str) -> AsyncIterator[Objects]:
    """The elements of an array, however they are laid out.

    Args:
        data: gives the bytes from ``start`` on.
        start: where the first element begins, or a gap before it.
        inside: whether ``start`` is between the brackets of an array.
        name: the source's, for messages.

    Raises:
        SourceError: the source broke off, or the array has no end, or an element is longer than LONGEST_LINE.
    """
    scanner = JsonScanner(name, LONGEST_LINE, offset=start.offset, line=start.line, inside=inside)
    begin = start
    broken: SourceError | None = None
    ended = False
    while not ended:
        try:
            piece = await data.read(_READ)
        except SourceError as error:
            broken = error  # the elements before it have been given
            break
        ended = not piece
        found = scanner.end() if ended else scanner.feed(piece)
        if not found.texts:
            continue
        last = found.texts[-1]
        end = Place(
            start.source,
            begin.number + len(found.texts),
            found.offsets[-1] + len(last),
            found.lines[-1] + last.count(b"\n"),
        )
        texts = [on_one_line(text) for text in found.texts]
        yield Objects(begin, end, texts, ElementOrigin(found.texts, found.lines, found.offsets))
        begin = end
    if broken is not None:
        raise broken
