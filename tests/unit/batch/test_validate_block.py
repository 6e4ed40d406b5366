"""Blocks that are checked whole are just as if each line had been looked at alone."""

from __future__ import annotations

from itertools import product

import pytest

from loader.batch.validate import Validator
from loader.model import Block, Chunk, Key, Place, Reject

EVEN = {"n": "1.5", "t": '"x"', "at": "7", "yes": "true"}

NUMBERS = ["0", "-0", "1", "1.0", "1e3", "12345678901234567890123", "1e999", "0.123456789012345678", "01"]
IN_TEXTS = [
    '"-0.5"',
    '"05"',
    '"+5"',
    '".5"',
    '" 5"',
    '"1e400"',
    '"0x1F"',
    '"1_0"',
    '"inf"',
    '"null"',
    '"true"',
]
TEXTS = ['"a"', '""', '"NaN"', '"nAn"', '" -Infinity "', '"1"', '"é"', '"\ud800"', '"}{"']
ESCAPES = ['"\\u004eaN"', '"\\u00e9"', '"\\u0000"', '"\\\\u0000"', '"\\ud800"', '"\\x"', '"\\\\"']
OTHERS = [
    "null",
    "true",
    "NaN",
    "Infinity",
    "[1]",
    '{"a":{"b":[]}}',
    "[1",
    "",
    "'x'",
    "[" * 2000 + "]" * 2000,
]
LINES = [
    "",
    " ",
    "{row} ",
    "{row}\r",
    "{row}x",
    "{row}{row}",
    "{row},",
    "[{row}]",
    "\ufeff{row}",
    "{row}\x0b",
]


def row(**values: str) -> str:
    """A row, as JSON."""
    return "{" + ",".join(f'"{name}":{value}' for name, value in values.items()) + "}"


def checker(columns: tuple[str, ...] | None) -> Validator:
    return Validator(key=("id",), upsert=True, columns=columns)


def block(rows: list[str], line: int = 1) -> Block:
    lines = [one.encode(errors="surrogatepass") for one in rows]
    return Block(Place(0, line, 0, line), b"\n".join(lines), [one + b"\n" for one in lines])


def results(one: Validator, rows: list[str], line: int) -> list[tuple[int, bytes, Key, tuple[str, ...]]]:
    """What becomes of each row: its line, its bytes, and its key and shape or why it is refused."""
    found: list[tuple[int, bytes, Key, tuple[str, ...]]] = []
    for part in one.check(block(rows, line)):
        if isinstance(part, Reject):
            found.append((part.place.line, part.data, part.reason.code, ()))
        else:
            assert isinstance(part, Chunk)
            data = part.data.split(b"\n")
            assert len(data) == len(part.keys)
            for number, (text, key) in enumerate(zip(data, part.keys, strict=True)):
                found.append((part.counted.number + number, text, key, tuple(sorted(part.shape.columns))))
    return found


def alone_at(
    line: int, text: str, columns: tuple[str, ...] | None
) -> list[tuple[int, bytes, Key, tuple[str, ...]]]:
    """What becomes of a row that is looked at alone, by a checker that has learnt nothing."""
    return results(checker(columns), [text], line)


def odd_rows(like: dict[str, str]) -> list[str]:
    """Rows that are not like the others, each in one thing."""
    values = product(like, [*NUMBERS, *IN_TEXTS, *TEXTS, *ESCAPES, *OTHERS])
    rows = [row(**(like | {name: value})) for name, value in values]
    rows += [row(**{name: value for name, value in like.items() if name != left}) for left in like]
    rows += [row(**like, more="1"), row(**dict(reversed(like.items()))), row(**like)[:-1] + ',"id":"twice"}']
    return rows + [line.format(row=row(**like)) for line in LINES]


@pytest.mark.parametrize("columns", [None, ("id", "n"), ("id", "yes", "t")])
@pytest.mark.parametrize("number", ["1.5", '"1.5"'], ids=["numbers", "numbers as texts"])
@pytest.mark.parametrize(
    "keys",
    [['"a"', '"b"'], ['"1"', '"2"'], ["1", "2"]],
    ids=["text keys", "numbers in text keys", "number keys"],
)
def test_a_block_is_checked_as_its_lines_are(
    keys: list[str], number: str, columns: tuple[str, ...] | None
) -> None:
    """Whatever was learnt from the blocks before, keys, shapes and rejects are the same."""
    like = EVEN | {"n": number}
    even = [row(id=key, **like) for key in keys]
    for odd in odd_rows({"id": keys[0]} | like):
        one = checker(columns)
        results(one, even, 1)
        assert one.block_validator is not None
        for rows in ([even[0], odd, even[1]], even, [odd, odd]):
            alone = [
                result
                for line, text in enumerate(rows, 5)
                for result in results(checker(columns), [text], line)
            ]
            assert alone == results(one, rows, 5), odd[:200]


def test_what_is_not_odd_stays_on_the_fast_path() -> None:
    """Nulls, integers among decimals, escapes and other orders of the keys are taken whole."""
    one = checker(None)
    results(one, [row(id='"a"', **EVEN)], 1)
    assert one.block_validator is not None

    rows = [
        row(id='"b"', n="null", t='"\\u00e9\\n"', at="2", yes="null"),
        row(n="7", id='"c"', yes="false", t="null", at="3"),
    ]

    assert ["b", "c"] == one.block_validator.keys(block(rows))


def test_texts_stay_on_the_fast_path() -> None:
    """Whatever they say: the server decides which of them a column takes, NaN too."""
    one = checker(None)
    results(one, [row(id='"a"', n='"1.5"', at="1", t='"7"', yes="true")], 1)
    assert one.block_validator is not None

    rows = [
        row(id='"nan"', n='"NaN"', at="2", t='"inf"', yes="null"),
        row(id='"c"', n='".5"', at="4", t='"x"', yes="true"),
    ]

    assert ["nan", "c"] == one.block_validator.keys(block(rows))


def test_integer_keys_stay_on_the_fast_path() -> None:
    """Their texts are those of the source, also beyond 64 bits."""
    one = checker(None)
    results(one, [row(id="1", n="1.5")], 1)
    assert one.block_validator is not None

    rows = [row(id="12345678901234567890123", n="1"), row(id="-5", n="1")]

    assert ["12345678901234567890123", "-5"] == one.block_validator.keys(block(rows))


@pytest.mark.parametrize("part", [*NUMBERS, "-12", "9223372036854775808", "null", '"7"', '":-0"', "true"])
@pytest.mark.parametrize("usual", ["7", "0", '"x"'])
def test_keys_of_several_columns_are_the_texts_of_the_source(usual: str, part: str) -> None:
    """A key of several columns is what the lines alone give, whatever the rows before have held."""
    rows = [row(a='"k"', b=value, n="1") for value in (usual, usual, part, usual)]
    learnt = Validator(key=("a", "b"), upsert=True, columns=None)
    results(learnt, [rows[0]] * 3, 1)

    expected = [
        result
        for line, text in enumerate(rows, 1)
        for result in results(Validator(key=("a", "b"), upsert=True, columns=None), [text], line)
    ]

    assert expected == results(learnt, rows, 1)
