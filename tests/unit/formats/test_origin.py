"""Records know where they stand in their source, in whichever order they are asked."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from loader.formats.origin import LineOrigin
from loader.model import Place


@given(
    st.lists(
        st.binary(max_size=4).map(lambda line: line.replace(b"\n", b"") + b"\n"), min_size=1, max_size=9
    ),
    st.lists(st.integers(0, 8), max_size=9),
)
def test_offsets_do_not_depend_on_the_order_of_questions(lines: list[bytes], asked: list[int]) -> None:
    """An offset is that of the first line, and the bytes of the lines before the record."""
    origin = LineOrigin(lines, Place(0, 1, 100, 1))

    for index in (each % len(lines) for each in asked):
        assert 100 + len(b"".join(lines[:index])) == origin.offset(index)
