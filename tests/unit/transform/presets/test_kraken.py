"""Records of Kraken's trades.csv, and the rows that they make."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loader.errors import SettingsError
from loader.model import Reason
from loader.transform.presets import NAMES, Rates, Record, preset
from loader.transform.presets.values import milliseconds, number, plain

RATES = Rates.parse(["asset,timestamp,usd", "EUR,2024-03-19,1.0855", "XBT,2024-03-19,63021.5"], "rates.csv")

HEADER = "txid,ordertxid,pair,time,type,ordertype,price,cost,fee,vol,margin,misc,ledgers"
OLD = "TDNN5P,OS6ZQP,XXBTZEUR,2024-03-19 19:43:31.6798,buy,limit,54054.0,100.00,0.18,0.00185000,0.00000,,L1"
NEW = "TKH2SE,OB5VMB,ETH/USD,2024-11-02 08:00:00,sell,market,2500.1,5000.20,12.5,2.00000000,0.0,,L2"

COLUMNS = "id timestamp market symbol base_asset quote_asset is_buy amount price usd_value"  # as in the table

# A record, and its row, column by column.
ROWS = [
    (OLD, "TDNN5P 1710877411679 kraken BTC/EUR BTC EUR True 0.00185000 54054.0 108.55"),
    (NEW, "TKH2SE 1730534400000 kraken ETH/USD ETH USD False 2.00000000 2500.1 5000.20"),
]

# What is changed in OLD, and what that changes in its row.
CHANGED: list[tuple[Record, dict[str, str | bool | None]]] = [
    # The pair.
    (
        {"pair": "ETHXBT"},
        {"symbol": "ETH/BTC", "base_asset": "ETH", "quote_asset": "BTC", "usd_value": "6302150"},
    ),
    (
        {"pair": "XDGUSD"},
        {"symbol": "DOGE/USD", "base_asset": "DOGE", "quote_asset": "USD", "usd_value": "100.00"},
    ),
    ({"pair": "XBTEUR.d"}, {}),
    # The time, cut to milliseconds.
    ({"time": "2024-03-19 19:43:31"}, {"timestamp": "1710877411000"}),
    ({"time": "2024-03-19 19:43:31.9"}, {"timestamp": "1710877411900"}),
    ({"time": "2024-03-19 19:43:31.9999999999"}, {"timestamp": "1710877411999"}),
    ({"time": "2024-03-19 00:00:00.0"}, {"timestamp": "1710806400000"}),
    ({"time": "2024-03-19T19:43:31.6798"}, {}),
    ({"time": "2024-03-19T19:43:31.6798Z"}, {}),
    ({"time": "2024-03-19 19:43:31.6798+00"}, {}),
    ({"time": "2024-03-19 19:43:31.6798 UTC"}, {}),
    ({"time": "2024-03-19 21:43:31.6798+02:00"}, {}),
    ({"time": "2024-03-19T14:13:31.6798-0530"}, {}),
    ({"time": "2024-03-20 01:28:31.6798 +05:45"}, {}),
    # Seconds since 1970, as the API has them.
    ({"time": "1710877411.6798"}, {}),
    ({"time": "1710877411.6799999999999999999999999999999999"}, {}),
    ({"time": "1.7108774116798e9"}, {}),
    ({"time": "1710877411"}, {"timestamp": "1710877411000"}),
    # The value in USD: cost where it is in USD, else costusd, else the rate.
    ({"costusd": "108.61"}, {"usd_value": "108.61"}),
    ({"costusd": "108.6100", "cost": "?"}, {"usd_value": "108.6100"}),
    ({"costusd": None}, {}),
    ({"costusd": ""}, {}),
    ({"cost": "1e-7"}, {"usd_value": "0.00000010855"}),
    ({"cost": "0.000000000000000001"}, {"usd_value": "0.0000000000000000010855"}),
    ({"cost": "-0.00"}, {"usd_value": "0"}),
    ({"pair": "XBTUSD", "cost": "?"}, {"symbol": "BTC/USD", "quote_asset": "USD", "usd_value": "?"}),
    (
        {"pair": "XBTUSDT", "costusd": "99.9"},
        {"symbol": "BTC/USDT", "quote_asset": "USDT", "usd_value": "100.00"},
    ),
    ({"pair": "XBTUSDC"}, {"symbol": "BTC/USDC", "quote_asset": "USDC", "usd_value": "100.00"}),
    # With USD as the base it is the volume.
    (
        {"pair": "ZUSDZJPY", "vol": "150.50", "costusd": "1"},
        {
            "symbol": "USD/JPY",
            "base_asset": "USD",
            "quote_asset": "JPY",
            "amount": "150.50",
            "usd_value": "150.50",
        },
    ),
    # The pairs of 2014: as many of the quote as one of the base cost.
    (
        {"pair": "XBTLTC", "price": "31.5", "costusd": "9"},
        {"symbol": "BTC/LTC", "quote_asset": "LTC", "price": "31.5", "usd_value": "9"},
    ),
    (
        {"pair": "USDXDG", "price": "800", "vol": "2"},
        {
            "symbol": "USD/DOGE",
            "base_asset": "USD",
            "quote_asset": "DOGE",
            "price": "800",
            "amount": "2",
            "usd_value": "2",
        },
    ),
    (
        {"pair": "BTC/LTC", "price": "0.5", "costusd": "9"},
        {"symbol": "BTC/LTC", "quote_asset": "LTC", "price": "0.5", "usd_value": "9"},
    ),
    # What is not computed with stays as it is, and the server judges it.
    ({"price": "NaN"}, {"price": "NaN"}),
    ({"vol": "1e3"}, {"amount": "1e3"}),
    ({"vol": None}, {"amount": None}),
    ({"txid": None}, {"id": None}),
    ({"txid": ""}, {"id": None}),
    ({"vol": "", "price": ""}, {"amount": None, "price": None}),
    ({"pair": "XBTUSD", "cost": ""}, {"symbol": "BTC/USD", "quote_asset": "USD", "usd_value": None}),
    (
        {"pair": "USDJPY", "vol": ""},
        {"symbol": "USD/JPY", "base_asset": "USD", "quote_asset": "JPY", "amount": None, "usd_value": None},
    ),
    ({"pair": "XBTUSD", "cost": None}, {"symbol": "BTC/USD", "quote_asset": "USD", "usd_value": None}),
    ({"fee": "?", "margin": "?", "ledgers": None, "aclass": "forex"}, {}),
]

TIME = "which is not YYYY-MM-DD HH:MM:SS"
NUMBER = "which is not a finite number of at most 200 digits"
# What is changed in OLD, and why there is no row then.
REFUSED: list[tuple[Record, str, str]] = [
    ({"pair": None}, "null", "pair is null"),
    ({"time": None}, "null", "time is null"),
    ({"type": None}, "null", "type is null"),
    ({"cost": None}, "null", "cost is null"),
    ({"pair": "SOL"}, "unknown-pair", "the pair 'SOL' cannot be split with certainty"),
    ({"pair": ""}, "unknown-pair", "the pair '' cannot be split with certainty"),
    ({"type": "BUY"}, "not-a-side", "type is 'BUY', which is neither buy nor sell"),
    ({"type": ""}, "not-a-side", "type is '', which is neither buy nor sell"),
    ({"time": "1710877411679"}, "not-a-time", f"time is '1710877411679', {TIME}"),
    ({"time": "1262303999.9"}, "not-a-time", f"time is '1262303999.9', {TIME}"),
    ({"time": "-1710877411.6"}, "not-a-time", f"time is '-1710877411.6', {TIME}"),
    ({"time": "1,710,877,411"}, "not-a-time", f"time is '1,710,877,411', {TIME}"),
    ({"time": "2024-03-19"}, "not-a-time", f"time is '2024-03-19', {TIME}"),
    ({"time": "2024-03-19 19:43"}, "not-a-time", f"time is '2024-03-19 19:43', {TIME}"),
    ({"time": "2024-03-19 19:43:31."}, "not-a-time", f"time is '2024-03-19 19:43:31.', {TIME}"),
    ({"time": "2024-03-19 19:43:31.6x"}, "not-a-time", f"time is '2024-03-19 19:43:31.6x', {TIME}"),
    ({"time": "2024-03-19 19:43:31+16"}, "not-a-time", f"time is '2024-03-19 19:43:31+16', {TIME}"),
    ({"time": "2024-03-19 19:43:31+01:60"}, "not-a-time", f"time is '2024-03-19 19:43:31+01:60', {TIME}"),
    ({"time": "2024-03-19 19:43:31 CET"}, "not-a-time", f"time is '2024-03-19 19:43:31 CET', {TIME}"),
    ({"time": "2024-03-19 19:43+00"}, "not-a-time", f"time is '2024-03-19 19:43+00', {TIME}"),
    (
        {"pair": "XBTLTC", "price": "0.0317"},
        "pair-in-doubt",
        "the pair 'XBTLTC' had prices in LTC for one BTC",
    ),
    (
        {"pair": "XXBTXXDG", "price": "1e-6"},
        "pair-in-doubt",
        "the pair 'XXBTXXDG' had prices in DOGE for one",
    ),
    ({"pair": "XBTLTC", "price": "31.5"}, "no-rate", "no rate of LTC in USD is known at 1710877411679 ms"),
    ({"time": "2024-W12-2 19:43:31"}, "not-a-time", f"time is '2024-W12-2 19:43:31', {TIME}"),
    ({"time": "2023-02-29 19:43:31"}, "not-a-time", f"time is '2023-02-29 19:43:31', {TIME}"),
    ({"time": "2024-03-19 24:00:00"}, "not-a-time", f"time is '2024-03-19 24:00:00', {TIME}"),
    ({"time": "2024-03-19 19:43:60"}, "not-a-time", f"time is '2024-03-19 19:43:60', {TIME}"),
    ({"time": "03/19/2024 19:43:31"}, "not-a-time", f"time is '03/19/2024 19:43:31', {TIME}"),
    ({"cost": "1,5"}, "not-a-number", f"cost is '1,5', {NUMBER}"),
    ({"cost": "NaN"}, "not-a-number", f"cost is 'NaN', {NUMBER}"),
    ({"cost": "Infinity"}, "not-a-number", f"cost is 'Infinity', {NUMBER}"),
    ({"cost": "1_000"}, "not-a-number", f"cost is '1_000', {NUMBER}"),
    ({"cost": " 1"}, "not-a-number", f"cost is ' 1', {NUMBER}"),
    ({"cost": "1e999999"}, "not-a-number", f"cost is '1e999999', {NUMBER}"),
    ({"pair": "XBTCHF"}, "no-rate", "no rate of CHF in USD is known at 1710877411679 ms"),
    ({"time": "2024-03-18 23:59:59.9"}, "no-rate", "no rate of EUR in USD is known at 1710806399900 ms"),
]


def record(line: str) -> dict[str, str | None]:
    """A line of trades.csv; an empty cell is null."""
    return {column: cell or None for column, cell in zip(HEADER.split(","), line.split(","), strict=True)}


@pytest.mark.parametrize(("line", "row"), ROWS, ids=["old", "new"])
def test_a_trade_is_a_row(line: str, row: str) -> None:
    """Each number is exact, and a text."""
    kraken = preset("kraken", rates=RATES)
    made = kraken.row([record(line)])

    assert not isinstance(made, Reason)
    assert dict(zip(COLUMNS.split(), row.split(), strict=True)) == {
        column: str(value) for column, value in made.items()
    }
    assert tuple(COLUMNS.split()) == kraken.columns


@pytest.mark.parametrize(("changed", "differs"), CHANGED)
def test_what_a_record_says_is_in_its_row(changed: Record, differs: dict[str, str | bool | None]) -> None:
    """A row that differs in what the record differs in, and in nothing else."""
    kraken = preset("kraken", rates=RATES)
    row = kraken.row([record(OLD)])

    assert not isinstance(row, Reason)
    assert row | differs == kraken.row([record(OLD) | dict(changed)])


@pytest.mark.parametrize(("changed", "code", "message"), REFUSED)
def test_a_record_that_makes_no_row_is_refused(changed: Record, code: str, message: str) -> None:
    """With the column, and what stands in it."""
    reason = preset("kraken", rates=RATES).row([record(OLD) | dict(changed)])

    assert isinstance(reason, Reason)
    assert (code, message) == (reason.code, reason.message[: len(message)])


def test_without_rates_a_trade_in_euros_says_what_to_give() -> None:
    """The asset, the time, and the option."""
    message = "no rate of EUR in USD is known at 1710877411679 ms"
    hint = "Give --usd-rates FILE with a rate of EUR at or before that."

    assert Reason("no-rate", message, hint=hint) == preset("kraken").row([record(OLD)])


def test_stablecoins_have_rates_on_demand() -> None:
    """Then they are like any other asset: costusd comes first, then the rate."""
    rates = Rates.parse(["asset,timestamp,usd", "USDT,2024-03-19,1.0005"], "rates.csv")
    kraken = preset("kraken", rates=rates, stablecoins_at_par=False)

    values = []
    for changed in ({"costusd": "99.9"}, {}, {"pair": "XBTUSDC"}):
        row = kraken.row([record(OLD) | {"pair": "XBTUSDT"} | changed])
        values.append(row.code if isinstance(row, Reason) else row["usd_value"])

    assert ["99.9", "100.05", "no-rate"] == values


def test_presets_are_known_by_name() -> None:
    """Another name is refused, and an id that a preset cannot take."""
    assert ("hummingbot", "kraken") == NAMES
    assert NAMES == tuple(preset(name).name for name in NAMES)
    assert "" == preset("kraken", id="txid").look([record(OLD)])
    with pytest.raises(SettingsError, match=r"no preset 'Kraken'\nThere are hummingbot and kraken\."):
        preset("Kraken")
    with pytest.raises(SettingsError, match=r"kraken does not allow 'ordertxid' as the id\nIts id is txid\."):
        preset("kraken", id="ordertxid")


@given(st.datetimes(), st.integers(0, 12))
def test_times_are_those_of_datetime(time: datetime, digits: int) -> None:
    """Cut to milliseconds, with any number of digits, and before 1970 too."""
    text = f"{time:%H:%M:%S}" + (f".{time:%f}000000"[: digits + 1] if digits else "")
    since = datetime.fromisoformat(f"{time.date()} {text[:12]}").replace(tzinfo=UTC) - datetime(
        1970, 1, 1, tzinfo=UTC
    )

    assert since // timedelta(milliseconds=1) == milliseconds(f"{time.date()} {text}")


@given(st.decimals(allow_nan=False, allow_infinity=False, places=9), st.integers(-50, 50))
def test_a_number_is_written_as_it_is(value: object, exponent: int) -> None:
    """Without an exponent, and with the same value."""
    read = number(f"{value}e{exponent}" if "E" not in str(value) else str(value))

    assert read is not None
    assert (Fraction(read), False) == (Fraction(plain(read)), "E" in plain(read))
