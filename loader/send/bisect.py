"""Which rows of a refused batch to send next, until its bad rows stand alone. No I/O; isolate.py sends them.

A batch is a transaction: one bad row refuses all, and the error rarely names it. So parts of it are sent,
always in the order of the source. Three things keep the requests few:

* *Halving with what is known.* Where a part is known to hold a bad row and its first half is accepted,
  the bad row is in the second half; no request is spent on that. One bad row among n costs at most
  log2(n) requests to find, and one more for all rows behind it.
* *Suspects.* Where the server's words name a value, the rows that hold it are put aside and the others
  sent: if those are accepted, it was the suspects. A wrong suspicion costs one request.
* *Density.* After the second bad row the next part is as large as the gap between the two suggests,
  and grows with each success, so that rows that are all bad cost a request each, not log2(n).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field

from loader.batch.key_equality import ANY, ReadKey
from loader.model import Key, Reason, Row
from loader.postgrest.error_codes import may_pass
from loader.send.result import Cause, Refused

Suspects = Callable[[Reason, Sequence[Row]], list[Row]]

_WRONG_SUSPICIONS = 4  # in a row, before a batch is only halved
_STEPS = 3  # rows that are tried alone, and then the last one


@dataclass(slots=True, eq=False)
class _Span:
    """Neighbours in the order of sending. ``rows[:bad]`` hold a bad row, refused for ``reason``."""

    rows: Sequence[Row]
    bad: int | None = None
    reason: Reason = field(default_factory=lambda: Reason("", ""))
    alone: bool = False  # whether the bad row was refused alone; else it only follows that it is bad
    put_aside: _Span | None = None  # suspects: they are to blame if all of these rows are accepted


class Bisection:
    """The state of a batch that is being taken apart.

    Call ``next`` for rows to send, and then ``accepted`` or ``refused`` with what became of them; a
    single row that it gives through ``rejected`` is bad for the reason given with it.

    Args:
        rows: the batch, in the order of the source.
        refusal: how it was refused as a whole.
        suspects: gives the rows that the server's words point at.
        read_key: how keys are compared: rows whose keys may be equal must keep their order.
        step: whether to try a few rows alone after a bad one, as long as nothing was accepted.
    """

    def __init__(
        self,
        rows: Sequence[Row],
        refusal: Refused,
        suspects: Suspects,
        *,
        read_key: ReadKey | None = None,
        step: bool = False,
    ) -> None:
        self._suspects = suspects
        self._read_key = read_key
        self._wrong_suspicions = 0
        self._step = step
        self._spans = [_Span(rows)]  # the next to send stands last
        self._sent = len(rows)
        self._size = len(rows)  # the most to send next
        self._rejects = 0
        self._since_reject = 0
        self.refused(refusal)

    def next(self, limit: int) -> Sequence[Row]:
        """Return the rows to send next; none when the batch is settled, or ``rejected`` is to be asked.

        Args:
            limit: the most rows to send, from 1.
        """
        span = self._current()
        if span is None:
            return ()
        most = len(span.rows) if span.bad is None else span.bad // 2
        self._sent = min(most, max(1, self._size), limit)
        return span.rows[: self._sent]

    def rejected(self) -> tuple[Row, Reason] | None:
        """Return the next row with the reason, if it is known to be bad; it is then settled."""
        span = self._current()
        if span is None or span.bad != 1:
            return None
        if not span.alone and may_pass(span.reason.code):
            span.bad = None  # what the others were refused for may have passed
            self._size = 1
            return None
        row = span.rows[0]
        span.rows, span.bad, span.alone = span.rows[1:], None, False
        self._rejects += 1
        if self._step:
            self._size = 1
            if self._rejects == _STEPS:
                self._try_last(span)
        elif self._rejects > 1:
            self._size = 2 * self._since_reject
        self._since_reject = 0
        return row, span.reason

    def accepted(self) -> None:
        """What ``next`` gave is in."""
        span = self._spans[-1]
        span.rows = span.rows[self._sent :]
        span.alone = False
        if span.bad is not None:
            span.bad -= self._sent
        self._step = False
        self._since_reject += self._sent
        if span.put_aside is not None and not span.rows:
            self._wrong_suspicions = 0
        self._size = max(self._size, 2 * self._sent)

    def refused(self, refusal: Refused) -> None:
        """What ``next`` gave was refused."""
        span = self._spans[-1]
        if refusal.cause is not Cause.ROW and self._sent > 1:
            self._size = self._sent // 2
            return
        if span.put_aside is not None:
            span.put_aside.bad = None  # a wrong suspicion, or not the only fault
            span.put_aside = None
            self._wrong_suspicions += 1
        span.bad, span.reason, span.alone = self._sent, refusal.reason, self._sent == 1
        self._put_suspects_aside(span)

    def withdraw(self, keys: AbstractSet[Key]) -> list[Row]:
        """Take out the rows that have one of these keys, as they are compared; they are then settled."""
        return self._take_out(lambda row: self._key(row) in keys)

    def rest(self) -> list[Row]:
        """Take out all rows that are not settled; they are then."""
        return self._take_out(lambda _row: True)

    def _take_out(self, chosen: Callable[[Row], bool]) -> list[Row]:
        taken: list[Row] = []
        for span in self._spans:
            out = [row for row in span.rows if chosen(row)]
            if not out:
                continue
            taken += out
            span.rows = [row for row in span.rows if not chosen(row)]
            span.bad = None  # perhaps the bad row was among them
            if span.put_aside is not None:
                span.put_aside.bad = None  # no longer are all others sent
                span.put_aside = None
        return taken

    def _try_last(self, span: _Span) -> None:
        """Send the last row next, if no other has its key: perhaps it is only the first rows that are bad."""
        if len(span.rows) < 2:
            return
        *others, last = span.rows
        keys = set(map(self._key, others))
        if ANY in keys or self._key(last) in keys | {ANY}:
            return
        span.rows = others
        self._spans.append(_Span([last]))

    def _current(self) -> _Span | None:
        while self._spans and not self._spans[-1].rows:
            self._spans.pop()
        return self._spans[-1] if self._spans else None

    def _put_suspects_aside(self, span: _Span) -> None:
        assert span.bad is not None  # noqa: S101 - it was just refused
        if span.bad == 1 or self._wrong_suspicions >= _WRONG_SUSPICIONS:
            return
        part = span.rows[: span.bad]
        chosen = set(map(id, self._suspects(span.reason, part)))
        if not 0 < len(chosen) < len(part):
            return
        moved = {self._key(row) for row in part if id(row) in chosen} - {None}
        others = {self._key(row) for row in part if id(row) not in chosen}
        if ANY in moved or ANY in others or not moved.isdisjoint(others):
            return  # rows of one key must keep their order
        suspects = _Span([row for row in part if id(row) in chosen], len(chosen), span.reason)
        rest = _Span([row for row in part if id(row) not in chosen], put_aside=suspects)
        span.rows, span.bad = span.rows[span.bad :], None
        self._size = max(self._size, len(rest.rows))
        self._spans += [suspects, rest]

    def _key(self, row: Row) -> Key:
        return row.key if self._read_key is None else self._read_key(row.key)
