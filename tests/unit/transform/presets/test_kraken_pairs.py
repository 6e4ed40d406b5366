"""How Kraken's names of pairs are split: its own, old and new, those that may be two, and nonsense."""

from __future__ import annotations

import pytest

from loader.model import Reason
from loader.transform.presets.kraken_pairs import Pair, is_above_one, split

# The names that Kraken gives, and what they mean.
UNDERSTOOD = """
    XXBTZUSD BTC/USD     XXBTZEUR BTC/EUR     XXBTZGBP BTC/GBP     XXBTZJPY BTC/JPY     XXBTZCAD BTC/CAD
    XXBTZAUD BTC/AUD     XXBTZKRW BTC/KRW     XETHZUSD ETH/USD     XETHZEUR ETH/EUR     XETHXXBT ETH/BTC
    XLTCZUSD LTC/USD     XLTCXXBT LTC/BTC     XXRPZUSD XRP/USD     XXRPXXBT XRP/BTC     XXLMZEUR XLM/EUR
    XXLMXXBT XLM/BTC     XXMRZUSD XMR/USD     XXMRXXBT XMR/BTC     XZECZUSD ZEC/USD     XZECXXBT ZEC/BTC
    XETCZEUR ETC/EUR     XETCXETH ETC/ETH     XETCXXBT ETC/BTC     XREPZEUR REP/EUR     XREPXETH REP/ETH
    XXDGXXBT DOGE/BTC    XXDGZUSD DOGE/USD    XMLNZUSD MLN/USD     XMLNXETH MLN/ETH     XICNXETH ICN/ETH
    XDAOXETH DAO/ETH     XXBTXLTC BTC/LTC     XXBTXNMC BTC/NMC     XXBTXXVN BTC/XVN     XXBTXXRP BTC/XRP
    XLTCXXDG LTC/DOGE    ZEURXXDG EUR/DOGE    ZEURZUSD EUR/USD     ZGBPZUSD GBP/USD     ZUSDZCAD USD/CAD
    ZUSDZJPY USD/JPY     USDTZUSD USDT/USD

    XBTUSD   BTC/USD     XBTEUR   BTC/EUR     XBTCHF   BTC/CHF     XBTUSDT  BTC/USDT    XBTUSDC  BTC/USDC
    XBTDAI   BTC/DAI     ETHUSD   ETH/USD     ETHXBT   ETH/BTC     ETHUSDT  ETH/USDT    ETHCHF   ETH/CHF
    XDGUSD   DOGE/USD    XDGEUR   DOGE/EUR    XDGXBT   DOGE/BTC    XDGUSDT  DOGE/USDT   XRPXBT   XRP/BTC
    XLMUSD   XLM/USD     XMRXBT   XMR/BTC     ZECUSD   ZEC/USD     ZECXBT   ZEC/BTC     REPV2USD REPV2/USD
    XTZUSD   XTZ/USD     XTZEUR   XTZ/EUR     XTZXBT   XTZ/BTC     XTZETH   XTZ/ETH     ZRXUSD   ZRX/USD
    CHZUSD   CHZ/USD     CHZEUR   CHZ/EUR     ICXXBT   ICX/BTC     AVAXXBT  AVAX/BTC    AVAXETH  AVAX/ETH
    AVAXUSD  AVAX/USD    TRXXBT   TRX/BTC     TRXETH   TRX/ETH     SNXXBT   SNX/BTC     STXUSD   STX/USD
    SOLUSDT  SOL/USDT    SOLUSD   SOL/USD     PEPEUSD  PEPE/USD    ADAUSDT  ADA/USDT    LINKUSDC LINK/USDC
    MATICEUR MATIC/EUR   DASHXBT  DASH/BTC    BCHJPY   BCH/JPY     EOSETH   EOS/ETH     QTUMCAD  QTUM/CAD
    GNOUSD   GNO/USD     PAXGXBT  PAXG/BTC    KSMDOT   KSM/DOT     1INCHUSD 1INCH/USD   AI16ZUSD AI16Z/USD
    WBTCXBT  WBTC/BTC    WBTCUSD  WBTC/USD    TBTCXBT  TBTC/BTC    STETHUSD STETH/USD   ETHWETH  ETHW/ETH
    USTUSDT  UST/USDT    USTUSDC  UST/USDC    DAIUSD   DAI/USD     DAIUSDT  DAI/USDT    EURTUSDT EURT/USDT
    USDTUSD  USDT/USD    USDTEUR  USDT/EUR    USDTCHF  USDT/CHF    USDCUSD  USDC/USD    USDCUSDT USDC/USDT
    USDCCAD  USDC/CAD    EURUSD   EUR/USD     EURCHF   EUR/CHF     EURUSDT  EUR/USDT    GBPUSD   GBP/USD
    AUDUSD   AUD/USD     AUDJPY   AUD/JPY     USDCAD   USD/CAD     USDCHF   USD/CHF     USDJPY   USD/JPY
    TUSD     T/USD       TUSDUSD  TUSD/USD    TUSDEUR  TUSD/EUR    WUSD     W/USD       PYUSDUSD PYUSD/USD
    PYUSDEUR PYUSD/EUR   RLUSDUSD RLUSD/USD   EURQUSD  EURQ/USD    USDEUSD  USDE/USD    USD1USD  USD1/USD

    XBTAUSD  BTC/AUSD    XDGAUSD  DOGE/AUSD   XBTPYUSD BTC/PYUSD   XBTZEUR  BTC/EUR     AUSDUSD  AUSD/USD
    ADAUSD   ADA/USD     MANAUSD  MANA/USD    LUNAUSD  LUNA/USD    GALAUSD  GALA/USD    AUSD     A/USD
    MON/AUSD MON/AUSD    MONA/USD MONA/USD    BTC/AUSD BTC/AUSD    XBTUSD1  BTC/USD1    ETHUSDD  ETH/USDD
    XBTUSDQ  BTC/USDQ    XBTUSDR  BTC/USDR    XBTEUROP BTC/EUROP   XBTEURC  BTC/EURC    XBTAED   BTC/AED
    JUPSOL   JUP/SOL     XBTPOL   BTC/POL     EUROPUSD EUROP/USD   EURCEUR  EURC/EUR    USDDUSD  USDD/USD
    XBTFIDD  BTC/FIDD    FIDDUSD  FIDD/USD
    USDRUSD  USDR/USD    USDQEUR  USDQ/EUR    POLUSD   POL/USD     MSOLSOL  MSOL/SOL    AEDUSD   AED/USD

    AAPLxUSD AAPLx/USD   AAPLx/USD AAPLx/USD  BRK.BxUSD BRK.Bx/USD TSLAx/EUR TSLAx/EUR  xABCUSD  xABC/USD
    XBTUSD:BTNL BTC/USD  BTC/USD:BTNL BTC/USD XXBTZUSD:BTNL BTC/USD XBTUSD.d:BTNL BTC/USD

    XBTLTC   BTC/LTC     XBTXDG   BTC/DOGE    XBTNMC   BTC/NMC     XBTXRP   BTC/XRP     XBTXVN   BTC/XVN
    XBTXLM   BTC/XLM     LTCXDG   LTC/DOGE    LTCXRP   LTC/XRP     NMCXDG   NMC/DOGE    XVNXRP   XVN/XRP
    EURXDG   EUR/DOGE    EURXVN   EUR/XVN     USDXRP   USD/XRP     ZUSDXXRP USD/XRP     KRWXRP   KRW/XRP
    XXBTXXDG BTC/DOGE    ZUSDXXDG USD/DOGE    XNMCXXDG NMC/DOGE    XXBTXXLM BTC/XLM

    XBT/USD  BTC/USD     BTC/USD  BTC/USD     ETH/XBT  ETH/BTC     XDG/EUR  DOGE/EUR    DOGE/EUR DOGE/EUR
    XXBT/ZEUR BTC/EUR    BTC/PYUSD BTC/PYUSD  XRP/RLUSD XRP/RLUSD  FOO/BAR  FOO/BAR     ETH2.S/ETH ETH2.S/ETH
    ETH2.SETH ETH2.S/ETH

    ETHEUR.d ETH/EUR     XBTUSD.d BTC/USD     XETHZEUR.d ETH/EUR   ETH/XBT.d ETH/BTC
"""

MAY_BE_TWO = [
    ("MONAUSD", "MON/AUSD or MONA/USD"),
    ("ETHAUSD", "ETH/AUSD or ETHA/USD"),
    ("ETHPYUSD", "ETH/PYUSD or ETHPY/USD"),
    ("MONAUSD:BTNL", "MON/AUSD or MONA/USD"),
    ("XRPRLUSD", "XRP/RLUSD or XRPRL/USD"),
    ("USDTPYUSD", "USDT/PYUSD or USDTPY/USD"),
    ("ETHZUSD", "ETH/USD or ETHZ/USD"),
    ("XRPXXBT", "XRP/BTC or XRPX/BTC"),
    ("DOGEXXBT", "DOGE/BTC or DOGEX/BTC"),
]

NO_QUOTE = "it does not end with a known quote asset after a base asset"
ASSET = "an asset consists of letters, digits and dots, with capitals, and a pair has at most one slash"
REFUSED = [
    ("SOL", NO_QUOTE),
    ("USD", NO_QUOTE),
    ("XXBT", NO_QUOTE),
    ("ZUSD", NO_QUOTE),
    ("USDT", NO_QUOTE),
    ("FOOBAR", NO_QUOTE),
    ("USDUSD", NO_QUOTE),
    ("XXBTXBT", NO_QUOTE),
    (".USD", NO_QUOTE),
    (".d", ASSET),
    ("", ASSET),
    ("/", ASSET),
    ("BTC/", ASSET),
    ("/USD", ASSET),
    ("BTC/USD/EUR", ASSET),
    ("btc/usd", ASSET),
    ("xbtusd", ASSET),
    ("1inchusd", ASSET),
    ("Btc/USD", ASSET),
    ("BTC/usd", ASSET),
    ("BTC/Eur", ASSET),
    ("XbtUSD", NO_QUOTE),
    ("XBTusd", NO_QUOTE),
    ("AAPLxusd", NO_QUOTE),
    ("BTC/USD:", ASSET),
    ("BTC/USD:btnl", ASSET),
    ("BTC/USD:A:B", ASSET),
    (":BTNL", ASSET),
    ("XBTFOOUSD", NO_QUOTE),
    ("LTCXBTXDG", NO_QUOTE),
    ("BTC/XBT", "both assets are the same"),
    ("BTC USD", ASSET),
    (" XBTUSD", ASSET),
    ("XBTUSD\n", ASSET),
    ("BTC-USD", ASSET),
    ("PF_XBTUSD", ASSET),
    ("XBTUSD.D", NO_QUOTE),
    ("XBTUSD.d.d", NO_QUOTE),
    ("ÄTHUSD", ASSET),
]


@pytest.mark.parametrize(
    ("name", "symbol"), list(zip(UNDERSTOOD.split()[::2], UNDERSTOOD.split()[1::2], strict=True))
)
def test_a_pair_is_split_where_its_quote_begins(name: str, symbol: str) -> None:
    """In old and new spelling, with the names that the table has for the assets."""
    base, quote = symbol.split("/")

    assert Pair(symbol, base, quote) == split(name)


@pytest.mark.parametrize(
    ("name", "why"), [*((name, f"it may be {two}") for name, two in MAY_BE_TWO), *REFUSED]
)
def test_a_pair_that_is_not_sure_is_refused(name: str, why: str) -> None:
    """With what it may be, and with what would be understood."""
    reason = split(name)

    assert isinstance(reason, Reason)
    assert ("unknown-pair", f"the pair {name!r} cannot be split with certainty: {why}") == (
        reason.code,
        reason.message,
    )
    slash = "Write BASE/QUOTE, with a slash."
    assert ("Write it as Kraken does, as in BTC/USD." if "/" in name else slash) == reason.hint


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        *[(name, True) for name in ("XBTLTC", "XXBTXXDG", "USDXRP", "XVNXRP", "LTCXDG")],
        *[(name, False) for name in ("KRWXRP", "XBT/LTC", "XBTUSD", "LTCXBT")],
    ],
)
def test_inverted_pairs_had_prices_above_one(name: str, expected: bool) -> None:
    """Spelled as Kraken did; with a slash there is no doubt which of the two is meant."""
    pair = split(name)

    assert isinstance(pair, Pair)
    assert expected == is_above_one(name, pair)
