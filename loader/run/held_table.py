"""The rows that were held back, in the journal.

They are read already, and settled as far as the source is concerned: a resumed load passes over them. They
stand here until the end of the load has tried them again.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any

import orjson

from loader.batch.key_equality import ANY
from loader.model import HeldBack, Key, Place, Reason, Reject, Row, RowId, Shape

SCHEMA = """
create table held (
    id integer primary key,
    source integer not null, number integer not null, line integer not null, offset integer not null,
    columns text not null, key text not null, compared text, data blob not null, origin blob,
    code text, message text, details text, hint text,
    round integer not null,
    unique (source, number)
);
create index held_compared on held (compared) where compared is not null;
"""
_COLUMNS = "source, number, line, offset, columns, key, compared, data, origin, code, message, details, hint"
_ANY = orjson.dumps(ANY).decode()
_HOLDS_KEYS = "select exists(select 1 from held where compared is not null)"
_MOST_VARIABLES = 500  # of a statement


@dataclass(frozen=True, slots=True)
class StoredOrigin:
    """A row as its source has it (model.Origin), read from the journal."""

    place: Place
    source_data: bytes

    def data(self, _index: int) -> bytes:
        """Return the row as the source has it."""
        return self.source_data

    def line(self, _index: int) -> int:
        """Return its line."""
        return self.place.line

    def offset(self, _index: int) -> int:
        """Return its offset."""
        return self.place.offset


def write(database: sqlite3.Connection, rows: Iterable[tuple[HeldBack, int]]) -> None:
    """Write rows that were held back, or held back again.

    Args:
        database: the journal, in a transaction.
        rows: each with the number of the round in which it was refused; 0 is before the first. It is
            written for those that were refused alone, and negative for those that were with others. What
            only waits behind another row keeps what it had.
    """
    database.executemany(
        f"insert into held ({_COLUMNS}, round) values ({', '.join('?' * 14)})"  # noqa: S608 - no text of others
        " on conflict (source, number) do update set (code, message, details, hint, round)"
        " = (excluded.code, excluded.message, excluded.details, excluded.hint, excluded.round)"
        " where excluded.code is not null",
        [(*_columns(row), number if row.alone else -number) for row, number in rows],
    )


def delete(database: sqlite3.Connection, rows: Iterable[RowId]) -> None:
    """Delete rows that are settled."""
    database.executemany("delete from held where source = ? and number = ?", rows)


def holds_any_key(database: sqlite3.Connection) -> bool:
    """Return whether the key of a row may equal any other (key_equality.ANY)."""
    (found,) = database.execute("select exists(select 1 from held where compared = ?)", (_ANY,)).fetchone()
    return bool(found)


def keys_held(database: sqlite3.Connection, keys: Sequence[Key]) -> set[Key]:
    """Return those of the keys, as they are compared, that a row in the table has, or may have."""
    if holds_any_key(database):
        return set(keys)
    held: set[Key] = set()
    if ANY in keys and database.execute(_HOLDS_KEYS).fetchone()[0]:
        held.add(ANY)
    texts = {_text(key): key for key in keys}
    names = list(texts)
    for begin in range(0, len(names), _MOST_VARIABLES):
        part = names[begin : begin + _MOST_VARIABLES]
        found = database.execute(
            f"select distinct compared from held where compared in ({', '.join('?' * len(part))})",  # noqa: S608
            part,
        )
        held.update(texts[name] for (name,) in found)
    return held


def first_shape(database: sqlite3.Connection) -> Shape:
    """Return the columns of a row; there must be one."""
    (columns,) = database.execute("select columns from held limit 1").fetchone()
    return Shape(tuple(orjson.loads(columns)))


def of_turns(database: sqlite3.Connection, after: int) -> Iterator[tuple[int, HeldBack]]:
    """Yield rows with their positions in the order of turns, behind a position.

    Rows that come behind one of their key which has had its turn, and is still there, are left out.
    """
    names = ", ".join(f"held.{name.strip()}" for name in _COLUMNS.split(","))
    query = f"""
        select turn.position, {names} from turn cross join held on held.id = turn.held
        where turn.position > :after
        and not (held.compared is not null and exists (
            select 1 from held as earlier cross join turn as had on had.held = earlier.id
            where earlier.compared in (held.compared, :any) and had.position <= :after
            and (earlier.source, earlier.number) < (held.source, held.number)
        ))
        and not (ifnull(held.compared, '') = :any and exists (
            select 1 from held as earlier cross join turn as had on had.held = earlier.id
            where earlier.compared is not null and had.position <= :after
            and (earlier.source, earlier.number) < (held.source, held.number)
        ))
        order by turn.position
    """  # noqa: S608 - no text of others
    for position, *row in database.execute(query, {"after": after, "any": _ANY}):
        yield position, _held_back(row)


def rows_between(database: sqlite3.Connection, first: RowId, last: RowId) -> list[HeldBack]:
    """Return the rows between two, both included."""
    query = (
        f"select {_COLUMNS} from held"  # noqa: S608 - no text of others
        " where (source, number) between (?, ?) and (?, ?) order by source, number"
    )
    return [_held_back(row) for row in database.execute(query, (*first, *last))]


def count_untried(database: sqlite3.Connection, number: int) -> int:
    """Return how many rows were refused in a round with others, and not alone."""
    (count,) = database.execute("select count(*) from held where round = ?", (-number,)).fetchone()
    return int(count)


class Refused(Enum):
    """Some of the rows that were refused alone in a round, as a condition of SQL."""

    ALL = "true"
    # No row can let them in that has not had its turn (turns.spare).
    HOPELESS = "id not in (select held from member join spared on spared.node = member.id)"
    # Rows of their key wait behind them.
    BLOCKING = (
        "compared is not null and exists (select 1 from held as later"
        " where later.compared in (held.compared, :any)"
        " and (later.source, later.number) > (held.source, held.number))"
    )


def refused_alone(database: sqlite3.Connection, number: int, which: Refused) -> Iterator[Reject]:
    """Yield rows that were refused alone in a round as rejects."""
    query = f"select {_COLUMNS} from held where round = :round and {which.value}"  # noqa: S608 - ours
    for columns in database.execute(query, {"round": number, "any": _ANY}):
        row = _held_back(columns)
        if row.reason is not None:
            yield row.row.reject(row.reason)


def _columns(held_back: HeldBack) -> tuple[Any, ...]:
    row, reason = held_back.row, held_back.reason
    place = row.place
    return (
        *(place.source, place.number, place.line, place.offset),
        orjson.dumps(held_back.shape.columns).decode(),
        _text(row.key),
        None if held_back.key is None else _text(held_back.key),
        row.data,
        None if row.origin is None else row.origin.data(row.at),
        *((None,) * 4 if reason is None else (reason.code, reason.message, reason.details, reason.hint)),
    )


def _held_back(columns: Sequence[Any]) -> HeldBack:
    source, number, line, offset, shape, key, compared, data, origin, *reason = columns
    place = Place(source, number, offset, line)
    stored = None if origin is None else StoredOrigin(place, origin)
    return HeldBack(
        Row(data, _key(key), place, stored),
        Shape(tuple(orjson.loads(shape))),
        None if compared is None else _key(compared),
        None if reason[0] is None else Reason(*reason),
    )


def _text(key: Key) -> str:
    return orjson.dumps(key).decode()


def _key(text: str) -> Key:
    key = orjson.loads(text)
    return tuple(key) if isinstance(key, list) else key
