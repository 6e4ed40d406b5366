"""The journal's own tables, and what a commit writes into them."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass, field, fields
from typing import Any

import orjson

from loader.formats import source_format
from loader.formats.source_format import SourceFormat
from loader.model import HeldBack, Place, Reject, RowId, RowRange
from loader.run import held_table, turns
from loader.run.journal_values import checked_columns

VERSION = 6  # of these tables

_SCHEMA = """
create table about (name text primary key, value text not null) without rowid;
create table settled (
    columns text not null,
    first_source integer not null, first_line integer not null,
    last_source integer not null, last_line integer not null
);
create index settled_by_last on settled (last_source, last_line);
create table sent (
    number integer not null, columns text not null,
    first_source integer not null, first_line integer not null,
    last_source integer not null, last_line integer not null
);
create table formats (source integer primary key, format blob not null);
create table rejects (
    source integer not null, number integer not null, line integer not null, offset integer not null,
    data blob not null, code text not null, message text not null, details text, hint text,
    "column" text,
    primary key (source, number)
) without rowid;
"""
# Each commit runs it: without the index it would look at all ranges beyond the watermark.
FORGET_SETTLED = "delete from settled where (last_source, last_line) < (?, ?)"
_TABLES = ("about", "settled", "sent", "formats", "rejects", "held")
_FEW, _MUCH = 1000, 8 * 2**20  # rejects, and bytes of them, that are kept in memory until a commit


@dataclass(slots=True)
class Notes:
    """What the next commit writes."""

    settled: list[RowRange] = field(default_factory=list)
    rejects: list[Reject] = field(default_factory=list)
    sent: dict[int, list[RowRange]] = field(default_factory=dict)
    forgotten: list[int] = field(default_factory=list)
    formats: dict[int, SourceFormat] = field(default_factory=dict)
    held_back: list[tuple[HeldBack, int]] = field(default_factory=list)
    released: list[RowId] = field(default_factory=list)
    rejects_size: int = 0  # in bytes

    @property
    def any(self) -> bool:
        """Whether there is anything to write."""
        return any(getattr(self, each.name) for each in fields(self))

    @property
    def crowded(self) -> bool:
        """Whether a commit is due only because of the rejects."""
        return len(self.rejects) > _FEW or self.rejects_size > _MUCH


def create(database: sqlite3.Connection, identity: str) -> None:
    """Make the tables anew, for a load of this identity (JSON). The caller has begun a transaction."""
    turns.drop(database)
    for table in _TABLES:
        database.execute(f"drop table if exists {table}")
    for statement in (_SCHEMA + held_table.SCHEMA).split(";"):
        database.execute(statement)
    set_about(database, version=str(VERSION), identity=identity, counts="{}")


def write(database: sqlite3.Connection, notes: Notes, watermark: Place, counts: dict[str, int]) -> None:
    """Write notes. The caller has begun a transaction.

    Args:
        database: the journal.
        notes: of what has happened since the last commit.
        watermark: everything before it is settled.
        counts: of the whole load, those of the notes included.
    """
    many = database.executemany
    many("insert into settled values (?, ?, ?, ?, ?)", map(_range_columns, notes.settled))
    many(
        "insert or ignore into rejects values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        map(_reject_columns, notes.rejects),
    )
    many(
        "insert into sent values (?, ?, ?, ?, ?, ?)",
        [(number, *_range_columns(rows)) for number, ranges in notes.sent.items() for rows in ranges],
    )
    formats = [(source, source_format.dumps(each)) for source, each in notes.formats.items()]
    many("insert or replace into formats values (?, ?)", formats)
    many("delete from sent where number = ?", [(number,) for number in notes.forgotten])
    held_table.delete(database, notes.released)
    held_table.write(database, notes.held_back)
    database.execute(FORGET_SETTLED, watermark[:2])
    set_about(database, watermark=place_text(watermark), counts=orjson.dumps(counts).decode())


def set_about(database: sqlite3.Connection, **values: str) -> None:
    """Set values of the load as a whole."""
    database.executemany("insert or replace into about values (?, ?)", values.items())


def place_text(place: Place) -> str:
    """Return a place as the journal writes it."""
    return orjson.dumps(list(place)).decode()


def row_range(columns: str, *places: int) -> RowRange:
    """Return the rows that a line of the table of settled or sent rows stands for."""
    return RowRange(checked_columns(columns), (places[0], places[1]), (places[2], places[3]))


def _range_columns(rows: RowRange) -> tuple[Any, ...]:
    return (orjson.dumps(rows.columns).decode(), *rows.first, *rows.last)


def _reject_columns(reject: Reject) -> tuple[Any, ...]:
    reason = reject.reason
    place = reject.place
    row = (place.source, place.number, place.line, place.offset, reject.data)
    return (*row, reason.code, reason.message, reason.details, reason.hint, reason.column)
