"""Files of --usd-rates, and the rate at a time; each wrong line, and what is said of it."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loader.errors import SettingsError
from loader.transform.presets import Rates

DAY = 1710806400000  # 2024-03-19

# An asset, a time, and its rate then.
FOUND = [
    ("EUR", DAY - 1, None),
    ("EUR", DAY, "1.0855"),
    ("EUR", DAY + 86_399_999, "1.0855"),
    ("EUR", DAY + 86_400_000, "1.09"),
    ("EUR", 10**20, "1.09"),
    ("BTC", DAY + 43_200_000, "63021.5"),
    ("BTC", DAY + 43_200_249, "63021.5"),
    ("XBT", DAY + 43_200_250, "63100"),
    ("DOGE", DAY, "0.15"),
    ("XDG", DAY, "0.15"),
    ("CHF", DAY, None),
]
LINES = [
    "usd,source,timestamp,asset",
    "1.09,ECB,2024-03-20,EUR",
    "1.0855,ECB,2024-03-19,EUR",
    "",
    "63100,,2024-03-19 12:00:00.250,BTC",
    "63021.5,,2024-03-19T12:00:00Z,XBT",
    f'0.15,"a, b",{DAY},XDG',
    f" 1.5e-1 ,, {DAY} , DOGE ",  # the same once more
]

SECONDS = "seconds?\nWrite milliseconds since 1970."
TIME = "Write milliseconds since 1970, YYYY-MM-DD or YYYY-MM-DD HH:MM:SS, in UTC."
USD = "Write a positive number, such as 1.0855."
HEADER = "Begin the file with a line asset,timestamp,usd."
# The lines behind the header, and what is said of them.
WRONG = [
    ("EUR,1710877411,1.08", f"r.csv:2 has the timestamp 1710877411: {SECONDS}"),
    ("EUR,-1,1.08", f"r.csv:2 has the timestamp -1: {SECONDS}"),
    (
        "EUR,1710877411000000,1.08",
        "r.csv:2 has the timestamp 1710877411000000: microseconds?\nWrite milliseconds since 1970.",
    ),
    ("EUR,19.3.2024,1.08", f"r.csv:2 has the timestamp '19.3.2024'\n{TIME}"),
    ("EUR,2024-02-30,1.08", f"r.csv:2 has the timestamp '2024-02-30'\n{TIME}"),
    ("EUR,2024-03-19 12:00,1.08", f"r.csv:2 has the timestamp '2024-03-19 12:00'\n{TIME}"),
    ("EUR,2024-03-19T12:00:00+01:00,1", f"r.csv:2 has the timestamp '2024-03-19T12:00:00+01:00'\n{TIME}"),
    ("EUR,,1.08", f"r.csv:2 has the timestamp ''\n{TIME}"),
    ("EUR,2024-03-19,0", f"r.csv:2 has '0' for usd\n{USD}"),
    ("EUR,2024-03-19,-1", f"r.csv:2 has '-1' for usd\n{USD}"),
    ("EUR,2024-03-19,NaN", f"r.csv:2 has 'NaN' for usd\n{USD}"),
    ("EUR,2024-03-19,", f"r.csv:2 has '' for usd\n{USD}"),
    ('EUR,2024-03-19,"1,08"', f"r.csv:2 has '1,08' for usd\n{USD}"),
    ("EUR,2024-03-19,1,08", "r.csv:2 has 4 columns, but the header 3\nPut a cell under each."),
    ("EUR,2024-03-19", "r.csv:2 has 2 columns, but the header 3\nPut a cell under each."),
    (",2024-03-19,1.08", "r.csv:2 has no asset\nName one, such as EUR."),
    ("EUR,2024-03-19,1.08\n\nEUR,?,1", f"r.csv:4 has the timestamp '?'\n{TIME}"),
    (
        f"EUR,2024-03-19,1.08\nCHF,2024-03-19,1.1\nEUR,{DAY},1.0800\nEUR,{DAY},1.09",
        "r.csv:4 and r.csv:5 give EUR different rates at one time\nKeep the correct one.",
    ),
    (
        f"XBT,{DAY},9\nBTC,{DAY + 1},8\n\nBTC,2024-03-19,7",
        "r.csv:2 and r.csv:5 give BTC different rates at one time\nKeep the correct one.",
    ),
    ('EUR,2024-03-19,"1.08', "r.csv:2 is not CSV: unexpected end of data\nMend the line."),
]
WRONG_HEADERS = [
    ("", f"r.csv:1 does not name the column asset once\n{HEADER}"),
    ("EUR,2024-03-19,1.08", f"r.csv:1 does not name the column asset once\n{HEADER}"),
    ("asset,timestamp,price", f"r.csv:1 does not name the column usd once\n{HEADER}"),
    ("asset,usd,timestamp,usd", f"r.csv:1 does not name the column usd once\n{HEADER}"),
]


@pytest.mark.parametrize("end", ["", "\n", "\r\n"], ids=["bare", "lf", "crlf"])
@pytest.mark.parametrize("bom", ["", "\ufeff"], ids=["", "bom"])
def test_the_last_rate_at_or_before_a_time_counts(bom: str, end: str) -> None:
    """Whatever the order of lines and columns, in each form of a time."""
    rates = Rates.parse((bom * (number == 0) + line + end for number, line in enumerate(LINES)), "r.csv")

    for asset, time, usd in FOUND:
        assert (None if usd is None else Decimal(usd)) == rates.at(asset, time), (asset, time)


@pytest.mark.parametrize(
    ("lines", "said"), [*((f"asset,timestamp,usd\n{lines}", said) for lines, said in WRONG), *WRONG_HEADERS]
)
def test_a_wrong_line_is_named(lines: str, said: str) -> None:
    """With what is wrong in it, and what to write."""
    with pytest.raises(SettingsError) as error:
        Rates.parse(lines.splitlines(keepends=True), "r.csv")

    assert said == str(error.value)


def test_a_file_without_rates_has_none() -> None:
    """It is no error: trades may all be in USD."""
    assert None is Rates.parse(["asset,timestamp,usd"], "r.csv").at("EUR", DAY)


@given(
    st.dictionaries(st.tuples(st.sampled_from(["EUR", "CHF"]), st.integers(0, 9)), st.integers(1, 99)),
    st.integers(-1, 10),
)
def test_a_rate_is_what_a_search_through_all_lines_finds(lines: dict[tuple[str, int], int], at: int) -> None:
    """The latest time that is not after."""
    file = [f"{asset},{DAY + time},{usd}" for (asset, time), usd in lines.items()]
    before = [(time, usd) for (asset, time), usd in lines.items() if asset == "EUR" and time <= at]
    expected = max(before)[1] if before else None

    assert expected == Rates.parse(["asset,timestamp,usd", *file], "r.csv").at("EUR", DAY + at)
