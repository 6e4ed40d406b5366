"""Exports in the layouts that bots and Kraken have written over the years, loaded into the real table."""

# ruff: noqa: E501 - lines of exports and rows of the table are read side by side

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

import loader
from loader.events import Event, FormatDetected, Notice
from tests.support.exports import fills, write_csv, write_sqlite
from tests.support.harness import Loaded, Target

RATES = "asset,timestamp,usd\nEUR,2015-01-01,1.1\nUSDT,2015-01-01,1.0005\n"
TRADES = "select id, timestamp::text, symbol, is_buy, amount::float, price::float, usd_value::float from core.trades order by id"

Row = tuple[str, str, str, bool, float, float, float]


async def load(target: Target, folder: Path, *names: str, **changes: Any) -> tuple[Loaded, list[str]]:
    """A load of these files, and all that was said of them."""
    said: list[str] = []

    class Listener:
        def on(self, event: Event) -> None:
            if isinstance(event, FormatDetected | Notice):
                text = event.text if isinstance(event, FormatDetected) else event.message
                said.append(text.replace(f"{folder}/", ""))

    settings = target.settings(**{"run_dir": folder / "run"} | changes)
    report = await loader.load(settings, [str(folder / name) for name in names], observer=Listener())
    return Loaded(report, settings.run_dir or folder), said


def trades(target: Target) -> list[tuple[Any, ...]]:
    return target.sql(TRADES)


async def test_a_migrated_database(target: Target, tmp_path: Path) -> None:
    """Its prices are integers, its amounts whole numbers of a column of floats; some are very large."""
    write_sqlite(
        tmp_path / "bot.sqlite",
        fills(
            ("f1", "o1", "ETH-USDT", "BUY", 2_700_500_000, 1_500_000.0, 1),
            ("f2", "o2", "ETH-USDT", "SELL", 2_701_000_000, 250_000.0, 2),
            ("f3", "o3", "SHIB-USDT", "SELL", 2_000, 2.5e16, 3),
        ),
    )

    loaded, said = await load(target, tmp_path, "bot.sqlite", preset="hummingbot")

    assert [
        ("o1", "1710000000001", "ETH/USDT", True, 1.5, 2700.5, 4050.75),
        ("o2", "1710000000002", "ETH/USDT", False, 0.25, 2701.0, 675.25),
        ("o3", "1710000000003", "SHIB/USDT", False, 25e9, 0.002, 50e6),
    ] == trades(target)
    assert (0, "price and amount are integers of 10^-6") == (loaded.report.exit_code, said[1])


async def test_a_csv_with_an_exponent_has_integers_still(target: Target, tmp_path: Path) -> None:
    """A price of 0 is one that the bot cut off: its order is rejected, as it stood."""
    rows = fills(
        ("a_1", "o1", "BABYDOGE-USDT", "BUY", 0, "2.5e+16", 1),
        ("b_2", "o2", "ETH-USDT", "BUY", 2_700_500_000, "1500000.0", 2),
    )
    write_csv(tmp_path / "bot.csv", rows)

    loaded, _ = await load(target, tmp_path, "bot.csv", preset="hummingbot")

    assert [("o2", "1710000000002", "ETH/USDT", True, 1.5, 2700.5, 4050.75)] == trades(target)
    assert [(2, "price-cut-off")] == loaded.codes
    lines = (tmp_path / "bot.csv").read_bytes().splitlines(keepends=True)
    assert b"".join(lines[:2]) == (loaded.folder / "rejects.csv").read_bytes()


async def test_integers_of_few_digits_are_told(target: Target, tmp_path: Path) -> None:
    """With a count, once, and they are loaded."""
    rows = fills(
        ("a1", "o1", "SHIB-USDT", "BUY", 12, 10**12, 1),
        ("a2", "o2", "PEPE-USDT", "BUY", 0, 10**14, 2),
        ("a3", "o3", "BTC-USDT", "BUY", 40_000_000_000, 12, 3),
        ("a4", "o4", "ETH-USD", "BUY", 2_700_500_000, 1_500_000, 4),
    )
    write_sqlite(tmp_path / "bot.sqlite", rows)

    loaded, said = await load(target, tmp_path, "bot.sqlite", preset="hummingbot")

    assert [
        ("o1", "1710000000001", "SHIB/USDT", True, 1e6, 0.000012, 12.0),
        ("o3", "1710000000003", "BTC/USDT", True, 0.000012, 40000.0, 0.48),
        ("o4", "1710000000004", "ETH/USD", True, 1.5, 2700.5, 4050.75),
    ] == trades(target)
    assert [(2, "price-cut-off")] == loaded.codes
    assert ["(price is '12' in order 'o1')"] == [
        line.removeprefix(
            "bot.sqlite: 2 records have a price or an amount that the bot stored as an integer below 1,000: "
            "fewer than 4 digits are left of it "
        )
        for line in said
        if "below 1,000" in line
    ]


@pytest.mark.parametrize("trade", ["61ee5a2c", "N/A", ""])
async def test_fills_that_share_an_id_are_added_up(target: Target, tmp_path: Path, trade: str) -> None:
    """They differ in price, amount or time. An empty id is no null; a fill that is all the same counts once."""
    rows = fills(
        (trade, "buy-1", "ETH-USDT", "BUY", "2700.5", "0.4", 1),
        (trade, "buy-1", "ETH-USDT", "BUY", "2700.5", "0.6", 3),
        (trade, "buy-1", "ETH-USDT", "BUY", "2700.5", "0.6", 2),
        (trade, "buy-1", "ETH-USDT", "BUY", "2700.5", "0.60", 2),
        (trade, "buy-1", "ETH-USDT", "BUY", "2700.6", "0.6", 2),
    )
    write_csv(tmp_path / "bot.csv", [row | {"age": "00:00:01"} for row in rows])

    loaded, said = await load(target, tmp_path, "bot.csv", preset="hummingbot")

    usd = (0.4 + 0.6 + 0.6) * 2700.5 + 0.6 * 2700.6
    ((name, time, symbol, buy, amount, _, value),) = trades(target)
    assert ("buy-1", "1710000000003", "ETH/USDT", True, 2.2) == (name, time, symbol, buy, amount)
    assert value == pytest.approx(usd, abs=1e-9)
    assert (1, 0) == (loaded.report.rows_read, loaded.report.exit_code)
    assert "4 records make 1 row; 1 that stands there twice counts once" in said
    assert "1 record repeats another and counts once: bot.csv:5 (order_id buy-1)" in said


async def test_repeats_are_named_up_to_a_limit(target: Target, tmp_path: Path) -> None:
    """Two exports that overlap, one of which has its numbers in another form."""
    rows = fills(*[(f"f{n}", f"o{n}", "ETH-USD", "BUY", 2_000_000_000, 1_000_000, n) for n in range(25)])
    write_csv(tmp_path / "a.csv", rows)
    write_csv(tmp_path / "b.csv", [row | {"amount": "1e6"} for row in reversed(rows)])

    loaded, said = await load(target, tmp_path, "a.csv", "b.csv", preset="hummingbot")

    assert (25, 0, 0, 0) == loaded.counts
    assert "25 records make 25 rows; 25 that stand there twice count once" in said
    named = ", ".join(f"b.csv:{2 + n} (order_id o{24 - n})" for n in range(20))
    assert f"25 records repeat others and count once: {named}, and 5 more" in said


async def test_a_row_for_each_trade_id_loses_no_fill(target: Target, tmp_path: Path) -> None:
    """Fills that share the id are added up, or rejected if they are of two orders. A line without one is rejected alone."""
    rows = fills(
        ("t1", "o1", "ETH-USD", "BUY", 2_000_000_000, 1_000_000, 1),
        ("t2", "o1", "ETH-USD", "BUY", 2_000_000_000, 1_000_000, 1),
        ("t1", "o1", "ETH-USD", "BUY", 2_000_000_000, 3_000_000, 2),
        ("N/A", "o2", "ETH-USD", "BUY", 2_000_000_000, 1_000_000, 3),
        ("N/A", "o3", "ETH-USD", "BUY", 2_000_000_000, 1_000_000, 4),
        ("", "o4", "ETH-USD", "BUY", 2_000_000_000, 1_000_000, 5),
    )
    write_csv(tmp_path / "bot.csv", rows)
    with (tmp_path / "bot.csv").open("a") as file:
        file.write("kraken,ETH-USD\n")

    loaded, _ = await load(target, tmp_path, "bot.csv", preset="hummingbot", id="exchange_trade_id")

    assert [("t1", 4.0), ("t2", 1.0)] == [(row[0], row[4]) for row in trades(target)]
    assert [(5, "fills-differ"), (7, "null"), (8, "short-line")] == loaded.codes
    assert 5 == loaded.report.rows_read


KRAKEN = """\
"txid","ordertxid","pair","aclass","subclass","time","type","ordertype","price","cost","fee","vol","margin","misc","ledgers","posttxid","posstatuscode","cprice","ccost","cfee","cvol","cmargin","net","costusd","trades"
"T-1","O-1","BTC/USD","forex","crypto","2025-07-18 23:56:31.1534","sell","limit",118013.09995,22184.28781,88.7,0.18798157,0.0,"initiated","L1,L2","","","","","","","","",22184.28781,""
"T-2","O-2","ALGO/EUR","forex","crypto","2031-03-03 10:00:00.1000","buy","limit",0.375,120.0,0.48,320.0,0.0,"","L4,L3","","","","","","","","",150.0,""
"T-3","O-3","AAPLx/USD","forex","tokenized_asset","2026-01-03 10:00:00.1000","buy","limit",250.5,250.5,0.48,1.0,0.0,"","L4,L3","","","","","","","","",250.5,""
"T-4","O-4","BTC/USD:BTNL","forex","crypto","2026-01-03 12:00:01+02:00","buy","limit",90000.0,90.0,0.48,0.001,0.0,"","L4,L3","","","","","","","","",90.0,""
"T-5","O-5","MONAUSD","forex","crypto","2026-01-03 10:00:01","buy","limit",0.2,2,0,10,0.0,"","","","","","","","","","",2.0,""
"T-6","O-6","BTC/USDT","forex","crypto","2026-01-03 10:00:01","buy","limit",90000.0,90.0,0,0.001,0.0,"","","","","","","","","","",89.9,""
"T-7","O-7","XBTUSDC","forex","crypto","1767434401.5","buy","limit",90000.0,90.0,0,0.001,0.0,"","","","","","","","","","","",""
"T-8","O-8","USDCHF","forex","crypto","2026-01-03 10:00:01","buy","limit",0.8,80,0,100,0.0,"","","","","","","","","","","",""
"T-9","O-9","XBTLTC","forex","crypto","2014-01-03 10:00:01","buy","limit",31.5,63,0,2,0.0,"","","","","","","","","","",1600.0,""
"""
KRAKEN_ROWS: list[Row] = [
    ("T-1", "1752882991153", "BTC/USD", False, 0.18798157, 118013.09995, 22184.28781),
    ("T-2", "1930298400100", "ALGO/EUR", True, 320.0, 0.375, 150.0),
    ("T-3", "1767434400100", "AAPLx/USD", True, 1.0, 250.5, 250.5),
    ("T-4", "1767434401000", "BTC/USD", True, 0.001, 90000.0, 90.0),
    ("T-6", "1767434401000", "BTC/USDT", True, 0.001, 90000.0, 90.0),
    ("T-7", "1767434401500", "BTC/USDC", True, 0.001, 90000.0, 90.0),
    ("T-8", "1767434401000", "USD/CHF", True, 100.0, 0.8, 100.0),
    ("T-9", "1388743201000", "BTC/LTC", True, 2.0, 31.5, 1600.0),
]


async def test_kraken_in_all_its_forms(target: Target, tmp_path: Path) -> None:
    """25 columns, tokenised stocks, venues, zones, seconds; dollars and stablecoins."""
    (tmp_path / "trades.csv").write_text(KRAKEN)

    loaded, _ = await load(target, tmp_path, "trades.csv", preset="kraken")

    assert KRAKEN_ROWS == trades(target)
    assert [(6, "unknown-pair")] == loaded.codes


async def test_stablecoins_at_their_rates(target: Target, tmp_path: Path) -> None:
    """Both presets have the same choice. What the export tells comes before the rate."""
    (tmp_path / "trades.csv").write_text(KRAKEN)
    (tmp_path / "rates.csv").write_text(RATES)
    write_csv(tmp_path / "bot.csv", fills(("f1", "o1", "ETH-USDT", "BUY", 2_000_000_000, 1_000_000, 1)))
    rates = {"usd_stablecoins": "at-rate", "usd_rates": tmp_path / "rates.csv"}

    loaded, _ = await load(target, tmp_path, "trades.csv", preset="kraken", **rates)
    await load(target, tmp_path, "bot.csv", preset="hummingbot", run_dir=tmp_path / "bot", **rates)

    assert [(6, "unknown-pair"), (8, "no-rate")] == loaded.codes
    assert {"T-6": 89.9, "o1": 2001.0} == {row[0]: row[6] for row in trades(target) if "USDT" in row[2]}


def reply(*numbers: int) -> bytes:
    """A reply of TradesHistory, with a trade for each number."""
    members = [
        b'"T-%d":{"ordertxid":"O","pair":"XXBTZUSD","time":1616600000.8802,"type":"buy","price":"30000.00000",'
        b'"cost":"%d.00000","fee":"0","vol":"0.02000000","misc":"a \\"{","trade_id":%d,"maker":true}'
        % (n, n, n)
        for n in numbers
    ]
    return b'{"error":[],"result":{"count":%d,"trades":{%b}}}' % (len(members), b",".join(members))


def paid(numbers: Sequence[int]) -> list[tuple[Any, ...]]:
    return sorted((f"T-{n}", float(n), 0.02, 30000.0, "1616600000880") for n in numbers)


STORED = 'select id, usd_value::float, amount::float, price::float, timestamp::text from core.trades order by id collate "C"'


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("reply.json", reply(1, 2, 3)),
        ("reply.json", json.dumps(json.loads(reply(1, 2, 3)), indent=1).encode()),
        ("reply.jsonl", reply(1) + b"\n" + reply() + b"\n\n" + reply(2, 3) + b"\n"),
        ("reply.json", b"[%b,\n%b]" % (reply(1, 2), reply(3))),
    ],
    ids=["one", "indented", "lines", "array"],
)
async def test_a_reply_of_the_api_is_a_row_for_each_trade(
    target: Target, tmp_path: Path, name: str, text: bytes
) -> None:
    """As it is, in one line or many, and several of them."""
    (tmp_path / name).write_bytes(text)

    loaded, _ = await load(target, tmp_path, name, preset="kraken")

    assert paid([1, 2, 3]) == target.sql(STORED)
    assert (3, 0, 0, 0) == loaded.counts
    assert len(text) == loaded.report.bytes_read


async def test_a_rejected_trade_of_a_reply_can_be_loaded_again(target: Target, tmp_path: Path) -> None:
    """It stands in a reply of its own. An error of the API is a reject that tells it."""
    text = reply(1, 2, 3).replace(b"XXBTZUSD", b"MONAUSD", 2).replace(b"MONAUSD", b"XXBTZUSD", 1)
    error = b'{"error":["EAPI:Rate limit exceeded"]}'
    (tmp_path / "reply.json").write_bytes(text + b"\n" + error + b"\n")

    loaded, _ = await load(target, tmp_path, "reply.json", preset="kraken")

    assert paid([1, 3]) == target.sql(STORED)
    assert [(1, "unknown-pair"), (2, "no-trades")] == loaded.codes
    assert [text.index(b'{"ordertxid"', text.index(b'"T-2"')), len(text) + 1] == [
        e["offset"] for e in loaded.errors
    ]
    assert "EAPI:Rate limit exceeded" in loaded.errors[1]["message"]
    assert loaded.rejects[1] == error
    (tmp_path / "mended.jsonl").write_bytes(loaded.rejects[0].replace(b"MONAUSD", b"XXBTZUSD"))
    again, _ = await load(target, tmp_path, "mended.jsonl", preset="kraken", run_dir=tmp_path / "again")
    assert (1, 0, 0, 0) == again.counts
    assert paid([1, 2, 3]) == target.sql(STORED)
