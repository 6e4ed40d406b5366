"""Loads into a server that does not describe its tables to the credential: --types tells the types."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from loader import check_settings
from loader.events import Event, Notice
from loader.plan import Plan, make_plan
from loader.settings.column_types import parse_types
from loader.sources.find import find
from tests.support.harness import Target
from tests.support.line_faults import Answer, reply
from tests.support.proxy import Proxy

SETUP = """
create table api.told (
    id int primary key, doc jsonb, list int[], yes boolean, "a,b" numeric(48, 18), mood core.market_enum
);
create table api.coded (code text primary key, id int);
grant select, insert, update on api.told, api.coded to api_data_producer;
"""
CSV = b'id,doc,list,yes,"a,b",mood\n1,"{""a"": 1.10}","{1,2}",yes,"1,5",kraken\n'
STORED = [("1", '{"a": 1.10}', "{1,2}", "t", "1.500000000000000000", "kraken")]
TYPES = 'doc=jsonb,list=int[],yes=bool,"a,b"=numeric(48,18),id=int4,mood=core.market_enum'
OPTIONS = {"table": "told", "format": "csv", "decimal": ","}


@pytest.fixture(scope="module")
def tables(servers: Target) -> Iterator[Target]:
    servers.sql(SETUP)
    servers.reload()
    yield servers
    servers.sql("drop table api.told, api.coded")
    servers.reload()


@pytest.fixture
def closed(tables: Target) -> Iterator[str]:
    """The URL of a gateway that keeps the description to itself, as Supabase's does for most keys."""
    tables.sql("truncate api.told, api.coded")
    with Proxy(tables.url) as proxy:
        no = Answer(reply("403 Forbidden", '{"message":"Access to schema is forbidden"}'))
        proxy.fault = lambda seen: no if seen.path == "/" else None
        yield proxy.url


class Watch:
    """Keeps what the user is told."""

    def __init__(self) -> None:
        self.told: list[str] = []

    def on(self, event: Event) -> None:
        if isinstance(event, Notice):
            self.told.append(event.message)


def stored(target: Target) -> list[tuple[str | None, ...]]:
    return target.texts('select id, doc, list, yes, "a,b", mood from api.told order by id')


async def test_what_is_not_known_is_told(tables: Target, closed: str) -> None:
    """Once, with the way out; and the rows are not what they should be."""
    watch = Watch()

    loaded = await tables.load(CSV, observer=watch, url=closed, **OPTIONS)

    (told,) = [text for text in watch.told if "--types" in text]
    assert "HTTP 403 for GET /" in told
    assert "The key is taken to be id" in told
    assert loaded.report.rows_rejected or stored(tables) != STORED


@pytest.mark.parametrize("in_file", [False, True])
async def test_types_that_are_told(tables: Target, closed: str, tmp_path: Path, in_file: bool) -> None:
    """The cells are written as where the server tells the types."""
    watch, path = Watch(), tmp_path / "types.txt"
    path.write_text(TYPES.replace(",", "\n").replace('"a\nb"', '"a,b"').replace("48\n18", "48,18"))
    types = parse_types(str(path) if in_file else TYPES)

    open_api = await tables.load(CSV, **OPTIONS)
    with_description = stored(tables)
    tables.sql("truncate api.told")
    loaded = await tables.load(CSV, observer=watch, url=closed, types=types, **OPTIONS)

    assert (1, 0, 0, 0) == open_api.counts == loaded.counts
    assert STORED == with_description == stored(tables)
    remarks = [text for text in watch.told if "types" in text]
    assert ["--types: mood is core.market_enum, which is taken for an enum or a domain of text"] == remarks


async def test_some_types_are_told(tables: Target, closed: str) -> None:
    """The columns whose types are still not known are named; none counts as one that the table lacks."""
    watch = Watch()

    loaded = await tables.load(
        CSV, observer=watch, url=closed, types=(("doc", "jsonb"), ("a,b", "numeric")), **OPTIONS
    )

    assert "lacks" not in (loaded.report.error or "")
    (told,) = [text for text in watch.told if "does not tell the type" in text]
    assert "of id, list, yes, mood:" in told


@pytest.mark.usefixtures("closed")
async def test_the_word_of_the_user_counts(tables: Target) -> None:
    """Where the server says otherwise, that is told, and --types counts."""
    watch = Watch()

    await tables.load(CSV, observer=watch, types=(("doc", "text"),), **OPTIONS)

    assert "--types: doc is text, and the server says jsonb: text counts" in watch.told
    assert [('"{\\"a\\": 1.10}"',)] == tables.texts("select doc from api.told")


async def test_column_that_the_table_lacks(tables: Target) -> None:
    """A misspelt name is an error, where the server tells the columns."""
    loaded = await tables.load(CSV, types=(("docs", "jsonb"),), **OPTIONS)

    assert 4 == loaded.report.exit_code
    assert "--types names docs, which told lacks" in (loaded.report.error or "")


async def test_key_that_is_not_known(tables: Target, closed: str) -> None:
    """A key that is not id must be named, and is then taken."""
    rows = ['{"code":"a","id":1}', '{"code":"b","id":2}']

    stopped = await tables.load(rows, url=closed, table="coded")
    loaded = await tables.load(rows, url=closed, table="coded", on_conflict=("code",))

    assert 4 == stopped.report.exit_code
    assert "The key was taken to be id, for the server tells none" in (stopped.report.error or "")
    assert (2, 0, 0, 0) == loaded.counts


async def test_plan(tables: Target, closed: str, tmp_path: Path) -> None:
    """A plan knows the types, too, and warns where it does not."""
    path = tmp_path / "rows.csv"
    path.write_bytes(CSV)

    async def planned(types: tuple[tuple[str, str], ...]) -> Plan:
        settings = tables.settings(url=closed, types=types, **OPTIONS)
        preset = check_settings(settings)
        return await make_plan(settings, find((str(path),)), [str(path)], preset=preset, has_target=True)

    without, told = await planned(()), await planned(parse_types(TYPES))

    assert 1 == len([text for text in without.warnings if "HTTP 403 for GET /" in text])
    assert [] == [text for text in told.warnings if "HTTP 403 for GET /" in text]
    assert ['{"a": 1.10}'] == [row["doc"] for row in told.rows]
