"""How a write looks in the URL and the headers."""

from __future__ import annotations

import pytest

from loader.postgrest.query import with_keys
from loader.postgrest.write import Write

UPSERT = Write("merge-duplicates", ("id", "a b"))

WRITES = [
    pytest.param(
        UPSERT,
        "on_conflict=id,%22a%20b%22&columns=id,n",
        "resolution=merge-duplicates,return=minimal,count=exact,handling=strict",
        id="merge",
    ),
    pytest.param(
        Write("ignore-duplicates", ("id",)),
        "on_conflict=id&columns=id,n",
        "resolution=ignore-duplicates,return=minimal,count=exact,handling=strict",
        id="ignore",
    ),
    pytest.param(Write("none"), "columns=id,n", "return=minimal,count=exact,handling=strict", id="insert"),
    pytest.param(
        UPSERT.inserting_first(),
        "columns=id,n",
        "return=headers-only,count=exact,handling=strict",
        id="insert before an upsert",
    ),
]


@pytest.mark.parametrize(("write", "query", "prefer"), WRITES)
def test_write(write: Write, query: str, prefer: str) -> None:
    """An insert names no key and no resolution."""
    assert (query, {"Prefer": prefer}) == (write.query(("id", "n")), write.headers)


def test_only_an_upsert_may_be_repeated() -> None:
    """Whatever the load's resolution is."""
    assert [False, True, True] == [
        write.is_insert for write in (UPSERT, UPSERT.inserting_first(), Write("none"))
    ]


@pytest.mark.parametrize(
    ("columns", "keys", "query"),
    [
        (("id",), ["a", 'b"\\', "c,d"], "id=in.(%22a%22,%22b%5C%22%5C%5C%22,%22c%2Cd%22)"),
        (("a", "b c"), [("1", "2")], "or=(and(a.eq.%221%22,%22b%20c%22.eq.%222%22))"),
    ],
)
def test_rows_are_asked_for_by_their_keys(
    columns: tuple[str, ...], keys: list[str | tuple[str, ...]], query: str
) -> None:
    """Names and values are quoted for PostgREST, then for the URL."""
    assert query == with_keys(columns, keys)
