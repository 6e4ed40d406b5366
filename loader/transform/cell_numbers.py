"""Numbers in cells that PostgreSQL would not read: 12,50 and 1.234,50, and 1.0 for an integer. No I/O."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable

from loader.model import Reason

_NUMBER = re.compile(r"\s*([+-]?)([0-9]*)(?:\.([0-9]*))?(?:[eE]([+-]?[0-9]{1,6}))?\s*")
_WITH_COMMA = re.compile(r"(?m)^\s*[+-]?[0-9][0-9.]*(?:,[0-9]+)+(?:\.[0-9]+)?\s*$")
_MOST_DIGITS = 19  # of a bigint
# What stands between groups of digits where a blank or an apostrophe is meant.
_VARIANTS = {" ": " \N{NO-BREAK SPACE}\N{NARROW NO-BREAK SPACE}", "'": "'\N{RIGHT SINGLE QUOTATION MARK}"}
_GROUPING = "." + _VARIANTS[" "] + _VARIANTS["'"]  # with a decimal comma


def whole_number(column: str, text: str) -> int | str | Reason:
    """Return the whole number that a text writes, perhaps as a float does: ``1.0``, ``2.5e3``.

    Args:
        column: its name, for messages.
        text: of the cell.

    Returns:
        The number; the text where it is no number, or a whole one of too many digits, which the server
        refuses; or why it is not whole.
    """
    parts = _NUMBER.fullmatch(text)
    if parts is None:
        return text
    sign, whole, decimals, exponent = parts.groups()
    if not whole and not decimals:
        return text
    decimals = (decimals or "").rstrip("0")
    digits = (whole + decimals).lstrip("0")
    if not digits:
        return 0
    shift = int(exponent or 0) - len(decimals)
    if shift < 0 and (len(digits) <= -shift or digits[shift:].strip("0")):
        return Reason("not-exact", f"{column} is {text}, and the column holds whole numbers only")
    if len(digits) + shift > _MOST_DIGITS:
        if decimals or exponent or "." in text:
            return Reason("not-exact", f"{column} is {text}, which no column of whole numbers can hold")
        return text
    return int(sign + (digits[:shift] if shift < 0 else digits + "0" * shift))


def number_reader(decimal: str, thousands: str | None) -> Callable[[str, str], str | Reason]:
    """Return a function that writes a number as PostgreSQL reads it: ``1.234,50`` as ``1234.50``.

    It takes the column's name and the text of a cell. It returns the text itself where no separator stands
    in it, and a Reason where the number may be read in two ways, or is written in another way than told.

    Args:
        decimal: what stands before the decimals, ``.`` or ``,``.
        thousands: what stands between groups of three digits. None: with a decimal comma, a point, a blank
            or an apostrophe, where that is the only way to read the number.
    """
    between = _GROUPING if thousands is None else _VARIANTS.get(thousands, thousands)
    separators = re.escape(between)
    number = re.compile(
        rf"\s*([+-]?)(?:([0-9]{{1,3}}(?:([{separators}])[0-9]{{3}}(?:\3[0-9]{{3}})*))|([0-9]*))"
        rf"(?:{re.escape(decimal)}([0-9]*))?([eE][+-]?[0-9]+)?\s*"
    )
    told = f"--decimal {decimal}" + (f" and --thousands {thousands!r}" if thousands else "")
    simple = re.compile(rf"[+-]?[0-9]+{re.escape(decimal)}[0-9]+")  # as most are
    concerned = re.compile(rf"[0-9]\s*[.,{separators}]|[.,]\s*[0-9]")

    def read(column: str, text: str) -> str | Reason:
        if simple.fullmatch(text):
            return text.replace(decimal, ".")
        if not concerned.search(text.strip()):
            return text
        parts = number.fullmatch(text)
        if parts is None or not (parts[2] or parts[4] or parts[5]):
            return Reason("not-a-number", f"{column} is {text!r}, which is no number with {told}")
        sign, grouped, separator, plain, decimals, exponent = parts.groups()
        if separator == "." and thousands is None and decimals is None and grouped.count(".") == 1:
            return Reason(
                "not-a-number",
                f"{column} is {text!r}: its point may stand before decimals or between thousands; "
                "--thousands . says the latter",
            )
        whole = grouped.replace(separator, "") if grouped else plain
        return sign + whole + (f".{decimals}" if decimals else "") + (exponent or "")

    return read


def doubtful_numbers(column: str, texts: Iterable[str]) -> str:
    """Return a warning if numbers of a column have commas and no option says why; empty if none has.

    PostgreSQL refuses them. But for ``money`` it drops the comma of 12,50, and stores 1250.

    Args:
        column: its name.
        texts: of its cells.
    """
    joined = "\n".join(texts)
    number = _WITH_COMMA.search(joined) if "," in joined else None
    if number is None:
        return ""
    return (
        f"{column} has numbers with commas, as in {number[0].strip()}, which the server does not read so: "
        "--decimal , or --thousands , says what they mean"
    )
