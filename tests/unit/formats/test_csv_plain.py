"""Lines without quotes are parsed as the csv module parses them."""

from __future__ import annotations

import csv
import io

from hypothesis import given
from hypothesis import strategies as st

from loader.formats.csv_plain import split_plain


@given(
    st.lists(st.text(alphabet=st.sampled_from("ab1 ,;\0\t\u2028\x0b\x1c\ue000"), max_size=8), min_size=1),
    st.sampled_from(["\n", "\r\n"]),
    st.sampled_from([",", ";", "\t"]),
    st.booleans(),
)
def test_lines_without_quotes_are_split_as_the_csv_module_does(
    lines: list[str], newline: str, delimiter: str, is_ended: bool
) -> None:
    """The fast way gives the csv module's records, or leaves it to do it."""
    text = newline.join(lines) + (newline if is_ended else "")
    expected = list(csv.reader(io.StringIO(text, newline="\n"), delimiter=delimiter, strict=True))

    assert split_plain(text, delimiter) in (None, expected)


def test_lines_without_quotes_take_the_fast_way() -> None:
    """Plain lines are split, and a blank one is left to the csv module."""
    assert [["a", ""], ["", "b"]] == split_plain("a,\r\n,b\r\n", ",")
    assert split_plain("a,b\n\nc,d\n", ",") is None
