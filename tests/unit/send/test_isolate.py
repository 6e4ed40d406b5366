"""How a refused batch is settled row by row, and what row-level security has to do with it."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import anyio
import pytest

from loader.errors import LoadError, TargetError
from loader.halt import Halt, Halted
from loader.model import Outcome, Place, Reason, Reject, Row, Shape
from loader.send.isolate import Isolator
from loader.send.result import Accepted, Cause, Refused
from loader.send.turn import ALONE
from loader.throttle.throttle import Throttle

POLICY = Refused(Cause.ROW, Reason("42501", "new row violates row-level security policy"))
BAD = Refused(Cause.ROW, Reason("22P02", "invalid input"))


class Table:
    """Refuses what holds a bad row; counts the requests."""

    def __init__(self, refusal: Refused, is_bad: Callable[[int], bool]) -> None:
        self._refusal = refusal
        self._is_bad = is_bad
        self.stored: list[int] = []
        self.requests = 0

    async def send(self, rows: Sequence[Row]) -> Accepted | Refused:
        await anyio.lowlevel.checkpoint()
        self.requests += 1
        numbers = [row.counted.number for row in rows]
        if any(self._is_bad(number) for number in numbers):
            return self._refusal
        self.stored += numbers
        return Accepted(len(rows))


def rows(first: int, count: int) -> list[Row]:
    numbers = range(first, first + count)
    return [Row(b"{}", f"k{number}", Place(0, number, 0, number)) for number in numbers]


SHAPE = Shape(("id",))


def isolator(rejected: list[Reject], halt: Halt | None = None) -> Isolator:
    return Isolator(
        throttle=Throttle(batch_rows=1000, batch_bytes=2**20, max_rate=None, concurrency=8),
        halt=halt or Halt(),
        types={},
        policies="",
        read_key=None,
        may_get_in=lambda _reason: False,
        location=lambda place: f"rows.jsonl:{place.line}",
        reject=rejected.append,
        refused_alone=lambda: None,
    )


@pytest.mark.parametrize("refusal", [POLICY, BAD], ids=["row-level security", "a bad value"])
async def test_bad_rows_are_rejected_and_the_others_stored(refusal: Refused) -> None:
    """The callback and the outcome get the same rejects."""
    rejected: list[Reject] = []
    outcome, table = Outcome(), Table(refusal, lambda number: number % 30 == 0)

    await isolator(rejected).isolate(SHAPE, rows(0, 100), refusal, table.send, outcome, turn=ALONE)

    assert [0, 30, 60, 90] == [reject.place.number for reject in rejected]
    assert rejected == outcome.rejects
    assert [number for number in range(100) if number % 30] == sorted(table.stored)


async def test_policy_that_refuses_all_rows_is_no_rows_fault() -> None:
    """Nothing is rejected; one of several batches is enough to learn it, in a few requests."""
    rejected: list[Reject] = []
    table, errors = Table(POLICY, lambda _number: True), list[TargetError]()
    halt = Halt()
    shared = isolator(rejected, halt)

    async def settle(first: int) -> None:
        try:
            await shared.isolate(SHAPE, rows(first, 100), POLICY, table.send, Outcome(), turn=ALONE)
        except TargetError as error:
            errors.append(error)
            halt.stop(error)
        except Halted:
            pass

    async with anyio.create_task_group() as tasks:
        for first in (0, 100, 200):
            tasks.start_soon(settle, first)

    assert ["row-level security refuses the rows (from rows.jsonl:0 on)"] == [
        error.message for error in errors
    ]
    assert [] == rejected
    assert table.requests <= 12


async def test_policy_that_lets_others_in_refuses_rows() -> None:
    """Once any row of the load was accepted, a batch may be refused row by row to its end."""
    rejected: list[Reject] = []
    shared = isolator(rejected)
    shared.accepted(Accepted(1))

    await shared.isolate(
        SHAPE, rows(0, 20), POLICY, Table(POLICY, lambda _number: True).send, Outcome(), turn=ALONE
    )

    assert 20 == len(rejected)


async def test_halt() -> None:
    """A stop ends it between two rows; what was found out by then is entered."""
    halt = Halt()
    outcome, table = Outcome(), Table(BAD, lambda _number: True)
    shared = isolator([], halt)
    halt.stop(LoadError("enough"))

    with pytest.raises(Halted):
        await shared.isolate(SHAPE, rows(0, 2), BAD, table.send, outcome, turn=ALONE)

    assert len(outcome.rejects) <= 1
