"""Which columns refer to which, as the rows' values tell."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

from loader.formats.json_fields import decode
from loader.run.references import Reference, Values, Vote, candidates

Columns = tuple[str, ...]


def found(
    rows: Sequence[Mapping[str, object]],
    *,
    key: Columns,
    named: Sequence[Columns] = (),
    types: Mapping[str, str] | None = None,
) -> list[Reference]:
    fields = [decode(json.dumps(row).encode()) for row in rows]
    vote = Vote(candidates(named, list(rows[0]), key), fields, Values(types or {}), key)
    for row in fields:
        vote.look_at(row)
    return vote.result(named=bool(named))


def test_a_named_column_refers_to_the_key() -> None:
    """Though another column has some of the values too."""
    rows = [{"id": number, "boss": number // 2, "age": 1 + number % 3} for number in range(1, 20)]
    assert [Reference(("boss",), ("id",))] == found(rows, key=("id",), named=[("boss",)])


def test_a_named_column_may_refer_to_another_than_the_key() -> None:
    """The key has none of the values."""
    rows = [{"id": number, "code": f"c{number}", "whole": f"c{number - 1}"} for number in range(20)]
    assert [Reference(("whole",), ("code",))] == found(rows, key=("id",), named=[("whole",)])


def test_a_column_that_is_not_named_is_the_one_with_most_values_of_the_key() -> None:
    """Behind a view the server names no column."""
    rows = [{"id": number, "age": 1 + number % 3, "boss": number // 2} for number in range(1, 20)]
    assert [Reference(("boss",), ("id",))] == found(rows, key=("id",))


def test_several_columns_are_paired_with_those_of_the_key() -> None:
    """In the order in which most rows find another: a column of both refers to itself."""
    rows = [{"firm": 1 + number % 2, "id": number, "head": number - 2} for number in range(1, 20)]
    expected = [Reference(("head", "firm"), ("id", "firm"))]
    assert expected == found(rows, key=("firm", "id"), named=[("head", "firm")])


def test_values_are_compared_as_their_types_are() -> None:
    """A uuid may be written in capitals."""
    rows: list[dict[str, object]] = [{"id": "AB-1", "boss": None}, {"id": "ab-2", "boss": "ab-1"}]
    assert [] == found(rows, key=("id",), named=[("boss",)])
    uuids = {"id": "uuid", "boss": "uuid"}
    expected = [Reference(("boss",), ("id",))]
    assert expected == found(rows, key=("id",), named=[("boss",)], types=uuids)


def test_a_column_with_many_rows_of_one_value_is_not_referred_to() -> None:
    """A foreign key refers to what is unique."""
    rows = [{"id": 1000 + number, "boss": number % 9, "age": number % 9} for number in range(90)]
    assert [] == found(rows, key=("id",), named=[("boss",)])


def test_a_key_is_referred_to_however_many_versions_a_row_has() -> None:
    """A log of changes has each row many times."""
    rows = [{"id": "a", "boss": "b"} for _ in range(9)] + [{"id": "b", "boss": "a"}]
    assert [Reference(("boss",), ("id",))] == found(rows, key=("id",), named=[("boss",)])


def test_nothing_is_found_where_no_value_is() -> None:
    """All rows refer to rows that are not there."""
    rows = [{"id": number, "boss": number + 1000} for number in range(10)]
    assert [] == found(rows, key=("id",), named=[("boss",)])
