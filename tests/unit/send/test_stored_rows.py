"""Stored rows against sent ones, where they cannot be compared."""

from __future__ import annotations

import pytest

from loader.model import BEGIN, Row
from loader.send.stored_rows import changed_columns, disputed_values


def test_what_cannot_be_compared_is_no_difference() -> None:
    """No JSON, a row that is not there, a key that may equal others."""
    row = Row(b'{"id":"x","t":"a"}', "x", BEGIN)

    assert frozenset() == changed_columns([row], "[{", ["id"], {"t": "text"})
    assert frozenset() == changed_columns([row], '[{"id":"y","t":"b"}]', ["id"], {"t": "text"})
    assert frozenset() == changed_columns([row], '[{"id":"x","t":"b"}]', ["id"], {"id": "jsonb", "t": "text"})
    assert frozenset() == changed_columns([row], '[{"id":"x","t":"b"}]', ["id"], {})
    assert frozenset({"t"}) == changed_columns([row], '[{"id":"x","t":"b"}]', ["id"], {"t": "text"})


@pytest.mark.parametrize(
    ("sent", "stored", "format", "expected"),
    [
        ('"b"', '"a"', "", "b"),  # the server tells no type
        ("68", "36", "", "68"),
        ('"buy"', '"sell"', "core.side", "buy"),
        (
            '"2020-01-01T00:00:00Z"',
            '"2020-01-01T00:00:00+00:00"',
            "timestamp with time zone",
            "2020-01-01T00:00:00Z",
        ),
        ("1.10", "1.1", "", None),  # equal numbers, or texts: nobody can tell
        ("0.1234", "0.12", "", None),  # rounded
        ("68", "36", "bigint", None),  # not disputed but different
        ("null", '"a"', "", None),
        ('"a"', '"a"', "", None),
    ],
)
def test_what_postgresql_must_decide(sent: str, stored: str, format: str, expected: str | None) -> None:  # noqa: A002
    """Texts that differ, where it is not known whether they are one value."""
    row = Row(f'{{"id":"x","t":{sent}}}'.encode(), "x", BEGIN)

    disputed = disputed_values([row], f'[{{"id":"x","t":{stored}}}]', ["id"], {"t": format})

    assert ([] if expected is None else [("x", {"t": expected})]) == disputed
