"""Records that make a row together, wherever they stand in the sources, brought together.

They wait in a SQLite file in the run directory, so that memory does not grow with them. All sources are read
to their ends before the first row is made: a sum that lacks one of its records would be wrong.
"""

from __future__ import annotations

import sqlite3
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import contextmanager
from hashlib import blake2b
from itertools import groupby, islice
from operator import itemgetter
from pathlib import Path
from typing import Any, Self

import anyio.to_thread
import orjson

from loader.errors import RunDirError, SourceError
from loader.formats.json_fields import NOT_UTF8
from loader.model import Origin, Place, Reason
from loader.private_files import create_private
from loader.transform.groups import Groups
from loader.transform.presets import Record

_GROUPS = 1000  # that are fetched at a time
_Group = list[tuple[Any, ...]]
# What is sorted is short, and apart from the records themselves: these are written once, in a row, and read
# once, nearly so. A record that a later one replaces stays, without its key.
_SCHEMA = """
pragma journal_mode = off;
pragma synchronous = off;
pragma cache_size = -32000;
create table keys (seq integer primary key, together text, once blob unique, refused integer not null);
create table records (
    seq integer primary key, source integer not null, line integer not null, offset integer not null,
    record blob, code text, message text, data blob not null
);
"""
_ORDER = """
create table ordered as
    select min(seq) over (partition by coalesce(together, seq)) as first, seq from keys order by first, seq
"""
_ORDERED = (
    "select source, line, offset, data, record, code, message, first"
    " from ordered cross join records using (seq) order by ordered.rowid"
)
_STRAY = """
select source, line, message from keys join records using (seq)
    where refused and (together is null or together not in (
        select together from keys where not refused and together is not null))
    order by seq limit 1
"""

_REPEATS = """
select source, line, record from records where not exists (select 1 from keys where keys.seq = records.seq)
    order by seq limit ?
"""
_LISTED = 20  # repeats that a message names


class RecordGroups:
    """Records on their way into groups. Use it as a context manager.

    Args:
        path: where the file may stand; it is gone at the end.
        together: records with one value of this column make a row.
        identity: returns what tells a record from others: those alike are one record, written twice.
    """

    def __init__(
        self, path: Path, *, together: str, identity: Callable[[Record], Sequence[str | None]]
    ) -> None:
        self._path = path
        self._together = together
        self._identity = identity
        self._read = 0

    def __enter__(self) -> Self:
        with self._translated():
            self._path.unlink(missing_ok=True)
            create_private(self._path).close()
            self._database = sqlite3.connect(self._path, check_same_thread=False, isolation_level=None)
            self._database.executescript(_SCHEMA)
            self._database.execute("begin")
        return self

    def __exit__(self, *_: object) -> None:
        self._database.close()
        self._path.unlink(missing_ok=True)

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except (sqlite3.Error, OSError) as error:
            raise RunDirError(
                f"{self._path}: {error}",
                advice="Records that belong together wait there. Make room, or name another --run-dir.",
            ) from error

    async def add(
        self,
        source: int,
        records: Sequence[Record | Reason | None],
        origin: Origin,
        known: Callable[[int], str | None],
    ) -> None:
        """Take the records of a portion.

        Args:
            source: which source, counted from 0.
            records: each of them, or why it cannot be read; None: it is nothing.
            origin: knows them as the source has them.
            known: what brings together a record that cannot be read, by its place; None: that neither.
        """
        keys: list[tuple[Any, ...]] = []
        rows: list[tuple[Any, ...]] = []
        for place, record in enumerate(records):
            if record is None:
                continue
            found = self._checked(record)
            text: bytes | None = None
            code: str | None = None
            message: str | None = None
            if isinstance(found, Reason):
                code, message = found.code, found.message
                keys.append((self._read, known(place) if found is record else None, None, True))
            else:
                together, once, text = found
                keys.append((self._read, together, once, False))
            where = (source, origin.line(place), origin.offset(place))
            rows.append((self._read, *where, text, code, message, origin.data(place)))
            self._read += 1
        await anyio.to_thread.run_sync(self._insert, keys, rows)

    def _checked(self, record: Record | Reason) -> tuple[str, bytes, bytes] | Reason:
        """What brings a record together with others, what tells it from them, and its text."""
        if isinstance(record, Reason):
            return record
        together = record.get(self._together)
        if not together:
            return Reason("null", f"{self._together} is null")
        try:
            # Short, and of one length: the index of them is as large as all that must be in memory.
            key = blake2b(orjson.dumps(self._identity(record)), digest_size=16).digest()
            return together, key, orjson.dumps(record)
        except TypeError:  # what orjson says to text that is no UTF-8
            return NOT_UTF8

    def _insert(self, keys: list[tuple[Any, ...]], rows: list[tuple[Any, ...]]) -> None:
        with self._translated():
            self._database.executemany("insert or ignore into keys values (?, ?, ?, ?)", keys)
            self._database.executemany("insert into records values (?, ?, ?, ?, ?, ?, ?, ?)", rows)

    def summary(self) -> str:
        """What was brought together, for people."""
        with self._translated():
            count, groups = self._database.execute(
                "select count(*), count(distinct coalesce(together, seq)) from keys"
            ).fetchone()
        twice = self._read - count
        made = f"{count:,} record{'s make' if count != 1 else ' makes'} {groups:,} row{'s' * (groups != 1)}"
        twice = self._read - count
        if not twice:
            return made
        stand, go = ("stands", "counts") if twice == 1 else ("stand", "count")
        return f"{made}; {twice:,} that {stand} there twice {go} once"

    def repeats(self, names: Sequence[str]) -> str:
        """Return how many records repeat others, and which, for people; empty if none does.

        Args:
            names: of the sources.
        """
        with self._translated():
            (count,) = self._database.execute("select count(*) from keys").fetchone()
            if count == self._read:
                return ""
            repeats = self._database.execute(_REPEATS, (_LISTED,)).fetchall()
        listed = [
            f"{names[source]}:{line} ({self._together} {orjson.loads(record)[self._together]})"
            for source, line, record in repeats
        ]
        number = self._read - count
        rest = f", and {number - len(listed):,} more" if number > len(listed) else ""
        what = (
            f"{number:,} records repeat others and count"
            if number > 1
            else "1 record repeats another and counts"
        )
        return f"{what} once: {', '.join(listed)}{rest}"

    def refuse_strays(self, names: Sequence[str]) -> None:
        """See that each record that cannot be read belongs to records that can: then it refuses just them.

        Raises:
            SourceError: one may belong to any of the others, whose sum would lack it.
        """
        with self._translated():
            stray = self._database.execute(_STRAY).fetchone()
        if stray is not None:
            source, line, message = stray
            raise SourceError(
                f"{names[source]}:{line}: this cannot be read, and it may belong to any order: {message}",
                advice="Mend it, or take it out, and load the source with --fresh. Nothing was sent.",
            )

    def _put_in_order(self) -> None:
        with self._translated():
            self._database.execute(_ORDER)

    async def groups(self, start: Place) -> AsyncIterator[Groups]:
        """The groups in the order of their first records, from ``start`` on; each is numbered as a row."""
        await anyio.to_thread.run_sync(self._put_in_order)
        groups = (list(group) for _, group in groupby(self._database.execute(_ORDERED), itemgetter(-1)))
        numbers: Counter[int] = Counter()  # of the last group, by its source

        def some() -> list[_Group]:
            with self._translated():
                return list(islice(groups, _GROUPS))

        while fetched := await anyio.to_thread.run_sync(some):
            for source, found in groupby(fetched, lambda group: int(group[0][0])):
                of_source = list(found)
                number = numbers[source] + 1
                numbers[source] += len(of_source)
                passed = start.number - number if source == start.source else 0
                if source >= start.source and passed < len(of_source):
                    passed = max(0, passed)
                    yield _portion(source, number + passed, of_source[passed:])


def _portion(source: int, number: int, groups: list[_Group]) -> Groups:
    rows: list[list[Record] | Reason] = []
    for group in groups:
        refused = next((Reason(code, message) for *_, code, message, _ in group if code is not None), None)
        rows.append(refused or [orjson.loads(record) for *_, record, _, _, _ in group])
    start = Place(source, number, 0, groups[0][0][1])
    origin = _Records([(group[0][1], group[0][2], [row[3] for row in group]) for group in groups])
    return Groups(start, start._replace(number=number + len(groups)), rows, origin)


class _Records:
    """The origin of groups: of each the line and the offset of its first record, and all of them."""

    def __init__(self, groups: Sequence[tuple[int, int, Sequence[bytes]]]) -> None:
        self._groups = groups

    def data(self, index: int) -> bytes:
        """All records of a group as their sources have them, each on a line of its own, or more."""
        return b"\n".join(self._groups[index][2])

    def line(self, index: int) -> int:
        """On which line of its source the first of them begins."""
        return self._groups[index][0]

    def offset(self, index: int) -> int:
        """Where the first of them begins, in bytes."""
        return self._groups[index][1]
