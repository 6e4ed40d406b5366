"""Fills of Hummingbot, and the rows that their orders make."""

from __future__ import annotations

import re

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


def fills(*changes: Record) -> list[Record]:
    return [FILL | dict(changed) for changed in changes]


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
    ([{"symbol": None}, {"symbol": ""}], {"amount": "3", "usd_value": "5401.5"}),
    # The assets are trusted where the symbol has the same letters.
    ([{"symbol": "ETHUSD"}], {}),
    ([{"symbol": "ETH/USD"}], {}),
    ([{"symbol": "ETH_USD"}], {}),
    # With USD as the base the value is the amount.
    (
        [{"symbol": "USD-EUR", "base_asset": "USD", "quote_asset": "EUR"}],
        {"symbol": "USD/EUR", "base_asset": "USD", "quote_asset": "EUR", "usd_value": "1.5"},
    ),
    # A paper trade has no id, and many fills of an order had the same.
    ([{"exchange_trade_id": None}], {}),
    (
        [{}, {"exchange_trade_id": None}, {"exchange_trade_id": ""}],
        {"amount": "4.5", "usd_value": "8102.25"},
    ),
    # Whole numbers of a column of floats, as SQLite and Python write them.
    ([{"amount": "1500000.0"}], {}),
    ([{"amount": "1.5e6"}], {}),
    ([{"amount": "2.5e+16"}], {"amount": "25000000000", "usd_value": "45012500000000"}),
    ([{"price": "1.8005E+9"}], {}),
    ([{"market": "binance"}], {"market": "binance"}),
]

MIXED = f"but {INTEGERS.replace('are', 'were detected to be')}, as they are in the first 1 records"
CUT_OFF = "price is 0, but amount is not: the price was below 10^-6, and the bot has cut it off"
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
    ([{"price": "0"}], "price-cut-off", CUT_OFF),
    (
        [{}, {"price": "0.", "exchange_trade_id": "T2"}],
        "not-an-integer",
        f"fill 'T2': price is '0.', {MIXED}",
    ),
    ([{}, {"price": "0e0", "exchange_trade_id": "T2"}], "price-cut-off", f"fill 'T2': {CUT_OFF}"),
    ([{"price": "1800500000.0"}], "not-an-integer", f"price is '1800500000.0', {MIXED}"),
    ([{"amount": "1500000.5"}], "not-an-integer", f"amount is '1500000.5', {MIXED}"),
    (
        [{"symbol": "ETHUSDX"}],
        "symbol-differs",
        "symbol is 'ETHUSDX', but base_asset and quote_asset give 'ETH-USD'",
    ),
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
    ([{"price": "1800"}, {"amount": "0.5"}], "price and amount are decimals: amount is '0.5' in a record"),
    ([{}, {"price": "2.5"}], "price and amount are decimals: price is '2.5' in a record"),
    # Whole numbers in a form of floats are whole.
    ([{"price": "0", "amount": "2.5e+16"}, {"amount": "1500000.0"}], INTEGERS),
    ([{}, {"amount": "2."}], INTEGERS),
    ([{"price": "1e+19"}, {"price": "5"}], INTEGERS),
]


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


@pytest.mark.parametrize(
    ("records", "doubtful"),
    [
        (fills({"price": "1800500000.0", "amount": "1500000.0"}), "1800500000.0"),
        (fills({"price": "1800500000.0"}), "1800500000.0"),
        (fills({}, {"price": "1800500000.0"}), "1800500000.0"),
        (fills({"price": "1e+16", "amount": "2e+16"}), "1e+16"),
    ],
)
def test_prices_with_a_point_are_in_doubt(records: list[Record], doubtful: str) -> None:
    """As programs write them that read integers as floats: they may be decimals as well."""
    with pytest.raises(SourceUnfit, match=rf"may be decimals or integers of 10\^-6: '{re.escape(doubtful)}'"):
        preset("hummingbot").look(records)


def test_a_decimal_among_integers_casts_doubt() -> None:
    """On all of them; an integer among decimals does not."""
    bot = preset("hummingbot")
    bot.look(fills({}, {}))

    assert "" == bot.doubts(fills({}))
    assert "amount is '1.5', but in the first rows it is an integer" == bot.doubts(
        fills({}, {"amount": "1.5"})
    )
    assert "price is '5.0', but in the first rows it is an integer" == bot.doubts(fills({"price": "5.0"}))
    assert "" == bot.doubts(fills({"amount": "1500000.0"}, {"amount": "2.5e+16"}))
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

    assert ("order_id", True) == (by_order.groups_by, by_order.needs_all_records)
    assert ("exchange_trade_id", False) == (by_fill.groups_by, by_fill.needs_all_records)
    assert ("order_id",) == tuple(column for column in by_order.needs if column not in by_fill.needs)
    assert ROW | {"id": "T1"} == by_fill.row(fills({"order_id": None}))


def test_fills_that_share_the_id_of_a_row_are_added_up() -> None:
    """The later one would replace the earlier. Those of two orders are not fills of one trade."""
    by_fill = looked([FILL], "exchange_trade_id")

    assert ROW | {"id": "T1", "amount": "3", "usd_value": "5401.5"} == by_fill.row(
        fills({}, {"timestamp": str(TIME - 1)})
    )
    assert Reason("null", "exchange_trade_id is null") == by_fill.row(fills({"exchange_trade_id": None}))
    reason = by_fill.row(fills({}, {"order_id": "buy-ETH-USD-2"}))
    message = "order_id is 'buy-ETH-USD-1' and 'buy-ETH-USD-2' in fills of one exchange_trade_id"
    assert Reason("fills-differ", message) == reason


@pytest.mark.parametrize(
    ("changed", "same"),
    [
        ({"price": "1800500000.0"}, True),
        ({"amount": "1.5e6", "trade_fee": "?", "position": None}, True),
        *[
            ({column: "7"}, False)
            for column in (
                "price",
                "amount",
                "timestamp",
                "exchange_trade_id",
                "order_id",
                "market",
                "symbol",
            )
        ],
        ({"exchange_trade_id": None}, False),
        ({"trade_type": "SELL"}, False),
    ],
)
def test_a_fill_is_a_repeat_if_all_of_it_is_the_same(changed: Record, same: bool) -> None:
    """However its numbers are written. Fills that share an id, but nothing else, are different ones."""
    bot = preset("hummingbot")

    assert same == (bot.identity(FILL) == bot.identity(FILL | dict(changed)))


def test_empty_cells_are_no_difference() -> None:
    """In quotes or not, as two exports of the same fill may have them."""
    bot = preset("hummingbot")

    bare, quoted = FILL | {"exchange_trade_id": None}, FILL | {"exchange_trade_id": ""}
    assert bot.identity(bare) == bot.identity(quoted)


def test_integers_of_few_digits_are_counted() -> None:
    """The bot has cut off the others; decimals have lost none."""
    bot = preset("hummingbot")
    bot.look(fills({}))
    assert "" == bot.doubts(fills({"price": "1000", "amount": "1000"})) == bot.remark()
    bot.doubts(fills({"price": "999"}, {"amount": "0012"}, {"amount": "12.0", "price": "5"}, {"amount": "0"}))
    bot.doubts(fills({"price": "0"}, {"price": "0000000000000"}, {"price": "+1000", "amount": "2.5e+16"}))

    assert bot.remark() == (
        "4 records have a price or an amount that the bot stored as an integer below 1,000: "
        "fewer than 4 digits are left of it (price is '999' in order 'buy-ETH-USD-1')"
    )
    bot.look(fills({"price": "1.5"}))
    assert "" == bot.doubts(fills({"price": "9"})) == bot.remark()


def test_stablecoins_have_rates_on_demand() -> None:
    """USDT and USDC are no dollars then."""
    rates = Rates.parse(["asset,timestamp,usd", "USDT,2024-03-19,1.0005"], "rates.csv")
    bot = preset("hummingbot", rates=rates, stablecoins_at_par=False)
    bot.look(fills({}))

    row = bot.row(fills({"symbol": "ETH-USDT", "quote_asset": "USDT"}))
    assert ROW | {"symbol": "ETH/USDT", "quote_asset": "USDT", "usd_value": "2702.100375"} == row
    reason = bot.row(fills({"symbol": "ETH-USDC", "quote_asset": "USDC"}))
    assert isinstance(reason, Reason)
    assert "no-rate" == reason.code


def test_another_id_is_refused() -> None:
    """With those that there are."""
    message = r"hummingbot does not allow 'id' as the id\nIts id is order_id or exchange_trade_id\."
    with pytest.raises(SettingsError, match=message):
        preset("hummingbot", id="id")
