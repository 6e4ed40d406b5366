"""What would become of each column, by the options and by what the API tells."""

# ruff: noqa: E501 - a row of a table is a line
from __future__ import annotations

from typing import Any

import pytest

from loader.plan.columns import planned_columns, suggested_names
from loader.postgrest.description import Description, read_openapi
from loader.transform.mapping import ColumnMapping

TABLE = Description(
    {"id": "integer", "name": "text", "full_name": "text", "qty": "integer"},
    ("id",),
    required=frozenset({"id", "name", "qty"}),
    defaults=frozenset({"qty"}),
)


# fmt: off
CASES: list[tuple[tuple[str, ...], dict[str, Any], list[str]]] = [
    # the source's columns  mapping                         fates
    (("id", "name"),        {},                             ["id=id same name", "name=name same name", "-=full_name not written", "-=qty not written"]),
    (("id", "Full Name"),   {},                             ["id=id same name", "Full Name=full_name near match", "-=name required and missing", "-=qty not written"]),
    (("no", "name"),        {"renamed": (("id", "no"),)},   ["no=id --map", "name=name same name", "-=full_name not written", "-=qty not written"]),
    (("id", "x"),           {"dropped": frozenset("x"), "constants": (("name", "a"),)},
                                                            ["id=id same name", "x=- left out", "-=name --set", "-=full_name not written", "-=qty not written"]),
    (("id", "name", "x"),   {"columns": ("id", "name")},    ["id=id same name", "name=name same name", "x=- left out", "-=full_name not written", "-=qty not written"]),
    (("name",),             {},                             ["name=name same name", "-=id key, and missing", "-=full_name not written", "-=qty not written"]),
    (("id", "name", "x"),   {},                             ["id=id same name", "name=name same name", "x=- no such column", "-=full_name not written", "-=qty not written"]),
    ((),                    {},                             ["-=id no source is read", "-=name no source is read", "-=full_name no source is read", "-=qty no source is read"]),
]
# fmt: on


@pytest.mark.parametrize(("columns", "mapping", "fates"), CASES)
def test_fates(columns: tuple[str, ...], mapping: dict[str, Any], fates: list[str]) -> None:
    """Each column of the source, then those of the table that nothing is written to."""
    made = ColumnMapping(**mapping)
    near = suggested_names(columns, made, TABLE)

    planned = planned_columns(columns, made, TABLE, key=("id",), near=near)

    assert fates == [f"{column.source or '-'}={column.target or '-'} {column.fate}" for column in planned]


def test_untold() -> None:
    """Where the API tells no columns, nothing is called wrong."""
    planned = planned_columns(("id", "x"), ColumnMapping(), Description(), key=("id",), near={})

    assert ["the table's columns are not known"] * 2 == [str(column.fate) for column in planned]


def test_description() -> None:
    """OpenAPI calls NOT NULL required, and tells some defaults."""
    document = (
        '{"definitions":{"t":{"required":["id","a"],"properties":{'
        '"id":{"format":"integer","description":"<pk/>"},"a":{"format":"text","default":"x"},"b":{}}}}}'
    )

    told = read_openapi(document, "t")

    assert (("id",), {"id", "a"}, {"a"}) == (told.primary_key, set(told.required), set(told.defaults))
