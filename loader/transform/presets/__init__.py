"""Presets make rows of the table trades from the records of trade exports. No I/O.

A new preset is a class with the methods of values.Preset, an entry in _PRESETS, and its name
in settings.values.PRESETS.
"""

from __future__ import annotations

from collections.abc import Callable

from loader.errors import SettingsError
from loader.formats.records import Record
from loader.transform.presets.rates import Rates
from loader.transform.presets.usd_values import UsdValues
from loader.transform.presets.values import Preset, TradeRow

__all__ = ["NAMES", "Preset", "Rates", "Record", "TradeRow", "preset"]


def _hummingbot(id: str, usd_values: UsdValues) -> Preset:  # noqa: A002 - the column's name
    from loader.transform.presets.hummingbot import Hummingbot  # noqa: PLC0415 - most loads have no preset

    return Hummingbot(id, usd_values)


def _kraken(_id: str, usd_values: UsdValues) -> Preset:
    from loader.transform.presets.kraken import Kraken  # noqa: PLC0415

    return Kraken(usd_values)


# Name -> the columns that can be a row's id, the default first, and a function that creates the preset.
_PRESETS: dict[str, tuple[tuple[str, ...], Callable[[str, UsdValues], Preset]]] = {
    "hummingbot": (("order_id", "exchange_trade_id"), _hummingbot),
    "kraken": (("txid",), _kraken),
}

NAMES: tuple[str, ...] = tuple(sorted(_PRESETS))


def preset(
    name: str,
    *,
    id: str | None = None,  # noqa: A002 - the column's name
    rates: Rates | None = None,
    stablecoins_at_par: bool = True,
) -> Preset:
    """Return a preset for one source. It remembers what its `look` has found out about the source.

    Args:
        name: one of NAMES.
        id: the source's column that becomes a row's id; None: the preset's default.
        rates: of assets in USD, for sources that do not tell them.
        stablecoins_at_par: whether USDT and USDC count as dollars; else by their rates.

    Raises:
        SettingsError: there is no such preset, or it does not allow that column as the id.
    """
    if name not in _PRESETS:
        raise SettingsError(f"there is no preset {name!r}", advice=f"There are {' and '.join(NAMES)}.")
    ids, create = _PRESETS[name]
    if id is not None and id not in ids:
        advice = f"Its id is {' or '.join(ids)}."
        raise SettingsError(f"the preset {name} does not allow {id!r} as the id", advice=advice)
    return create(id or ids[0], UsdValues(rates, stablecoins_at_par))
