"""Loads into real servers, and what they leave behind."""

from __future__ import annotations

import json
import time
import urllib.request
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, LiteralString

import psycopg

import loader
from loader.run.report import Report
from loader.sandbox import Sandbox
from loader.settings import Settings

TRADE: dict[str, Any] = {
    "id": "t1",
    "timestamp": 1_700_000_000_000,
    "market": "kraken",
    "symbol": "ETH/USD",
    "base_asset": "ETH",
    "quote_asset": "USD",
    "is_buy": True,
    "amount": 1,
    "price": 2,
    "usd_value": 2,
}


def trade(id: str = "t1", **fields: Any) -> str:  # noqa: A002 - the column's name
    """Return a line with a whole trade. Values given as bytes are raw JSON."""
    return line(TRADE | {"id": id} | fields)


def line(fields: Mapping[str, Any]) -> str:
    """Return an object on one line. Values given as bytes are raw JSON."""
    parts = (
        f"{json.dumps(name)}:{value.decode() if isinstance(value, bytes) else json.dumps(value)}"
        for name, value in fields.items()
    )
    return "{" + ",".join(parts) + "}"


@dataclass(frozen=True)
class Loaded:
    """A load that has ended, and what it left behind."""

    report: Report
    folder: Path

    @property
    def rejects(self) -> list[bytes]:
        """The lines of rejects.jsonl: the rejected rows."""
        path = self.folder / "rejects.jsonl"
        return path.read_bytes().split(b"\n")[:-1] if path.exists() else []

    @property
    def errors(self) -> list[dict[str, Any]]:
        """The entries of rejects.errors.jsonl."""
        path = self.folder / "rejects.errors.jsonl"
        return [json.loads(entry) for entry in path.read_text().split("\n")[:-1]] if path.exists() else []

    @property
    def codes(self) -> list[tuple[int, str]]:
        """The line number and the code of each reject."""
        return [(error["line"], error["code"]) for error in self.errors]

    @property
    def counts(self) -> tuple[int, int, int, int]:
        """The rows loaded, superseded, ignored and rejected, which must add up to the rows read."""
        report = self.report
        counts = (report.rows_loaded, report.rows_superseded, report.rows_ignored, report.rows_rejected)
        assert sum(counts) == report.rows_read
        return counts


class Target:
    """A real PostgREST over a real PostgreSQL, for loads of this process."""

    def __init__(self, box: Sandbox, folder: Path) -> None:
        self.url = box.url
        self.secret = box.secret
        self.box = box
        self._folder = folder
        self._loads = 0
        self._connection = psycopg.connect(box.database, autocommit=True)

    def close(self) -> None:
        self._connection.close()

    def sql(self, statement: Any, *arguments: Any) -> list[tuple[Any, ...]]:
        """Run SQL as the superuser, and return its rows, if it has any."""
        cursor = self._connection.execute(statement, arguments or None)
        return cursor.fetchall() if cursor.description else []

    def texts(self, statement: LiteralString) -> list[tuple[str | None, ...]]:
        """Run SQL, and return its rows with each value as PostgreSQL writes it, so that no digit is lost."""
        with self._connection.cursor() as cursor:
            cursor.execute(statement)
            result = cursor.pgresult
            assert result is not None
            return [
                tuple(
                    None if (value := result.get_value(row, column)) is None else value.decode()
                    for column in range(result.nfields)
                )
                for row in range(result.ntuples)
            ]

    def copy(self, statement: LiteralString, text: str) -> None:
        """Run COPY ... FROM STDIN with this text."""
        with self._connection.cursor() as cursor, cursor.copy(statement) as copy:
            copy.write(text)

    def reload(self) -> None:
        """Have PostgREST read the schema again after DDL, and wait until it has."""
        marker = f"reloaded_{time.monotonic_ns()}"
        self.sql(f"create view api.{marker} as select 1 as one; grant select on api.{marker} to api_anon")
        self.sql("notify pgrst, 'reload schema'")
        deadline = time.monotonic() + 20
        while marker not in self._root():
            assert time.monotonic() < deadline, "PostgREST did not reload its schema"
            time.sleep(0.05)
        self.sql(f"drop view api.{marker}")

    def _root(self) -> str:
        with urllib.request.urlopen(f"{self.url}/", timeout=10) as reply:
            text: str = reply.read().decode()
            return text

    def settings(self, **changes: Any) -> Settings:
        """Return settings that lead to these servers."""
        given: dict[str, Any] = {"url": self.url, "jwt_secret": self.secret, "retry_for": 20.0} | changes
        return Settings(**given)

    async def load(
        self,
        source: bytes | str | Sequence[str] | Path,
        *,
        observer: Any = None,
        **changes: Any,
    ) -> Loaded:
        """Load lines, the bytes of a file, or a file, in this process; changes are those of `Settings`."""
        self._loads += 1
        folder = self._folder / f"load{self._loads}"
        folder.mkdir()
        path = source if isinstance(source, Path) else folder / "source.jsonl"
        if isinstance(source, bytes):
            path.write_bytes(source)
        elif isinstance(source, str):
            path.write_text(source, encoding="utf-8")
        elif not isinstance(source, Path):
            path.write_text("".join(f"{row}\n" for row in source), encoding="utf-8")
        settings = self.settings(**{"run_dir": folder} | changes)
        return Loaded(await loader.load(settings, [str(path)], observer=observer), folder)


def wait_for(what: Callable[[], bool], seconds: float = 10.0) -> None:
    """Wait until a condition holds; fail when that takes too long."""
    deadline = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def ids(rows: Iterable[tuple[Any, ...]]) -> list[Any]:
    """Return the first column of rows."""
    return [row[0] for row in rows]
