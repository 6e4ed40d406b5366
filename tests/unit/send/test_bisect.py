"""How a refused batch is taken apart, against a model of a server that refuses what holds a bad row."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

from hypothesis import given
from hypothesis import strategies as st

from loader.model import Place, Reason, Row
from loader.send.bisect import Bisection, Suspects
from loader.send.result import Cause, Refused


def row(number: int) -> Row:
    return Row(str(number).encode(), f"k{number}", Place(0, number, 0, number))


def nobody(_reason: Reason, _rows: Sequence[Row]) -> list[Row]:
    return []


def settle(
    rows: Sequence[Row],
    refuse: Callable[[Sequence[Row]], Refused | None],
    suspects: Suspects = nobody,
    limit: int = 10**9,
) -> tuple[list[int], list[tuple[int, str]], int]:
    """Take a batch apart; gives the lines that got in, the rejected ones and why, and the requests."""
    refusal = refuse(rows)
    assert refusal is not None
    bisection = Bisection(rows, refusal, suspects)
    accepted: list[int] = []
    rejected: list[tuple[int, str]] = []
    requests = 0
    while True:
        while bad := bisection.rejected():
            rejected.append((bad[0].counted.number, bad[1].code))
        part = bisection.next(limit)
        if not part:
            return accepted, rejected, requests
        requests += 1
        assert len(part) <= limit
        refusal = refuse(part)
        if refusal is None:
            accepted += [sent.counted.number for sent in part]
            bisection.accepted()
        else:
            bisection.refused(refusal)


def refusing(bad: set[int]) -> Callable[[Sequence[Row]], Refused | None]:
    def refuse(rows: Sequence[Row]) -> Refused | None:
        first = next((sent.counted.number for sent in rows if sent.counted.number in bad), None)
        return None if first is None else Refused(Cause.ROW, Reason(f"bad {first}", ""))

    return refuse


@given(
    st.integers(1, 200).flatmap(lambda n: st.tuples(st.just(n), st.sets(st.integers(0, n - 1), min_size=1)))
)
def test_each_good_row_gets_in_and_each_bad_one_is_rejected_with_its_own_words(
    case: tuple[int, set[int]],
) -> None:
    """In the order of the source, whatever rows are bad, and each with the reason that names it."""
    number, bad = case

    accepted, rejected, _ = settle([row(n) for n in range(number)], refusing(bad))

    assert [n for n in range(number) if n not in bad] == accepted
    assert [(n, f"bad {n}") for n in sorted(bad)] == rejected


@given(
    st.integers(1, 60).flatmap(lambda n: st.tuples(st.just(n), st.sets(st.integers(0, n - 1), min_size=1))),
    st.randoms(use_true_random=False),
    st.integers(1, 60),
)
def test_a_wrong_suspicion_changes_nothing_but_the_order_of_sending(
    case: tuple[int, set[int]], chance: object, limit: int
) -> None:
    """Suspects are never rejected for being suspected."""
    number, bad = case
    flip = chance.random  # type: ignore[attr-defined]

    def some(_reason: Reason, rows: Sequence[Row]) -> list[Row]:
        return [sent for sent in rows if flip() < 0.3]

    accepted, rejected, _ = settle([row(n) for n in range(number)], refusing(bad), some, limit)

    assert [n for n in range(number) if n not in bad] == sorted(accepted)
    assert sorted(bad) == sorted(line for line, _ in rejected)


def test_one_bad_row_costs_log2_requests_and_one() -> None:
    """Wherever it stands among 5,000."""
    rows = [row(n) for n in range(5000)]
    worst = max(settle(rows, refusing({n}))[2] for n in (*range(0, 5000, 61), 2499, 2500, 4999))

    assert worst <= 1 + math.ceil(math.log2(5000))


def test_a_row_that_the_server_names_costs_one_request() -> None:
    """All others are sent at once; if they get in, the named row is to blame."""
    rows = [row(n) for n in range(5000)]

    def named(reason: Reason, part: Sequence[Row]) -> list[Row]:
        return [sent for sent in part if reason.code == f"bad {sent.counted.number}"]

    accepted, rejected, requests = settle(rows, refusing({1234}), named)

    assert (4999, [(1234, "bad 1234")], 1) == (len(accepted), rejected, requests)


def test_rows_that_are_all_bad_cost_a_request_each() -> None:
    """And not log2 of the batch each."""
    rows = [row(n) for n in range(1000)]

    _, rejected, requests = settle(rows, refusing(set(range(1000))))

    assert 1000 == len(rejected)
    assert requests < 1030


@given(st.lists(st.integers(0, 5), min_size=1, max_size=40))
def test_rows_whose_keys_the_database_holds_equal_go_apart_in_their_order(keys: list[int]) -> None:
    """KEYS is no row's fault: nothing is rejected, and the order stays."""

    def refuse(rows: Sequence[Row]) -> Refused | None:
        met = [keys[sent.counted.number] for sent in rows]
        return Refused(Cause.KEYS, Reason("21000", "")) if len(set(met)) < len(met) else None

    rows = [row(n) for n in range(len(keys))]
    if refuse(rows) is None:
        return
    accepted, rejected, _ = settle(rows, refuse)

    assert (list(range(len(keys))), []) == (accepted, rejected)


def test_what_is_too_much_is_halved_until_it_fits() -> None:
    """A single row that does not fit is rejected."""

    def refuse(rows: Sequence[Row]) -> Refused | None:
        large = len(rows) > 7 or any(sent.counted.number == 50 for sent in rows)
        return Refused(Cause.SIZE, Reason("HTTP 413", "")) if large else None

    accepted, rejected, _ = settle([row(n) for n in range(100)], refuse)

    assert [(50, "HTTP 413")] == rejected
    assert [n for n in range(100) if n != 50] == sorted(accepted)


@given(
    bad=st.sets(st.integers(1, 40), min_size=1),
    withdrawn=st.lists(st.tuples(st.integers(0, 12), st.sets(st.integers(1, 40)))),
    end=st.integers(0, 40),
)
def test_rows_that_are_taken_out_leave_the_others_as_they_were(
    bad: set[int], withdrawn: list[tuple[int, set[int]]], end: int
) -> None:
    """Each row is accepted, rejected or taken out, once; and a good one is never rejected."""
    rows = [row(number) for number in range(1, 41)]
    refuse = refusing(bad)

    def point_at_bad(_reason: Reason, sent: Sequence[Row]) -> list[Row]:
        return [one for one in sent if one.counted.number in bad and one.counted.number % 2]

    first_refusal = refuse(rows)
    assert first_refusal is not None
    bisection = Bisection(rows, first_refusal, point_at_bad)
    accepted: list[int] = []
    rejected: list[int] = []
    out: list[int] = []
    for request in range(200):
        while rejection := bisection.rejected():
            rejected.append(rejection[0].counted.number)
        for when, numbers in withdrawn:
            if when == request:
                taken = bisection.withdraw({f"k{number}" for number in numbers})
                out += [one.counted.number for one in taken]
        if request == end:
            out += [one.counted.number for one in bisection.rest()]
        while rejection := bisection.rejected():
            rejected.append(rejection[0].counted.number)
        part = bisection.next(10**9)
        if not part:
            break
        refusal = refuse(part)
        if refusal is None:
            accepted += [one.counted.number for one in part]
            bisection.accepted()
        else:
            bisection.refused(refusal)

    assert list(range(1, 41)) == sorted(accepted + rejected + out)
    assert set(rejected) <= bad
    assert bad.isdisjoint(accepted)


@given(bad=st.sets(st.integers(0, 63)), passing=st.integers(1, 12))
def test_error_that_may_pass(bad: set[int], passing: int) -> None:
    """No row is rejected for an error that may pass unless it was refused alone."""
    rows = [row(number) for number in range(64)]
    left = passing
    alone: set[int] = set()

    def refuse(part: Sequence[Row]) -> Refused | None:
        nonlocal left
        left -= 1
        if left >= 0 or any(sent.counted.number in bad for sent in part):
            alone.update(sent.counted.number for sent in part if len(part) == 1)
            return Refused(Cause.ROW, Reason("XX000", "internal"))
        return None

    accepted, rejected, _ = settle(rows, refuse)

    numbers = [number for number, _ in rejected]
    assert list(range(64)) == sorted(accepted + numbers)
    assert set(numbers) <= alone
    assert bad <= set(numbers)
