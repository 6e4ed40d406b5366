"""Presets: records of trade exports -> rows of the table trades. No I/O."""

from __future__ import annotations

from collections.abc import Callable

from loader.errors import SettingsError
from loader.formats.records import Record
from loader.transform.presets.hummingbot import IDS, Hummingbot
from loader.transform.presets.kraken import Kraken
from loader.transform.presets.rates import Rates
from loader.transform.presets.values import Preset, TradeRow

__all__ = ["NAMES", "Preset", "Rates", "Record", "TradeRow", "preset"]

# Name -> the columns that can be a row's id, its own choice first, and what makes the preset.
_PRESETS: dict[str, tuple[tuple[str, ...], Callable[[str, Rates | None], Preset]]] = {
    "hummingbot": (IDS, Hummingbot),
    "kraken": (("txid",), lambda _id, rates: Kraken(rates)),
}

NAMES: tuple[str, ...] = tuple(sorted(_PRESETS))


def preset(name: str, *, id: str | None = None, rates: Rates | None = None) -> Preset:  # noqa: A002 - what it is
    """A preset, for one source: it keeps what `look` found out.

    Args:
        name: one of NAMES.
        id: the source's column that is a row's id; None: the preset's own choice.
        rates: what assets were worth in USD, where the source does not say it.

    Raises:
        SettingsError: there is no such preset, or it cannot take that column for the id.
    """
    if name not in _PRESETS:
        raise SettingsError(f"there is no preset {name!r}", advice=f"There are {' and '.join(NAMES)}.")
    ids, make = _PRESETS[name]
    if id is not None and id not in ids:
        advice = f"Its id is {' or '.join(ids)}."
        raise SettingsError(f"the preset {name} does not take {id!r} for the id", advice=advice)
    return make(id or ids[0], rates)
