"""The base types of domains, from what PostgreSQL says of a text that it refuses."""

from __future__ import annotations

import pytest

from loader.model import NoReply, Reason, Reply
from loader.postgrest.column_types import ambiguous_columns, base_type

# What OpenAPI tells, what PostgreSQL says, what it is
SAID: list[tuple[str, int, Reason | None, str]] = [
    ("x.d", 400, Reason("22P02", 'invalid input syntax for type bigint: "\\xq"'), "bigint"),
    ("x.d", 400, Reason("22P02", "ungültige Eingabesyntax für Typ json"), "json"),
    ("x.d", 400, Reason("22007", "input for type timestamp: »\\xq«"), "timestamp without time zone"),
    ("x.d", 400, Reason("22023", 'invalid hexadecimal digit: "q"'), "bytea"),
    ("x.mood", 400, Reason("22P02", 'invalid input value for enum mood: "\\xq"'), "x.mood"),
    ("x.d", 404, Reason("42883", "operator does not exist: d = unknown"), "x.d"),
    ("x.d", 200, None, "x.d"),
    ("x.d", 403, Reason("42501", "permission denied for table t"), ""),
    ("x.d", 502, None, ""),
]  # fmt: skip


@pytest.mark.parametrize(("told", "status", "reason", "expected"), SAID)
def test_what_refuses_a_text_tells_the_type(
    told: str, status: int, reason: Reason | None, expected: str
) -> None:
    """In whatever language; what takes it is some kind of text, and keeps its name."""
    assert expected == base_type(told, Reply(status, reason))
    assert "" == base_type(told, NoReply("no answer"))


def test_only_types_that_are_not_known_are_asked_for() -> None:
    """No array, and none that the server does not tell either."""
    told = {"a": "bigint", "b": "numeric(48,18)", "c": "x.d[]", "d": "x.d", "e": "jsonb", "f": "", "g": '"D"'}
    assert ["d", "g"] == ambiguous_columns(told)
