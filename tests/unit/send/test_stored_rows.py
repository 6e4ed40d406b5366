"""Stored rows against sent ones, where they cannot be compared."""

from __future__ import annotations

from loader.model import BEGIN, Row
from loader.send.stored_rows import changed_columns


def test_what_cannot_be_compared_is_no_difference() -> None:
    """No JSON, a row that is not there, a key that may equal others."""
    row = Row(b'{"id":"x","t":"a"}', "x", BEGIN)

    assert frozenset() == changed_columns([row], "[{", ["id"], {"t": "text"})
    assert frozenset() == changed_columns([row], '[{"id":"y","t":"b"}]', ["id"], {"t": "text"})
    assert frozenset() == changed_columns([row], '[{"id":"x","t":"b"}]', ["id"], {"id": "jsonb", "t": "text"})
    assert frozenset() == changed_columns([row], '[{"id":"x","t":"b"}]', ["id"], {})
    assert frozenset({"t"}) == changed_columns([row], '[{"id":"x","t":"b"}]', ["id"], {"t": "text"})
