"""Plain inserts first: the same end as upserts, and no loss where the rows are there already."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest

from tests.support.harness import Loaded, Target
from tests.support.line_faults import Fault, Seen, Swallow, every, passing
from tests.support.outcome import as_dict, check, clear, contents
from tests.support.proxy import Proxy
from tests.support.sources import Source, source

ROWS, BATCH_ROWS = 4000, 100


async def load(
    target: Target, made: Source, fault: Fault = passing, **changes: Any
) -> tuple[Loaded, list[bool], list[Seen]]:
    """Load a source; gives also for each request whether it was a plain insert, and the requests."""
    with Proxy(target.url, fault) as proxy:
        options = {"table": "faults", "batch_rows": BATCH_ROWS, "concurrency": 4} | changes
        loaded = await target.load(made.lines, url=proxy.url, **options)
        return loaded, ["on_conflict" not in seen.path for seen in proxy.posts], proxy.posts


async def test_new_rows_are_inserted(target: Target) -> None:
    """After the first batch all that can be in flight at once; no request is made in vain."""
    made = source(ROWS, bad=0, repeats=0.0, shapes=False)

    loaded, plain, posts = await load(target, made)

    check(target, made, as_dict(loaded.report))
    assert plain[0]
    assert all(plain[8:])
    assert {201} == {seen.status for seen in posts}
    assert ROWS // BATCH_ROWS == len(posts)


@pytest.mark.parametrize("resolution", ["merge-duplicates", "ignore-duplicates"])
async def test_a_load_over_the_same_rows_loses_one_request(target: Target, resolution: str) -> None:
    """The first batch meets a conflict; as no upsert has new rows, no insert is tried again."""
    made = source(ROWS, bad=0, repeats=0.0, shapes=False)
    await load(target, made)

    loaded, plain, posts = await load(target, made, resolution=resolution)

    counts = (ROWS, 0, 0, 0) if resolution == "merge-duplicates" else (0, 0, ROWS, 0)
    assert counts == loaded.counts
    assert made.stored == contents(target)
    assert [True] == [insert for insert in plain if insert]
    assert [409] == [seen.status for seen in posts if seen.status >= 300]


@pytest.mark.parametrize("resolution", ["merge-duplicates", "ignore-duplicates"])
async def test_new_rows_behind_old_ones_are_inserted_again(target: Target, resolution: str) -> None:
    """The replies to upserts tell when rows are new again."""
    made = source(ROWS, bad=0, repeats=0.0, shapes=False)
    half = Source(made.lines[: ROWS // 2], {}, {}, [])
    await load(target, half)

    loaded, plain, posts = await load(target, made, resolution=resolution, concurrency=1)

    assert made.stored == contents(target)
    assert ROWS == loaded.report.rows_read
    assert 1 == sum(seen.status == 409 for seen in posts)
    assert all(plain[-ROWS // BATCH_ROWS // 2 + 3 :])


async def test_where_each_batch_has_old_rows_inserts_are_tried_ever_more_rarely(target: Target) -> None:
    """Every second row is there: each upsert has new rows, and each insert meets a conflict."""
    made = source(ROWS, bad=0, repeats=0.0, shapes=False)
    await load(target, Source(made.lines[::2], {}, {}, []))

    loaded, plain, posts = await load(target, made, concurrency=1)

    check(target, made, as_dict(loaded.report))
    tries = [number for number, insert in enumerate(plain) if insert]
    gaps = [later - earlier for earlier, later in pairwise(tries)]
    assert sorted(gaps) == gaps
    assert len(tries) == sum(seen.status == 409 for seen in posts) <= 6


async def test_never_means_never(target: Target) -> None:
    """--insert-first never."""
    made = source(ROWS, repeats=0.0)

    loaded, plain, _ = await load(target, made, insert_first="never")

    check(target, made, as_dict(loaded.report))
    assert not any(plain)


@pytest.mark.parametrize("resolution", ["merge", "ignore"])
@pytest.mark.parametrize("seed", range(4))
async def test_dirty_rows_end_the_same_either_way(target: Target, resolution: str, seed: int) -> None:
    """Repeats near and far, bad rows, two shapes, some rows there before: table, counts and rejects."""
    made = source(ROWS, seed=seed)
    there = made.lines[: seed * 300]
    ends = []
    for insert_first in ("auto", "never"):
        clear(target)
        await target.load(there, table="faults")
        loaded, plain, _ = await load(
            target, made, insert_first=insert_first, resolution=f"{resolution}-duplicates"
        )
        ends.append((contents(target), loaded.rejects, loaded.counts[3], loaded.report.exit_code))
        assert any(plain) == (insert_first == "auto")
        assert ROWS == loaded.report.rows_read

    assert ends[0] == ends[1]
    assert made.rejects == [row.decode() for row in ends[0][1]]


@pytest.mark.parametrize("resolution", ["merge", "ignore"])
async def test_the_reply_to_an_insert_is_lost(target: Target, resolution: str) -> None:
    """Its rows are upserted: whether they were in or not, they are once and exact."""
    made = source(ROWS, seed=2, repeats=0.0)

    loaded, plain, posts = await load(
        target, made, every(5, Swallow()), resolution=f"{resolution}-duplicates"
    )

    assert any(insert and seen.stored and not seen.status for insert, seen in zip(plain, posts, strict=True))
    check(target, made, as_dict(loaded.report), resolution=resolution)


async def test_a_trigger_that_drops_rows_is_found_either_way(target: Target) -> None:
    """The insert is answered success for fewer rows than were sent: the others are found, and rejected."""
    made = source(500, bad=0, repeats=0.0, shapes=False)
    target.sql("""
        create function api.drop() returns trigger language plpgsql as $$
        begin if new.a % 100 = 7 then return null; end if; return new; end $$;
        create trigger drop before insert on api.faults for each row execute function api.drop();
    """)
    try:
        ends = []
        for insert_first in ("auto", "never"):
            clear(target)
            loaded, _, _ = await load(target, made, insert_first=insert_first)
            ends.append((contents(target), loaded.codes, loaded.counts))
    finally:
        target.sql("drop trigger drop on api.faults; drop function api.drop")

    assert ends[0] == ends[1]
    assert (495, 0, 0, 5) == ends[0][2]


POLICIES = """
    create table api.guarded (id text primary key, a bigint, b numeric, c text);
    alter table api.guarded enable row level security;
    create policy adds on api.guarded for insert to api_data_producer with check (a <> 13);
    create policy changes on api.guarded for update to api_data_producer using (true) with check (true);
    create policy sees on api.guarded for select to api_data_producer using (a % 100 <> 7);
    grant select, insert, update on api.guarded to api_data_producer
"""

OTHER_KEY = """
    create table api.guarded (number serial primary key, id text unique, a bigint, b numeric, c text);
    grant insert, select (id, a, b, c), update (id, a, b, c) on api.guarded to api_data_producer;
    grant usage on sequence api.guarded_number_seq to api_data_producer
"""


@pytest.mark.parametrize("resolution", ["merge-duplicates", "ignore-duplicates"])
@pytest.mark.parametrize(("table", "bad"), [(POLICIES, 6), (OTHER_KEY, 0)], ids=["policies", "privileges"])
async def test_what_an_upsert_may_not_write_is_not_inserted_either(
    target: Target, table: str, bad: int, resolution: str
) -> None:
    """Policies that hide a new row from its writer; a primary key that the role may not see."""
    made = source(500, bad=0, repeats=0.0, shapes=False)
    target.sql(table.encode())
    try:
        target.reload()
        ends = []
        for insert_first in ("auto", "never"):
            target.sql("truncate api.guarded")
            loaded, _, _ = await load(
                target,
                made,
                table="guarded",
                on_conflict=("id",),
                insert_first=insert_first,
                resolution=resolution,
            )
            stored = target.texts("select id, a, b, c from api.guarded order by id")
            ends.append((stored, loaded.codes, loaded.counts, loaded.report.exit_code))
    finally:
        target.sql("drop table api.guarded")

    assert ends[0] == ends[1]
    assert bad == len(ends[0][1])
    assert 500 - bad == len(ends[0][0])
