"""Dates in cells that have an order of day, month and year of their own: 31/12/2024. No I/O."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from datetime import date

from loader.model import Reason

# Three numbers with one separator, as PostgreSQL reads them by its DateStyle; what follows is a time, or BC.
_DATE = re.compile(r"\s*([0-9]{1,4})([/.\- ])([0-9]{1,2})\2([0-9]{1,4})(?![0-9/.\-])[,]?(.*)", re.DOTALL)
_SIX_DIGITS = re.compile(r"\s*([0-9]{2})()([0-9]{2})([0-9]{2})(?![0-9])(.*)", re.DOTALL)
_LIKE_DATE = re.compile(r"\s*[0-9]{1,2}[/.\- ][0-9]{1,2}[/.\- ][0-9]")
_CENTURY_AT = 70  # PostgreSQL's rule: 69 is 2069, and 70 is 1970 (documentation, appendix B.1)
_EARLY = re.compile(r"(?m)^\s*([0-9]{1,2})([/.\-])([0-9]{1,2})\2(?:[0-9]{4}|[0-9]{2})(?![0-9])")


def date_reader(order: str) -> Callable[[str, str], str | Reason]:
    """Return a function that writes a date in ISO 8601, whatever follows it: a time, a zone.

    It takes the column's name and the text of a cell. It returns the text itself where the date can be read
    in one way only: the year first and with four digits, a month's name, no numbers at all.

    Args:
        order: ``dmy``, ``mdy`` or ``ymd``.
    """

    def read(column: str, text: str) -> str | Reason:
        refused = Reason("not-a-date", f"{column} is {text!r}, which is no date with --date-order {order}")
        parts = _DATE.fullmatch(text) or _SIX_DIGITS.fullmatch(text)
        if parts is None:
            return refused if _LIKE_DATE.match(text) else text
        first, _, second, third, rest = parts.groups()
        if len(first) > 2:  # the year: PostgreSQL reads the month next, whatever the order
            return text
        numbers = dict(zip(order, (first, second, third), strict=True))
        year = int(numbers["y"])
        if len(numbers["y"]) <= 2:
            year += 1900 if year >= _CENTURY_AT else 2000
        try:
            return date(year, int(numbers["m"]), int(numbers["d"])).isoformat() + rest
        except ValueError:
            return refused

    return read


def doubtful_dates(column: str, texts: Iterable[str]) -> str:
    """Return a warning if dates of a column may be read in two ways, or have the day first; empty if none.

    PostgreSQL reads 03/04/2024 by its DateStyle: as 4 March, unless the server's owner chose otherwise.

    Args:
        column: its name.
        texts: of its cells.
    """
    doubtful = day_first = month_first = ""
    for found in _EARLY.finditer("\n".join(texts)):
        first, second = int(found[1]), int(found[3])
        if first > 12 >= second:
            day_first = day_first or found[0].strip()
        elif second > 12 >= first:
            month_first = month_first or found[0].strip()
        elif first != second:
            doubtful = doubtful or found[0].strip()
    month_is_first = "the server takes the first number for the month, unless its DateStyle says otherwise"
    if day_first and month_first:
        return (
            f"{column} has dates in two orders, {day_first} and {month_first}: {month_is_first}; "
            "--date-order takes all in one order, and rejects the others"
        )
    if day_first:
        return (
            f"{column} has dates with the day first, as in {day_first}: {month_is_first}; "
            "--date-order dmy reads them as meant"
        )
    if doubtful:
        return (
            f"{column} has dates that can be read in two ways, as in {doubtful}: {month_is_first}; "
            f"--date-order {'mdy' if month_first else 'dmy or mdy'} makes sure"
        )
    return ""
