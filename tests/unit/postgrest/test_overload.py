"""What a refusal says of how much a server can bear."""

from __future__ import annotations

import pytest

from loader.model import NoReply, Overload, Reason, Reply
from loader.postgrest.overload import overload_of
from loader.postgrest.verdict import judge

REPLIES = [
    pytest.param(Reply(429), Overload.BUSY, id="a gateway's limit"),
    pytest.param(Reply(429, Reason("PT429", "slow down")), Overload.BUSY, id="a trigger's limit"),
    pytest.param(Reply(503), Overload.BUSY, id="a gateway's 503"),
    pytest.param(Reply(504, Reason("PGRST003", "no connection")), Overload.BUSY, id="an exhausted pool"),
    pytest.param(
        Reply(503, Reason("53300", "too many connections")), Overload.BUSY, id="too many connections"
    ),
    pytest.param(NoReply("no answer within 120 s", slow=True), Overload.BUSY, id="no answer in time"),
    pytest.param(Reply(500, Reason("57014", "statement timeout")), Overload.LONG, id="statement_timeout"),
    pytest.param(Reply(413), Overload.LARGE, id="a gateway's limit of size"),
    pytest.param(NoReply("connection refused", sent=False), Overload.NONE, id="nobody is there"),
    pytest.param(NoReply("connection reset"), Overload.NONE, id="the line broke"),
    pytest.param(Reply(503, Reason("PGRST000", "no database")), Overload.NONE, id="no database"),
    pytest.param(Reply(502), Overload.NONE, id="nobody behind the gateway"),
    pytest.param(Reply(500, Reason("40P01", "deadlock detected")), Overload.NONE, id="a deadlock"),
    pytest.param(Reply(400, Reason("22P02", "invalid input")), Overload.NONE, id="a bad row"),
    pytest.param(Reply(201, count=5, applied="resolution=merge-duplicates"), Overload.NONE, id="success"),
]


@pytest.mark.parametrize(("reply", "expected"), REPLIES)
def test_only_what_less_at_once_would_spare_is_overload(reply: Reply | NoReply, expected: Overload) -> None:
    """Fewer requests, fewer rows, or fewer bytes."""
    assert expected is overload_of(judge(reply, rows=5, resolution="merge-duplicates"), reply)
