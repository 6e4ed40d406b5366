"""Rows that depend on other rows of the load: on parents, and on unique values that others hold."""

from __future__ import annotations

import gzip
import random
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path

import pytest

from loader.events import Event, Notice
from loader.settings import MaxErrors
from tests.support.harness import Loaded, Target
from tests.support.line_faults import Delay, Seen, Stall, passing
from tests.support.processes import Loads, await_that
from tests.support.proxy import Proxy

RESOLUTIONS = ["merge-duplicates", "ignore-duplicates", "none"]


@pytest.fixture(scope="module")
def staff(servers: Target) -> Iterator[Target]:
    """Tables whose rows refer to each other, one behind a view; and one with a second unique column."""
    servers.sql("""
        create table api.staff (id int primary key, boss int references api.staff, name text);
        create table core.hidden_staff (id int primary key, boss int references core.hidden_staff);
        create view api.hidden_staff as select * from core.hidden_staff;
        create table api.parts (
            id serial primary key, code text unique, whole text references api.parts(code)
        );
        create table api.branches (
            firm int, id int, head int,
            primary key (firm, id), foreign key (firm, head) references api.branches
        );
        create table api.desks (id int primary key, place int unique, owner int references api.staff);
        grant select, insert, update on api.staff, api.hidden_staff, api.parts, api.branches, api.desks
            to api_data_producer;
        grant usage on sequence api.parts_id_seq to api_data_producer;
    """)
    servers.reload()
    yield servers
    servers.sql("""
        drop view api.hidden_staff;
        drop table api.desks, api.branches, api.parts, core.hidden_staff, api.staff;
    """)


@pytest.fixture(autouse=True)
def empty(staff: Target) -> None:
    staff.sql("truncate api.staff, core.hidden_staff, api.parts, api.branches, api.desks")


class Notices:
    """Keeps what the user is told."""

    def __init__(self) -> None:
        self.messages: list[str] = []

    def on(self, event: Event) -> None:
        if isinstance(event, Notice):
            self.messages.append(event.message)


def person(number: int, boss: int | None) -> str:
    return f'{{"id":{number},"boss":{"null" if boss is None else boss}}}'


def chain(count: int) -> list[str]:
    """Each row is the parent of the next."""
    return [person(number, number - 1 if number > 1 else None) for number in range(1, count + 1)]


def tree(count: int, seed: int) -> list[str]:
    """Each row has a parent somewhere before it."""
    chance = random.Random(seed)
    return [
        person(number, chance.randrange(1, number) if number > 1 else None) for number in range(1, count + 1)
    ]


def shuffled(rows: Sequence[str], seed: int = 1) -> list[str]:
    return random.Random(seed).sample(rows, len(rows))


async def load(target: Target, rows: Sequence[str], table: str = "staff", **changes: object) -> Loaded:
    return await target.load(rows, **{"table": table, "format": "jsonl"} | changes)


def count(target: Target, table: str) -> int:
    return len(target.sql(f"table {table}"))


@pytest.mark.parametrize("resolution", RESOLUTIONS)
async def test_parents_before_their_children_all_get_in(staff: Target, resolution: str) -> None:
    """A chain with a row in each request: the requests find out that they must go in order."""
    notices = Notices()
    loaded = await load(staff, chain(60), batch_rows=1, resolution=resolution, observer=notices)
    assert (60, 0, 0, 0) == loaded.counts
    assert 60 == count(staff, "api.staff")
    assert loaded.report.requests < 2 * 60
    assert [] == notices.messages


async def test_a_large_file_of_parents_before_their_children(staff: Target) -> None:
    """It needs no other settings than the defaults, and hardly more requests than other files."""
    loaded = await load(staff, tree(6000, seed=2))
    assert (6000, 0, 0, 0) == loaded.counts
    assert 6000 == count(staff, "api.staff")
    assert loaded.report.requests < 60


@pytest.mark.parametrize("resolution", RESOLUTIONS)
async def test_a_shuffled_tree_loads_whole(staff: Target, resolution: str) -> None:
    """Rows whose parents come later are tried again at the end, in some requests more and one round."""
    notices = Notices()
    loaded = await load(staff, shuffled(tree(20_000, seed=3)), resolution=resolution, observer=notices)
    assert (20_000, 0, 0, 0) == loaded.counts
    assert 20_000 == count(staff, "api.staff")
    assert loaded.report.requests < 200
    assert len(notices.messages) == 1
    assert notices.messages[0].endswith(
        "rows that may depend on others were tried again at the end, in 1 round"
    )


async def test_a_deep_tree_upside_down_loads_whole(staff: Target) -> None:
    """Within a request the order does not matter, so that depth costs no requests."""
    loaded = await load(staff, chain(5000)[::-1], batch_rows=500)
    assert (5000, 0, 0, 0) == loaded.counts
    assert loaded.report.requests < 60


async def test_parents_are_found_where_the_server_hides_the_values(staff: Target) -> None:
    """Behind a view PostgreSQL tells neither column nor value of the missing parent."""
    loaded = await load(staff, shuffled(tree(3000, seed=4)), table="hidden_staff", batch_rows=200)
    assert (3000, 0, 0, 0) == loaded.counts
    assert 3000 == count(staff, "core.hidden_staff")
    assert loaded.report.requests < 150


async def test_parents_are_found_by_a_column_that_is_not_the_key(staff: Target) -> None:
    """The key is a serial number that the rows do not have."""
    chance = random.Random(5)
    rows = ['{"code":"c1","whole":null}']
    rows += [f'{{"code":"c{number}","whole":"c{chance.randrange(1, number)}"}}' for number in range(2, 1001)]
    loaded = await load(staff, shuffled(rows), table="parts", resolution="none", batch_rows=100)
    assert (1000, 0, 0, 0) == loaded.counts
    assert 1000 == count(staff, "api.parts")
    assert loaded.report.requests < 100


async def test_parents_are_found_by_several_columns(staff: Target) -> None:
    """The columns of the foreign key and of the key are paired as the constraint does."""
    chance = random.Random(6)
    rows = [f'{{"firm":{firm},"id":1,"head":null}}' for firm in range(3)]
    rows += [
        f'{{"firm":{firm},"id":{number},"head":{chance.randrange(1, number)}}}'
        for firm in range(3)
        for number in range(2, 301)
    ]
    loaded = await load(staff, shuffled(rows), table="branches", batch_rows=100)
    assert (900, 0, 0, 0) == loaded.counts
    assert loaded.report.requests < 100


async def test_rows_of_several_shapes_find_their_parents(staff: Target) -> None:
    """Rows of different columns cannot share a request, parents and children neither."""
    rows = [
        row.replace(',"boss":null', "").replace("}", f',"name":"{index}"}}' if index % 3 else "}")
        for index, row in enumerate(tree(1000, seed=7))
    ]
    for seed, order in enumerate((rows, shuffled(rows), rows[::-1])):
        staff.sql("truncate api.staff cascade")
        loaded = await load(staff, order, batch_rows=50)
        assert (1000, 0, 0, 0) == loaded.counts, seed
        assert [(str(1000 - 334),)] == staff.texts("select count(name) from api.staff")


async def test_a_circle_gets_in_by_one_request(staff: Target) -> None:
    """None of its rows could get in alone."""
    circle = [person(1, 3), person(2, 1), person(3, 2), person(4, 3)]
    loaded = await load(staff, circle)
    assert (4, 0, 0, 0) == loaded.counts


async def test_rows_without_a_parent_are_rejected_with_the_server_s_words(staff: Target) -> None:
    """An orphan, and all who depend on it; the others get in, each with its own reason and place."""
    rows = [person(1, None), person(5, 4), person(4, 99), person(3, 2), person(2, 1), person(6, 5)]
    loaded = await load(staff, rows, batch_rows=2)
    assert (3, 0, 0, 3) == loaded.counts
    assert [(1,), (2,), (3,)] == staff.sql("select id from api.staff order by id")
    assert [(2, "23503"), (3, "23503"), (6, "23503")] == loaded.codes
    assert [rows[1].encode(), rows[2].encode(), rows[5].encode()] == loaded.rejects
    told = [error["details"].split(" is ")[0] for error in loaded.errors]
    assert ["Key (boss)=(4)", "Key (boss)=(99)", "Key (boss)=(5)"] == told


async def test_rows_of_a_csv_are_rejected_as_they_stand_in_it(staff: Target) -> None:
    """They were held back in another form, and come back in that of their source."""
    source = (
        "id,boss,name\n2,1,b\n1,,a\n" + '8,77,"x, y"\n' + "".join(f"{n},{n + 1},\n" for n in range(10, 20))
    )
    loaded = await staff.load(source.encode() + b"20,,z\n", table="staff", format="csv", batch_rows=3)
    assert (13, 0, 0, 1) == loaded.counts
    assert '8,77,"x, y"' == (loaded.folder / "rejects.csv").read_text().splitlines()[1]
    assert [(4, "23503")] == loaded.codes


async def test_a_load_of_orphans_stops_early(staff: Target) -> None:
    """--max-errors stops it after some requests more than it allows rejects; the rejects say why."""
    orphans = [person(number, number + 1_000_000) for number in range(1, 20_001)]
    loaded = await load(staff, orphans, max_errors=MaxErrors(number=20))
    assert loaded.report.exit_code == 3
    assert loaded.report.rows_rejected == 21 == len(loaded.rejects)
    assert loaded.report.requests < 150


async def test_rows_that_wait_do_not_count_as_rejects(staff: Target) -> None:
    """A tree upside down is refused row by row, but no row of it is bad."""
    loaded = await load(staff, chain(200)[::-1], batch_rows=1, max_errors=MaxErrors(number=0))
    assert (200, 0, 0, 0) == loaded.counts


async def test_a_missing_row_of_another_table_is_no_row_of_the_load(staff: Target) -> None:
    """Such rows are rejected at once: the load stops long before the end of the source."""
    desks = [f'{{"id":{number},"owner":{number}}}' for number in range(1, 5001)]
    notices = Notices()
    loaded = await load(staff, desks, table="desks", batch_rows=100, observer=notices)
    assert loaded.report.exit_code == 3
    assert 101 <= loaded.report.rows_rejected < 1000
    assert [] == notices.messages


@pytest.mark.parametrize(
    ("resolution", "boss", "ended"),
    [
        ("merge-duplicates", 3, [(2, 1, "second")]),
        ("ignore-duplicates", 3, [(2, 3, "first")]),
        ("none", 3, [(2, 3, "first")]),
        ("merge-duplicates", 99, [(2, 1, "second")]),
        ("ignore-duplicates", 99, [(2, 1, "second")]),
        ("none", 99, [(2, 1, "second")]),
    ],
)
async def test_rows_of_one_key_keep_their_order(
    staff: Target, resolution: str, boss: int, ended: list[tuple[object, ...]]
) -> None:
    """A row does not overtake one of its key that is held back, whether that gets in or not."""
    rows = [
        '{"id":1,"boss":null,"name":"root"}',
        f'{{"id":2,"boss":{boss},"name":"first"}}',
        '{"id":2,"boss":1,"name":"second"}',
        '{"id":3,"boss":1,"name":"late"}',
    ]
    loaded = await load(staff, rows, batch_rows=1, resolution=resolution)
    assert ended == staff.sql("select * from api.staff where id = 2")
    rejected = (boss == 99) + (resolution == "none" and boss == 3)
    assert loaded.report.rows_rejected == rejected


async def test_a_value_that_an_earlier_row_gives_back_is_free(staff: Target) -> None:
    """Row by row 1 has place 7, then 8, and 2 gets 7: it is not rejected for coming too early."""
    rows = ['{"id":1,"place":7}']
    rows += [f'{{"id":{number},"place":{number}}}' for number in range(100, 140)]
    rows += ['{"id":1,"place":8}', '{"id":2,"place":7}', '{"id":100,"place":1}', '{"id":3,"place":100}']
    for _ in range(5):
        staff.sql("truncate api.desks")
        loaded = await load(staff, rows, table="desks", batch_rows=1, concurrency=8)
        assert (45, 0, 0, 0) == loaded.counts
        told = staff.sql("select id, place from api.desks where id <= 100 order by id")
        assert [(1, 8), (2, 7), (3, 100), (100, 1)] == told


async def test_many_duplicates_are_not_slowed_down(staff: Target) -> None:
    """Under ``none`` a key that is there is the row's fault: such rows are not sent again."""
    staff.sql("insert into api.staff select generate_series(1, 200)")
    rows = [person(number, None) for number in range(1, 401)]
    loaded = await load(
        staff, rows, resolution="none", batch_rows=1, max_errors=MaxErrors(number=1000), insert_first="never"
    )
    assert (200, 0, 0, 200) == loaded.counts
    assert loaded.report.requests < 400 + 20


def begun(folder: Path) -> bool:
    """Whether the load in a run directory has begun to try rows again."""
    path = folder / "journal.sqlite"
    if not path.exists():
        return False
    try:
        with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as database:
            return bool(database.execute("select count(*) from turn").fetchone()[0])
    except sqlite3.OperationalError:
        return False


def test_a_load_of_orphans_goes_on_where_it_stopped(staff: Target, tmp_path: Path) -> None:
    """With a higher --max-errors it ends: each orphan is rejected once, and what is no orphan gets in."""
    rows = [person(number, number + 1_000_000 if number % 2 else None) for number in range(1, 101)]
    (tmp_path / "rows.jsonl").write_text("".join(f"{row}\n" for row in rows))
    loads = Loads(tmp_path, staff.url, staff.secret, "--table=staff", "--batch-rows=10")
    stopped = loads.run("--max-errors=20", "rows.jsonl")
    ended = loads.run("--max-errors=50", "rows.jsonl")

    assert stopped.code == 3
    assert 21 == stopped.report["rows_rejected"] == len(stopped.rejects)
    assert ended.code == 1
    assert rows[::2] == ended.rejects
    assert (100, 50) == (ended.report["rows_read"], ended.report["rows_loaded"])


def test_a_source_that_breaks_off_leaves_its_rows_held_back(staff: Target, tmp_path: Path) -> None:
    """A parent may stand in the part that is missing: nothing is rejected, and what can get in does."""
    chance = random.Random(10)
    rows = [f'{{"id":{number},"boss":1,"name":"{chance.randbytes(20).hex()}"}}' for number in range(2, 5000)]
    rows.insert(1000, '{"id":1,"boss":null,"name":""}')
    rows.insert(1010, '{"id":6000,"boss":7000,"name":""}')
    packed = gzip.compress("".join(f"{row}\n" for row in rows).encode())
    (tmp_path / "rows.jsonl.gz").write_bytes(packed[: len(packed) // 2])
    run = Loads(tmp_path, staff.url, staff.secret, "--table=staff", "--batch-rows=100").run("rows.jsonl.gz")

    assert run.code == 4, run.err
    assert 0 == run.report["rows_rejected"]
    assert run.report["rows_read"] == run.report["rows_loaded"] == count(staff, "api.staff")
    assert run.report["rows_loaded"] > 2000
    with closing(sqlite3.connect(run.folder / "journal.sqlite")) as database:
        assert [(1011,)] == database.execute("select number from held").fetchall()


class Stalls:
    """Holds requests with rows back until the client has gone; then the server gets them."""

    def __init__(self) -> None:
        self.seen: list[Seen] = []

    def __call__(self, seen: Seen) -> Stall | None:
        if not seen.number:
            return None
        self.seen.append(seen)
        return Stall(late=True)


@pytest.mark.parametrize("resolution", RESOLUTIONS)
def test_a_load_that_is_killed_while_it_tries_again_loses_nothing(
    staff: Target, tmp_path: Path, resolution: str
) -> None:
    """The same command ends it, whatever was killed: a round, or a request that then gets through."""
    rows = shuffled(tree(2000, seed=8))
    (tmp_path / "rows.jsonl").write_text("".join(f"{row}\n" for row in rows))
    chance = random.Random(9)
    options = ["--table=staff", "--batch-rows=50", "--concurrency=4", f"--resolution={resolution}"]
    with Proxy(staff.url, reads_bodies=True) as proxy:
        loads = Loads(tmp_path, proxy.url, staff.secret, *options)
        for kill in range(3):
            proxy.fault = passing
            process = loads.start("rows.jsonl")
            await_that(lambda: begun(process.folder), process)  # noqa: B023 - called here
            proxy.fault = lambda _seen: Delay(0.01)
            goal = len(proxy.posts) + chance.randint(2, 8)
            await_that(lambda: len(proxy.posts) >= goal, process)  # noqa: B023 - called here
            stalled = Stalls()
            proxy.fault = stalled
            await_that(stalled.seen.__len__, process)
            run = process.kill()
            assert run.code == -9, f"kill {kill} came too late: {run.err}"
            proxy.await_idle()
        proxy.fault = passing
        run = loads.run("rows.jsonl")

    assert run.code == 0, run.err
    assert 2000 == count(staff, "api.staff")
    report = run.report
    assert report["resumed"]
    assert 2000 == report["rows_read"] == report["rows_loaded"] + report["rows_ignored"]
    assert 0 == report["rows_ignored"] or resolution == "ignore-duplicates"


def test_a_load_that_is_killed_while_it_reads_still_knows_what_it_held_back(
    staff: Target, tmp_path: Path
) -> None:
    """The rows stand in the run directory: they are not read again."""
    rows = chain(2000)[::-1]
    (tmp_path / "rows.jsonl").write_text("".join(f"{row}\n" for row in rows))
    with Proxy(staff.url, reads_bodies=True) as proxy:
        loads = Loads(
            tmp_path, proxy.url, staff.secret, "--table=staff", "--batch-rows=50", "--concurrency=4"
        )
        proxy.fault = lambda seen: Stall() if seen.number > 25 else None
        process = loads.start("rows.jsonl")
        await_that(lambda: len(proxy.posts) > 28, process)
        run = process.kill()
        proxy.await_idle()
        proxy.fault = passing
        assert run.code == -9
        with closing(sqlite3.connect(run.folder / "journal.sqlite")) as database:
            (held_back,) = database.execute("select count(*) from held").fetchone()
        run = loads.run("rows.jsonl")

    assert held_back >= 50
    assert run.code == 0, run.err
    assert f"{held_back:,} rows were settled before" in run.first
    assert 2000 == count(staff, "api.staff") == run.report["rows_loaded"]
