"""--map, --set and --drop: which columns are written, and as which."""

from __future__ import annotations

import pytest

from loader.errors import SettingsError
from loader.transform.mapping import ColumnMapping

# the mapping, the source's columns, target -> source
MAPPINGS: list[tuple[ColumnMapping, list[str], dict[str, str]]] = [
    (ColumnMapping(), ["id", "a"], {"id": "id", "a": "a"}),
    (ColumnMapping(renamed=(("b", "a"),)), ["id", "a"], {"id": "id", "b": "a"}),
    (ColumnMapping(renamed=(("b", "a"), ("c", "a"))), ["a"], {"b": "a", "c": "a"}),
    (ColumnMapping(renamed=(("a", "a"), ("b", "a"))), ["a"], {"a": "a", "b": "a"}),
    (ColumnMapping(renamed=(("a", "b"), ("b", "a"))), ["a", "b"], {"a": "b", "b": "a"}),
    (ColumnMapping(renamed=(("a", "b"),)), ["a", "b"], {"a": "b"}),
    (ColumnMapping(constants=(("a", "1"),)), ["id", "a"], {"id": "id"}),
    (ColumnMapping(dropped=frozenset({"a"})), ["id", "a"], {"id": "id"}),
    (ColumnMapping(renamed=(("b", "x"),)), ["id"], {"id": "id"}),
    (ColumnMapping(renamed=(("b", "#2"),)), ["id", "a"], {"id": "id", "b": "a"}),
    (ColumnMapping(renamed=(("id", "#2"),)), ["id", "a"], {"id": "a"}),
    (ColumnMapping(renamed=(("b", "#2"),)), ["#2", "a"], {"a": "a", "b": "#2"}),
    (ColumnMapping(renamed=(("b", "#3"),)), ["id", "a"], {"id": "id", "a": "a"}),
    (ColumnMapping(dropped=frozenset({"#1"})), ["id", "a"], {"a": "a"}),
    (ColumnMapping(renamed=(("s", " s"),)), ["id", " s"], {"id": "id", "s": " s"}),
    (ColumnMapping(renamed=(("s", " t"),)), ["id", "t"], {"id": "id", "s": "t"}),
]


@pytest.mark.parametrize(("mapping", "columns", "expected"), MAPPINGS)
def test_what_is_written_of_a_source(
    mapping: ColumnMapping, columns: list[str], expected: dict[str, str]
) -> None:
    """What --map and --set give replaces the source's own column of that name."""
    assert expected == mapping.targets(columns)


# the mapping, --columns, what is written, what a header must have
NAMED: list[tuple[ColumnMapping, str, str, str]] = [
    (ColumnMapping(), "id a", "id a", "id a"),
    (ColumnMapping(renamed=(("id", "key"),)), "id a", "id a", "a"),
    (ColumnMapping(renamed=(("id", "key"),)), "key a", "a id", "key a"),
    (ColumnMapping(constants=(("c", "1"),)), "id c", "id c", "id"),
    (ColumnMapping(constants=(("c", "1"),)), "id", "id c", "id"),
    (ColumnMapping(dropped=frozenset({"a"})), "id a", "id", "id a"),
    (ColumnMapping(renamed=(("a", "b"), ("b", "a"))), "id a b", "id a b", "id"),
]


@pytest.mark.parametrize(("mapping", "columns", "written", "expected"), NAMED)
def test_columns_are_the_tables_or_those_of_a_source_without_header(
    mapping: ColumnMapping, columns: str, written: str, expected: str
) -> None:
    """What --map and --set give is written in any case; what they make a header need not have."""
    names = columns.split()

    assert (written, expected) == (" ".join(mapping.written(names)), " ".join(mapping.expected(names)))


def test_rows_of_json_have_no_positions() -> None:
    """Their keys may come in any order."""
    mapping = ColumnMapping(renamed=(("b", "#1"),))

    assert {"a": "a"} == mapping.targets(["a"], by_position=False)
    assert {1} == mapping.positions
    assert ["#1"] == mapping.lacking([])
    assert [] == mapping.lacking(["a"])


def test_what_a_source_lacks() -> None:
    """What --map and --drop name must be there."""
    mapping = ColumnMapping(renamed=(("b", "x"),), dropped=frozenset({"y", "a"}))

    assert ["x", "y"] == mapping.lacking(["a", "id"])


@pytest.mark.parametrize(
    ("renamed", "constants", "dropped", "words"),
    [
        ((("a", "x"), ("a", "y")), (), (), "--map and --set give a more than once"),
        ((("a", "x"),), (("a", "1"),), (), "--map and --set give a more than once"),
        ((("a", "x"),), (), ("x",), "--drop and --map both name x"),
    ],
)
def test_what_contradicts_itself_is_refused(
    renamed: tuple[tuple[str, str], ...],
    constants: tuple[tuple[str, str], ...],
    dropped: tuple[str, ...],
    words: str,
) -> None:
    """With the names of the columns."""
    with pytest.raises(SettingsError, match=words):
        ColumnMapping(renamed, constants, frozenset(dropped))
