"""The order in which rows that were held back are tried again."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Sequence
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from loader.model import HeldBack, Place, Reason, Row, Shape
from loader.run import held_table, turns

Spec = tuple[str, str | None, bool]  # id, boss, whether it has another column


def ordered(rows: Sequence[Spec], types: dict[str, str] | None = None) -> list[int]:
    """The numbers of the rows, in the order of their turns."""
    database = sqlite3.connect(":memory:", isolation_level=None)
    for statement in held_table.SCHEMA.split(";"):
        database.execute(statement)
    held = []
    for number, (key, boss, longer) in enumerate(rows, 1):
        columns = ("id", "boss", "a") if longer else ("id", "boss")
        row_json = {"id": key, "boss": boss} | ({"a": 1} if longer else {})
        data = json.dumps(row_json).encode()
        reason = Reason("23503", "", f'Key (boss)=({boss}) is not present in table "t".')
        row = Row(data, key, Place(0, number, 0, number))
        held.append((HeldBack(row, Shape(columns), key, reason), 0))
    held_table.write(database, reversed(held))
    turns.order(database, ("id",), types or {})
    numbers = [row.row.id[1] for _, row in held_table.of_turns(database, 0)]
    database.close()
    return numbers


def test_parents_come_before_their_children() -> None:
    """What is ready at once comes in the order of the source."""
    rows = [
        ("d", "c", False),
        ("c", "b", False),
        ("x", "nobody", False),
        ("b", "a", False),
        ("y", None, False),
    ]
    assert [3, 4, 5, 2, 1] == ordered(rows)


def test_a_circle_begins_with_its_first_row() -> None:
    """Its rows stand together, so that one request may hold them all."""
    rows = [("a", "c", False), ("z", "c", False), ("b", "a", False), ("c", "b", False)]
    assert [1, 3, 4, 2] == ordered(rows)


def test_rows_of_one_key_keep_their_order() -> None:
    """Also where the later one would be ready sooner."""
    assert [3, 1, 2] == ordered([("a", "b", False), ("a", None, False), ("b", None, False)])


def test_children_come_behind_all_versions_of_their_parent() -> None:
    """However many these are, and though one refers to itself; 3,000 x 3,000 pairs would take a minute."""
    many = 3000
    children: list[Spec] = [(f"c{number}", "a", False) for number in range(many)]
    versions: list[Spec] = [("a", "a" if number == 5 else None, False) for number in range(many)]
    assert [*range(many + 1, 2 * many + 1), *range(1, many + 1)] == ordered(children + versions)


def test_rows_of_a_shape_come_together() -> None:
    """As far as their parents let them."""
    rows: list[Spec] = [(str(number), str(number - 1), number % 4 == 0) for number in range(8, 0, -1)]
    rows += [(f"{number}x", None, number % 2 == 0) for number in range(20)]
    shapes = [rows[number - 1][2] for number in ordered(rows)]
    assert 4 >= sum(before != after for before, after in pairwise(shapes))


@given(
    st.lists(
        st.tuples(
            st.sampled_from("abcdef"), st.one_of(st.none(), st.sampled_from("abcdefgh")), st.booleans()
        ),
        max_size=12,
    )
)
def test_each_row_has_one_turn_and_no_key_changes_its_order(rows: list[Spec]) -> None:
    """Whatever refers to whatever."""
    numbers = ordered(rows)
    assert list(range(1, len(rows) + 1)) == sorted(numbers)
    for key in "abcdef":
        own = [number for number in numbers if rows[number - 1][0] == key]
        assert sorted(own) == own
