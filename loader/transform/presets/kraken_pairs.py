"""Split Kraken's names of pairs into base and quote asset. No I/O.

Kraken writes one pair in several ways: ``XXBTZEUR`` (the key of its AssetPairs), ``XBTEUR`` (its altname)
and ``XBT/EUR`` or ``BTC/EUR`` (its wsname). Only the last shows where the base ends, and there are too many
assets to list. So each place is tried at which a known quote asset may begin. Unless there is exactly one,
the pair is refused.
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
# The quote assets. PYUSD and RLUSD must be here although they make XBTPYUSD ambiguous: without them it would
# be taken for a pair of XBTPY.
_QUOTES = tuple("USD EUR GBP JPY CAD AUD CHF XBT BTC ETH USDT USDC DAI DOT PYUSD RLUSD".split())  # noqa: SIM905
_ASSET = re.compile(r"\.*[A-Z0-9][A-Z0-9.]*", re.ASCII)


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
    text = name.removesuffix(".d")  # a dark pool
    parts = text.split("/")
    if len(parts) > 2 or not all(_ASSET.fullmatch(part) for part in parts):
        return _refused(name, "an asset consists of capitals, digits and dots, a pair has at most one slash")
    if len(parts) == 2:
        return _pair(*parts)
    candidates = sorted({pair for pair in _candidates(text) if pair.base != pair.quote})
    if len(candidates) == 1:
        return candidates[0]
    if not candidates:
        return _refused(name, "it does not end with a known quote asset after a base asset")
    return _refused(name, f"it may be {' or '.join(pair.symbol for pair in candidates)}")


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
    for quote in _QUOTES:
        if text.endswith(quote) and _ASSET.fullmatch(base := text.removesuffix(quote)):
            yield _pair(base, quote)


def _pair(base: str, quote: str) -> Pair:
    base, quote = _common(base), _common(quote)
    return Pair(f"{base}/{quote}", base, quote)


def _common(code: str) -> str:
    code = code[1:] if code in _OLD else code
    return COMMON_NAMES.get(code, code)


def _refused(name: str, why: str) -> Reason:
    return Reason(
        "unknown-pair",
        f"the pair {shown(name)} cannot be split with certainty: {why}",
        hint="Write BASE/QUOTE, with a slash.",
    )
