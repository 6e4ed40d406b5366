"""Split Kraken's names of pairs into base and quote asset. No I/O.

Kraken writes one pair in several ways: ``XXBTZEUR`` (the key of its AssetPairs), ``XBTEUR`` (its altname)
and ``XBT/EUR`` or ``BTC/EUR`` (its wsname). Only the last shows where the base ends, and there are too many
assets to list. So each place is tried at which a known quote asset may begin. Unless there is exactly one,
the pair is refused. ``XBTUSD:BTNL`` was traded on another venue, ``XBTUSD.d`` in the dark pool.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache
from typing import NamedTuple

from loader.model import Reason
from loader.transform.presets.values import COMMON_NAMES, shown

# Kraken once put X before assets that are mined and Z before those that are printed.
_MINED = "XBT ETH LTC XRP XLM XMR ZEC ETC REP XDG MLN ICN NMC XVN DAO".split()  # noqa: SIM905
_PRINTED = "USD EUR GBP JPY CAD AUD KRW".split()  # noqa: SIM905
_STEMS = frozenset([*_MINED, *_PRINTED])
_OLD = frozenset([*(f"X{code}" for code in _MINED), *(f"Z{code}" for code in _PRINTED)])
# The quote assets. PYUSD and RLUSD must be here although they make XRPRLUSD ambiguous: without them it would
# be taken for a pair of XRPRL.
_QUOTES = (
    *"USD EUR GBP JPY CAD AUD CHF AED XBT BTC ETH SOL POL DOT DAI".split(),  # noqa: SIM905
    *"USDT USDC USD1 USDD USDQ USDR PYUSD RLUSD EUROP EURC FIDD".split(),  # noqa: SIM905
)
# AUSD is a quote asset, too, but most names that end with it are pairs in USD: ADAUSD, LUNAUSD. It may be
# the quote only after an asset of these. MON is among them because Kraken has MON/AUSD.
_MAY_BE_IN_AUSD = frozenset(
    [*_STEMS, *COMMON_NAMES.values(), *_QUOTES, *"ADA AVAX BCH BNB HYPE LINK MON SUI TRX XTZ".split()]  # noqa: SIM905
)
# The pairs of 2014 that were quoted in what is the base today. Their names are read like all others, the base
# first: XBTLTC has prices in LTC for one XBT, and volumes in XBT. Base -> quotes, as AssetPairs had them.
_INVERTED = {
    "XBT": "LTC NMC XDG XLM XRP XVN",
    "LTC": "XDG XRP",
    "NMC": "XDG XRP",
    "XVN": "XRP",
    "USD": "XDG XRP XVN",
    "EUR": "XDG XRP XVN",
    "KRW": "XRP",
}
_INVERTED_NAMES = {
    base + quote: (base, quote) for base, quotes in _INVERTED.items() for quote in quotes.split()
}
_ASSET = re.compile(r"\.*[A-Za-z0-9][A-Za-z0-9.]*", re.ASCII)
_VENUE = re.compile(r":[A-Z0-9]+\Z", re.ASCII)
# No other asset has a name that begins like these.
_UNIQUE = tuple(COMMON_NAMES)


class Pair(NamedTuple):
    """The asset that is traded (base), and the one that it is paid in (quote)."""

    symbol: str
    base: str
    quote: str


@lru_cache(maxsize=10_000)
def split(name: str) -> Pair | Reason:
    """Return the pair that Kraken means by this name, or why it is not clear.

    XBT becomes BTC, XDG becomes DOGE, and old codes such as XETH and ZUSD lose their first letter.
    """
    text = _VENUE.sub("", name).removesuffix(".d")  # a dark pool
    parts = text.split("/")
    if len(parts) > 2 or not all(map(_is_asset, parts)):
        return _refused(
            name,
            "an asset consists of letters, digits and dots, with capitals, and a pair has at most one slash",
        )
    if len(parts) == 2:
        pair = _pair(*parts)
        return pair if pair.base != pair.quote else _refused(name, "both assets are the same")
    candidates = sorted({pair for pair in _candidates(text) if pair.base != pair.quote})
    if len(candidates) == 1:
        return candidates[0]
    if not candidates:
        return _refused(name, "it does not end with a known quote asset after a base asset")
    return _refused(name, f"it may be {' or '.join(pair.symbol for pair in candidates)}")


def is_above_one(name: str, pair: Pair) -> bool:
    """Return whether a pair had prices above 1 only, if its name is read with the base first.

    It is so for the inverted pairs of 2014, but for KRW and XRP. A lower price was written for the pair as it
    is today, so that nobody knows which of the two was meant.
    """
    return "/" not in name and pair in _ABOVE_ONE


def _is_asset(text: str) -> bool:
    """Return whether a text can be the name of an asset: AAPLx can, but not usd, Usd or xBT."""
    if not _ASSET.fullmatch(text):
        return False
    return text.upper() == text or (text.lower() != text and text.upper() not in _KNOWN)


def _candidates(text: str) -> Iterator[Pair]:
    if text in _OLD:
        return  # this is an asset: ZUSD is not Z in USD
    head, tail = text[:-4], text[-4:]
    if tail in _OLD and (head in _OLD or head == "USDT"):
        # This spelling is unambiguous, because no asset is called XXBTZ. USDT was listed when codes still had
        # those letters.
        yield _pair(head, tail)
        return
    if tail in _OLD and (head in _STEMS or head in COMMON_NAMES.values()):
        yield _pair(head, tail)  # half old, half new: people may write this, though Kraken does not
    if text in _INVERTED_NAMES:
        yield _pair(*_INVERTED_NAMES[text])
    for quote in (*_QUOTES, "AUSD"):
        base = text.removesuffix(quote)
        if base == text or not _is_asset(base) or (base.startswith(_UNIQUE) and base not in _UNIQUE):
            continue
        if quote != "AUSD" or base in _MAY_BE_IN_AUSD:
            yield _pair(base, quote)


def _pair(base: str, quote: str) -> Pair:
    base, quote = _common(base), _common(quote)
    return Pair(f"{base}/{quote}", base, quote)


def _common(code: str) -> str:
    code = code[1:] if code in _OLD else code
    return COMMON_NAMES.get(code, code)


def _refused(name: str, why: str) -> Reason:
    hint = "Write BASE/QUOTE, with a slash." if "/" not in name else "Write it as Kraken does, as in BTC/USD."
    return Reason("unknown-pair", f"the pair {shown(name)} cannot be split with certainty: {why}", hint=hint)


_KNOWN = frozenset([*_STEMS, *_OLD, *_QUOTES, *COMMON_NAMES.values()])
_ABOVE_ONE = frozenset(_pair(*assets) for name, assets in _INVERTED_NAMES.items() if name != "KRWXRP")
