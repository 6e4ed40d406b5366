"""Loads of exports that are killed in the middle: the table ends as if they had not been."""

from __future__ import annotations

import csv
import json
import random
from collections.abc import Iterable
from fractions import Fraction
from pathlib import Path

import pytest

from tests.support.exports import fills, write_csv, write_sqlite
from tests.support.harness import Target
from tests.support.killing import BATCH_ROWS, CONCURRENCY, kill_in_the_middle
from tests.support.line_faults import Seen
from tests.support.processes import Loads
from tests.support.proxy import Proxy

ORDERS = 3000
STORED = "select id, amount::text, usd_value::text from core.trades order by id"


def killed_and_resumed(target: Target, folder: Path, *arguments: str, after: int = 8) -> dict[str, int]:
    """A load that is killed once and goes on; gives its report."""
    with Proxy(target.url, reads_bodies=True) as proxy:
        options = [f"--batch-rows={BATCH_ROWS}", f"--concurrency={CONCURRENCY}", "--table=all_trades"]
        loads = Loads(folder, proxy.url, target.secret, *options)
        kill_in_the_middle(loads, proxy, "--run-dir=run", *arguments, after=after)
        begin = len(proxy.posts)
        run = loads.run("--run-dir=run", *arguments)
        assert "resuming at" in run.err
        assert 0 < len(ids(proxy.posts[:begin]) & ids(proxy.posts[begin:])) <= CONCURRENCY * BATCH_ROWS
        assert not list(run.folder.glob("gathered*"))
        report: dict[str, int] = run.report
        return report


def ids(posts: Iterable[Seen]) -> set[str]:
    """The keys of the rows that were sent."""
    return {key for seen in posts for key in seen.ids}


def exact(value: Fraction) -> str:
    scaled = value * 10**18
    assert 1 == scaled.denominator
    digits = f"{scaled.numerator:019}"
    return f"{digits[:-18]}.{digits[-18:]}"


@pytest.mark.parametrize(("name", "after"), [("bot.sqlite", 8), ("bot.csv", 8), ("bot.csv", 17)])
def test_orders_are_whole_after_a_kill(target: Target, tmp_path: Path, name: str, after: int) -> None:
    """Fills of an order stand anywhere, also in a second source; the load goes on in the first or in it."""
    chance = random.Random(3)
    made = []
    for number in range(ORDERS):
        for fill in range(chance.randint(1, 3)):
            price, amount = chance.randrange(1, 10**12), chance.randrange(1, 10**12)
            made.append((f"f{number}-{fill}", f"o{number:05}", "ETH-USD", "BUY", price, amount, number))
    chance.shuffle(made)
    write = write_csv if name.endswith("csv") else write_sqlite
    half = len(made) // 2
    write(tmp_path / f"a-{name}", fills(*made[:half]))
    write(tmp_path / f"b-{name}", fills(*made[half:]))

    report = killed_and_resumed(
        target, tmp_path, "--preset=hummingbot", f"a-{name}", f"b-{name}", after=after
    )

    sums: dict[str, tuple[Fraction, Fraction]] = {}
    for _, order, _, _, price, amount, _ in made:
        before = sums.get(order, (Fraction(0), Fraction(0)))
        sums[order] = (before[0] + Fraction(amount, 10**6), before[1] + Fraction(price * amount, 10**12))
    expected = [(order, exact(amount), exact(usd)) for order, (amount, usd) in sorted(sums.items())]
    assert expected == target.sql(STORED)
    assert (ORDERS, ORDERS, 0) == (report["rows_read"], report["rows_loaded"], report["rows_rejected"])
    size = sum((tmp_path / f"{letter}-{name}").stat().st_size for letter in "ab")
    assert size == report["bytes_read"]


def test_kraken_goes_on_after_a_kill(target: Target, tmp_path: Path) -> None:
    """Rejected rows among the others count once."""
    chance = random.Random(4)
    expected = []
    with (tmp_path / "trades.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["txid", "pair", "time", "type", "price", "cost", "vol", "misc"])
        for number in range(ORDERS):
            cost, volume = (f"{chance.randrange(10**6)}.{chance.randrange(10**18):018}" for _ in range(2))
            pair = "MONAUSD" if number % 500 == 7 else "XXBTZUSD"
            time = f"2024-03-19 19:{number % 60:02}:31.6798"
            writer.writerow([f"T{number:05}", pair, time, "buy", "1.5", cost, volume, "two\nlines"])
            if pair == "XXBTZUSD":
                expected.append((f"T{number:05}", volume, cost))

    report = killed_and_resumed(target, tmp_path, "--preset=kraken", "trades.csv")

    assert expected == target.sql(STORED)
    assert (ORDERS, ORDERS - 6, 6) == (report["rows_read"], report["rows_loaded"], report["rows_rejected"])
    assert (tmp_path / "trades.csv").stat().st_size == report["bytes_read"]


def test_replies_of_the_api_go_on_after_a_kill(target: Target, tmp_path: Path) -> None:
    """The load may stop within a reply. It is read again, and each of its trades counts once."""
    chance = random.Random(5)
    expected = []
    with (tmp_path / "replies.jsonl").open("wb") as file:
        for first in range(0, ORDERS, 50):
            members = {}
            for number in range(first, first + 50):
                cost, volume = (f"{chance.randrange(10**6)}.{chance.randrange(10**18):018}" for _ in range(2))
                pair = "MONAUSD" if number % 500 == 7 else "XXBTZUSD"
                trade = {"pair": pair, "time": 1710877411.6798, "type": "buy", "price": "1.5"}
                members[f"T{number:05}"] = trade | {"cost": cost, "vol": volume}
                if pair == "XXBTZUSD":
                    expected.append((f"T{number:05}", volume, cost))
            file.write(json.dumps({"error": [], "result": {"trades": members}}).encode() + b"\n")

    report = killed_and_resumed(target, tmp_path, "--preset=kraken", "replies.jsonl")

    assert expected == target.sql(STORED)
    assert (ORDERS, ORDERS - 6, 6) == (report["rows_read"], report["rows_loaded"], report["rows_rejected"])
    assert (tmp_path / "replies.jsonl").stat().st_size == report["bytes_read"]
