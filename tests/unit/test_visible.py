"""The words of others cannot speak to the terminal."""

from __future__ import annotations

import json
import unicodedata

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from loader.outgoing import json_bytes, shown, shown_lines
from loader.visible import json_escaped, visible


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Zürich 東京 😀 a\u200cb", "Zürich 東京 😀 a\u200cb"),
        ("\x1b[2J\x1b]0;title\x07", "\\x1b[2J\\x1b]0;title\\x07"),
        ("a\nreport: 3 rows loaded\r\tb", "a\\nreport: 3 rows loaded\\r\\tb"),
        ("\x9b31m\x7f\x00", "\\x9b31m\\x7f\\x00"),
        ("\u202egnp.exe\u2066\u200f", "\\u202egnp.exe\\u2066\\u200f"),
        ("a\u2028b\u2029c\ufeff\u00ad", "a\\u2028b\\u2029c\\ufeff\\xad"),
        ("\U000e0041", "\\U000e0041"),
        ("\udcc3\udca9.jsonl", "é.jsonl"),  # a name in UTF-8, where the locale is ASCII
        ("\udcff", "\\xff"),
        ("\ud800", "\\ud800"),
    ],
)
def test_control_characters_are_shown_as_escapes(text: str, expected: str) -> None:
    """All else stays as it is."""
    assert expected == visible(text)


@given(st.text())
def test_no_text_moves_the_cursor(text: str) -> None:
    """Whatever it holds: no control, no separator of lines, no surrogate, no change of direction is left."""
    left = visible(text)

    assert not {"Cc", "Cs", "Zl", "Zp"} & set(map(unicodedata.category, left))
    assert not {"RLO", "LRO", "RLE", "LRE", "RLI", "LRI", "FSI", "PDF", "PDI"} & set(
        map(unicodedata.bidirectional, left)
    )


@given(st.text())
def test_json_means_the_same(text: str) -> None:
    """It only has escapes in it."""
    written = json_escaped(orjson.dumps({"a": text}, option=orjson.OPT_INDENT_2))

    assert {"a": text} == json.loads(written)
    assert not any(
        unicodedata.category(character) == "Cc" for character in written.decode().replace("\n", "")
    )


def test_a_text_of_several_lines_cannot_forge_a_message() -> None:
    """Its later lines are indented."""
    assert "error: a\n  report: 3 rows loaded\n  \\x1b" == shown_lines(
        "error: a\nreport: 3 rows loaded\n\x1b"
    )
    assert "a\\nb" == shown("a\nb")


def test_json_of_any_text_can_be_written() -> None:
    """Lone surrogates are no UTF-8; a report must be written all the same."""
    assert {"name": "é \\ud800", "n": [1, None]} == json.loads(
        json_bytes({"name": "é \ud800", "n": (1, None)})
    )
