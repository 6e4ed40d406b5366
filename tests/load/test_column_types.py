"""Domains over domains, whose base type OpenAPI does not tell: each is treated as its base type is."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from loader.model import NoReply, Reason, Reply
from loader.postgrest.column_types import ambiguous_columns, base_type
from tests.support.processes import Loads
from tests.support.site import Site, site

# A type, a cell of CSV, a value of Parquet, both in its own form; what is refused of either, and why
TYPES: dict[str, tuple[str, Any]] = {
    "json": ('{"a":  1.10}', '{"a":  1.10}'),
    "jsonb": ('{"a":1.10}', [1, 2]),
    "bytea": ("\\x00ff", b"\x00\xff"),
    "numeric": ("1.10", datetime(2024, 3, 19, 1, 2, 3)),  # noqa: DTZ001 - that is what it is about
    "bigint": ("9007199254740993", datetime(2024, 3, 19, 1, 2, 3, tzinfo=UTC)),
    "timestamptz": ("2024-03-19 01:02:03+02", datetime(2024, 3, 19, 1, 2, 3)),  # noqa: DTZ001
    "timestamp": ("2024-03-19 01:02:03", datetime(2024, 3, 19, 1, 2, 3)),  # noqa: DTZ001
    "date": ("2024-03-19", date(2024, 3, 19)),
    "double precision": ("0.1", 0.1),
    "integer[]": ("{1,2}", [1, 2]),
    "text": ("x", "x"),
    "varchar(3)": ("x", "x"),
}
MADE = """
create domain api.inner_{n} as {type};
create domain api.outer_{n} as api.inner_{n};
alter table api.deep add plain_{n} {type}, add deep_{n} api.outer_{n};
"""


@pytest.fixture(scope="module")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with site(tmp_path_factory.mktemp("site")) as up:
        up.sql("create table api.deep (id text primary key)")
        for number, kind in enumerate(TYPES):
            up.sql(MADE.format(n=number, type=kind))
        up.sql("create table api.hidden (id text primary key, deep api.outer_0, other api.outer_1)")
        up.sql("grant select, insert, update on api.deep to api_data_producer")
        up.sql("grant select (id), insert, update on api.hidden to api_data_producer")
        up.sql("alter database bulkload set timezone = 'Asia/Tokyo'")
        up.replace_postgrest()
        yield up


@pytest.fixture
def target(servers: Site) -> Site:
    servers.sql("truncate api.deep, api.hidden")
    return servers


@pytest.fixture
def loads(target: Site, tmp_path: Path) -> Loads:
    return Loads(tmp_path, target.url, target.secret, "--table=deep")


@pytest.mark.parametrize("name", ["rows.csv", "rows.parquet"])
def test_a_domain_over_a_domain_stores_what_its_base_type_does(
    target: Site, tmp_path: Path, loads: Loads, name: str
) -> None:
    """Whether it is JSON, bytes, a number or a time."""
    place = name == "rows.parquet"
    values = {
        f"{kind}_{number}": [both[place]]
        for number, both in enumerate(TYPES.values())
        for kind in ("plain", "deep")
    }
    frame = pl.DataFrame({"id": ["k"]} | values)
    if place:
        frame.write_parquet(tmp_path / name)
    else:
        frame.write_csv(tmp_path / name)

    run = loads.run(name)

    assert 0 == run.code, run.err
    plain, deep = (
        [str(value) for name, value in row.items() if name.startswith(kind)]
        for ((row,),) in [target.sql("select to_jsonb(deep) from api.deep")]
        for kind in ("plain", "deep")
    )
    assert plain == deep


@pytest.mark.usefixtures("target")
def test_a_domain_over_a_domain_refuses_what_its_base_type_does(tmp_path: Path, loads: Loads) -> None:
    """What is no JSON, and what is no finite number."""
    (tmp_path / "rows.csv").write_text("id,deep_1,deep_3\nk1,{a},1\nk2,1,NaN\n")

    run = loads.run("rows.csv")

    assert 1 == run.code, run.err
    assert {"not-json", "not-finite"} == {group["code"] for group in run.report["rejects"]}


def test_a_type_that_nobody_tells_is_told(target: Site, tmp_path: Path, loads: Loads) -> None:
    """Where the role may not read a column of json, which only a cast tells, a line says which it is."""
    (tmp_path / "rows.csv").write_text('id,deep,other\nk,"{""a"":1}","{""a"":1}"\n')

    run = loads.run("--table=hidden", "--resolution=none", "rows.csv")

    assert 0 == run.code, run.err
    assert 1 == run.err.count("the server does not tell the type of deep: a text for a json column is stored")
    stored = target.texts("select json_typeof(deep), jsonb_typeof(other) from api.hidden")
    assert [("string", "object")] == stored


# What OpenAPI tells, what PostgreSQL says, what it is
SAID: list[tuple[str, int, Reason | None, str]] = [
    ("x.d", 400, Reason("22P02", 'invalid input syntax for type bigint: "\\xq"'), "bigint"),
    ("x.d", 400, Reason("22P02", "ungültige Eingabesyntax für Typ json"), "json"),
    ("x.d", 400, Reason("22007", "input for type timestamp: »\\xq«"), "timestamp without time zone"),
    ("x.d", 400, Reason("22023", 'invalid hexadecimal digit: "q"'), "bytea"),
    ("x.mood", 400, Reason("22P02", 'invalid input value for enum mood: "\\xq"'), "x.mood"),
    ("x.d", 404, Reason("42883", "operator does not exist: d = unknown"), "x.d"),
    ("x.d", 200, None, "x.d"),
    ("x.d", 403, Reason("42501", "permission denied for table t"), ""),
    ("x.d", 502, None, ""),
]  # fmt: skip


@pytest.mark.parametrize(("told", "status", "reason", "expected"), SAID)
def test_what_refuses_a_text_tells_the_type(
    told: str, status: int, reason: Reason | None, expected: str
) -> None:
    """In whatever language; what takes it is some kind of text, and keeps its name."""
    assert expected == base_type(told, Reply(status, reason))
    assert "" == base_type(told, NoReply("no answer"))


def test_only_types_that_are_not_known_are_asked_for() -> None:
    """No array, and none that the server does not tell either."""
    told = {"a": "bigint", "b": "numeric(48,18)", "c": "x.d[]", "d": "x.d", "e": "jsonb", "f": "", "g": '"D"'}
    assert ["d", "g"] == ambiguous_columns(told)
