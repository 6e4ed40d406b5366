"""Rows that depend on other rows of the load: which refusals tell of it, and when to send in order. No I/O.

PostgreSQL checks foreign keys at the end of a statement, so the order of rows within a request does not
matter. Between requests it does, and several are in flight at once.
"""

from __future__ import annotations

from enum import Enum, auto

from loader.model import Reason
from loader.postgrest.constraints import (
    EXCLUSION,
    FOREIGN_KEY,
    UNIQUE,
    is_primary_key,
    may_refer_to_own_table,
)
from loader.settings import Resolution

_IN_ORDER = 8  # batches that are sent in order after the first that had to wait for earlier ones
_MOST_IN_ORDER = 1024
_VAIN_WAITS = 4  # in a row, before batches that can be held back as well no longer wait,
_NO_WAITS = 32  # but for one in so many


class Dependence(Enum):
    """Which other rows can turn a refusal into success."""

    NONE = auto()  # none: the row is bad
    CLAIM = auto()  # none either, but of two rows that claim a value the earlier one must get it
    EARLIER = auto()  # rows before it
    ANY = auto()  # rows anywhere in the load: its parent may stand behind it


def dependence(reason: Reason, *, resolution: Resolution, relation: str, key: tuple[str, ...]) -> Dependence:
    """Return which other rows of the load can let a refused row in.

    Args:
        reason: why it was refused.
        resolution: how rows are written.
        relation: what they are written to.
        key: its key columns.
    """
    if reason.code == FOREIGN_KEY:
        return Dependence.ANY if may_refer_to_own_table(reason, relation) else Dependence.EARLIER
    if reason.code not in (UNIQUE, EXCLUSION):
        return Dependence.NONE
    if resolution == "none" and reason.code == UNIQUE and is_primary_key(reason, key):
        return Dependence.NONE  # batches that share a key wait for each other anyway
    # Only an update frees a value that another row has.
    return Dependence.CLAIM if resolution in ("none", "ignore-duplicates") else Dependence.EARLIER


class InOrder:
    """Decides whether a batch is sent only once all earlier ones are settled.

    Where waiting has helped a batch, the next ones are sent in order, so that a file of parents before their
    children costs a refused request now and then and not one a batch. Where a unique value was claimed
    twice, all that follow are: which row gets it must not depend on chance.
    """

    def __init__(self) -> None:
        self._for_good = False
        self._left = 0
        self._next = _IN_ORDER
        self._in_vain = 0
        self._not_waited = 0

    def next_waits(self) -> bool:
        """Return whether the next batch waits before it is sent."""
        self._left = max(0, self._left - 1)
        return self._for_good or self._left > 0

    def claimed(self) -> None:
        """A value was refused that another row has."""
        self._for_good = True

    def waited(self, *, helped: bool) -> None:
        """A refused batch has waited for the earlier ones, and was sent again."""
        if not helped:
            self._in_vain += 1
            return
        self._in_vain = 0
        self._left, self._next = self._next, min(_MOST_IN_ORDER, 2 * self._next)

    def may_help(self) -> bool:
        """Return whether a refused batch that can be held back as well is to wait for the earlier ones.

        Not where that was in vain several times in a row, but for a try now and then.
        """
        if self._in_vain < _VAIN_WAITS:
            return True
        self._not_waited = (self._not_waited + 1) % _NO_WAITS
        return self._not_waited == 0
