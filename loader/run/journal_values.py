"""Check the values in a journal: somebody may have changed them, or a disk.

A value that is not what the loader has written must not end as a bug, nor be taken for another value.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec
import orjson

from loader.errors import SettingsError
from loader.model import Place

_LARGEST = 2**63
_STORAGE = {"integer": "integer", "text": "text", "blob": "blob"}
_SOURCES = ("source", "first_source", "last_source")  # columns with the number of a source


@contextmanager
def undamaged(path: Path | str) -> Iterator[None]:
    """Translate what goes wrong over damaged values.

    Raises:
        SettingsError: in its place.
    """
    try:
        yield
    except (ValueError, TypeError, LookupError, AttributeError, msgspec.MsgspecError) as error:
        raise _damaged(path, str(error)) from error
    except sqlite3.OperationalError as error:
        if not str(error).startswith("no such"):
            raise
        raise _damaged(path, str(error)) from error


def check_types(database: sqlite3.Connection, sources: int) -> None:
    """Check that all columns hold what their types say; SQLite itself does not.

    Args:
        database: the journal.
        sources: how many sources the load has.

    Raises:
        ValueError: one does not.
    """
    tables = [name for (name,) in database.execute("select name from sqlite_master where type = 'table'")]
    for table in tables:
        for _, column, kind, *_ in database.execute(f'pragma table_info("{table}")').fetchall():
            storage = _STORAGE.get(str(kind).lower())
            if storage is None:
                continue
            wrong = f"typeof(\"{column}\") not in ('{storage}', 'null')"
            if column in _SOURCES:
                wrong += f' or "{column}" not between 0 and {sources - 1}'
            elif storage == "integer" and column in ("line", "offset", "first_line", "last_line"):
                wrong += f' or "{column}" < 0'
            query = f'select exists(select 1 from "{table}" where {wrong})'  # noqa: S608 - names of our own tables
            if database.execute(query).fetchone()[0]:
                raise ValueError(f"{table}.{column}")


def checked_identity(text: str) -> dict[str, Any]:
    """Return the identity of a load."""
    identity = orjson.loads(text)
    if not isinstance(identity, dict) or not isinstance(identity["sources"], list):
        raise ValueError("identity")  # noqa: TRY004 - undamaged() takes all alike
    for source in identity["sources"]:
        if not isinstance(source["name"], str):
            raise ValueError("identity")  # noqa: TRY004 - likewise
    return identity


def checked_place(text: str, sources: int) -> Place:
    """Return a place in one of so many sources, or at the end of all."""
    place = Place(*orjson.loads(text))
    if not all(type(part) is int and 0 <= part < _LARGEST for part in place):
        raise ValueError("watermark")
    if place.source > sources or not place.number or not place.line:
        raise ValueError("watermark")
    return place


def checked_counts(text: str) -> dict[str, int]:
    """Return the counts of a load, by name."""
    counts = orjson.loads(text)
    if not isinstance(counts, dict) or not all(
        type(count) is int and 0 <= count < _LARGEST for count in counts.values()
    ):
        raise ValueError("counts")
    return counts


def checked_columns(text: str) -> tuple[str, ...]:
    """Return the columns of a shape."""
    columns = orjson.loads(text)
    if not isinstance(columns, list) or not all(isinstance(column, str) for column in columns):
        raise ValueError("columns")
    return tuple(columns)


def _damaged(path: Path | str, what: str) -> SettingsError:
    return SettingsError(
        f"{path} is damaged: a value in it is not what bulkload has written ({what[:100]})",
        advice="--fresh begins anew; --run-dir leaves it and uses another folder.",
    )
