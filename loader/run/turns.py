"""The order in which rows that were held back are tried again: parents before their children.

Rows that are ready, because no row that they wait for is held back any more, get the next turns, those of
one shape together. A row waits for its parents (references.py) and for the rows of its key before it. In a
circle the first row of the source goes first: within a request the order does not matter. All of this
is done in tables of the journal, as there may be many rows.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Mapping, Sequence

import orjson

from loader.formats.json_fields import Fields, decode
from loader.model import Reason
from loader.postgrest.constraints import FOREIGN_KEY, key_columns
from loader.run import held_table
from loader.run.references import Reference, Values, Vote, candidates

_SAMPLE = 5000  # rows by whose values references are found
_TABLES = ("turn", "member", "node", "need", "offer", "edge", "wave", "spared")
_SCHEMA = """
create table turn (position integer primary key, held integer not null unique);
create table member (id integer primary key, held integer not null unique);
create table node (id integer primary key, held integer not null, shape integer not null,
    compared text, missing integer not null default 0);
create table need (value text not null, node integer not null);
create table offer (value text not null, node integer not null, primary key (value, node)) without rowid;
create table edge (parent integer not null, child integer not null, primary key (parent, child))
    without rowid;
create index edge_child on edge (child);
create table wave (node integer primary key);
create table spared (node integer primary key);
"""
_FORGET_ROUNDS = "update held set round = 0 where round <> 0"
_NODES = """
insert into node select row_number() over (order by source, number), id,
    dense_rank() over (order by columns), compared, 0 from held
"""
_CHAIN = """
insert or ignore into edge
select before, id from (select id, lag(id) over (partition by compared order by id) as before
    from node where compared is not null) where before is not null
"""
_ALL_IN_ORDER = "insert into turn (held) select held from node order by id"
# Of the versions of a row the last is enough, for it waits for the others: else there were an edge for each
# version and each row that refers to it.
_LAST_VERSIONS = """
delete from offer where (value, node) not in (
    select value, max(node) from offer join node on node.id = offer.node
    group by value, ifnull(compared, node.id))
"""
# A row that refers to its own key waits for nobody.
_REFER = """
insert or ignore into edge
select parent.id, child.id from need join offer using (value)
    join node parent on parent.id = offer.node join node child on child.id = need.node
    where parent.id <> child.id and (parent.compared is null or parent.compared is not child.compared)
"""
_COUNT = "update node set missing = (select count(*) from edge where child = node.id)"
_READY = "create index ready on node (missing, shape, id)"
_TAKE = "insert into wave select id from node where missing = 0 and shape = ?"
_TURNS = "insert into turn (held) select held from wave cross join node on node.id = wave.node order by id"
_RELEASE = """
update node set missing = missing - (
    select count(*) from edge cross join wave on wave.node = edge.parent where edge.child = node.id
) where id in (select child from wave cross join edge on edge.parent = wave.node)
"""
_SPARE = """
insert into spared
with recursive hopeful (node) as (
    select member.id from member join held on held.id = member.held where held.round <> ?
    union select child from hopeful cross join edge on edge.parent = hopeful.node
) select node from hopeful
"""
_DONE = "delete from node where id in (select node from wave)"


def drop(database: sqlite3.Connection) -> None:
    """Drop the tables."""
    for table in _TABLES:
        database.execute(f"drop table if exists {table}")


def order(database: sqlite3.Connection, key: tuple[str, ...], types: Mapping[str, str]) -> None:
    """Write the order of all rows that are held back into the table ``turn``.

    Args:
        database: the journal.
        key: the relation's key.
        types: its columns' types, as OpenAPI names them.
    """
    database.execute("begin immediate")
    drop(database)
    for statement in _SCHEMA.split(";"):
        database.execute(statement)
    database.execute(_FORGET_ROUNDS)
    database.execute(_NODES)
    database.execute("insert into member select id, held from node")
    values = Values(types)
    _edges(database, _references(database, key, values), values)
    if held_table.holds_any_key(database):  # it may be equal to every other: no row may pass another
        database.execute(_ALL_IN_ORDER)
    else:
        _sort(database)
    database.execute("commit")


def again(database: sqlite3.Connection) -> None:
    """Begin another round in the same order: no row has gone since the last."""
    database.execute(_FORGET_ROUNDS)


def spare(database: sqlite3.Connection, number: int) -> None:
    """Write the rows into the table ``spared`` that may still get in, after a round in which none did.

    They are those that were not refused in it, as they wait behind others, and all that wait for them.
    """
    database.execute("delete from spared")
    database.execute(_SPARE, (number,))


def _references(database: sqlite3.Connection, key: tuple[str, ...], values: Values) -> list[Reference]:
    """Find out which columns refer to which."""
    named: dict[tuple[str, ...], None] = {}
    columns: dict[str, None] = {}
    for (shape,) in database.execute("select distinct columns from held"):
        columns.update(dict.fromkeys(orjson.loads(shape)))
    for details in database.execute("select details from held where code = ?", (FOREIGN_KEY,)):
        if names := key_columns(Reason(FOREIGN_KEY, "", *details)):
            named[names] = None
    (count,) = database.execute("select count(*) from held").fetchone()
    sample = (fields for number, fields in _rows(database) if number % (count // _SAMPLE + 1) == 0)
    vote = Vote(candidates(named, list(columns), key), sample, values, key)
    for _, fields in _rows(database):
        vote.look_at(fields)
    return vote.result(named=bool(named))


def _rows(database: sqlite3.Connection) -> Iterator[tuple[int, Fields]]:
    """Yield the number of each node, and the row's fields."""
    query = "select member.id, data from member cross join held on held.id = member.held order by member.id"
    for number, data in database.execute(query):
        yield number, decode(data)


def _edges(database: sqlite3.Connection, references: Sequence[Reference], values: Values) -> None:
    """Note which row waits for which."""
    for index, reference in enumerate(references):
        for statement, columns in (
            ("insert into need values (?, ?)", reference.columns),
            ("insert into offer values (?, ?)", reference.referred),
        ):
            read = ((values.of(fields, columns), number) for number, fields in _rows(database))
            told = ((orjson.dumps((index, *value)).decode(), number) for value, number in read if value)
            database.executemany(statement, told)
    for statement in (_LAST_VERSIONS, _REFER, _CHAIN, _COUNT, _READY):
        database.execute(statement)


def _sort(database: sqlite3.Connection) -> None:
    """Give each row its turn."""
    shape = -1
    while True:
        if not database.execute(_TAKE, (shape,)).rowcount:
            # No more of this shape: one that has a row ready, else the first row of a circle.
            ready = database.execute("select shape from node where missing = 0 limit 1").fetchone()
            if ready is None:
                first = database.execute("select id, shape from node order by id limit 1").fetchone()
                if first is None:
                    return
                database.execute("update node set missing = 0 where id = ?", first[:1])
                ready = first[1:]
            (shape,) = ready
            continue
        database.execute(_TURNS)
        database.execute(_RELEASE)
        database.execute(_DONE)
        database.execute("delete from wave")
