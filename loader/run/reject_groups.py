"""Rejects in groups: those of one code whose messages differ in values only. No I/O."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from loader.model import RowId

MOST_GROUPS = 50  # the rest of each code is one group

_VALUE = "..."
# A value stands in quotes, behind a colon or the word itself; the names of columns and constraints stay.
_QUOTED = re.compile(r'(?<=: )(["»„“«]).*["«”»“](?=$| \()|(?<=\bvalue )".*?"', re.DOTALL)
_NUMBER = re.compile(r"(?<![\w(^.\"'-])-?\d[\d.,:+eE-]*(?![\w\"'])")
_FORM_LENGTH = 300  # characters that forms are compared by

Told = tuple[RowId, str, str]  # a reject's row, code and message


@dataclass(frozen=True, slots=True)
class Group:
    """Rejects of one code and one form of message.

    Attributes:
        code: theirs.
        message: the message, with ``...`` for values in which it differs; of different messages, the first.
        count: how many they are.
        first: the first of them.
    """

    code: str
    message: str
    count: int
    first: RowId


def message_form(message: str) -> str:
    """Return a message with a placeholder for its values: the same for all that differ in these only."""
    return _NUMBER.sub(_VALUE, _QUOTED.sub(f'"{_VALUE}"', message))[:_FORM_LENGTH]


def group(rejects: Iterable[Told]) -> list[Group]:
    """Return the groups of rejects, the largest first.

    Args:
        rejects: in the order of the sources.
    """
    groups: dict[tuple[str, str], Group] = {}
    forms: dict[str, int] = {}  # of each code
    for first, code, message in rejects:
        form = message_form(message)
        if (code, form) not in groups and forms.get(code, 0) >= MOST_GROUPS:
            form = "and other messages"
        known = groups.get((code, form))
        if known is None:
            forms[code] = forms.get(code, 0) + 1
            groups[code, form] = Group(code, message if forms[code] <= MOST_GROUPS else form, 1, first)
            continue
        shown = known.message if known.message == message else form
        groups[code, form] = Group(code, shown, known.count + 1, known.first)
    return sorted(groups.values(), key=lambda group: (-group.count, group.code, group.first))
