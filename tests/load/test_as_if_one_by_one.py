"""The guarantees as a property, on the real server: random streams against a model that goes one by one."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from loader.run import journal
from loader.throttle import throttle
from tests.support.harness import Loaded, Target, line

EXAMPLES = 100  # for each of the three resolutions
COLUMNS = ("a", "b", "c")


@dataclass(frozen=True)
class Line:
    """A line of a source: its text; if it is a row, its key and values; whether it must be refused."""

    text: str
    key: str | None = None
    values: dict[str, str] = field(default_factory=dict)
    bad: bool = False


@st.composite
def lines(draw: st.DrawFn) -> list[Line]:
    """A stream over few keys and several shapes, with rows that are bad here or there mixed in."""
    found: list[Line] = []
    for number in range(draw(st.integers(0, 60))):
        kind = draw(st.integers(0, 29))
        if kind == 0:
            text = draw(st.sampled_from(["{", "[]", '{"a":1}', '{"id":"\\u0000"}', '{"id":"k0","a":NaN}']))
            found.append(Line(text, bad=True))
            continue
        if kind == 1:
            found.append(Line(draw(st.sampled_from(["", "  ", "\r"]))))
            continue
        key = f"k{draw(st.integers(0, 5))}"
        shape = draw(st.sampled_from([("a",), ("a", "b"), ("b", "a"), ("c",), ("b", "c"), ("a", "b", "c")]))
        values: dict[str, Any] = {}
        bad = False
        for column in shape:
            fault = draw(st.integers(0, 39))
            if fault == 0:
                values[column], bad = {"a": '"x"', "b": "1000", "c": '"too long"'}[column], True
            else:
                values[column] = {"a": str(number), "b": f"0.{number:03}00", "c": f'"{number}"'}[column]
        raw = {name: value.encode() for name, value in values.items()}
        fields = {"id": key} | raw if draw(st.booleans()) else raw | {"id": key}
        found.append(Line(line(fields), key, values, bad))
    return found


class Model:
    """What one-by-one application would leave."""

    def __init__(self, table: dict[str, dict[str, str | None]], resolution: str) -> None:
        self.table = {key: dict(row) for key, row in table.items()}
        self.resolution = resolution
        self.rejects: list[int] = []
        self.ignored = 0

    def apply(self, number: int, row: Line) -> None:
        there = row.key in self.table
        if row.bad or (there and self.resolution == "none"):
            self.rejects.append(number)
        elif row.key is None:
            return
        elif there and self.resolution == "ignore-duplicates":
            self.ignored += 1
        else:
            stored = self.table.setdefault(row.key, dict.fromkeys(COLUMNS))
            stored.update({column: value.strip('"') for column, value in row.values.items()})


@pytest.fixture(scope="module")
def table(servers: Target) -> Iterator[Target]:
    """A table that refuses some values, and now and then, for no reason, a whole statement."""
    servers.sql("""
        create table api.stream (id text primary key, a bigint, b numeric check (b < 1000), c varchar(4));
        create function api.stream_hiccup() returns trigger language plpgsql as $$
        begin
            if random() < 0.05 then raise sqlstate 'PT503' using message = 'hiccup'; end if;
            return null;
        end $$;
        create trigger hiccup before insert on api.stream execute function api.stream_hiccup();
        grant select, insert, update on api.stream to api_data_producer;
    """)
    servers.reload()
    yield servers
    servers.sql("drop table api.stream; drop function api.stream_hiccup")


def contents(target: Target) -> dict[str, dict[str, str | None]]:
    return {
        str(key): dict(zip(COLUMNS, values, strict=True))
        for key, *values in target.texts("select id, a, b, c from api.stream")
    }


@pytest.mark.parametrize("resolution", ["merge-duplicates", "ignore-duplicates", "none"])
@settings(
    max_examples=EXAMPLES,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(
    rows=lines(),
    there=st.sets(st.sampled_from(["k0", "k1", "k2", "k3"])),
    batch_rows=st.integers(1, 12),
    concurrency=st.integers(1, 8),
)
async def test_a_load_ends_as_if_rows_were_applied_one_by_one(
    table: Target,
    monkeypatch: pytest.MonkeyPatch,
    resolution: str,
    rows: list[Line],
    there: set[str],
    batch_rows: int,
    concurrency: int,
) -> None:
    """The table, the counts and the rejects are those of the model, whatever the batches."""
    monkeypatch.setattr(throttle, "_FIRST_WAIT", 0.01)
    monkeypatch.setattr(journal, "_SYNCHRONOUS", "off")
    table.sql("truncate api.stream")
    for key in there:
        table.sql("set session_replication_role = replica")
        table.sql("insert into api.stream values (%s, -1, -1, 'old')", key)
        table.sql("set session_replication_role = origin")
    model = Model(contents(table), resolution)
    for number, row in enumerate(rows, 1):
        model.apply(number, row)

    loaded = await table.load(
        [row.text for row in rows],
        table="stream",
        format="jsonl",  # else `[]` alone is an array of no rows
        resolution=resolution,
        batch_rows=batch_rows,
        batch_bytes=1024,
        concurrency=concurrency,
    )

    assert loaded.report.error is None
    assert model.table == contents(table)
    check_counts(loaded, model, rows)


def check_counts(loaded: Loaded, model: Model, rows: list[Line]) -> None:
    """Rejects and counts are the model's, but for rows that a later one of their batch stood in for."""
    count = sum(bool(row.text.strip()) for row in rows)
    _, superseded, ignored, rejected = loaded.counts
    assert count == loaded.report.rows_read
    assert [rows[error["line"] - 1].text.encode() for error in loaded.errors] == loaded.rejects
    numbers = [error["line"] for error in loaded.errors]
    assert rejected == len(numbers)
    if model.resolution != "merge-duplicates":
        assert model.rejects == numbers
        assert (0, model.ignored) == (superseded, ignored)
        return
    assert 0 == ignored
    missing = set(model.rejects) - set(numbers)
    assert set(numbers) <= set(model.rejects)
    for number in missing:
        row = rows[number - 1]
        later = (other for other in rows[number:] if other.key == row.key and row.key is not None)
        assert any(set(other.values) == set(row.values) for other in later)


def test_the_model_tells_resolutions_apart() -> None:
    """The model itself: the later row wins, the first, or the second is refused."""
    rows = [Line("", "k", {"a": "1"}), Line("", "k", {"b": "2"})]
    ended = {}
    for resolution in ("merge-duplicates", "ignore-duplicates", "none"):
        model = Model({}, resolution)
        for number, row in enumerate(rows, 1):
            model.apply(number, row)
        ended[resolution] = (json.dumps(model.table["k"]), model.rejects)
    both, first = '{"a": "1", "b": "2", "c": null}', '{"a": "1", "b": null, "c": null}'
    assert {"merge-duplicates": (both, []), "ignore-duplicates": (first, []), "none": (first, [2])} == ended
