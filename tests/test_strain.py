"""What a refusal says of how much a server can bear."""

from __future__ import annotations

import pytest

from loader.model import Lost, Reason, Reply, Strain
from loader.strain import strain
from loader.verdict import judge

REPLIES = [
    pytest.param(Reply(429), Strain.BUSY, id="a gateway's limit"),
    pytest.param(Reply(429, Reason("PT429", "slow down")), Strain.BUSY, id="a trigger's limit"),
    pytest.param(Reply(503), Strain.BUSY, id="a gateway's 503"),
    pytest.param(Reply(504, Reason("PGRST003", "no connection")), Strain.BUSY, id="an exhausted pool"),
    pytest.param(Reply(503, Reason("53300", "too many connections")), Strain.BUSY, id="too many connections"),
    pytest.param(Lost("no answer within 120 s", slow=True), Strain.BUSY, id="no answer in time"),
    pytest.param(Reply(500, Reason("57014", "statement timeout")), Strain.LONG, id="statement_timeout"),
    pytest.param(Reply(413), Strain.LARGE, id="a gateway's limit of size"),
    pytest.param(Lost("connection refused", sent=False), Strain.NONE, id="nobody is there"),
    pytest.param(Lost("connection reset"), Strain.NONE, id="the line broke"),
    pytest.param(Reply(503, Reason("PGRST000", "no database")), Strain.NONE, id="no database"),
    pytest.param(Reply(502), Strain.NONE, id="nobody behind the gateway"),
    pytest.param(Reply(500, Reason("40P01", "deadlock detected")), Strain.NONE, id="a deadlock"),
    pytest.param(Reply(400, Reason("22P02", "invalid input")), Strain.NONE, id="a bad row"),
    pytest.param(Reply(201, count=5, applied="resolution=merge-duplicates"), Strain.NONE, id="success"),
]


@pytest.mark.parametrize(("reply", "expected"), REPLIES)
def test_only_what_less_at_once_would_spare_is_strain(reply: Reply | Lost, expected: Strain) -> None:
    """Fewer requests, fewer rows, or fewer bytes."""
    assert expected is strain(judge(reply, rows=5, resolution="merge-duplicates"), reply)
