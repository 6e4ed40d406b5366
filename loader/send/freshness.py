"""Whether the rows to come are likely to be new to the table. No I/O.

A plain insert of new rows costs the database two thirds of an upsert, and one of a row that is there is a
conflict, and its work lost. So the first batch alone is inserted, as a question. Inserts go on while they get
in; after a conflict rows are upserted, and the replies tell whether rows are new again. As that may be
true of only some rows of each batch, the question is asked again ever more rarely.
"""

from __future__ import annotations

from enum import Enum, auto

_MOST_HOPES = 64  # upserts with new rows before an insert is tried again, at most
_SURE = 8  # inserts in a row after which a conflict is a surprise again


class _State(Enum):
    INSERTING = auto()
    ASKING = auto()  # the next batch is a question
    WAITING = auto()  # for the answer
    UPSERTING = auto()


class Freshness:
    """Decides for each batch whether to insert it first.

    Args:
        never: whether never to.
    """

    def __init__(self, *, never: bool = False) -> None:
        self._state = _State.UPSERTING if never else _State.ASKING
        self._never = never
        self._needed = 1  # hopes before the next question
        self._hopes = 0
        self._in_a_row = 0

    def insert_first(self) -> bool:
        """Whether to insert the next batch. One of the next four must follow."""
        if self._state is _State.ASKING:
            self._state = _State.WAITING
            return True
        return self._state is _State.INSERTING

    def inserted(self) -> None:
        """A batch was inserted: all of its rows were new."""
        self._in_a_row += 1
        if self._in_a_row >= _SURE:
            self._needed = 1
        if self._state is _State.WAITING:
            self._state = _State.INSERTING

    def conflicted(self) -> None:
        """A batch was refused, for one of its rows was there."""
        if self._state is not _State.UPSERTING:  # several may have been on their way
            self._needed = min(_MOST_HOPES, 2 * self._needed)
        self._state = _State.UPSERTING
        self._hopes = self._in_a_row = 0

    def unanswered(self) -> None:
        """A batch was refused for something else, or its reply was lost."""
        if self._state is _State.WAITING:
            self._state = _State.ASKING

    def give_up(self) -> None:
        """Inserts are refused, whatever the rows: never insert again."""
        self._never = True
        self._state = _State.UPSERTING

    def upserted(self, *, new: bool) -> None:
        """A batch was upserted; ``new``: as far as the reply tells, there were new rows in it."""
        if self._never or self._state is not _State.UPSERTING:
            return
        self._hopes = self._hopes + 1 if new else 0
        if self._hopes >= self._needed:
            self._state = _State.ASKING
