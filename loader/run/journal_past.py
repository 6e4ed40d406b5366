"""What earlier runs of a load have left in the journal."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson

from loader.errors import SettingsError
from loader.formats import source_format
from loader.formats.source_format import SourceFormat
from loader.model import BEGIN, Place, RowId, RowRange
from loader.run.journal_tables import VERSION, row_range
from loader.run.journal_values import check_types, checked_counts, checked_identity, checked_place

TABLES = "select name from sqlite_master where type = 'table'"


@dataclass(frozen=True, slots=True)
class Past:
    """What earlier runs of a load have left.

    Attributes:
        watermark: everything before it is settled.
        settled: rows beyond it that are settled.
        rejected: places beyond it of rows that are rejected.
        sent: plain inserts whose fate is not known: the rows of each, by its number.
        sent_again: likewise, of rows that were held back.
        held_back: how many rows are held back.
        counts: rows_loaded, requests and so on, of the whole load so far.
        formats: those of the sources that were read.
    """

    watermark: Place
    settled: tuple[RowRange, ...]
    rejected: frozenset[RowId]
    sent: dict[int, list[RowRange]]
    sent_again: dict[int, list[RowRange]]
    held_back: int
    counts: dict[str, int]
    formats: dict[int, SourceFormat]


@dataclass(frozen=True, slots=True)
class Owner:
    """Whose journal it is.

    Attributes:
        identity: of the load.
        finished: whether it has come to its end.
    """

    identity: dict[str, Any]
    finished: bool


NO_PAST = Past(BEGIN, (), frozenset(), {}, {}, 0, {}, {})


class OtherLoad(Exception):  # noqa: N818 - it is what it says
    """The journal belongs to another load, whose identity this is."""

    def __init__(self, identity: dict[str, Any]) -> None:
        super().__init__("another load")
        self.identity = identity


def read_owner(database: sqlite3.Connection, path: Path | str) -> Owner | None:
    """Return whose journal it is; None: it is new.

    Args:
        database: the journal.
        path: its file, for messages.

    Raises:
        SettingsError: it is of another version of bulkload.
        ValueError, LookupError, sqlite3.Error: values in it are damaged.
    """
    tables = {name for (name,) in database.execute(TABLES)}
    if not tables - {"own_files"}:
        return None
    about = dict(database.execute("select name, value from about"))
    if about["version"] != str(VERSION):
        raise SettingsError(
            f"{path} is of another version of bulkload: it is a journal of version "
            f"{about['version'][:20]}, and this is version {VERSION}",
            advice="Finish the load with the bulkload that began it, or begin anew with --fresh.",
        )
    identity = checked_identity(about["identity"])
    check_types(database, len(identity["sources"]))
    return Owner(identity, finished="finished" in about)


def read_past(database: sqlite3.Connection, identity: dict[str, Any]) -> Past | None:
    """Return what earlier runs have left; None: nothing that goes on. Ask for the owner first.

    Raises:
        OtherLoad: the journal belongs to another, unfinished load.
        ValueError, LookupError, sqlite3.Error: values in it are damaged.
    """
    about = dict(database.execute("select name, value from about"))
    watermark = checked_place(about["watermark"], len(checked_identity(about["identity"])["sources"]))
    nothing = (
        "select not exists(select 1 from settled) and not exists(select 1 from sent) "
        "and not exists(select 1 from rejects) and not exists(select 1 from held)"
    )
    if watermark == NO_PAST.watermark and database.execute(nothing).fetchone()[0]:
        return None  # it never got anywhere: perhaps its settings were wrong
    if (earlier := orjson.loads(about["identity"])) != identity:
        raise OtherLoad(earlier)
    sent, sent_again = _sent(database)
    (held_back,) = database.execute("select count(*) from held").fetchone()
    beyond = database.execute(
        "select source, number from rejects where (source, number) >= (?, ?)", watermark[:2]
    )
    (rejected,) = database.execute("select count(*) from rejects").fetchone()
    formats = database.execute("select * from formats")
    return Past(
        watermark,
        tuple(row_range(*columns) for columns in database.execute("select * from settled")),
        frozenset((source, number) for source, number in beyond),
        sent,
        sent_again,
        held_back,
        checked_counts(about["counts"]) | {"rows_rejected": rejected},
        {number: source_format.loads(data) for number, data in formats},
    )


def _sent(database: sqlite3.Connection) -> tuple[dict[int, list[RowRange]], dict[int, list[RowRange]]]:
    """Return the plain inserts whose fate is not known, and those of rows that were held back."""
    sent: dict[int, list[RowRange]] = {}
    sent_again: dict[int, list[RowRange]] = {}
    for number, again, *columns in database.execute(
        "select sent.number, exists(select 1 from held where source = first_source"
        " and held.number = first_line), columns, first_source, first_line, last_source, last_line"
        " from sent order by sent.number"
    ):
        (sent_again if again else sent).setdefault(number, []).append(row_range(*columns))
    return sent, sent_again
