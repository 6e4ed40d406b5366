"""How the cells of the sources write nulls, numbers and dates, as far as the command tells. No I/O."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Self

from loader.settings import Settings
from loader.transform.null_tokens import NullTokens


@dataclass(frozen=True, slots=True)
class CellNotation:
    """How cells write nulls, numbers and dates.

    Attributes:
        nulls: --null.
        decimal: --decimal: what stands before the decimals of a number.
        thousands: --thousands: what stands between groups of three digits; None: not told.
        date_order: --date-order: ``dmy``, ``mdy`` or ``ymd``; None: as PostgreSQL reads dates.
    """

    nulls: NullTokens = field(default_factory=NullTokens)
    decimal: str = "."
    thousands: str | None = None
    date_order: str | None = None

    @classmethod
    def of(cls, settings: Settings) -> Self:
        """Return what the settings say of cells."""
        nulls = NullTokens.of(settings.null)
        return cls(nulls, settings.decimal or ".", settings.thousands, settings.date_order)
