"""Fills of Hummingbot, and the rows that their orders make."""

from __future__ import annotations

import pytest

from loader.errors import SettingsError, SourceUnfit
from loader.model import Reason
from loader.transform.presets import Preset, Rates, Record, TradeRow, preset

RATES = Rates.parse(["asset,timestamp,usd", "EUR,2024-03-19,1.0855", "EUR,2024-03-20,2"], "rates.csv")
TIME = 1710877411679  # on the 19th

FILL: dict[str, str | None] = {
    "config_file_path": "conf_pmm_1.yml",
    "strategy": "pure_market_making",
    "market": "kraken",
    "symbol": "ETH-USD",
    "base_asset": "ETH",
    "quote_asset": "USD",
    "timestamp": str(TIME),
    "order_id": "buy-ETH-USD-1",
    "trade_type": "BUY",
    "order_type": "LIMIT",
    "price": "1800500000",
    "amount": "1500000",
    "leverage": "1",
    "trade_fee": '{"fee_type": "AddedToCost", "percent": "0"}',
    "exchange_trade_id": "T1",
    "position": "NIL",
}
ROW: TradeRow = {
    "id": "buy-ETH-USD-1",
    "timestamp": str(TIME),
    "market": "kraken",
    "symbol": "ETH/USD",
    "base_asset": "ETH",
    "quote_asset": "USD",
    "is_buy": True,
    "amount": "1.5",
    "price": "1800.5",
    "usd_value": "2700.75",
}

INTEGERS = "price and amount are integers of 10^-6"
AGE = "price and amount are decimals: there is a column age, as in the bot's own log of trades"

# Changes of FILL, one for each fill of an order, and what they change in ROW.
ORDERS: list[tuple[list[Record], TradeRow]] = [
    ([{}], {}),
    ([{}, {}], {"amount": "3", "usd_value": "5401.5"}),
    # The mean price is weighted by amount, and rounded to 18 decimals, half up.
    (
        [{}, {"price": "1800800000", "amount": "500000"}],
        {"amount": "2", "price": "1800.575", "usd_value": "3601.15"},
    ),
    (
        [{"price": "1", "amount": "1000000"}, {"price": "2", "amount": "2000000"}],
        {"amount": "3", "price": "0.000001666666666667", "usd_value": "0.000005"},
    ),
    (
        [{"price": "1", "amount": "2000000"}, {"price": "2", "amount": "1000000"}],
        {"amount": "3", "price": "0.000001333333333333", "usd_value": "0.000004"},
    ),
    # The time is the last, wherever it stands.
    (
        [{"timestamp": str(TIME + 5)}, {"timestamp": str(TIME + 20)}, {"timestamp": str(TIME - 300)}],
        {"timestamp": str(TIME + 20), "amount": "4.5", "usd_value": "8102.25"},
    ),
    # A fill of nothing adds nothing.
    ([{}, {"amount": "0", "price": "7"}], {}),
    (
        [{"amount": "1", "price": "1"}],
        {"amount": "0.000001", "price": "0.000001", "usd_value": "0.000000000001"},
    ),
    ([{"trade_type": "SELL"}], {"is_buy": False}),
    # Other dollars are dollars; all else needs a rate, that of the last fill.
    ([{"symbol": "ETH-USDT", "quote_asset": "USDT"}], {"symbol": "ETH/USDT", "quote_asset": "USDT"}),
    ([{"symbol": "ETH-USDC", "quote_asset": "USDC"}], {"symbol": "ETH/USDC", "quote_asset": "USDC"}),
    (
        [{"symbol": "ETH-EUR", "quote_asset": "EUR"}],
        {"symbol": "ETH/EUR", "quote_asset": "EUR", "usd_value": "2931.664125"},
    ),
    (
        [
            {"symbol": "ETH-EUR", "quote_asset": "EUR"},
            {"symbol": "ETH-EUR", "quote_asset": "EUR", "timestamp": str(TIME + 86_400_000)},
        ],
        {
            "symbol": "ETH/EUR",
            "quote_asset": "EUR",
            "timestamp": str(TIME + 86_400_000),
            "amount": "3",
            "usd_value": "10803",
        },
    ),
    ([{"timestamp": "1262304000000"}], {"timestamp": "1262304000000"}),
    ([{"symbol": None}], {}),
    ([{"market": "binance"}], {"market": "binance"}),
]

MIXED = f"but {INTEGERS.replace('are', 'were detected to be')}, as they are in the first 1 records"
UNIT = "It must be ms since 1970, from 2010 on"
NUMBER = "which is not a finite number of at most 200 digits"
# Changes of FILL, one for each fill of an order, and why the order makes no row.
REFUSED: list[tuple[list[Record], str, str]] = [
    ([{"market": None}], "null", "market is null"),
    ([{"base_asset": None}], "null", "base_asset is null"),
    ([{"quote_asset": None}], "null", "quote_asset is null"),
    ([{"timestamp": None}], "null", "timestamp is null"),
    ([{"order_id": None}], "null", "order_id is null"),
    ([{"trade_type": None}], "null", "trade_type is null"),
    ([{}, {"price": None, "exchange_trade_id": "T2"}], "null", "fill 'T2': price is null"),
    ([{}, {"exchange_trade_id": None}], "null", "exchange_trade_id is null"),
    ([{"amount": ""}, {}], "null", "fill 'T1': amount is null"),
    ([{}, {"price": "1800.5"}], "not-an-integer", f"fill 'T1': price is '1800.5', {MIXED}"),
    ([{"amount": "1E-7"}], "not-an-integer", f"amount is '1E-7', {MIXED}"),
    ([{"amount": "15OOOOO"}], "not-a-number", f"amount is '15OOOOO', {NUMBER}"),
    ([{"price": "Infinity"}], "not-a-number", f"price is 'Infinity', {NUMBER}"),
    ([{"amount": "-1000000"}], "not-an-amount", "amount is -1, which is less than 0"),
    ([{"amount": "0"}, {"amount": "0"}], "no-amount", "amount is 0, so there is no price"),
    ([{"trade_type": "buy"}], "not-a-side", "trade_type is 'buy', which is neither BUY nor SELL"),
    (
        [{"timestamp": "1.71E12"}],
        "not-a-time",
        "timestamp is '1.71E12', which is not an integer of ms since 1970",
    ),
    ([{"timestamp": "1710877411"}], "not-a-time", f"timestamp is 1710877411: seconds? {UNIT}"),
    ([{"timestamp": "1262303999999"}], "not-a-time", f"timestamp is 1262303999999: seconds? {UNIT}"),
    ([{"timestamp": "-1710877411679"}], "not-a-time", f"timestamp is -1710877411679: seconds? {UNIT}"),
    (
        [{}, {"timestamp": "1710877411679000"}],
        "not-a-time",
        f"fill 'T1': timestamp is 1710877411679000: microseconds? {UNIT}",
    ),
    ([{}, {"market": "binance"}], "fills-differ", "market is 'kraken' and 'binance' in fills of one order"),
    ([{}, {"symbol": "ETH-EUR"}], "fills-differ", "symbol is 'ETH-USD' and 'ETH-EUR' in fills of one order"),
    ([{}, {"symbol": None}], "fills-differ", "symbol is 'ETH-USD' and null in fills of one order"),
    ([{}, {"base_asset": "BTC"}], "fills-differ", "base_asset is 'ETH' and 'BTC' in fills of one order"),
    ([{}, {"quote_asset": "EUR"}], "fills-differ", "quote_asset is 'USD' and 'EUR' in fills of one order"),
    ([{}, {"trade_type": "SELL"}], "fills-differ", "trade_type is 'BUY' and 'SELL' in fills of one order"),
    (
        [{"quote_asset": "USDT"}],
        "symbol-differs",
        "symbol is 'ETH-USD', but base_asset and quote_asset give 'ETH-USDT'",
    ),
    ([{"symbol": None, "quote_asset": "BTC"}], "no-rate", f"no rate of BTC in USD is known at {TIME} ms"),
]

# What is changed in the first records, and what is understood.
LOOKS: list[tuple[list[Record], str]] = [
    ([{}], INTEGERS),
    ([], INTEGERS),
    ([{"price": None}, {"amount": "+5"}], INTEGERS),
    ([{"price": "?"}], INTEGERS),
    ([{"age": None}], AGE),
    ([{"age": "00:00:12"}], AGE),
    ([{"price": "1800.5"}], "price and amount are decimals: price is '1800.5' in a record"),
    ([{}, {"amount": "1E-7"}], "price and amount are decimals: amount is '1E-7' in a record"),
    ([{}, {"amount": "2."}], "price and amount are decimals: amount is '2.' in a record"),
]


def fills(*changes: Record) -> list[Record]:
    return [FILL | dict(changed) for changed in changes]


def looked(records: list[Record], id: str | None = None) -> Preset:  # noqa: A002 - as preset has it
    hummingbot = preset("hummingbot", id=id, rates=RATES)
    hummingbot.look(records)
    return hummingbot


@pytest.mark.parametrize(("changes", "differs"), ORDERS)
def test_the_fills_of_an_order_are_a_row(changes: list[Record], differs: TradeRow) -> None:
    """Added up, exactly."""
    assert ROW | differs == looked([FILL]).row(fills(*changes))


@pytest.mark.parametrize(("changes", "code", "message"), REFUSED)
def test_one_bad_fill_refuses_the_order(changes: list[Record], code: str, message: str) -> None:
    """Part of a sum would be wrong; the fill is named where there are several."""
    reason = looked([FILL]).row(fills(*changes))

    assert isinstance(reason, Reason)
    assert (code, message) == (reason.code, reason.message)


def test_integers_with_a_point_are_in_doubt() -> None:
    """As programs write them that read integers as floats: they may be decimals as well."""
    records = fills({"price": "1800500000.0", "amount": "1500000.0"})

    with pytest.raises(SourceUnfit, match=r"may be decimals or integers of 10\^-6: '1800500000.0'"):
        preset("hummingbot").look(records)


def test_a_decimal_among_integers_casts_doubt() -> None:
    """On all of them; an integer among decimals does not."""
    bot = preset("hummingbot")
    bot.look(fills({}, {}))

    assert "" == bot.doubts(fills({}))
    assert "amount is '1.5', but in the first rows it is an integer" == bot.doubts(
        fills({}, {"amount": "1.5"})
    )
    bot.look(fills({"amount": "1.5"}))
    assert "" == bot.doubts(fills({}))


@pytest.mark.parametrize(("changes", "understood"), LOOKS)
def test_the_unit_is_seen_in_the_first_records(changes: list[Record], understood: str) -> None:
    """It is said for the log; what is no number at all says nothing of the unit."""
    assert understood == preset("hummingbot").look(fills(*changes))


def test_integers_are_decimals_among_decimals() -> None:
    """Nothing is divided by 10^6 there, and an exponent is understood."""
    hummingbot = looked(fills({"price": "1800.5"}))

    assert ROW | {"amount": "2", "price": "1800", "usd_value": "3600"} == hummingbot.row(
        fills({"price": "1800", "amount": "2"})
    )
    assert ROW | {"amount": "0.0000001", "usd_value": "0.00018005"} == hummingbot.row(
        fills({"price": "1800.5", "amount": "1E-7"})
    )


def test_each_fill_is_a_row_if_its_own_id_is_the_id() -> None:
    """Then no order is needed, and none is added up."""
    by_order, by_fill = preset("hummingbot"), looked([FILL], "exchange_trade_id")

    assert ("order_id", ("market", "order_id", "exchange_trade_id")) == (by_order.groups_by, by_order.one_of)
    assert (None, ()) == (by_fill.groups_by, by_fill.one_of)
    assert ("order_id",) == tuple(column for column in by_order.needs if column not in by_fill.needs)
    assert ROW | {"id": "T1"} == by_fill.row(fills({"order_id": None}))


def test_another_id_is_refused() -> None:
    """With those that there are."""
    message = r"hummingbot does not allow 'id' as the id\nIts id is order_id or exchange_trade_id\."
    with pytest.raises(SettingsError, match=message):
        preset("hummingbot", id="id")
