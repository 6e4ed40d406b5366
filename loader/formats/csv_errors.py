"""Why a record is not CSV, in our words. No I/O."""

from __future__ import annotations

import csv

OPEN_QUOTE = "a quote is not closed before the end of the source"
TEXT_BEHIND_QUOTE = "the quote that closes a cell is not followed by a delimiter"
LONE_RETURN = "there is a lone carriage return in a cell without quotes"

_EXPLANATIONS = {  # the csv module's words -> ours
    "unexpected end of data": OPEN_QUOTE,
    "expected after": TEXT_BEHIND_QUOTE,
    "new-line character": LONE_RETURN,
}


def explain(error: csv.Error) -> str:
    """Return what the csv module has found, for people."""
    return next((ours for theirs, ours in _EXPLANATIONS.items() if theirs in str(error)), str(error))
