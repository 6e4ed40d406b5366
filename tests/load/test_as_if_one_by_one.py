"""The guarantees as a property, on the real server: random streams against a model that goes one by one."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from loader.run import journal
from loader.throttle import throttle
from tests.support.harness import Loaded, Target, line

EXAMPLES = 100  # for each of the three resolutions
COLUMNS = ("a", "b", "c")
RESOLUTIONS = ["merge-duplicates", "ignore-duplicates", "none"]
ON_THE_REAL_SERVER = settings(
    max_examples=EXAMPLES,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
FEWER = settings(ON_THE_REAL_SERVER, max_examples=EXAMPLES // 2)


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


@pytest.mark.parametrize("resolution", RESOLUTIONS)
@ON_THE_REAL_SERVER
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


def check_counts(loaded: Loaded, model: Model | KinModel, rows: list[Line]) -> None:
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


KIN = ("boss", "badge", "a")


@st.composite
def kin(draw: st.DrawFn, *, badges: bool) -> list[Line]:
    """A stream of rows that refer to each other, before and after they come, or to nobody.

    There is no circle: whether one gets in depends on which of its rows share a request.

    Args:
        draw: hypothesis's.
        badges: whether each key has a badge, which is unique, and which it may share with another.
    """
    shapes = (
        [("badge",), ("badge", "a"), ("a",)] if badges else [("boss",), ("boss", "a"), ("a", "boss"), ("a",)]
    )
    if badges and draw(st.booleans()):
        shapes = [draw(st.sampled_from(shapes))]
    badge = {f"k{number}": draw(st.integers(0, 5)) for number in range(9)}
    elders = draw(st.permutations(range(9)))  # each key refers to itself, or to those before it
    found: list[Line] = []
    for number in range(draw(st.integers(0, 50))):
        place = draw(st.integers(0, 8))
        key = f"k{elders[place]}"
        values: dict[str, str] = {}
        bad = False
        for column in draw(st.sampled_from(shapes)):
            if column == "boss":
                boss = draw(st.sampled_from([None, *elders[: place + 1], 9]))  # no row has the key k9
                values["boss"] = "null" if boss is None else f'"k{boss}"'
            elif column == "badge":
                values["badge"] = str(badge[key])
            else:
                bad = draw(st.integers(0, 29)) == 0
                values["a"] = '"x"' if bad else str(number)
        raw = {name: value.encode() for name, value in values.items()}
        found.append(Line(line({"id": key} | raw), key, values, bad))
    return found


# Of k0 there are many versions, the first of which refers to nobody's key.
MANY_VERSIONS = [
    Line(line({"id": key, "boss": boss}), key, {"boss": json.dumps(boss)})
    for key, boss in [("k1", "k0"), ("k1", None), ("k0", "k9"), *[("k0", None)] * 5]
]


class KinModel:
    """What one-by-one application would leave, if rows without their parent are tried again at the end.

    Args:
        resolution: how rows are written.
        holders: which key holds a badge; None: the first that claims it.
    """

    def __init__(self, resolution: str, holders: dict[str, str] | None = None) -> None:
        self.table: dict[str, dict[str, str | None]] = {}
        self.resolution = resolution
        self.rejects: list[int] = []
        self.ignored = 0
        self._holders: dict[str, str] = {} if holders is None else holders

    def load(self, rows: list[Line]) -> None:
        waiting = self._go_through(list(enumerate(rows, 1)))
        while waiting:
            left = self._go_through(waiting)
            if len(left) == len(waiting):
                self.rejects += self._rejected(left)
                left = [(number, row) for number, row in left if number not in self.rejects]
            waiting = left
        self.rejects.sort()

    def _go_through(self, rows: list[tuple[int, Line]]) -> list[tuple[int, Line]]:
        """Apply rows, and return those that wait for a parent, or behind such a row of their key."""
        waiting: list[tuple[int, Line]] = []
        for number, row in rows:
            if any(row.key == other.key for _, other in waiting) or not self._apply(number, row):
                waiting.append((number, row))
        return waiting

    def _rejected(self, waiting: list[tuple[int, Line]]) -> list[int]:
        """Nothing gets in any more: the rows are bad whose parents do not wait behind another row."""
        keys = [row.key for _, row in waiting]
        first = [place for place, key in enumerate(keys) if keys.index(key) == place]
        blocking = [place for place in first if keys.count(keys[place]) > 1]
        hopeful = {keys[place] for place in blocking}
        spared: set[int] = set()
        while (
            more := {place for place in first if waiting[place][1].values["boss"].strip('"') in hopeful}
            - spared
        ):
            spared |= more
            hopeful |= {keys[place] for place in more}
        hopeless = [place for place in first if place not in spared]
        return [waiting[place][0] for place in hopeless or blocking]

    def _apply(self, number: int, row: Line) -> bool:
        """Apply a row; False: it waits for its parent."""
        assert row.key is not None
        values = {name: None if value == "null" else value.strip('"') for name, value in row.values.items()}
        badge, boss = values.get("badge"), values.get("boss")
        there = row.key in self.table
        if row.bad or (there and self.resolution == "none"):
            self.rejects.append(number)
        elif there and self.resolution == "ignore-duplicates":
            self.ignored += 1
        elif badge is not None and self._holders.setdefault(badge, row.key) != row.key:
            self.rejects.append(number)
        elif boss is not None and boss != row.key and boss not in self.table:
            return False
        else:
            self.table.setdefault(row.key, dict.fromkeys(KIN)).update(values)
        return True


@pytest.fixture(scope="module")
def kin_table(servers: Target) -> Iterator[Target]:
    """A table with a foreign key to itself and a second unique constraint."""
    servers.sql("""
        create table api.kin (id text primary key, boss text references api.kin, badge int unique, a bigint);
        grant select, insert, update on api.kin to api_data_producer;
    """)
    servers.reload()
    yield servers
    servers.sql("drop table api.kin")


def kin_contents(target: Target) -> dict[str, dict[str, str | None]]:
    return {
        str(key): dict(zip(KIN, values, strict=True))
        for key, *values in target.texts("select id, boss, badge, a from api.kin")
    }


@pytest.mark.parametrize("resolution", RESOLUTIONS)
@FEWER
@given(rows=kin(badges=False), batch_rows=st.integers(1, 12), concurrency=st.integers(1, 8))
@example(rows=MANY_VERSIONS, batch_rows=1, concurrency=1)
async def test_rows_get_in_wherever_their_parents_stand(
    kin_table: Target,
    monkeypatch: pytest.MonkeyPatch,
    resolution: str,
    rows: list[Line],
    batch_rows: int,
    concurrency: int,
) -> None:
    """A row whose parent gets in, before it or behind it, gets in; rows of a key keep their order."""
    monkeypatch.setattr(journal, "_SYNCHRONOUS", "off")
    kin_table.sql("truncate api.kin")
    model = KinModel(resolution)
    model.load(rows)

    loaded = await kin_table.load(
        [row.text for row in rows],
        table="kin",
        resolution=resolution,
        batch_rows=batch_rows,
        concurrency=concurrency,
    )

    assert loaded.report.error is None
    assert model.table == kin_contents(kin_table)
    check_counts(loaded, model, rows)


@pytest.mark.parametrize("resolution", RESOLUTIONS)
@FEWER
@given(rows=kin(badges=True), batch_rows=st.integers(1, 12), concurrency=st.integers(1, 8))
async def test_of_rows_that_claim_one_value_one_gets_it(
    kin_table: Target,
    monkeypatch: pytest.MonkeyPatch,
    resolution: str,
    rows: list[Line],
    batch_rows: int,
    concurrency: int,
) -> None:
    """One of them is stored, and the others are rejected; the first one, where rows are sent in order.

    They are not where several requests are in flight, where rows of other columns go into other requests, and
    where a row is left out for a later one of its key.
    """
    monkeypatch.setattr(journal, "_SYNCHRONOUS", "off")
    kin_table.sql("truncate api.kin")

    loaded = await kin_table.load(
        [row.text for row in rows],
        table="kin",
        resolution=resolution,
        batch_rows=batch_rows,
        concurrency=concurrency,
    )

    stored = kin_contents(kin_table)
    holders = {str(row["badge"]): key for key, row in stored.items() if row["badge"] is not None}
    in_order = concurrency == 1 and len({tuple(row.values) for row in rows}) < 2
    in_order = in_order and (resolution != "merge-duplicates" or len({row.key for row in rows}) == len(rows))
    model = KinModel(resolution, None if in_order else holders)
    model.load(rows)
    assert loaded.report.error is None
    assert model.table == stored
    check_counts(loaded, model, rows)


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
