"""Many neighbouring elements of a JSON array at once, where they are as they should be. No I/O."""

from __future__ import annotations

from itertools import accumulate

import msgspec

_decode_array = msgspec.json.Decoder(list[msgspec.Raw]).decode
_decode_one_by_one = msgspec.json.Decoder(msgspec.Raw).decode_lines  # they need not stand on lines


def whole(piece: bytes, gap: bytes) -> list[bytes]:
    """The elements of a piece; none where it is not just so many whole ones.

    Where a piece begins at the beginning of an element, and decodes, it also ends at the end of one: a
    mark of an end that is within an element makes the piece end in the middle, which does not decode.

    Args:
        piece: begins at the beginning of an element.
        gap: what is between two of them: with a comma, or blanks alone.
    """
    try:
        if b"," in gap:
            return list(map(bytes, _decode_array(b"[%b]" % piece)))
        texts = list(map(bytes, _decode_one_by_one(piece)))
    except (msgspec.DecodeError, RecursionError):
        return []
    # The decoder takes `truefalse` for two elements.
    return texts if {text[:1] for text in texts} == {b"{"} else []


def places(
    texts: list[bytes], piece: bytes, gap: bytes, offset: int, line: int
) -> tuple[list[int], list[int]]:
    """The offsets and the lines of the elements of a piece.

    Args:
        texts: those of ``whole``.
        piece: as it was there.
        gap: what is likely to be between any two of them.
        offset: that of the piece.
        line: that of its beginning.
    """
    if gap.join(texts) != piece:
        return _uneven_places(texts, piece, offset, line)
    before = texts[:-1]
    offsets = list(accumulate([len(text) + len(gap) for text in before], initial=offset))
    step = gap.count(b"\n")
    if piece.count(b"\n") != step * len(before):
        return offsets, list(accumulate([text.count(b"\n") + step for text in before], initial=line))
    return offsets, list(range(line, line + step * len(texts), step)) if step else [line] * len(texts)


def _uneven_places(texts: list[bytes], piece: bytes, offset: int, line: int) -> tuple[list[int], list[int]]:
    offsets, lines = [], []
    end = 0
    for text in texts:
        at = piece.index(text[:1], end)  # there are only commas and blanks before it
        line += piece.count(b"\n", end, at)
        offsets.append(offset + at)
        lines.append(line)
        line += text.count(b"\n")
        end = at + len(text)
    return offsets, lines
