"""Read the times that Kraken and its users write. No I/O."""

from __future__ import annotations

import re

from loader.transform.presets.values import EXACT, milliseconds, number

_ZONED = re.compile(
    r"(\d{4}-\d\d-\d\d)[ T](\d\d:\d\d:\d\d(?:\.\d+)?)(?: ?(Z|UTC|[+-]\d\d(?::?\d\d)?))?", re.ASCII
)
_FIRST, _END = 1_262_304_000, 10**11  # seconds since 1970: 2010, before any exchange existed, and 5138
_LARGEST_OFFSET = 15 * 60 + 59  # minutes that a zone may differ from UTC; PostgreSQL has the same bound


def any_milliseconds(text: str) -> int | None:
    """Return a time in ms since 1970; None if the text is not a time. Digits below a millisecond are cut off.

    Args:
        text: seconds since 1970 with or without a fraction, from 2010 on; or ``YYYY-MM-DD HH:MM:SS`` with or
            without a fraction and a zone (``Z``, ``UTC``, ``+02:00``), UTC if there is none. A ``T`` may
            stand for the blank.
    """
    if (usual := milliseconds(text)) is not None:
        return usual
    match = _ZONED.fullmatch(text)
    if match is None:
        seconds = number(text)
        return int(seconds.scaleb(3, EXACT)) if seconds is not None and _FIRST <= seconds < _END else None
    day, clock, zone = match.groups()
    time, offset = milliseconds(f"{day} {clock}"), _minutes(zone)
    return None if time is None or offset is None else time - offset * 60_000


def _minutes(zone: str | None) -> int | None:
    """Return by how many minutes a zone is ahead of UTC; None if it is not a zone."""
    if zone in (None, "Z", "UTC"):
        return 0
    assert zone is not None  # noqa: S101 - for the types
    hours, minutes = int(zone[1:3]), int(zone[3:].lstrip(":") or 0)
    offset = hours * 60 + minutes
    if minutes > 59 or offset > _LARGEST_OFFSET:
        return None
    return -offset if zone[0] == "-" else offset
