"""The journal: what is settled for good, and where to resume after a kill. SQLite in the run directory.

A batch counts once it is committed here. Everything before the *watermark* is settled; beyond it the
journal knows which rows are: those of one shape between two places. A load that was killed reads on from
the watermark, passes over those, and sends again at most what was in flight.

journal_tables.py has its tables, and journal_past.py reads what earlier runs have left. Other modules have
tables of their own in it: held_table.py the rows that are held back, turns.py their order, and own_files.py
the files that bulkload made in the run directory.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import anyio
import anyio.to_thread
import orjson

from loader.errors import RunDirError
from loader.formats.source_format import SourceFormat
from loader.model import HeldBack, Place, Reason, Reject, RowId, RowRange
from loader.run.journal_past import NO_PAST, Owner, Past, read_owner, read_past
from loader.run.journal_tables import Notes, create, place_text, set_about, write
from loader.run.journal_values import undamaged
from loader.run.reject_groups import Group, group

Result = TypeVar("Result")

NAME = "journal.sqlite"
_SYNCHRONOUS = "full"  # outlives a power cut


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
        self._notes = Notes()
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
            return read_owner(self._database, self._path)

    def past(self, identity: dict[str, Any]) -> Past | None:
        """What earlier runs have left; None: nothing that goes on. Ask for the owner first.

        Raises:
            OtherLoad: the journal belongs to another, unfinished load.
            SettingsError: values in it are damaged.
        """
        with self._translated(), undamaged(self._path):
            past = read_past(self._database, identity)
        if past is not None:
            self._number = max([*past.sent, *past.sent_again], default=0)
        return past

    def begin(self, identity: dict[str, Any]) -> None:
        """Start anew: forget what an earlier load has left."""
        with self._translated():
            self._database.execute("begin immediate")
            create(self._database, orjson.dumps(identity).decode())
            set_about(self._database, watermark=place_text(NO_PAST.watermark))
            self._database.execute("commit")

    def reject(self, reject: Reject) -> None:
        """Note a rejected row, for the next commit."""
        self._notes.rejects.append(reject)
        self._notes.rejects_size += len(reject.data)

    def describe(self, source: int, source_format: SourceFormat) -> None:
        """Note, for the next commit, how a source is written."""
        self._notes.formats[source] = source_format

    def settle(self, rows: RowRange) -> None:
        """Note settled rows, for the next commit."""
        self._notes.settled.append(rows)

    def send(self, rows: Iterable[RowRange]) -> int:
        """Note, for the next commit, that rows are about to be inserted; gives a number for forget()."""
        self._number += 1
        self._notes.sent[self._number] = list(rows)
        return self._number

    def forget(self, number: int) -> None:
        """Note that the fate of rows that were sent is known."""
        if self._notes.sent.pop(number, None) is None:
            self._notes.forgotten.append(number)

    def hold_back(self, row: HeldBack, number: int) -> None:
        """Note a row that is held back in a round, for the next commit; round 0 is before the first."""
        self._notes.held_back.append((row, number))

    def release(self, row: RowId) -> None:
        """Note that a row that was held back is settled."""
        self._notes.released.append(row)

    @property
    def crowded(self) -> bool:
        """Whether a commit is due only because of the rejects that are noted."""
        return self._notes.crowded

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
            notes, self._notes = self._notes, Notes()
            if notes.any:
                with anyio.CancelScope(shield=True):
                    await anyio.to_thread.run_sync(self._write, notes, watermark(), counts())

    def _write(self, notes: Notes, mark: Place, counts: dict[str, int]) -> None:
        with self._translated():
            if self._database.in_transaction:
                self._database.execute("rollback")
            self._database.execute("begin immediate")
            write(self._database, notes, mark, counts)
            self._database.execute("commit")

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
            set_about(self._database, finished="yes")

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


def translated(path: Path | str, error: Exception) -> RunDirError:
    """Return the error for what SQLite or the system says of the journal."""
    advice = "Make room or name another --run-dir; what is not in the journal is sent again."
    if isinstance(error, sqlite3.DatabaseError) and not isinstance(error, sqlite3.OperationalError):
        advice = "It is damaged: --fresh begins anew."
    return RunDirError(f"{path}: {error}", advice=advice)
