"""Moments and durations in words. No I/O."""

from __future__ import annotations

from datetime import UTC, datetime

_UNITS = ((86400, "days"), (3600, "h"), (60, "min"))  # seconds; each from twice its length on


def moment(seconds: float) -> str:
    """Return a moment as people write it, in UTC.

    Args:
        seconds: since 1970.
    """
    try:
        return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
    except (ValueError, OverflowError, OSError):
        return f"{seconds:.0f} seconds since 1970"


def duration(seconds: float) -> str:
    """Return a time in its largest unit: ``30 s``, ``4 min``, ``3 h``, ``2 days``."""
    length, unit = next(((size, name) for size, name in _UNITS if seconds >= 2 * size), (1, "s"))
    return f"{seconds / length:,.0f} {unit}"


def distance(seconds: float, now: float) -> str:
    """Return how far a moment is from now: ``4 min ago``, ``in 30 s``."""
    shown = duration(abs(seconds - now))
    return f"{shown} ago" if seconds <= now else f"in {shown}"
