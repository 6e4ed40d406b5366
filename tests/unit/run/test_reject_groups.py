"""Rejects are summed up by code and form of message."""

# ruff: noqa: E501 - a row of a table is a line
from __future__ import annotations

import pytest

from loader.run.reject_groups import MOST_GROUPS, Group, group, message_form

# fmt: off
FORMS = [
    # message                                                                 form
    ('invalid input syntax for type integer: "x"',                            'invalid input syntax for type integer: "..."'),
    ('column n: invalid input syntax for type integer: "a "b" c"',            'column n: invalid input syntax for type integer: "..."'),
    ('invalid input syntax for type integer: "two\nlines"',                   'invalid input syntax for type integer: "..."'),
    ('value "99999999999" is out of range for type integer',                  'value "..." is out of range for type integer'),
    ('null value in column "n" of relation "t" violates not-null constraint', 'null value in column "n" of relation "t" violates not-null constraint'),
    ('duplicate key value violates unique constraint "t_pkey"',               'duplicate key value violates unique constraint "t_pkey"'),
    ("value too long for type character varying(5)",                          "value too long for type character varying(5)"),
    ("amount 17.5 of order 4711 is too high",                                 "amount ... of order ... is too high"),
    ("column c12: numeric field overflow",                                    "column c12: numeric field overflow"),
    ("the row lacks id, its key",                                             "the row lacks id, its key"),
]
# fmt: on


@pytest.mark.parametrize(("message", "form"), FORMS)
def test_form(message: str, form: str) -> None:
    """Values are left out; the names of columns, types and constraints stay."""
    assert form == message_form(message)


def test_groups() -> None:
    """Each form has its count and its first row; a message that all of a group have is shown as it is."""
    rejects = [
        ((0, 1), "22P02", 'column n: invalid input syntax for type integer: "x"'),
        ((0, 2), "22P02", 'column d: invalid input syntax for type date: "x"'),
        ((0, 3), "22P02", 'column n: invalid input syntax for type integer: "y"'),
        ((1, 1), "23502", 'null value in column "n"'),
        ((1, 2), "23502", 'null value in column "n"'),
        ((1, 3), "23502", 'null value in column "n"'),
    ]

    assert [
        Group("23502", 'null value in column "n"', 3, (1, 1)),
        Group("22P02", 'column n: invalid input syntax for type integer: "..."', 2, (0, 1)),
        Group("22P02", 'column d: invalid input syntax for type date: "x"', 1, (0, 2)),
    ] == group(rejects)


def test_many_forms() -> None:
    """The messages of a trigger may be as many as the rows: their groups are few, and count all."""
    words = [chr(97 + i % 26) * (1 + i // 26) for i in range(1000)]
    groups = group(((0, i), "P0001", f"no {word}") for i, word in enumerate(words))

    assert (MOST_GROUPS + 1, 1000) == (len(groups), sum(each.count for each in groups))
    assert Group("P0001", "and other messages", 1000 - MOST_GROUPS, (0, MOST_GROUPS)) == groups[0]
