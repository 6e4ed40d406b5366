"""The order in which rows that were held back are tried again: parents before their children.

Rows that are ready, because no row that they wait for is held back any more, get the next turns, those of
one shape together. A row waits for its parents (references.py) and for the rows of its key before it. In a
circle the first row of the source goes first: within a request the order does not matter. All of this
is done in tables of the journal, as there may be many rows.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping, Sequence

import orjson

from loader.batch.key_equality import ANY
from loader.formats.json_fields import decode
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
_CHAIN = """
insert or ignore into edge
select before, id from (select id, lag(id) over (partition by compared order by id) as before
    from node where compared is not null) where before is not null
"""
_ALL_IN_ORDER = "insert into turn (held) select held from node order by id"
_REFER = "insert or ignore into edge select offer.node, need.node from need join offer using (value) \
where offer.node <> need.node"
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
    database.execute("update held set round = 0")  # it was of an earlier run, or round
    any_key = _nodes(database)
    values = Values(types)
    _edges(database, _references(database, key, values), values)
    if any_key:  # it may be equal to every other: no row may pass another
        database.execute(_ALL_IN_ORDER)
    else:
        _sort(database)
    database.execute("commit")


def spare(database: sqlite3.Connection, number: int) -> None:
    """Write the rows into the table ``spared`` that may still get in, after a round in which none did.

    They are those that were not refused in it, as they wait behind others, and all that wait for them.
    """
    database.execute("delete from spared")
    database.execute(_SPARE, (number,))


def _nodes(database: sqlite3.Connection) -> bool:
    """Number the rows in the order of the sources; return whether one has a key that may equal any."""
    shapes: dict[tuple[str, ...], int] = {}
    any_key = False
    for number, (identity, row) in enumerate(held_table.all_rows(database), 1):
        shape = shapes.setdefault(row.shape.columns, len(shapes))
        compared = None if row.key is None else orjson.dumps(row.key).decode()
        any_key = any_key or row.key == ANY
        database.execute("insert into node values (?, ?, ?, ?, 0)", (number, identity, shape, compared))
        database.execute("insert into member values (?, ?)", (number, identity))
    return any_key


def _references(database: sqlite3.Connection, key: tuple[str, ...], values: Values) -> list[Reference]:
    """Find out which columns refer to which."""
    named: dict[tuple[str, ...], None] = {}
    columns: dict[str, None] = {}
    for _, row in held_table.all_rows(database):
        columns.update(dict.fromkeys(row.shape.columns))
        if row.reason is not None and row.reason.code == FOREIGN_KEY and (names := key_columns(row.reason)):
            named[names] = None
    (count,) = database.execute("select count(*) from held").fetchone()
    sample = (
        decode(row.row.data)
        for index, (_, row) in enumerate(held_table.all_rows(database))
        if index % (count // _SAMPLE + 1) == 0
    )
    vote = Vote(candidates(named, list(columns), key), sample, values)
    for _, row in held_table.all_rows(database):
        vote.look_at(decode(row.row.data))
    return vote.result(named=bool(named))


def _edges(database: sqlite3.Connection, references: Sequence[Reference], values: Values) -> None:
    """Note which row waits for which."""
    for number, (_, row) in enumerate(held_table.all_rows(database), 1):
        fields = decode(row.row.data)
        for index, reference in enumerate(references):
            for table, names in (("need", reference.columns), ("offer", reference.referred)):
                if (value := values.of(fields, names)) is not None:
                    name = orjson.dumps((index, *value)).decode()
                    database.execute(f"insert into {table} values (?, ?)", (name, number))  # noqa: S608 - no text of others
    database.execute(_REFER)
    database.execute(_CHAIN)
    database.execute(_COUNT)
    database.execute(_READY)


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
