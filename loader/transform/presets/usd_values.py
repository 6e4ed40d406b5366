"""What was paid, in USD. All presets share it. No I/O."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from loader.model import Reason
from loader.transform.presets.rates import Rates
from loader.transform.presets.values import EXACT, no_rate

STABLECOINS = frozenset({"USDT", "USDC"})


@dataclass(frozen=True, slots=True)
class UsdValues:
    """Turns amounts of quote assets into USD.

    Attributes:
        rates: of assets in USD; None: none are known.
        stablecoins_at_par: whether USDT and USDC count as dollars, whatever their rates.
    """

    rates: Rates | None = None
    stablecoins_at_par: bool = True

    def is_dollar(self, asset: str) -> bool:
        """Return whether an asset counts as USD."""
        return asset == "USD" or (self.stablecoins_at_par and asset in STABLECOINS)

    def of(self, paid: Decimal, asset: str, timestamp_ms: int) -> Decimal | Reason:
        """Return what was paid in USD, exactly, or why it is not known.

        Args:
            paid: in units of the asset.
            asset: the quote asset, such as EUR.
            timestamp_ms: of the trade, in ms since 1970.
        """
        if self.is_dollar(asset):
            return paid
        rate = self.rates.at(asset, timestamp_ms) if self.rates is not None else None
        return no_rate(asset, timestamp_ms) if rate is None else EXACT.multiply(paid, rate)
