"""Which rows of a refused batch to send next, until its bad rows stand alone. No I/O.

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
from dataclasses import dataclass, field

from loader.model import Kind, Reason, Row, Verdict

Suspects = Callable[[Reason, Sequence[Row]], list[Row]]


@dataclass(slots=True, eq=False)
class _Span:
    """Neighbours in the order of sending. ``rows[:bad]`` hold a bad row, refused for ``reason``."""

    rows: Sequence[Row]
    bad: int | None = None
    reason: Reason = field(default_factory=lambda: Reason("", ""))
    put_aside: _Span | None = None  # suspects: they are to blame if all of these rows are accepted


class Splitter:
    """The state of a batch that is being taken apart.

    Call ``next`` for rows to send, and then ``accepted`` or ``refused`` with what became of them; a
    single row that it gives through ``rejected`` is bad for the reason given with it.

    Args:
        rows: the batch, in the order of the source.
        verdict: how it was refused as a whole.
        suspects: which of the rows the server's words point at.
        step: whether to go row by row after a bad row, as long as nothing was accepted.
    """

    def __init__(
        self, rows: Sequence[Row], verdict: Verdict, suspects: Suspects, *, step: bool = False
    ) -> None:
        self._suspects = suspects
        self._step = step
        self._spans = [_Span(rows)]  # the next to send stands last
        self._sent = len(rows)
        self._size = len(rows)  # the most to send next
        self._rejects = 0
        self._since_reject = 0
        self.refused(verdict)

    def next(self, limit: int) -> Sequence[Row]:
        """The rows to send next; none when the batch is settled, or ``rejected`` has to be asked first.

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
        """The next row, if it is known to be bad; it is then settled."""
        span = self._current()
        if span is None or span.bad != 1:
            return None
        row = span.rows[0]
        span.rows, span.bad = span.rows[1:], None
        self._rejects += 1
        if self._step:
            self._size = 1
        elif self._rejects > 1:
            self._size = 2 * self._since_reject
        self._since_reject = 0
        return row, span.reason

    def accepted(self) -> None:
        """What ``next`` gave is in."""
        span = self._spans[-1]
        span.rows = span.rows[self._sent :]
        if span.bad is not None:
            span.bad -= self._sent
        self._step = False
        self._since_reject += self._sent
        self._size = max(self._size, 2 * self._sent)

    def refused(self, verdict: Verdict) -> None:
        """What ``next`` gave was refused, with SPLIT, KEYS or SHRINK."""
        span = self._spans[-1]
        if verdict.kind is not Kind.SPLIT and self._sent > 1:
            self._size = self._sent // 2
            return
        if span.put_aside is not None:
            span.put_aside.bad = None  # a wrong suspicion, or not the only fault
            span.put_aside = None
        span.bad, span.reason = self._sent, verdict.reason
        self._put_suspects_aside(span)

    def _current(self) -> _Span | None:
        while self._spans and not self._spans[-1].rows:
            self._spans.pop()
        return self._spans[-1] if self._spans else None

    def _put_suspects_aside(self, span: _Span) -> None:
        assert span.bad is not None  # noqa: S101 - it was just refused
        part = span.rows[: span.bad]
        chosen = set(map(id, self._suspects(span.reason, part))) if len(part) > 1 else set()
        if not 0 < len(chosen) < len(part):
            return
        keys = {row.key for row in part if id(row) in chosen}
        if any(row.key in keys and id(row) not in chosen for row in part if row.key is not None):
            return  # rows of one key must keep their order
        suspects = _Span([row for row in part if id(row) in chosen], len(chosen), span.reason)
        others = _Span([row for row in part if id(row) not in chosen], put_aside=suspects)
        span.rows, span.bad = span.rows[span.bad :], None
        self._size = max(self._size, len(others.rows))
        self._spans += [suspects, others]
