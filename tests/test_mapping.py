"""--map, --set and --drop: which columns are written, and as which."""

from __future__ import annotations

import pytest

from loader.errors import SettingsError
from loader.mapping import Mapping, parse_pairs

# the mapping, the source's columns, target -> source
MAPPINGS: list[tuple[Mapping, list[str], dict[str, str]]] = [
    (Mapping(), ["id", "a"], {"id": "id", "a": "a"}),
    (Mapping(renamed=(("b", "a"),)), ["id", "a"], {"id": "id", "b": "a"}),
    (Mapping(renamed=(("b", "a"), ("c", "a"))), ["a"], {"b": "a", "c": "a"}),
    (Mapping(renamed=(("a", "a"), ("b", "a"))), ["a"], {"a": "a", "b": "a"}),
    (Mapping(renamed=(("a", "b"), ("b", "a"))), ["a", "b"], {"a": "b", "b": "a"}),
    (Mapping(renamed=(("a", "b"),)), ["a", "b"], {"a": "b"}),
    (Mapping(constants=(("a", "1"),)), ["id", "a"], {"id": "id"}),
    (Mapping(dropped=frozenset({"a"})), ["id", "a"], {"id": "id"}),
    (Mapping(renamed=(("b", "x"),)), ["id"], {"id": "id"}),
]


@pytest.mark.parametrize(("mapping", "columns", "expected"), MAPPINGS)
def test_what_is_written_of_a_source(mapping: Mapping, columns: list[str], expected: dict[str, str]) -> None:
    """What --map and --set give replaces the source's own column of that name."""
    assert expected == mapping.targets(columns)


# the mapping, --columns, what is written, what a header must have
NAMED: list[tuple[Mapping, str, str, str]] = [
    (Mapping(), "id a", "id a", "id a"),
    (Mapping(renamed=(("id", "key"),)), "id a", "id a", "a"),
    (Mapping(renamed=(("id", "key"),)), "key a", "a id", "key a"),
    (Mapping(constants=(("c", "1"),)), "id c", "id c", "id"),
    (Mapping(constants=(("c", "1"),)), "id", "id c", "id"),
    (Mapping(dropped=frozenset({"a"})), "id a", "id", "id a"),
    (Mapping(renamed=(("a", "b"), ("b", "a"))), "id a b", "id a b", "id"),
]


@pytest.mark.parametrize(("mapping", "columns", "written", "expected"), NAMED)
def test_columns_are_the_tables_or_those_of_a_source_without_header(
    mapping: Mapping, columns: str, written: str, expected: str
) -> None:
    """What --map and --set give is written in any case; what they make a header need not have."""
    names = columns.split()

    assert (written, expected) == (" ".join(mapping.written(names)), " ".join(mapping.expected(names)))


def test_what_a_source_lacks() -> None:
    """What --map and --drop name must be there."""
    mapping = Mapping(renamed=(("b", "x"),), dropped=frozenset({"y", "a"}))

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
        Mapping(renamed, constants, frozenset(dropped))


@pytest.mark.parametrize(
    ("option", "text", "expected"),
    [
        ("--map", "a=b", ("a", "b")),
        ("--map", " a = b=c ", ("a", "b=c")),
        ("--set", "a= b", ("a", " b")),
        ("--set", "a=", ("a", "")),
        ("--set", "a=b=c", ("a", "b=c")),
    ],
)
def test_pairs_are_read(option: str, text: str, expected: tuple[str, str]) -> None:
    """A value of --set is taken as it stands."""
    assert (expected,) == parse_pairs(option, [text])


@pytest.mark.parametrize(
    ("option", "text"), [("--map", "a"), ("--map", "=b"), ("--map", "a="), ("--set", "=1")]
)
def test_what_is_no_pair_is_refused(option: str, text: str) -> None:
    """With how it is written."""
    with pytest.raises(SettingsError, match=f"{option} is '{text}'"):
        parse_pairs(option, [text])
