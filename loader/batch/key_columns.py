r"""Compare the keys of a block column by column, where the texts of one column are all written alike. No I/O.

To read each text of a timestamp in Python costs twice as much as all else that a row needs. Where all texts
have one plain form, a regular expression over the joined column and a few replacements give the same values.
Each function here returns what its type's ``read_...`` of pg_values.py returns for each text, or None where
a text has another form: then each is read alone.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import cast

from loader.pg_values import (
    ReadText,
    read_date,
    read_integer,
    read_numeric,
    read_padded,
    read_text,
    read_timestamp,
    read_timestamptz,
    read_uuid,
)

ReadLines = Callable[[str], str | None]  # of texts, each on a line

# Days that each such month has: of February 29 only a calendar knows.
_DAY = (
    r"(?!0000)[0-9]{4}-(?:(?:0[13578]|1[02])-(?:0[1-9]|[12][0-9]|3[01])"
    r"|(?:0[469]|11)-(?:0[1-9]|[12][0-9]|30)|02-(?:0[1-9]|1[0-9]|2[0-8]))"
)
_CLOCK = r"(?:[01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9]"  # PostgreSQL takes 24:00:00 and :60 too
_FIRST_MOMENT = re.compile(rf"{_DAY}([T ]){_CLOCK}(?:\.([0-9]{{1,6}}))?(Z|\+00(?::?00)?)?(?:\n|\Z)")
_UUIDS = re.compile(r"[0-9a-fA-F\n-]*+")


def _each(form: str) -> re.Pattern[str]:
    """Return a pattern of lines of one form. A last line that is empty has not that form."""
    return re.compile(rf"{form}(?:\n{form})*+")


_DATES = _each(_DAY)
_WHOLE = _each(r"[1-9][0-9]*+")
_MOMENTS: dict[tuple[str, int, str], re.Pattern[str]] = {}  # by separator, digits of a second, offset


def _read_moments(lines: str, *, zoned: bool) -> str | None:
    first = _FIRST_MOMENT.match(lines)
    if first is None:
        return None
    between, digits, offset = first[1], len(first[2] or ""), first[3] or ""
    if bool(offset) is not zoned:
        return None
    form = _MOMENTS.get((between, digits, offset))
    if form is None:
        fraction = rf"\.[0-9]{{{digits}}}" if digits else ""
        form = _each(rf"{_DAY}{between}{_CLOCK}{fraction}{re.escape(offset)}")
        _MOMENTS[between, digits, offset] = form
    if not form.fullmatch(lines):
        return None
    # As datetime.isoformat writes it: no fraction where it is 0, else six digits.
    end = "+00:00" if zoned else ""
    lines = lines.replace(" ", "T") + "\n"
    lines = lines.replace(f"{offset}\n", f"{'0' * (6 - digits) if digits else ''}{end}\n")
    if digits:
        lines = lines.replace(".000000", "")
    return lines[:-1]


def _read_timestamptz(lines: str) -> str | None:
    return _read_moments(lines, zoned=True)


def _read_timestamp(lines: str) -> str | None:
    return _read_moments(lines, zoned=False)


def _read_dates(lines: str) -> str | None:
    return lines if _DATES.fullmatch(lines) else None


def _read_whole(lines: str) -> str | None:
    return lines if _WHOLE.fullmatch(lines) else None


def _read_uuids(lines: str) -> str | None:
    return lines.replace("-", "").lower() if _UUIDS.fullmatch(lines) else None


def _read_padded(lines: str) -> str | None:
    return lines if " \n" not in lines and not lines.endswith(" ") else None


_BY_FORM: dict[ReadText, ReadLines] = {
    read_padded: _read_padded,
    read_integer: _read_whole,
    read_numeric: _read_whole,
    read_uuid: _read_uuids,
    read_date: _read_dates,
    read_timestamp: _read_timestamp,
    read_timestamptz: _read_timestamptz,
}


def read_column(read: ReadText, texts: Sequence[str | None]) -> Sequence[str | None]:
    """Return how the texts of one column of keys are compared; null stays null.

    Args:
        read: of the column's type: what a text alone is compared as.
        texts: of neighbouring rows.
    """
    if read is read_text:
        return texts
    distinct: dict[str | None, str | None] = dict.fromkeys(texts)
    # Where few texts repeat, it is cheaper to read each once.
    if None not in distinct and 2 * len(distinct) > len(texts) and (by_form := _BY_FORM.get(read)):
        known = cast("Sequence[str]", texts)
        lines = "\n".join(known)
        holds_newlines = lines.count("\n") >= len(known)
        if not holds_newlines and (values := by_form(lines)) is not None:
            return known if values is lines else values.split("\n")
    for text in distinct:
        if text is not None:
            distinct[text] = read(text)
    return [distinct[text] for text in texts]
