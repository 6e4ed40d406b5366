"""Exports of trades, loaded with their presets into the real table."""

# ruff: noqa: E501 - lines of exports and rows of the table are read side by side

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

import loader
from loader.events import Event, FormatDetected
from tests.support.exports import fills, write_csv, write_sqlite
from tests.support.harness import Loaded, Target

KRAKEN = """\
"txid","ordertxid","pair","time","type","ordertype","price","cost","fee","vol","margin","misc","ledgers"
"TX-1","O-1","XXBTZUSD","2024-03-19 19:43:31.6798","buy","limit",63021.50000,630.21500,1.63856,0.01000000,0.0,"","L1,L2"
"TX-2","O-1","XETHZEUR","2024-03-19 19:43:32","sell","market",3000.10,3000.10,7.8,1.000000000000000001,0.0,"",""
"TX-3","O-2","MONAUSD","2024-03-19 19:43:33.1","buy","limit",1,1,0,1,0,"",""
"TX-4","O-3","DOGE/USD","2024-03-19 19:43:34.12345","sell","limit",0.15,15,0,100,0,"a ""quoted"" note
over two lines",""
"TX-5","O-4","SOLGBP","2024-03-18 00:00:00","buy","limit",150,150,0,1,0,"",""
"""
RATES = "asset,timestamp,usd\nEUR,2024-03-19,1.0855\nEUR,2024-03-20,2\n"


FILLS = fills(
    ("f1", "o1", "ETH-USD", "BUY", 1_000_000_000, 1_000_000, 1_000),
    ("f2", "o2", "ETH-USDT", "SELL", 2_000_500_000, 500_000, 2_000),
    ("f3", "o1", "ETH-USD", "BUY", 1_001_000_000, 2_000_000, 3_000),
    ("f4", "o3", "ETH-BTC", "BUY", 50_000, 1_000_000, 4_000),
    ("f5", "o4", "ETH-USD", "BUY", 1_000_000, 1_000_000, 5_000),
    ("f6", "o4", "ETH-USD", "SELL", 1_000_000, 1_000_000, 6_000),
)
ORDERS = [
    (
        "o1",
        "1710000003000",
        "ETH/USD",
        True,
        "3.000000000000000000",
        "1000.666666666666666667",
        "3002.000000000000000000",
    ),
    (
        "o2",
        "1710000002000",
        "ETH/USDT",
        False,
        "0.500000000000000000",
        "2000.500000000000000000",
        "1000.250000000000000000",
    ),
]
COLUMNS = "select id, timestamp::text, symbol, is_buy, amount::text, price::text, usd_value::text"


async def load(target: Target, folder: Path, *names: str, **changes: Any) -> tuple[Loaded, list[str]]:
    """A load of these files, and what was understood of them."""
    said: list[str] = []

    class Listener:
        def on(self, event: Event) -> None:
            if isinstance(event, FormatDetected):
                said.append(event.text)

    settings = target.settings(**{"run_dir": folder / "run"} | changes)
    report = await loader.load(settings, [str(folder / name) for name in names], observer=Listener())
    return Loaded(report, folder / "run"), said


def trades(target: Target) -> list[tuple[Any, ...]]:
    return target.sql(f"{COLUMNS} from core.trades order by id")


async def test_kraken_arrives_exact(target: Target, tmp_path: Path) -> None:
    """To the last digit; what cannot be known is rejected with its reason, as it stood, and can be loaded again."""
    (tmp_path / "trades.csv").write_text(KRAKEN)
    (tmp_path / "rates.csv").write_text(RATES)

    loaded, said = await load(
        target, tmp_path, "trades.csv", preset="kraken", usd_rates=tmp_path / "rates.csv"
    )

    assert [
        ("TX-1", "1710877411679", "BTC/USD", True, "0.010000000000000000", "63021.500000000000000000", "630.215000000000000000"),
        ("TX-2", "1710877412000", "ETH/EUR", False, "1.000000000000000001", "3000.100000000000000000", "3256.608550000000000000"),
        ("TX-4", "1710877414123", "DOGE/USD", False, "100.000000000000000000", "0.150000000000000000", "15.000000000000000000"),
    ] == trades(target)  # fmt: skip
    assert (3, 0, 0, 2) == loaded.counts
    assert [(4, "unknown-pair"), (7, "no-rate")] == loaded.codes
    lines = KRAKEN.splitlines(keepends=True)
    assert "".join([lines[0], lines[3], lines[6]]) == (loaded.folder / "rejects.csv").read_text()
    assert said[0].startswith("CSV with commas; 13 columns: txid, ordertxid, pair, time,")

    mended = (loaded.folder / "rejects.csv").read_text().replace("MONAUSD", "BTC/USD").replace("GBP", "USD")
    (tmp_path / "mended.csv").write_text(mended)
    again, _ = await load(target, tmp_path, "mended.csv", preset="kraken", run_dir=tmp_path / "again")
    assert (2, 0, 0, 0) == again.counts


@pytest.mark.parametrize("name", ["bot.sqlite", "bot.csv", "bot.jsonl"])
async def test_fills_of_an_order_are_added_up(target: Target, tmp_path: Path, name: str) -> None:
    """Neighbours or not; an order whose fills contradict each other is rejected with all of them."""
    if name.endswith("sqlite"):
        write_sqlite(tmp_path / name, FILLS)
    elif name.endswith("csv"):
        write_csv(tmp_path / name, FILLS)
    else:
        (tmp_path / name).write_text("".join(f"{json.dumps(fill)}\n" for fill in FILLS))

    loaded, said = await load(target, tmp_path, name, preset="hummingbot")

    assert ORDERS == trades(target)
    assert (2, 0, 0, 2) == loaded.counts
    first = 2 if name.endswith("csv") else 1  # behind a header
    assert [(first + 3, "no-rate"), (first + 4, "fills-differ")] == loaded.codes
    assert "price and amount are integers of 10^-6" == said[1]
    assert "6 records make 4 rows" == said[2]
    (rows,) = (path for path in loaded.folder.glob("rejects.*") if "errors" not in path.name)
    again, _ = await load(target, tmp_path, str(rows), preset="hummingbot", run_dir=tmp_path / "again")
    assert [code for _, code in loaded.codes] == [code for _, code in again.codes]
    assert not list((tmp_path / "run").glob("gathered*"))


async def test_a_row_a_fill_on_demand(target: Target, tmp_path: Path) -> None:
    """With --id exchange_trade_id no fills are added up."""
    write_sqlite(tmp_path / "bot.sqlite", FILLS)

    loaded, _ = await load(target, tmp_path, "bot.sqlite", preset="hummingbot", id="exchange_trade_id")

    assert ["f1", "f2", "f3", "f5", "f6"] == [row[0] for row in trades(target)]
    assert [(4, "no-rate")] == loaded.codes


async def test_an_order_may_stand_in_two_sources(target: Target, tmp_path: Path) -> None:
    """A fill that stands in both counts once."""
    write_csv(tmp_path / "a.csv", FILLS[:2])
    write_csv(tmp_path / "b.csv", FILLS[:3])

    loaded, said = await load(target, tmp_path, "a.csv", "b.csv", preset="hummingbot")

    assert ORDERS == trades(target)
    assert (2, 0, 0, 0) == loaded.counts
    assert "3 records make 2 rows; 2 that stand there twice count once" == said[-1]


async def test_sources_that_are_not_written_alike_are_refused(target: Target, tmp_path: Path) -> None:
    """An order's fills may be in both, and the reject file has one form."""
    write_csv(tmp_path / "a.csv", FILLS[:2])
    write_csv(tmp_path / "b.csv", [fill | {"price": "0.5"} for fill in FILLS[2:3]])

    loaded, _ = await load(target, tmp_path, "a.csv", "b.csv", preset="hummingbot")

    assert 2 == loaded.report.exit_code
    assert f"{tmp_path / 'b.csv'} is not written like {tmp_path / 'a.csv'}" in str(loaded.report.error)
    assert [] == trades(target)


async def test_a_broken_source_gives_no_order(target: Target, tmp_path: Path) -> None:
    """Behind the break may be the rest of any order: nothing is loaded."""
    (tmp_path / "bot.json").write_text(json.dumps(FILLS)[:-40])

    loaded, _ = await load(target, tmp_path, "bot.json", preset="hummingbot")

    assert 4 == loaded.report.exit_code
    assert "cut off" in str(loaded.report.error)
    assert [] == trades(target)


async def test_a_fill_that_cannot_be_read_refuses_its_order(target: Target, tmp_path: Path) -> None:
    """With all fills of it: part of a sum would be wrong, now and once the line is mended."""
    write_csv(tmp_path / "bot.csv", FILLS[:3])
    lines = (tmp_path / "bot.csv").read_text().splitlines(keepends=True)
    (tmp_path / "bot.csv").write_text("".join([*lines[:3], lines[3].rpartition(",")[0] + "\n"]))

    loaded, _ = await load(target, tmp_path, "bot.csv", preset="hummingbot")
    rejects = (loaded.folder / "rejects.csv").read_text()
    (tmp_path / "mended.csv").write_text(rejects[:-1] + ",f3\n")
    mended, _ = await load(target, tmp_path, "mended.csv", preset="hummingbot", run_dir=tmp_path / "again")

    assert [(2, "short-line")] == loaded.codes
    assert (1, 1) == (loaded.report.rows_loaded, mended.report.rows_loaded)
    assert ORDERS == trades(target)


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("kraken,ETH-USD\n", "2 cells"),
        ("x,kraken,ETH-USD,ETH,USD,1,,BUY,L,1,1,1,{},f9\n", "order_id is null"),
    ],
)
async def test_a_record_that_may_belong_to_any_order_stops_the_load(
    target: Target, tmp_path: Path, line: str, words: str
) -> None:
    """Nothing is sent; the line is named."""
    write_csv(tmp_path / "bot.csv", FILLS[:3])
    with (tmp_path / "bot.csv").open("a") as file:
        file.write(line)

    loaded, _ = await load(target, tmp_path, "bot.csv", preset="hummingbot")

    assert 4 == loaded.report.exit_code
    assert f"bot.csv:5: this cannot be read, and it may belong to any order: {words}" in str(
        loaded.report.error
    )
    assert [] == trades(target)


async def test_decimals_among_integers_stop_the_load(target: Target, tmp_path: Path) -> None:
    """Perhaps the others were decimals too."""
    many = fills(*[(f"f{n}", f"o{n}", "ETH-USD", "BUY", 2000, 1, n) for n in range(3000)])
    write_csv(tmp_path / "bot.csv", [*many, many[0] | {"order_id": "late", "price": "2000.5"}])

    loaded, _ = await load(target, tmp_path, "bot.csv", preset="hummingbot")

    assert 2 == loaded.report.exit_code
    assert "price is '2000.5', but in the first rows it is an integer" in str(loaded.report.error)
    assert [] == trades(target)


async def test_a_mapping_comes_behind_the_preset(target: Target, tmp_path: Path) -> None:
    """Of a paper trade the market is another name than the table knows."""
    write_csv(tmp_path / "bot.csv", [fill | {"market": "kraken_paper_trade"} for fill in FILLS[:3]])

    loaded, _ = await load(target, tmp_path, "bot.csv", preset="hummingbot", set=(("market", "kraken"),))

    assert ORDERS == trades(target)
    assert 0 == loaded.report.exit_code


@pytest.mark.parametrize(
    ("preset", "text", "words"),
    [
        ("kraken", "txid,time\n1,2\n", "t.csv lacks pair, type, price, cost, vol\nIt has txid, time."),
        ("hummingbot", "market\nx\n", "t.csv lacks base_asset, quote_asset, timestamp, order_id"),
    ],
)
async def test_another_export_is_refused(
    target: Target, tmp_path: Path, preset: str, text: str, words: str
) -> None:
    """Before anything is sent, with the columns that it lacks."""
    (tmp_path / "t.csv").write_text(text)

    loaded, _ = await load(target, tmp_path, "t.csv", preset=preset)

    assert 2 == loaded.report.exit_code
    assert words in str(loaded.report.error)


async def test_line_ends_and_sources_without_fills_are_no_difference(target: Target, tmp_path: Path) -> None:
    """A day without trades says nothing of the unit, and Windows nothing of the fills."""
    for name, rows, end in (("a", [], b"\n"), ("b", FILLS[:2], b"\r\n"), ("c", FILLS[2:3], b"\n")):
        path = tmp_path / f"{name}.csv"
        write_csv(path, rows or FILLS)
        lines = path.read_bytes().splitlines()[: len(rows) + 1]
        path.write_bytes(b"".join(line + end for line in lines))

    loaded, _ = await load(target, tmp_path, "a.csv", "b.csv", "c.csv", preset="hummingbot")

    assert 0 == loaded.report.exit_code, loaded.report.error
    assert ORDERS == trades(target)
