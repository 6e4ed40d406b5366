"""Sums and means of fills: exact, whatever the fills hold and in whatever order they come."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loader.model import Reason
from tests.unit.transform.presets.test_hummingbot import FILL, ROW, fills, looked

# Prices and amounts of fills, with the price and the value of their order.
MEANS = [
    ([("0.0000000000000000025", "1")], "0.000000000000000003", "0.0000000000000000025"),
    ([("0.0000000000000000024", "1")], "0.000000000000000002", "0.0000000000000000024"),
    ([("-0.0000000000000000025", "1")], "-0.000000000000000003", "-0.0000000000000000025"),
    ([("0.0000000000000000004", "1")], "0", "0.0000000000000000004"),
    ([("1", "0.5"), ("0", "0.5")], "0.5", "0.5"),
    ([("1", "1"), ("0", "2")], "0.333333333333333333", "1"),
    ([("2", "1"), ("0", "2")], "0.666666666666666667", "2"),
    ([("123456789012345678.5", "1")], "123456789012345678.5", "123456789012345678.5"),
]

AMOUNTS = st.integers(0, 10**24)
PRICES = st.integers(1, 10**24)  # 0 is one that the bot has cut off
# Price, amount and timestamp of the fills of an order.
ORDERS = st.lists(st.tuples(PRICES, AMOUNTS, st.integers(1_262_304_000_000, 10**13)), min_size=1, max_size=8)
Cells = list[tuple[int, int, int]]


def order(cells: Cells) -> list[dict[str, str]]:
    return [
        {"price": str(price), "amount": str(amount), "timestamp": str(time)} for price, amount, time in cells
    ]


@pytest.mark.parametrize(("cells", "price", "value"), MEANS)
def test_a_mean_is_rounded_as_postgresql_rounds(cells: list[tuple[str, str]], price: str, value: str) -> None:
    """To 18 decimals, half away from zero; the value is not rounded."""
    hummingbot = looked(fills({"price": "1.5"}))
    row = hummingbot.row(fills(*({"price": cell, "amount": amount} for cell, amount in cells)))

    amount = sum((Decimal(amount) for _, amount in cells), Decimal(0))
    assert ROW | {"amount": f"{amount.normalize():f}", "price": price, "usd_value": value} == row


@given(ORDERS, st.randoms(use_true_random=False))
def test_the_order_of_fills_does_not_matter(cells: Cells, random: Random) -> None:
    """They stand in the source as the bot wrote them, between those of other orders."""
    shuffled = random.sample(cells, len(cells))

    assert looked([FILL]).row(fills(*order(cells))) == looked([FILL]).row(fills(*order(shuffled)))


@given(ORDERS)
def test_sums_are_exact(cells: Cells) -> None:
    """Amount and value are those of fractions; the price is off by half of its last decimal at most."""
    amount = Fraction(sum(amount for _, amount, _ in cells), 10**6)
    value = Fraction(sum(price * amount for price, amount, _ in cells), 10**12)
    row = looked([FILL]).row(fills(*order(cells)))

    if not amount:
        assert Reason("no-amount", "amount is 0, so there is no price") == row
        return
    assert not isinstance(row, Reason)
    assert (amount, value) == (Fraction(str(row["amount"])), Fraction(str(row["usd_value"])))
    mean = Fraction((value / amount * 10**18 + Fraction(1, 2)).__floor__(), 10**18)
    assert mean == Fraction(str(row["price"]))
