"""Domains over domains, whose base type OpenAPI does not tell: each is treated as its base type is."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from tests.support.processes import Loads
from tests.support.servers import Servers, running_servers

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
def servers(programs: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Servers]:
    """Start servers in another time zone, with domains of each type over domains."""
    del programs
    with running_servers(tmp_path_factory.mktemp("site")) as up:
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
def target(target: Servers) -> Servers:
    """Return the servers, with no rows in api.deep and api.hidden either."""
    target.sql("truncate api.deep, api.hidden")
    return target


@pytest.fixture
def load_options() -> tuple[str, ...]:
    """Have loads go to api.deep."""
    return ("--table=deep",)


@pytest.mark.parametrize("name", ["rows.csv", "rows.parquet"])
def test_a_domain_over_a_domain_stores_what_its_base_type_does(
    target: Servers, tmp_path: Path, loads: Loads, name: str
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
    """What is no JSON, and what is no number."""
    (tmp_path / "rows.csv").write_text("id,deep_1,deep_3\nk1,{a},1\nk2,1,x\n")

    run = loads.run("rows.csv")

    assert 1 == run.code, run.err
    assert {"not-json", "22P02"} == {group["code"] for group in run.report["rejects"]}


def test_a_type_that_nobody_tells_is_told(target: Servers, tmp_path: Path, loads: Loads) -> None:
    """Where the role may not read a column of json, which only a cast tells, a line says which it is."""
    (tmp_path / "rows.csv").write_text('id,deep,other\nk,"{""a"":1}","{""a"":1}"\n')

    run = loads.run("--table=hidden", "--resolution=none", "rows.csv")

    assert 0 == run.code, run.err
    assert 1 == run.err.count("the server does not tell the type of deep: a text for a json column is stored")
    stored = target.texts("select json_typeof(deep), jsonb_typeof(other) from api.hidden")
    assert [("string", "object")] == stored
