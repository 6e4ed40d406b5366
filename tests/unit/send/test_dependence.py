"""Which refusals tell of other rows of the load, and when batches are sent in order."""

from __future__ import annotations

import pytest

from loader.model import Reason
from loader.send.dependence import Dependence, InOrder, dependence
from loader.settings import Resolution

OWN = Reason(
    "23503",
    'insert or update on table "emp" violates foreign key constraint "emp_boss_fkey"',
    'Key (boss)=(17) is not present in table "emp".',
)
HIDDEN = Reason("23503", OWN.message, 'Key is not present in table "emp".')
UNDER_A_VIEW = Reason(
    "23503",
    'insert or update on table "people_2024" violates foreign key constraint "people_boss_fkey"',
    'Key is not present in table "people".',
)
OTHER = Reason(
    "23503",
    'insert or update on table "emp" violates foreign key constraint "emp_firm_fkey"',
    'Key (firm)=(17) is not present in table "firm".',
)
GERMAN = Reason(
    "23503", "Einfügen oder Aktualisieren in Tabelle »emp« verletzt »emp_firm_fkey«", "Schlüssel ..."
)
REFERENCED = Reason(
    "23503",
    'update or delete on table "emp" violates foreign key constraint "emp_boss_fkey" on table "emp"',
    'Key (id)=(1) is still referenced from table "emp".',
)
KEY = Reason(
    "23505", 'duplicate key value violates unique constraint "emp_pkey"', "Key (id)=(1) already exists."
)
HIDDEN_KEY = Reason("23505", KEY.message)
EMAIL = Reason(
    "23505", 'duplicate key value violates unique constraint "e"', "Key (email)=(a) already exists."
)
HIDDEN_EMAIL = Reason("23505", EMAIL.message)
OVERLAP = Reason("23P01", 'conflicting key value violates exclusion constraint "x"')
NUMBER = Reason("22P02", 'invalid input syntax for type integer: "x"')


@pytest.mark.parametrize(
    ("reason", "resolution", "expected"),
    [
        (OWN, "merge-duplicates", Dependence.ANY),
        (OWN, "none", Dependence.ANY),
        (HIDDEN, "ignore-duplicates", Dependence.ANY),
        (UNDER_A_VIEW, "merge-duplicates", Dependence.ANY),
        (OTHER, "merge-duplicates", Dependence.EARLIER),
        (GERMAN, "merge-duplicates", Dependence.ANY),
        (REFERENCED, "merge-duplicates", Dependence.EARLIER),
        (KEY, "none", Dependence.NONE),
        (HIDDEN_KEY, "none", Dependence.NONE),
        (EMAIL, "none", Dependence.CLAIM),
        (HIDDEN_EMAIL, "none", Dependence.CLAIM),
        (EMAIL, "ignore-duplicates", Dependence.CLAIM),
        (EMAIL, "merge-duplicates", Dependence.EARLIER),
        (OVERLAP, "merge-duplicates", Dependence.EARLIER),
        (NUMBER, "merge-duplicates", Dependence.NONE),
    ],
)
def test_a_refusal_tells_which_rows_could_cure_it(
    reason: Reason, resolution: Resolution, expected: Dependence
) -> None:
    """Where the words leave it open, any row of the load could."""
    assert expected is dependence(reason, resolution=resolution, relation="emp", key=("id",))


def test_a_view_is_its_own_table_by_its_name() -> None:
    """A partition may be named otherwise than the table that the view shows."""
    reason = Reason("23503", OWN.message.replace("emp", "p1"), OWN.details)
    assert Dependence.ANY is dependence(reason, resolution="none", relation="emp", key=())
    assert Dependence.EARLIER is dependence(reason, resolution="none", relation="staff", key=())


def waits(in_order: InOrder) -> int:
    """How many of the next batches wait, before one does not."""
    return next(number for number in range(10_000) if not in_order.next_waits())


def test_batches_go_in_order_for_a_while_once_that_has_helped() -> None:
    """And for longer each time."""
    in_order = InOrder()
    assert 0 == waits(in_order)
    lengths = []
    for _ in range(3):
        in_order.waited(helped=True)
        lengths.append(waits(in_order))
    assert [7, 15, 31] == lengths


def test_a_value_that_was_claimed_twice_keeps_the_order_for_good() -> None:
    """Which of two rows gets it must not depend on chance."""
    in_order = InOrder()
    in_order.claimed()
    assert all(in_order.next_waits() for _ in range(5000))


def test_waits_that_are_in_vain_become_rare() -> None:
    """In a shuffled file each batch would be sent twice."""
    in_order = InOrder()
    for _ in range(4):
        assert in_order.may_help()
        in_order.waited(helped=False)
    assert 10 == sum(in_order.may_help() for _ in range(320))
    in_order.waited(helped=True)
    assert all(in_order.may_help() for _ in range(100))
