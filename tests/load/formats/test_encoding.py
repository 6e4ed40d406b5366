"""Text that is in another encoding than it is taken for: told, read once it is named, and nothing is lost."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from tests.support.harness import Target
from tests.support.killing import BATCH_ROWS, CONCURRENCY, kill_in_the_middle
from tests.support.outcome import check, contents
from tests.support.processes import Loads
from tests.support.proxy import Proxy
from tests.support.writing import format_of, rough, written

ROWS = 2000
OPTIONS = (f"--batch-rows={BATCH_ROWS}", f"--concurrency={CONCURRENCY}")
LATIN = "id,a,c\nk1,1,Gr\u00f6\u00dfe\nk2,x,\u00e9\nk3,3,plain\n"


@pytest.mark.parametrize("encoding", ["latin-1", "utf-16"])
def test_another_encoding_is_told_and_read(
    loads: Loads, tmp_path: Path, target: Target, encoding: str
) -> None:
    """Rejects are written in the encoding of the source, and so can be loaded like it."""
    (tmp_path / "rows.csv").write_bytes(LATIN.encode(encoding))

    wrong = loads.run("rows.csv")
    run = loads.run("--fresh", f"--encoding={encoding}", "rows.csv")
    rejects = (run.folder / "rejects.csv").read_bytes()
    (tmp_path / "mended.csv").write_bytes(rejects.decode(encoding).replace("x", "2").encode(encoding))
    mended = loads.run(f"--encoding={encoding}", "mended.csv")

    assert (1 if encoding == "latin-1" else 2) == wrong.code
    assert "--encoding" in wrong.err
    assert "rows.csv:2" in wrong.err or "rows.csv:1" in wrong.err
    assert (1, 0) == (run.code, mended.code)
    assert "id,a,c\nk2,x,\u00e9\n" == rejects.decode(encoding)
    expected = {"k1": ("1", None, "Gr\u00f6\u00dfe"), "k2": ("2", None, "\u00e9"), "k3": ("3", None, "plain")}
    assert expected == contents(target)


@pytest.mark.parametrize("name", ["rows.csv", "rows.jsonl"])
def test_utf16_without_a_mark_wants_the_order_of_its_bytes(loads: Loads, tmp_path: Path, name: str) -> None:
    """Nothing is sent."""
    (tmp_path / name).write_bytes(b"id,a\nk,1\n")

    run = loads.run("--encoding=utf-16", name)

    assert 2 == run.code
    advice = "--encoding utf-16-le or utf-16-be tells the order of its bytes."
    words = f"{name}:1: it has no byte order mark\n  {advice}"
    assert words in run.err


def test_texts_of_sqlite_that_are_no_utf8_are_rejected(loads: Loads, tmp_path: Path, target: Target) -> None:
    """Those rows only, wherever they stand."""
    with closing(sqlite3.connect(tmp_path / "rows.db")) as database:
        database.execute("create table t (id text, a integer, c text)")
        rows = ((f"k{n}", n, b"\xff" if n in (3000, 3001, 4999) else b"\xc3\xa9") for n in range(5000))
        database.executemany("insert into t values (?, ?, cast(? as text))", rows)
        database.commit()

    run = loads.run("rows.db")

    assert 1 == run.code, run.err
    errors = map(json.loads, (run.folder / "rejects.errors.jsonl").read_text().splitlines())
    assert [3001, 3002, 5000] == [reject["line"] for reject in errors]
    expected = {f"k{n}": (str(n), None, "\u00e9") for n in range(5000) if n not in (3000, 3001, 4999)}
    assert expected == contents(target)


# The source, its head, a row, what is between two rows, its end
TEXTS: list[tuple[str, str, str, str, str]] = [
    ("rows.csv", "id,a,c\n", '{n},{n},"{c}"', "\n", "\n"),
    ("rows.tsv", "id\ta\tc\n", "{n}\t{n}\t{c}", "\n", "\n"),
    ("rows.jsonl", "", '{{"id":"{n}","a":{n},"c":"{c}"}}', "\n", "\n"),
    ("rows.json", "[\n", '{{"id":"{n}","a":{n},"c":"{c}"}}', ", \n", "]\n"),
]


@pytest.mark.parametrize(("name", "head", "row", "between", "end"), TEXTS, ids=[name for name, *_ in TEXTS])
def test_bytes_that_are_no_utf_8_lose_their_row_only(
    target: Target, tmp_path: Path, loads: Loads, name: str, head: str, row: str, between: str, end: str
) -> None:
    """In the middle: rejected as they stand, with their lines; named, the encoding lets them in."""
    rows = [row.format(n=n, c="d\u00e9j\u00e0" if n % 700 == 0 else "plain") for n in range(1, ROWS + 1)]
    (tmp_path / name).write_bytes((head + between.join(rows) + end).encode("latin-1"))
    odd = [row.encode("latin-1") + b"\n" for row in rows if "\u00e9" in row]
    header = head.encode() if head.startswith("id") else b""

    wrong = loads.run("--run-dir=run", name)
    rejects = next(wrong.folder.glob(f"rejects.{name[5]}*"))
    kept = contents(target)
    named = loads.run("--run-dir=again", "--encoding=latin-1", f"run/{rejects.name}")

    assert 1 == wrong.code, wrong.err
    line = 700 + head.count("\n")
    assert "2 x not-utf8 " in wrong.err
    assert "the row is not in the encoding of its source: UTF-8, unless --encoding names another" in wrong.err
    assert f"{name}:{line}" in wrong.err
    assert header + b"".join(odd) == rejects.read_bytes()
    assert ROWS == len(kept) + len(odd)
    assert 0 == named.code, named.err
    texts = {n: "d\u00e9j\u00e0" if n % 700 == 0 else "plain" for n in range(1, ROWS + 1)}
    assert {str(n): (str(n), None, text) for n, text in texts.items()} == contents(target)


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-be", "utf-32", "cp1252"])
@pytest.mark.parametrize("kind", ["csv", "jsonl"])
def test_what_is_not_in_the_named_encoding_loses_its_row_only(
    target: Target, tmp_path: Path, loads: Loads, encoding: str, kind: str
) -> None:
    """Half a surrogate pair, a byte that stands for nothing: its row is in the reject file as it stood."""
    row = "k{n},{n},{c}\n" if kind == "csv" else '{{"id":"k{n}","a":{n},"c":"{c}"}}\n'
    head = "id,a,c\n" if kind == "csv" else ""
    wrong, how = ("\x81", "latin-1") if encoding == "cp1252" else ("\ud83d", "surrogatepass")
    texts = [row.format(n=n, c=wrong if n == 2 else "\u00fc") for n in range(1, 4)]

    def encoded(text: str) -> bytes:
        return text.encode("latin-1") if how == "latin-1" else text.encode(encoding, "surrogatepass")

    (tmp_path / f"rows.{kind}").write_bytes(encoded(head + "".join(texts)))

    run = loads.run(f"--encoding={encoding}", f"rows.{kind}")

    assert 1 == run.code, run.err
    assert "1 x not-utf8 " in run.err
    assert f"rows.{kind}:{2 + (kind == 'csv')}" in run.err
    assert {"k1": ("1", None, "\u00fc"), "k3": ("3", None, "\u00fc")} == contents(target)
    assert encoded(head + texts[1]) == (run.folder / f"rejects.{kind}").read_bytes()


@pytest.mark.parametrize("encoding", ["utf-16", "utf-32"])
def test_text_that_is_cut_off_within_a_character_is_told(
    target: Target, tmp_path: Path, loads: Loads, encoding: str
) -> None:
    """With its line; the rows before it are in."""
    text = "id,a\n" + "".join(f"k{n},{n}\n" for n in range(ROWS))
    (tmp_path / "rows.csv").write_bytes(text.encode(encoding)[:-1])

    run = loads.run(f"--encoding={encoding}", "rows.csv")

    assert 4 == run.code, run.err
    assert f"rows.csv:{ROWS + 1}: not {encoding}: " in run.err
    assert "Is it whole, and is that its --encoding?" in run.err
    assert {f"k{n}": (str(n), None, None) for n in range(ROWS - 1)} == contents(target)


@pytest.mark.parametrize("name", ["quoted.csv", "plain.jsonl", "array.json"])
def test_another_encoding_resumes(target: Target, tmp_path: Path, name: str) -> None:
    """After kill -9 in the middle; its rejects are in it, too."""
    kind = format_of(name)
    made = rough(ROWS, seed=7, shapes=kind.shapes)
    file = written(name, made.lines)
    (tmp_path / name).write_bytes(file.data.decode().encode("utf-16"))
    with Proxy(target.url, reads_bodies=True) as proxy:
        loads = Loads(tmp_path, proxy.url, target.secret, *OPTIONS, "--encoding=utf-16")
        kill_in_the_middle(loads, proxy, name, after=5)

        run = loads.run(name)

    assert "resuming at" in run.err
    check(target, made, run.report)
    assert (tmp_path / name).stat().st_size == run.report["bytes_read"]
    refused = [record for record, row in zip(file.records, made.lines, strict=True) if row in made.rejects]
    wanted = file.head + b"".join(record + b"\n" for record in refused)
    assert wanted == (run.folder / kind.rejects).read_bytes().decode("utf-16").encode()
