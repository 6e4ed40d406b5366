"""Values: stored as PostgreSQL reads the file's own bytes, or their row is rejected."""

# ruff: noqa: E501, S608 - a table is read across; its SQL is a test's own

from __future__ import annotations

import pytest

from tests.support.dirty.cases import (
    BLOCKS,
    GOOD,
    JSON,
    RANGE,
    TEXT,
    UTF8,
    among_good_rows,
    dirty_row,
    ending,
    load,
    rejected_as,
)
from tests.support.harness import Target

# Column, its value in the file, and what the table then holds, or why the row is rejected.
HELD = [
    ("n", b"123456789012345678901234567890.123456789012345678", "123456789012345678901234567890.123456789012345678"),
    ("n", b"-999999999999999999999999999999.999999999999999999", "-999999999999999999999999999999.999999999999999999"),
    ("n", b'"999999999999999999999999999999.999999999999999999"', "999999999999999999999999999999.999999999999999999"),
    ("n", b"0.000000000000000001", "0.000000000000000001"),
    ("n", b"0.1234567890123456784", "0.123456789012345678"),
    ("n", b"0.1234567890123456785", "0.123456789012345679"),
    ("n", b"0.00000000000000000049", "0.000000000000000000"),
    ("n", b"1.10", "1.100000000000000000"),
    ("n", b"1.000000000000000000000000000000000000", "1.000000000000000000"),
    ("n", b"1E5", "100000.000000000000000000"),
    ("n", b"1e+5", "100000.000000000000000000"),
    ("n", b"1.2345e-10", "0.000000000123450000"),
    ("n", b"0.1e1", "1.000000000000000000"),
    ("n", b"1e29", "100000000000000000000000000000.000000000000000000"),
    ("n", b"1e-1000", "0.000000000000000000"),
    ("n", b"0e1000", "0.000000000000000000"),
    ("n", b"-0", "0.000000000000000000"),
    ("n", b"-0.0", "0.000000000000000000"),
    ("n", b'"39000.1234"', "39000.123400000000000000"),
    ("n", b'" +1.5 "', "1.500000000000000000"),
    ("n", b'"\\u0031.5"', "1.500000000000000000"),
    ("n", b'"NaN"', "NaN"),
    ("n", b'"nan"', "NaN"),
    ("n", b'"\\u004eaN"', "NaN"),
    ("n", b"null", None),
    ("big", b"9223372036854775807", "9223372036854775807"),
    ("big", b"-9223372036854775808", "-9223372036854775808"),
    ("big", b'"9223372036854775807"', "9223372036854775807"),
    ("big", b'"-9223372036854775808"', "-9223372036854775808"),
    ("big", b"9007199254740993", "9007199254740993"),
    ("big", b"-0", "0"),
    ("d", b"0.1", "0.1"),
    ("d", b"1e308", "1e+308"),
    ("d", b"-0", "-0"),
    ("d", b"5e-324", "5e-324"),
    ("d", b'"+Infinity"', "Infinity"),
    ("d", b'"-inf"', "-Infinity"),
    ("d", b'"nAn"', "NaN"),
    ("d", b'"\\u0049nf"', "Infinity"),
    ("t", b"1.10", "1.10"),
    ("t", b"1E5", "1E5"),
    ("t", b"-0.0", "-0.0"),
    ("t", b"1e1000000000", "1e1000000000"),
    ("t", b"123456789012345678901234567890123456789012345678", "123456789012345678901234567890123456789012345678"),
    ("t", b"true", "true"),
    ("t", b'{"a": [1, 2.50, null], "b":{}}', '{"a": [1, 2.50, null], "b":{}}'),
    ("t", b"[ ]", "[ ]"),
    ("t", b'""', ""),
    ("t", b'"null"', "null"),
    ("t", b'"NaN"', "NaN"),
    ("t", b'"Infinity"', "Infinity"),
    ("t", rb'"\"\\\/\b\f\n\r\t\u0041"', '"\\/\b\f\n\r\tA'),
    ("t", rb'"\u00e9\u2028\uFFFF\u0001"', "é\u2028\uffff\x01"),
    ("t", rb'"\ud83d\ude00\uD834\uDD1E"', "😀𝄞"),
    ("t", '"😀𝄞\U0010ffff"'.encode(), "😀𝄞\U0010ffff"),
    ("t", '"e\u0301 é"'.encode(), "e\u0301 é"),
    ("t", '"אבג \u202eعربي\u202c"'.encode(), "אבג \u202eعربي\u202c"),
    ("t", '"a\u2028b\u2029c\u0085d\ufeffe\u00a0"'.encode(), "a\u2028b\u2029c\u0085d\ufeffe\u00a0"),
    ("t", b'"\x7f"', "\x7f"),
    ("t", rb'"\\u0000"', "\\u0000"),
    ("t", rb'"\\\\u0000 \\\\\\u0000"', "\\\\u0000 \\\\\\u0000"),
    ("t", rb'"\\ud800"', "\\ud800"),
    ("t", rb'"C:\\new\\table"', "C:\\new\\table"),
    ("t", b'"},{"', "},{"),
    ("t", b"[" * 100 + b"]" * 100, "[" * 100 + "]" * 100),
]  # fmt: skip


@pytest.mark.parametrize(("column", "given", "held"), HELD)
async def test_value_is_held(dirty: Target, column: str, given: bytes, held: str | None) -> None:
    """A value is stored as PostgreSQL reads the file's own bytes, wherever its row stands."""
    rows = [dirty_row(f"here{place}", column, given) for place in (0, 75, 150)]
    source = among_good_rows(*zip((0, 75, GOOD), rows, strict=True))

    loaded = await load(dirty, source, **BLOCKS)

    assert (GOOD + 3, 0, 0, 0) == loaded.counts
    assert (0, "complete") == ending(loaded)
    assert [(held,)] * 3 == dirty.texts(f"select {column} from api.dirty where id like 'here%'")


REFUSED = [
    ("n", b"1000000000000000000000000000000", RANGE),
    ("n", b"1e30", RANGE),
    ("n", b"1e1000000000", RANGE),
    ("n", b'""', TEXT),
    ("n", b'"12,5"', TEXT),
    ("n", b'"1_000"', TEXT),
    ("n", b'"0x10"', TEXT),
    ("n", b"true", TEXT),
    ("n", b"[1]", TEXT),
    ("n", b"NaN", JSON),
    ("n", b"Infinity", JSON),
    ("n", b"-Infinity", JSON),
    ("n", b'" Infinity "', RANGE),
    ("n", b'"-inf"', RANGE),
    ("d", b"NaN", JSON),
    ("d", b"-Infinity", JSON),
    ("d", b"1e309", RANGE),
    ("n", b"01", JSON),
    ("n", b"1.", JSON),
    ("n", b".5", JSON),
    ("n", b"+1", JSON),
    ("n", b"0x10", JSON),
    ("n", b"1_000", JSON),
    ("n", b"12,5", JSON),
    ("n", b"-", JSON),
    ("n", b"", JSON),
    ("big", b"9223372036854775808", RANGE),
    ("big", b'"9223372036854775808"', RANGE),
    ("big", b"-9223372036854775809", RANGE),
    ("big", b"1.0", TEXT),
    ("big", b"1.65e12", TEXT),
    ("big", b'"NaN"', TEXT),
    ("big", b'"1.0"', TEXT),
    ("t", b"NaN", JSON),
    ("t", rb'"\u0000"', "nul"),
    ("t", rb'"\\\u0000"', "nul"),
    ("t", rb'{"a":"\u0000"}', "nul"),
    ("t", rb'"\ud800"', JSON),
    ("t", rb'"\udc00"', JSON),
    ("t", rb'"\ude00\ud83d"', JSON),
    ("t", rb'"\ud83d\u0041"', JSON),
    ("t", rb'["\ud800"]', JSON),
    ("t", rb'"\x41"', JSON),
    ("t", rb'"\u12"', JSON),
    ("t", rb'"\'"', JSON),
    ("t", b'"\x00"', JSON),
    ("t", b'"\x01"', JSON),
    ("t", b'"\t"', JSON),
    ("t", b'"\r"', JSON),
    ("t", b'"\xff"', UTF8),
    ("t", b'"\xc0\x80"', UTF8),
    ("t", b'"\xe0\x80\xaf"', UTF8),
    ("t", b'"\xed\xa0\x80"', UTF8),
    ("t", b'"\xed\xa0\xbd\xed\xb8\x80"', UTF8),
    ("t", b'"\xf4\x90\x80\x80"', UTF8),
    ("t", b'"\xe2\x82"', UTF8),
    ("t", b'"open', JSON),
    ("t", b"'x'", JSON),
    ("t", b"True", JSON),
    ("t", b"None", JSON),
    ("t", b"undefined", JSON),
    ("t", b'{"a":1,}', JSON),
    ("t", b"[1,]", JSON),
    ("id", b"null", "23502"),
    ("id", rb'"\ud800"', JSON),
    ("id", rb'"\u0000"', "nul"),
    ("id", b'"\xff"', UTF8),
]


@pytest.mark.parametrize(("column", "given", "code"), REFUSED)
async def test_value_is_refused(dirty: Target, column: str, given: bytes, code: str) -> None:
    """A row with a value that cannot be stored is rejected, byte for byte, wherever it stands."""
    row = dirty_row("here", column, given)
    source = among_good_rows((0, row), (75, row), (GOOD, row))

    loaded = await load(dirty, source, **BLOCKS)

    rejected_as(loaded, source, [(1, code), (77, code), (GOOD + 3, code)])
    assert (GOOD, 0, 0, 3) == loaded.counts
    assert [(str(GOOD),)] == dirty.texts("select count(*) from api.dirty where id like 'good%'")


@pytest.mark.parametrize("token", [b"NaN", b"Infinity", b"-Infinity", b"None"])
async def test_a_word_of_python_is_named(dirty: Target, token: bytes) -> None:
    """Python's json writes it, though JSON has no such value; the message says what to write."""
    loaded = await load(dirty, dirty_row("here", "d", token))

    (error,) = loaded.errors
    assert error["message"].startswith(f"{token.decode()} is not JSON, though Python writes it: write ")
