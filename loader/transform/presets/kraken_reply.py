"""Take the trades out of a reply of Kraken's REST API. No I/O.

TradesHistory replies ``{"error": [], "result": {"count": 2, "trades": {"TXID": {...}, ...}}}``, and
QueryTrades ``{"error": [], "result": {"TXID": {...}, ...}}`` (docs.kraken.com). What programs often keep of
these is taken, too: ``{"count": 2, "trades": {...}}``.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from loader.formats.json_fields import fields
from loader.formats.json_scanner.element_end import ElementEnd
from loader.formats.origin import on_one_line
from loader.model import Reason
from loader.transform.presets.values import Member, shown

_GAP = re.compile(rb"[ \t\r\n,:]*+")
_Span = tuple[int, int]  # where a value begins and ends


def trades(text: bytes) -> list[Member] | Reason | None:
    """Return the trades of a reply, or why it holds none; None if the text is not a reply.

    Args:
        text: a JSON value as its source has it. Newlines may be in it.
    """
    if not any(name in text for name in (b'"trades"', b'"result"', b'"error"')):
        return None
    if not isinstance(fields(on_one_line(text.strip())), dict):
        return None
    top = dict(_members(text, (text.index(b"{"), len(text))))
    if b'"txid"' in top:
        return None  # it is a trade
    span = top.get(b'"trades"')
    whole = top.get(b'"result"')
    if _is_object(text, whole):
        result = dict(_members(text, whole))
        span = result.get(b'"trades"', whole if _are_objects(text, result) else None)
    if _is_object(text, span):
        return [_trade(text, *member) for member in _members(text, span)]
    if whole is None and b'"error"' not in top:
        return None
    error = text[slice(*top.get(b'"error"', (0, 0)))].decode()
    what = f": its error is {shown(error)}" if error.strip("[]") else ""
    return Reason("no-trades", f"the reply holds no trades{what}")


def _members(text: bytes, span: _Span | None) -> Iterator[tuple[bytes, _Span]]:
    """Yield the keys of an object that is valid JSON, in their quotes, each with the place of its value."""
    assert span is not None  # noqa: S101 - the callers have looked
    position = _end_of_gap(text, span[0] + 1)
    while text[position : position + 1] == b'"':
        end, _ = ElementEnd(text[position]).find(text, position)
        key = text[position:end]
        position = _end_of_gap(text, end)
        end, _ = ElementEnd(text[position]).find(text, position)
        yield key, (position, end)
        position = _end_of_gap(text, end)


def _end_of_gap(text: bytes, position: int) -> int:
    match = _GAP.match(text, position)
    return match.end() if match is not None else position


def _is_object(text: bytes, span: _Span | None) -> bool:
    return span is not None and text[span[0] : span[0] + 1] == b"{"


def _are_objects(text: bytes, members: dict[bytes, _Span]) -> bool:
    return bool(members) and all(_is_object(text, span) for span in members.values())


def _trade(text: bytes, key: bytes, span: _Span) -> Member:
    """Return one trade with its id, which is its key, as the field ``txid``."""
    value = on_one_line(text[slice(*span)])
    source = b'{"result":{"trades":{%b:%b}}}' % (key, value)
    if not _is_object(text, span):
        return Member(Reason("not-an-object", f"the trade {key.decode()} is not an object"), source, span[0])
    inner = value[1:-1].strip()
    return Member(b'{"txid":%b%b%b}' % (key, b"," if inner else b"", inner), source, span[0])
