"""Near names: the same letters and digits, in another spelling."""

from __future__ import annotations

import pytest

from loader.transform.near_names import map_option, near_names


@pytest.mark.parametrize(
    ("names", "candidates", "near"),
    [
        (["CODE", "n"], ["code", "name"], {"CODE": "code"}),
        ([" s", "n "], ["s", "n"], {" s": "s", "n ": "n"}),
        (["primaryTitle"], ["primary_title"], {"primaryTitle": "primary_title"}),
        (["full name", "Full-Name"], ["full_name"], {}),  # which of them?
        (["price"], ["Price", "PRICE"], {}),  # which of them?
        (["ID"], ["i_d", "idx"], {"ID": "i_d"}),
        (["größe", "ＩＤ"], ["GRÖSSE", "id"], {"größe": "GRÖSSE", "ＩＤ": "id"}),  # noqa: RUF001 - wide letters
        (["--", ""], ["__"], {}),  # nothing is left of either
        (["colour"], ["color"], {}),  # another word
    ],
)
def test_near(names: list[str], candidates: list[str], near: dict[str, str]) -> None:
    """Only what is sure is near."""
    assert near == near_names(names, candidates)


@pytest.mark.parametrize(
    ("target", "source", "option"),
    [("id", "ID", "--map id=ID"), ("s", " s", "--map 's= s'"), ("a", "it's", """--map 'a=it'"'"'s'""")],
)
def test_option(target: str, source: str, option: str) -> None:
    """It is quoted for a shell."""
    assert option == map_option(target, source)
