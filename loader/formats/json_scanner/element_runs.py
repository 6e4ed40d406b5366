"""Decode many neighbouring elements of a JSON array at once, if all of them are valid. No I/O."""

from __future__ import annotations

from itertools import accumulate

import msgspec

_decode_array = msgspec.json.Decoder(list[msgspec.Raw]).decode
_decode_sequence = msgspec.json.Decoder(msgspec.Raw).decode_lines  # also takes several values on a line


def whole_elements(piece: bytes, gap: bytes) -> list[bytes]:
    """Return the elements of a piece; none if it is not exactly a number of whole elements.

    A piece that begins where an element begins, and decodes, also ends where an element ends: if its end was
    mistaken, it is within an element, and then the piece does not decode.

    Args:
        piece: begins where an element begins.
        gap: the bytes between two elements: with a comma, or only blanks.
    """
    try:
        if b"," in gap:
            return list(map(bytes, _decode_array(b"[%b]" % piece)))
        texts = list(map(bytes, _decode_sequence(piece)))
    except (msgspec.DecodeError, RecursionError):
        return []
    # The decoder takes `truefalse` for two elements.
    return texts if {text[:1] for text in texts} == {b"{"} else []


def element_places(
    texts: list[bytes], piece: bytes, gap: bytes, offset: int, line: int
) -> tuple[list[int], list[int]]:
    """Return the offsets and the lines of the elements of a piece.

    Args:
        texts: the elements, from ``whole_elements``.
        piece: that contains them.
        gap: the bytes that are probably between any two of them.
        offset: of the piece, in bytes.
        line: on which the piece begins.
    """
    if gap.join(texts) != piece:
        return _places_with_uneven_gaps(texts, piece, offset, line)
    before = texts[:-1]
    offsets = list(accumulate([len(text) + len(gap) for text in before], initial=offset))
    step = gap.count(b"\n")
    if piece.count(b"\n") != step * len(before):
        return offsets, list(accumulate([text.count(b"\n") + step for text in before], initial=line))
    return offsets, list(range(line, line + step * len(texts), step)) if step else [line] * len(texts)


def _places_with_uneven_gaps(
    texts: list[bytes], piece: bytes, offset: int, line: int
) -> tuple[list[int], list[int]]:
    offsets, lines = [], []
    end = 0
    for text in texts:
        begin = piece.index(text[:1], end)  # only commas and blanks are before it
        line += piece.count(b"\n", end, begin)
        offsets.append(offset + begin)
        lines.append(line)
        line += text.count(b"\n")
        end = begin + len(text)
    return offsets, lines
