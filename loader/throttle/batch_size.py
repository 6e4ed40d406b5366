"""Find how much goes into one request, in rows or in bytes: by trial, below what was refused. No I/O.

A size is *safe* once a request of it was accepted. A larger batch is a *trial*: one at a time is sent.
Before any refusal a trial is up to 16 times as large as what is safe; after it, half way between what is
safe and what was refused. After a refusal the next trial waits for 50 accepted requests, then 100, 200 and
so on, and for 50 times the seconds that the refusal has cost.
"""

from __future__ import annotations

from dataclasses import dataclass, field

_ACCEPTED = 50  # requests before more is tried again after a refusal; twice as many each time
_COST = 50  # times the seconds that a refusal has cost, until the next trial
_CLOSE = 1.1  # times what is safe was refused: near enough, the search ends
_ALIKE = 4 / 3  # batches differ as much: one with a quarter of its room left may be full
_LEAP, _STEP = 16, 2  # times what is safe: the largest trial before and after a refusal
_NEARLY = 0.9  # of what is safe: its time tells how long a larger one would take
_NEVER = 1 << 60


@dataclass(slots=True)
class BatchSize:
    """The bound of one measure of a batch.

    What was refused is not sent again, and nothing larger.

    Args:
        limit: the bound at first.
        most: it never grows beyond that.

    Attributes:
        limit: what batches are made for.
    """

    limit: int
    most: int

    _safe: int = field(init=False)  # accepted, or not tried yet: no trial is needed for as much
    _allowed: int = field(init=False)  # may be sent: batches are there that were made for a larger limit
    _refused: int = field(init=False, default=_NEVER)
    _trial: int = field(init=False, default=0)  # the size of a batch that is larger than what is safe
    _under_way: bool = field(init=False, default=False)  # it was sent
    _left: int = field(init=False, default=0)  # requests to be accepted before more is tried
    _wait: int = field(init=False, default=_ACCEPTED)
    _not_before: float = field(init=False, default=float("-inf"))
    _made_smaller: bool = field(init=False, default=False)  # another bound keeps batches below this one

    def __post_init__(self) -> None:
        self._safe = self._allowed = self.limit

    @property
    def growing(self) -> bool:
        """Whether larger batches are about to come."""
        leaping = self._trial > 0 and self._refused == _NEVER
        return leaping or (self.limit > self._safe and not self._made_smaller)

    @property
    def _largest_usual(self) -> float:
        """More is a trial. Batches differ a little, but where the server has a limit, every row counts."""
        return self._safe * (_ALIKE if self._refused == _NEVER else 1)

    def takes(self, size: int) -> bool:
        """Whether so much may be sent in one request."""
        return size <= max(self.limit, self._allowed)

    def made(self, size: int) -> None:
        """Note a batch that was made. If it is a trial, the next ones are not."""
        if size > self.limit:
            return  # it was begun under a larger limit, which was refused since
        self._allowed = max(self._allowed, size)
        if size > self._largest_usual:
            self.limit = self._safe
            self._trial, self._under_way = size, False
            self._left = _ACCEPTED
        elif self.limit > self._safe:
            self._made_smaller = True

    def start_larger(self) -> None:
        """Try more before the first answer: a round trip takes long."""
        self.limit = min(self.most, _LEAP * self._safe)

    def started(self, size: int) -> None:
        """Note a request of this size that is sent."""
        self._under_way = self._under_way or 0 < size == self._trial

    def ended(self, size: int) -> bool:
        """Note a request of this size that came to an end, and return whether it was the trial."""
        was_trial = 0 < size == self._trial
        if was_trial:
            self._trial, self._under_way, self._left = 0, False, 0
        return was_trial

    def accepted(self, size: int, room: float, now: float) -> None:
        """Learn from a request that got in.

        Args:
            size: of the request.
            room: the most that would be answered in good time.
            now: in seconds.
        """
        if self.ended(size):
            self.limit = max(self.limit, size)
        self._left -= 1
        self._safe = max(self._safe, size)
        if self._left > 0 or self._under_way or now < self._not_before:
            return
        self._trial = 0  # should it not have been sent by now
        if size < _NEARLY * self._safe or self.limit > self._safe:
            return
        if self._refused == _NEVER:
            more = _LEAP * self._safe
        elif self._refused > _CLOSE * self._safe:
            more = min(_STEP * self._safe, (self._safe + self._refused) // 2)
        else:
            return
        more = int(min(self.most, more, room))
        if more > self._largest_usual or more == self.most > self._safe:
            self.limit = more
            self._made_smaller = False

    def refused(self, size: int, cost: float, now: float) -> None:
        """Learn from a request that was too much.

        Args:
            size: of the request.
            cost: the seconds that it took, divided among the requests in flight.
            now: in seconds.
        """
        if self.ended(size):
            self._wait *= 2
        self._left = self._wait
        self._not_before = now + _COST * cost
        self._refused = min(self._refused, size)
        if self._safe >= self._refused:
            self._safe = max(1, size // 2)
        self.limit = self._allowed = min(self.limit, self._safe)

    def shrink(self, size: int, *, at_once: bool) -> None:
        """Go down after a request of this size took too long.

        Args:
            size: of the request.
            at_once: whether batches that are made already must be smaller, too.
        """
        self.limit = self._safe = max(1, min(self.limit, size // 2))
        self._left = _ACCEPTED
        if at_once:
            self._allowed = self.limit
