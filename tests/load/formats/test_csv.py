"""CSV as its options describe it."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.harness import Target
from tests.support.outcome import contents
from tests.support.processes import Loads

# Options, CSV, the table
CSV: list[tuple[list[str], str, dict[str, tuple[str | None, ...]]]] = [
    ([], "id,a,c\nk,1,\n", {"k": ("1", None, None)}),
    (["--null=\\N"], "id,a,c\nk,\\N,\n", {"k": (None, None, "")}),
    (["--delimiter=|"], "id|c\nk|a,b;c\n", {"k": (None, None, "a,b;c")}),
    (["--delimiter=tab"], "id\tc\nk\ta,b\n", {"k": (None, None, "a,b")}),
    (["--columns=id,c"], "id,a,c\nk,1,x\n", {"k": (None, None, "x")}),
    (["--columns=id,c"], "k,x\n", {"k": (None, None, "x")}),
    (["--columns=key,c", "--map=id=key"], "k,x\n", {"k": (None, None, "x")}),
    (["--columns=id,c", "--map=c=text"], "id,text,junk\nk,x,1\n", {"k": (None, None, "x")}),
    (["--null=NULL"], 'id,a,c\nk,NULL,"NULL"\n', {"k": (None, None, "NULL")}),
    ([], 'id,a,c\nk,,""\n', {"k": (None, None, "")}),
    (["--null=\\N"], 'id,a,c\nk,\\N,"\\N"\n', {"k": (None, None, "\\N")}),
    (["--quote=none"], 'id,c\nk,"x"\n', {"k": (None, None, '"x"')}),
    (["--header=id,c"], "ID,C\nk,x\n", {"k": (None, None, "x")}),
    (["--header=id,c", "--skip-lines=0"], "ID,C\nk,x\n", {"ID": (None, None, "C"), "k": (None, None, "x")}),
    (["--header=id,a,c", "--columns=id,c"], ",a,b\nk,1,x\n", {"k": (None, None, "x")}),
    (["--map=id=#1"], ",a,c\nk,1,x\n", {"k": ("1", None, "x")}),
    (["--map=c=#3", "--drop=#2"], "id,s,s\nk,1,x\n", {"k": (None, None, "x")}),
    (["--drop=#1"], ",id,c\n0,k,x\n", {"k": (None, None, "x")}),
    (["--map=c= c", "--drop= d"], "id, c, d\nk, x,1\n", {"k": (None, None, " x")}),
    (["--map=c= s", "--drop= n"], 'id, s, n\nk, "a,b", c\n', {"k": (None, None, "a,b")}),
    (["--comment=#"], "# made\nid,c\n# by\nk,#\n", {"k": (None, None, "#")}),
    (["--skip-lines=1"], "a,b\nid,c\nk,x\n", {"k": (None, None, "x")}),
    ([], "made by\nid,c\nk,x\n", {"k": (None, None, "x")}),
    ([], "id,c\nk,x,\n", {"k": (None, None, "x")}),
    (["--delimiter=,"], "id,c\nk,a;b;c;d\n", {"k": (None, None, "a;b;c;d")}),
    (["--columns=id,c", "--delimiter=;"], "c;id\nx;k\n", {"k": (None, None, "x")}),
    (["--columns=id,c", "--set=a=7"], "k,x\n", {"k": ("7", None, "x")}),
]


@pytest.mark.parametrize(("options", "text", "expected"), CSV)
def test_csv_is_read_as_told(
    target: Target,
    tmp_path: Path,
    loads: Loads,
    options: list[str],
    text: str,
    expected: dict[str, tuple[str | None, ...]],
) -> None:
    """Nulls, delimiters, and names of columns with and without a header."""
    (tmp_path / "rows.csv").write_text(text)

    run = loads.run(*options, "rows.csv")

    assert 0 == run.code, run.err
    assert expected == contents(target)


# Options, CSV: both ways out
ASKED: list[tuple[list[str], str, list[list[str]]]] = [
    (["--columns=id,c"], "ID,C\nk,x\n", [["--map=id=ID", "--map=c=C"], ["--skip-lines=0"]]),
    (["--header=id,c"], "KEY,TEXT\nk,x\n", [["--skip-lines=1"], ["--skip-lines=0"]]),
]


@pytest.mark.parametrize(("options", "text", "ways"), ASKED)
def test_what_may_be_a_header_or_a_row_is_a_question(
    target: Target, tmp_path: Path, loads: Loads, options: list[str], text: str, ways: list[list[str]]
) -> None:
    """Nothing is sent; both ways out are told, and both work."""
    (tmp_path / "rows.csv").write_text(text)

    asked = loads.run(*options, "rows.csv")
    assert (2, {}) == (asked.code, contents(target))
    for number, way in enumerate(ways):
        assert " ".join(way).replace("skip-lines=", "skip-lines ").replace("--map=", "--map ") in asked.err
        run = loads.run(*options, *way, f"--run-dir=way{number}", "rows.csv")
        assert 0 == run.code, run.err
        assert 1 + number == len(contents(target))


def test_rejects_can_be_loaded_with_the_same_options(target: Target, tmp_path: Path, loads: Loads) -> None:
    """What was skipped at the start is in their file, and quotes mean in it what they meant."""
    files = {
        "skip.csv": ('a,b\nid,a,c\nk1,x,"NULL"\n', ["--skip-lines=1", "--null=NULL"]),
        "quoted.tsv": ('id\ta\tc\nk2\tx\t"y"\nk3\t1\t"say ""hi"""\n', []),
        "bare.tsv": ('id\ta\tc\nk4\tx\t"y"\n', []),
        "copy.tsv": ("id\ta\tc\nk5\tx\ty\\tz\nk6\t1\t\\N\n", []),
    }
    for name, (text, options) in files.items():
        (tmp_path / name).write_text(text)
        run = loads.run(*options, name)
        assert 1 == run.code, run.err
        (rejects,) = (path for path in run.folder.glob("rejects.*") if path.suffix != ".jsonl")
        rejects.write_text(rejects.read_text().replace(",x,", ",7,").replace("\tx\t", "\t7\t"))
        again = loads.run(*options, f"--run-dir={name}2", str(rejects))
        assert 0 == again.code, again.err

    assert {"k1": "NULL", "k2": "y", "k3": 'say "hi"', "k4": '"y"', "k5": "y\tz", "k6": None} == {
        key: c for key, (_, _, c) in contents(target).items()
    }
