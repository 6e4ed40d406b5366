"""The journal: what is settled for good, and where to resume after a kill. SQLite in the run directory.

A batch counts once it is committed here. Everything before the *watermark* is settled; beyond it the
journal knows which rows are: those of one shape between two places. A load that was killed reads on from
the watermark, passes over those, and sends again at most what was in flight.

Other modules have tables of their own in it: held_table.py the rows that are held back, turns.py their
order, and own_files.py the files that bulkload made in the run directory.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, TypeVar

import anyio
import anyio.to_thread
import orjson

from loader.errors import RunDirError, SettingsError
from loader.formats import source_format
from loader.formats.source_format import SourceFormat
from loader.model import BEGIN, HeldBack, Place, Reason, Reject, RowId, RowRange
from loader.run import held_table, turns
from loader.run.journal_values import (
    check_types,
    checked_columns,
    checked_counts,
    checked_identity,
    checked_place,
    undamaged,
)
from loader.run.reject_groups import Group, group

Result = TypeVar("Result")

NAME = "journal.sqlite"
TABLES = "select name from sqlite_master where type = 'table'"
_VERSION = 6
_SYNCHRONOUS = "full"  # outlives a power cut
_FEW, _MUCH = 1000, 8 * 2**20  # rejects, and bytes of them, that are kept in memory until a commit

_SCHEMA = """
create table about (name text primary key, value text not null) without rowid;
create table settled (
    columns text not null,
    first_source integer not null, first_line integer not null,
    last_source integer not null, last_line integer not null
);
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
_TABLES = ("about", "settled", "sent", "formats", "rejects", "held")


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


@dataclass(frozen=True, slots=True)
class RejectGroup:
    """Rejects with one code and one form of message: how many, and the first of them."""

    count: int
    example: Reject


class Journal:
    """The journal of one load.

    Args:
        path: its file, or ``:memory:`` for a load that is not to be resumed.

    Raises:
        RunDirError: it cannot be written.
    """

    def __init__(self, path: Path | str) -> None:
        self._path = path
        self._lock = anyio.Lock()
        self._settlements: list[RowRange] = []
        self._rejects: list[Reject] = []
        self._rejects_size = 0  # in bytes
        self._sent: dict[int, list[RowRange]] = {}
        self._forgotten: list[int] = []
        self._formats: dict[int, SourceFormat] = {}
        self._held_back: list[tuple[HeldBack, int]] = []
        self._released: list[RowId] = []
        self._number = 0
        self._failed: RunDirError | None = None
        with self._translated():
            self._database = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
            self._database.execute("pragma journal_mode = wal")
            self._database.execute(f"pragma synchronous = {_SYNCHRONOUS}")

    @contextmanager
    def _translated(self) -> Iterator[None]:
        """SQLite's errors as ours."""
        try:
            yield
        except (sqlite3.Error, OSError) as error:
            self._failed = translated(self._path, error)
            raise self._failed from error

    def owner(self) -> Owner | None:
        """Return whose journal it is; None: it is new.

        Raises:
            SettingsError: it is of another version of bulkload, or values in it are damaged.
        """
        with self._translated(), undamaged(self._path):
            tables = {name for (name,) in self._database.execute(TABLES)}
            if not tables - {"own_files"}:
                return None
            about = dict(self._database.execute("select name, value from about"))
            if about["version"] != str(_VERSION):
                raise SettingsError(
                    f"{self._path} is of another version of bulkload: it is a journal of version "
                    f"{about['version'][:20]}, and this is version {_VERSION}",
                    advice="Finish the load with the bulkload that began it, or begin anew with --fresh.",
                )
            identity = checked_identity(about["identity"])
            check_types(self._database, len(identity["sources"]))
            return Owner(identity, finished="finished" in about)

    def past(self, identity: dict[str, Any]) -> Past | None:
        """What earlier runs have left; None: nothing that goes on. Ask for the owner first.

        Raises:
            OtherLoad: the journal belongs to another, unfinished load.
            SettingsError: values in it are damaged.
        """
        with self._translated(), undamaged(self._path):
            about = dict(self._database.execute("select name, value from about"))
            watermark = checked_place(about["watermark"], len(checked_identity(about["identity"])["sources"]))
            nothing = (
                "select not exists(select 1 from settled) and not exists(select 1 from sent) "
                "and not exists(select 1 from rejects) and not exists(select 1 from held)"
            )
            if watermark == NO_PAST.watermark and self._database.execute(nothing).fetchone()[0]:
                return None  # it never got anywhere: perhaps its settings were wrong
            if (found := orjson.loads(about["identity"])) != identity:
                raise OtherLoad(found)
            settled = [_settlement(*found) for found in self._database.execute("select * from settled")]
            sent: dict[int, list[RowRange]] = {}
            sent_again: dict[int, list[RowRange]] = {}
            for number, again, *found in self._database.execute(
                "select sent.number, exists(select 1 from held where source = first_source"
                " and held.number = first_line), columns, first_source, first_line, last_source, last_line"
                " from sent order by sent.number"
            ):
                (sent_again if again else sent).setdefault(number, []).append(_settlement(*found))
            (held_back,) = self._database.execute("select count(*) from held").fetchone()
            beyond = self._database.execute(
                "select source, number from rejects where (source, number) >= (?, ?)", watermark[:2]
            )
            (rejected,) = self._database.execute("select count(*) from rejects").fetchone()
            counts = checked_counts(about["counts"]) | {"rows_rejected": rejected}
            self._number = max([*sent, *sent_again], default=0)
            return Past(
                watermark,
                tuple(settled),
                frozenset((source, number) for source, number in beyond),
                sent,
                sent_again,
                held_back,
                counts,
                {
                    number: source_format.loads(data)
                    for number, data in self._database.execute("select * from formats")
                },
            )

    def begin(self, identity: dict[str, Any]) -> None:
        """Start anew: forget what an earlier load has left."""
        with self._translated():
            self._database.execute("begin immediate")
            turns.drop(self._database)
            for table in _TABLES:
                self._database.execute(f"drop table if exists {table}")
            for statement in (_SCHEMA + held_table.SCHEMA).split(";"):
                self._database.execute(statement)
            self._about(
                version=str(_VERSION),
                identity=orjson.dumps(identity).decode(),
                watermark=orjson.dumps(list(NO_PAST.watermark)).decode(),
                counts="{}",
            )
            self._database.execute("commit")

    def reject(self, reject: Reject) -> None:
        """Note a rejected row, for the next commit."""
        self._rejects.append(reject)
        self._rejects_size += len(reject.data)

    def describe(self, source: int, found: SourceFormat) -> None:
        """Note, for the next commit, how a source is written."""
        self._formats[source] = found

    def settle(self, settlement: RowRange) -> None:
        """Note settled rows, for the next commit."""
        self._settlements.append(settlement)

    def send(self, rows: Iterable[RowRange]) -> int:
        """Note, for the next commit, that rows are about to be inserted; gives a number for forget()."""
        self._number += 1
        self._sent[self._number] = list(rows)
        return self._number

    def forget(self, number: int) -> None:
        """Note that the fate of rows that were sent is known."""
        if self._sent.pop(number, None) is None:
            self._forgotten.append(number)

    def hold_back(self, row: HeldBack, number: int) -> None:
        """Note a row that is held back in a round, for the next commit; round 0 is before the first."""
        self._held_back.append((row, number))

    def release(self, row: RowId) -> None:
        """Note that a row that was held back is settled."""
        self._released.append(row)

    @property
    def crowded(self) -> bool:
        """Whether a commit is due only because of the rejects that are noted."""
        return len(self._rejects) > _FEW or self._rejects_size > _MUCH

    async def commit(self, watermark: Callable[[], Place], counts: Callable[[], dict[str, int]]) -> None:
        """Make sure that all that was noted before this call is on disk.

        Calls that come while one is at work are served together by the next.

        Args:
            watermark: asked for the watermark when the notes are taken.
            counts: asked for the counts, those of the notes included, at the same time.

        Raises:
            RunDirError: the disk is full, or the like; what was noted does not count.
        """
        async with self._lock:
            if self._failed is not None:
                raise self._failed  # perhaps what was lost with it was the caller's
            settlements, self._settlements = self._settlements, []
            rejects, self._rejects = self._rejects, []
            self._rejects_size = 0
            sent, self._sent = self._sent, {}
            forgotten, self._forgotten = self._forgotten, []
            formats, self._formats = self._formats, {}
            held_back, self._held_back = self._held_back, []
            released, self._released = self._released, []
            notes = _Notes(settlements, rejects, sent, forgotten, formats, held_back, released)
            if notes.any:
                with anyio.CancelScope(shield=True):
                    await anyio.to_thread.run_sync(self._write, notes, watermark(), counts())

    def _write(self, notes: _Notes, mark: Place, counts: dict[str, int]) -> None:
        with self._translated():
            execute, many = self._database.execute, self._database.executemany
            if self._database.in_transaction:
                execute("rollback")
            execute("begin immediate")
            many("insert into settled values (?, ?, ?, ?, ?)", map(_settlement_columns, notes.settlements))
            many(
                "insert or ignore into rejects values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                map(_columns, notes.rejects),
            )
            many(
                "insert into sent values (?, ?, ?, ?, ?, ?)",
                [(number, *_settlement_columns(one)) for number, rows in notes.sent.items() for one in rows],
            )
            formats = [(source, source_format.dumps(found)) for source, found in notes.formats.items()]
            many("insert or replace into formats values (?, ?)", formats)
            many("delete from sent where number = ?", [(number,) for number in notes.forgotten])
            held_table.delete(self._database, notes.released)
            held_table.write(self._database, notes.held_back)
            execute("delete from settled where (last_source, last_line) < (?, ?)", mark[:2])
            self._about(watermark=orjson.dumps(list(mark)).decode(), counts=orjson.dumps(counts).decode())
            execute("commit")

    async def work(self, do: Callable[[sqlite3.Connection], Result]) -> Result:
        """Have something done with the database while nothing is committed.

        Raises:
            RunDirError: the disk is full, or the like.
        """

        def translated() -> Result:
            with self._translated():
                return do(self._database)

        async with self._lock:
            if self._failed is not None:
                raise self._failed
            with anyio.CancelScope(shield=True):
                results = [await anyio.to_thread.run_sync(translated)]
            return results[0]

    def finish(self) -> None:
        """The load is complete: the next one in this run directory starts anew."""
        with self._translated():
            self._about(finished="yes")

    def rejects(self) -> Iterator[Reject]:
        """All rejected rows, in the order of the sources."""
        with self._translated():
            for data, source, number, line, offset, *reason in self._database.execute(
                'select data, source, number, line, offset, code, message, details, hint, "column"'
                " from rejects order by source, number"
            ):
                yield Reject(data, Place(source, number, offset, line), Reason(*reason))

    def reject_groups(self) -> list[RejectGroup]:
        """Rejected rows by code and form of message, the most frequent first, each with its first row."""
        with self._translated():
            told = self._database.execute(
                "select source, number, code, message from rejects order by source, number"
            )
            groups = group(((source, number), code, message) for source, number, code, message in told)
            return [RejectGroup(each.count, self._example(each)) for each in groups]

    def _example(self, group: Group) -> Reject:
        """Return the first reject of a group, with the message that stands for all of them."""
        data, line, offset = self._database.execute(
            "select substr(data, 1, 1000), line, offset from rejects where source = ? and number = ?",
            group.first,
        ).fetchone()
        return Reject(data, Place(*group.first, offset, line), Reason(group.code, group.message))

    def close(self) -> None:
        """Close the file."""
        self._database.close()

    def _about(self, **values: str) -> None:
        self._database.executemany("insert or replace into about values (?, ?)", values.items())


class OtherLoad(Exception):  # noqa: N818 - it is what it says
    """The journal belongs to another load, whose identity this is."""

    def __init__(self, identity: dict[str, Any]) -> None:
        super().__init__("another load")
        self.identity = identity


def _columns(reject: Reject) -> tuple[Any, ...]:
    reason = reject.reason
    place = reject.place
    row = (place.source, place.number, place.line, place.offset, reject.data)
    return (*row, reason.code, reason.message, reason.details, reason.hint, reason.column)


@dataclass(frozen=True, slots=True)
class _Notes:
    """What one commit writes."""

    settlements: list[RowRange]
    rejects: list[Reject]
    sent: dict[int, list[RowRange]]
    forgotten: list[int]
    formats: dict[int, SourceFormat]
    held_back: list[tuple[HeldBack, int]]
    released: list[RowId]

    @property
    def any(self) -> bool:
        """Whether there is anything to write."""
        return any(getattr(self, field.name) for field in fields(self))


def _settlement_columns(one: RowRange) -> tuple[Any, ...]:
    return (orjson.dumps(one.columns).decode(), *one.first, *one.last)


def _settlement(columns: str, *places: int) -> RowRange:
    return RowRange(checked_columns(columns), (places[0], places[1]), (places[2], places[3]))


def translated(path: Path | str, error: Exception) -> RunDirError:
    """Return the error for what SQLite or the system says of the journal."""
    advice = "Make room or name another --run-dir; what is not in the journal is sent again."
    if isinstance(error, sqlite3.DatabaseError) and not isinstance(error, sqlite3.OperationalError):
        advice = "It is damaged: --fresh begins anew."
    return RunDirError(f"{path}: {error}", advice=advice)
