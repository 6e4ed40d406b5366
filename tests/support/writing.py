"""Sources of each format: the rows of a `Source` as CSV, JSON arrays, Parquet, SQLite and so on.

What a format is called here is the name of its files, as in `pretty.json`; `pretty.json.gz` is compressed.
"""

from __future__ import annotations

import csv
import io
import json
import sqlite3
import tempfile
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import polars as pl

from tests.support.packing import PACK, packed
from tests.support.sources import COLUMNS, Source, source

NAMES = ("id", *COLUMNS)
Row = Mapping[str, Any]


@dataclass(frozen=True)
class Written:
    """A file.

    Attributes:
        data: its bytes.
        records: each row as a reject file must hold it.
        lines: on which line of the file each begins, or which row it is.
        head: what a reject file must begin with.
    """

    data: bytes
    records: list[bytes]
    lines: list[int]
    head: bytes = b""


@dataclass(frozen=True)
class Format:
    """A format of files, and how rows are written in it.

    Attributes:
        write: makes a file of them.
        options: that a load of it needs, as Settings names them.
        rejects: the name of the file of its rejected rows.
        shapes: whether a row may lack columns.
        typed: whether a column holds values of its type only.
    """

    write: Callable[[Sequence[Row]], Written]
    options: Mapping[str, Any]
    rejects: str = "rejects.jsonl"
    shapes: bool = False
    typed: bool = False

    @property
    def flags(self) -> list[str]:
        """The options, as the command line has them."""
        return [
            f"--{name.replace('_', '-')}={value if isinstance(value, str) else ','.join(value)}"
            for name, value in self.options.items()
        ]


def rows(lines: Sequence[str]) -> list[Row]:
    """Return lines of JSON as rows; numbers keep their digits."""
    return [json.loads(line, parse_float=Decimal) for line in lines]


def _json(value: Any) -> str:
    return f"{value:f}" if isinstance(value, Decimal) else json.dumps(value, ensure_ascii=False)


def _object(row: Row, gap: str = "", end: str = "") -> str:
    return "{" + gap + f",{gap}".join(f'"{name}":{_json(value)}' for name, value in row.items()) + end + "}"


def _pretty(row: Row) -> str:
    return _object(row, "\n    ", "\n  ")


def _texts(texts: Sequence[str], between: str, *, begin: str = "", end: str = "", gaps: int) -> Written:
    """Join texts of JSON by something that ends ``gaps`` lines."""
    lines, line = [], 1 + begin.count("\n")
    for text in texts:
        lines.append(line)
        line += text.count("\n") + gaps
    records = [text.replace("\n", " ").encode() for text in texts]
    return Written((begin + between.join(texts) + end).encode(), records, lines)


def _plain(table: Sequence[Row]) -> Written:
    return _texts([_object(row) for row in table], "\n", end="\n", gaps=1)


def _commas(table: Sequence[Row]) -> Written:
    return _texts([_object(row) for row in table], ",\n", begin="[\n", end="\n]\n", gaps=1)


def _array(table: Sequence[Row]) -> Written:
    return _texts([_object(row) for row in table], ",", begin="[", end="]", gaps=0)


def _pretty_array(table: Sequence[Row]) -> Written:
    return _texts([_pretty(row) for row in table], ",\n  ", begin="[\n  ", end="\n]\n", gaps=1)


def _objects(table: Sequence[Row]) -> Written:
    return _texts([_pretty(row) for row in table], "\n", end="\n", gaps=1)


def _cells(*, header: bool = True, **how: Any) -> Callable[[Sequence[Row]], Written]:
    """Return a function that writes rows as CSV; options are those of csv.writer."""

    def csv_record(cells: Sequence[Any]) -> bytes:
        text = io.StringIO(newline="")
        if how.get("quoting") == csv.QUOTE_ALL:  # all but null, which csv.writer would make an empty text
            quoted = ("" if cell is None else '"' + str(cell).replace('"', '""') + '"' for cell in cells)
            return f"{','.join(quoted)}{how['lineterminator']}".encode()
        csv.writer(text, **how).writerow(cells)
        return text.getvalue().encode()

    def write(table: Sequence[Row]) -> Written:
        head = csv_record(NAMES) if header else b""
        records = [csv_record([_cell(row.get(name)) for name in NAMES]) for row in table]
        lines, line = [], 1 + head.count(b"\n")
        for record in records:
            lines.append(line)
            line += record.count(b"\n")
        return Written(head + b"".join(records), [record[:-1] for record in records], lines, head)

    return write


def _cell(value: Any) -> Any:
    return f"{value:f}" if isinstance(value, Decimal) else value


def _numbered(data: bytes, table: Sequence[Row]) -> Written:
    records = [_object({name: _cell(row.get(name)) for name in NAMES}).encode() for row in table]
    return Written(data, records, list(range(1, len(table) + 1)))


def _parquet(table: Sequence[Row]) -> Written:
    schema: dict[str, Any] = {"id": pl.String, "a": pl.Int64, "b": pl.Decimal(38, 18), "c": pl.String}
    frame = pl.DataFrame({name: [row.get(name) for row in table] for name in NAMES}, schema=schema)
    file = io.BytesIO()
    frame.write_parquet(file, row_group_size=700)
    return _numbered(file.getvalue(), table)


def _sqlite(table: Sequence[Row]) -> Written:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "rows.sqlite"
        with closing(sqlite3.connect(path)) as database:
            database.execute("create table rows (id text, a integer, b text, c text)")
            cells = [[_cell(row.get(name)) for name in NAMES] for row in table]
            database.executemany("insert into rows values (?, ?, ?, ?)", cells)
            database.execute("create table others (one)")
            database.commit()
        return _numbered(path.read_bytes(), table)


_CRLF: dict[str, Any] = {"quoting": csv.QUOTE_ALL, "lineterminator": "\r\n"}
_LF: dict[str, Any] = {"lineterminator": "\n"}
_QUERY = "select id, a, b, c from rows order by rowid"

FORMATS: dict[str, Format] = {
    "commas.jsonl": Format(_commas, {}, shapes=True),
    "array.json": Format(_array, {}, shapes=True),
    "pretty.json": Format(_pretty_array, {}, shapes=True),
    "objects.json": Format(_objects, {}, shapes=True),
    "quoted.csv": Format(_cells(**_CRLF), {}, "rejects.csv"),
    "tabs.tsv": Format(_cells(delimiter="\t", **_LF), {}, "rejects.csv"),
    "semicolons.csv": Format(_cells(delimiter=";", **_LF), {}, "rejects.csv"),
    "headless.csv": Format(_cells(header=False, **_LF), {"columns": NAMES}, "rejects.csv"),
    "typed.parquet": Format(_parquet, {}, typed=True),
    "table.sqlite": Format(_sqlite, {"source_table": "rows"}),
    "query.sqlite": Format(_sqlite, {"query": _QUERY}),
}


def bare_name(name: str) -> str:
    """Return a file's name without the suffix of its compression."""
    stem, dot, last = name.rpartition(".")
    return stem if dot + last in PACK else name


def format_of(name: str) -> Format:
    """Return how a file of this name is written: as JSON Lines, unless FORMATS has it."""
    return FORMATS.get(bare_name(name), Format(_plain, {}, shapes=True))


def written(name: str, lines: Sequence[str]) -> Written:
    """Return lines of JSON as the file of this name, not compressed."""
    return format_of(name).write(rows(lines))


def store(folder: Path, lines: Sequence[str], names: Sequence[str], members: int = 2) -> int:
    """Write lines as files of these names, a part of them in each, and return the bytes in all."""
    step = -(-len(lines) // len(names))
    size = 0
    for number, name in enumerate(names):
        some = lines[number * step : (number + 1) * step]
        plain = bare_name(name) not in FORMATS
        data = "".join(f"{line}\n" for line in some).encode() if plain else written(name, some).data
        size += (folder / name).write_bytes(packed(name, data, members))
    return size


def rough(count: int, *, seed: int, shapes: bool = False, typed: bool = False, **more: Any) -> Source:
    """Return a source whose texts hold quotes, newlines and all that separates cells.

    Args:
        count: of rows.
        seed: of what is random in them.
        shapes: whether there are rows that write fewer columns.
        typed: whether no number may be a text, also in rows that must be rejected: see `servers.FAULTS`.
        more: as `tests.support.sources.source` takes it.
    """
    made = source(count, seed=seed, shapes=shapes, **more)

    def changed(line: str) -> str:
        row = dict(json.loads(line, parse_float=Decimal))
        if typed and row["id"].startswith("bad"):
            row |= {"a": int(row["a"][:-1]), "c": "refused"}
        elif "c" in row:
            row["c"] = _rough(row["c"])
        return _object(row)

    def values(stored: Mapping[str, tuple[str | None, ...]]) -> dict[str, tuple[str | None, ...]]:
        return {key: (a, b, c and _rough(c)) for key, (a, b, c) in stored.items()}

    return replace(
        made,
        lines=list(map(changed, made.lines)),
        stored=values(made.stored),
        first=values(made.first),
        rejects=list(map(changed, made.rejects)),
        repeats=list(map(changed, made.repeats)),
    )


def source_for(name: str, count: int, *, seed: int, bad: int = 6) -> Source:
    """Return a source that can be written as a file of this name; see `rough`."""
    format_ = format_of(name)
    return rough(count, seed=seed, bad=bad, shapes=format_.shapes, typed=format_.typed)


def _rough(text: str) -> str:
    number = int(text.split()[1].rstrip("."))
    ends = ['a, "b"', "a\nb", 'a\r\n"\r\n', ";\t|", " é𝄞\\", '"', "[{]}", "''", "\\n\\u0041"]
    return text + ends[number % len(ends)] if number % 3 else text
