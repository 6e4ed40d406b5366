"""Keys are compared by the block as they are one by one."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loader.batch.key_columns import read_column
from loader.batch.key_equality import ANY, ReadKey, reader
from loader.pg_types import type_of

_days = st.one_of(
    st.dates().map(str),
    st.sampled_from(["2024-02-29", "2023-02-29", "2023-04-31", "0000-01-01", "2023-13-01", "0001-01-01"]),
)
_clocks = st.one_of(
    st.times().map(lambda time: time.strftime("%H:%M:%S")),
    st.sampled_from(["24:00:00", "23:59:60", "12:30", "00:00:00"]),
)
_fractions = st.sampled_from(["", ".0", ".000", ".120", ".000000", ".123456", ".1234567"])
_offsets = st.sampled_from(["", "Z", "+00", "+00:00", "+0000", "+01", "-00", "-05:30"])


@st.composite
def _moments(draw: st.DrawFn) -> list[str]:
    """Times that are mostly written alike."""
    between, fraction, offset = draw(st.sampled_from("T ")), draw(_fractions), draw(_offsets)
    alike = st.builds(lambda day, clock: f"{day}{between}{clock}{fraction}{offset}", _days, _clocks)
    other = st.builds(
        lambda day, clock, *rest: f"{day} {clock}{''.join(rest)}", _days, _clocks, _fractions, _offsets
    )
    texts = draw(st.lists(alike, max_size=6))
    return texts + draw(st.lists(st.one_of(other, st.just("")), max_size=1))


_texts = st.one_of(
    st.lists(st.uuids().map(str), max_size=6),
    st.lists(st.uuids().map(lambda uuid: f"{{{str(uuid).upper()}}}"), max_size=3),
    st.lists(st.integers().map(str), max_size=6),
    st.lists(st.sampled_from(["1", "23", "", "\n", "4\n", "5\n6"]), unique=True),
    st.lists(st.sampled_from(["1", "01", "0", "-0", "+1", "1.0", "1.5", "1e2", " 1", "10", "\u0661"])),
    st.lists(_days, max_size=6),
    _moments(),
    st.lists(st.text(alphabet=" \n-{}aAbB0", max_size=5), max_size=5),
)
_TYPES = [
    *("text", "character varying", "integer", "numeric", "uuid", "date", "boolean", "double precision"),
    *("timestamp with time zone", "timestamp without time zone", "interval", "citext"),
]


@given(st.sampled_from(_TYPES), _texts.flatmap(lambda texts: st.permutations([*texts, None])))
def test_a_column_is_read_as_its_texts_are(name: str, texts: list[str | None]) -> None:
    """A column gives what each of its texts gives alone, with and without a null in it."""
    read = type_of(name).read_key
    for column in (texts, [text for text in texts if text is not None]):
        expected = [None if text is None else read(text) for text in column]
        assert expected == list(read_column(read, column))


@given(st.lists(st.tuples(st.sampled_from(["a", "b "]), _moments().map(lambda texts: [*texts, "x"][0]))))
def test_keys_of_several_columns_are_read_as_each_is(keys: list[tuple[str, str]]) -> None:
    """Keys of several columns give what each gives alone, also one of which a part equals anything."""
    read = reader(["a", "b"], {"a": "character varying", "b": "timestamp with time zone"})
    assert isinstance(read, ReadKey)
    mixed = [*keys, None, ("a", None)]

    assert list(map(read, keys)) == read.all(keys)
    assert list(map(read, mixed)) == read.all(mixed)


@pytest.mark.parametrize(
    ("name", "texts", "expected"),
    [
        (
            "timestamp with time zone",
            ["2013-01-01 05:00:00.120+00", "2013-01-01 05:00:00.000+00"],
            ["2013-01-01T05:00:00.120000+00:00", "2013-01-01T05:00:00+00:00"],
        ),
        ("timestamp with time zone", ["2013-01-01T24:00:00Z", "2013-01-01T05:00:00"], [ANY, ANY]),
        ("uuid", ["A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11"], ["a0eebc999c0b4ef8bb6d6bb9bd380a11"]),
        ("bigint", ["1", "20"], ["1", "20"]),
        ("bigint", ["1", ""], ["1", ANY]),
        ("date", ["2024-01-31", ""], ["2024-01-31", ANY]),
        ("timestamp with time zone", ["2024-01-31 00:00:00Z", ""], ["2024-01-31T00:00:00+00:00", ANY]),
        ("bigint", ["1", "020", "-0"], ["1", "20", "0"]),
    ],
)
def test_what_columns_are_read_as(name: str, texts: list[str], expected: list[str]) -> None:
    """Texts of one value give one value, however they are written."""
    assert expected == list(read_column(type_of(name).read_key, texts))
