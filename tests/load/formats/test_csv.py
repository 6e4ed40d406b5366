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
    (["--null=NULL"], 'id,a,c\nk,"NULL",null\n', {"k": (None, None, "null")}),
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
