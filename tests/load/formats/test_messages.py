"""What is said of sources and options that do not suit each other."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.processes import Loads

# Options, a source, what it holds, what is said
SAID_OF: list[tuple[list[str], str, str, str]] = [
    (["--set=nope=1"], "rows.csv", "id,a\nk,1\n", "--set names nope, which faults lacks"),
    (["--map=nope=a"], "rows.jsonl", '{"id":"k","a":1}\n', "--map names nope, which faults lacks"),
    (["--null=x"], "rows.jsonl", '{"id":"k","a":1}\n', "rows.jsonl: JSON Lines; --null is for CSV only"),
    (["--delimiter=;"], "rows.json", '[{"id":"k"}]', "rows.json: a JSON array; --delimiter is for CSV only"),
    (["--query=select 1"], "rows.csv", "id,a\nk,1\n", "; --query is for SQLite only"),
    ([], "rows.csv", '"id","a\nb"\nk,1\n', "2 columns: id, 'a\\nb'"),
    ([], "rows.csv", "id,c\nk,a\rb\n", "there is a lone carriage return in a cell without quotes"),
    ([], "rows.jsonl", '{"id":"k","c":"\\\\\\ud83d"}', "\\ud83d is half of a character (a lone surrogate)"),
    ([], "rows.jsonl", '{"id":"\\ud83d\\ude00\\ude00"}', "\\ude00 is half of a character (a lone surrogate)"),
    (["--encoding=cp1252"], "rows.csv", "id,c\nk,\x81\n", "is not in the encoding of its source"),
]


@pytest.mark.parametrize(("options", "name", "text", "words"), SAID_OF)
def test_what_is_wrong_is_said(
    tmp_path: Path, loads: Loads, options: list[str], name: str, text: str, words: str
) -> None:
    """In words of the user's, not of a library's, and with the option that is at fault."""
    (tmp_path / name).write_bytes(text.encode("latin-1"))

    assert words in loads.run(*options, name).err
