"""Replies of Kraken's REST API: which trades are within them."""

from __future__ import annotations

import pytest

from loader.model import Reason
from loader.transform.presets.kraken_reply import trades

A, B = b'{"pair":"XBTUSD","time":1.5}', b'{"pair":"ETHUSD","misc":"a } \\" {"}'
MEMBERS = b'{"T-A":%b,"T-B":%b}' % (A, B)

REPLIES = [
    b'{"error":[],"result":{"count":2,"trades":%b}}' % MEMBERS,
    b'{"result":{"trades":%b,"count":2},"error":[]}' % MEMBERS,
    b' {"error":[],\n "result" : {"count" : 2, "trades" :\r\n%b } }\n' % MEMBERS.replace(b":", b" :\n ", 1),
    b'{"error":["EGeneral:Late"],"result":{"trades":%b}}' % MEMBERS,  # a warning beside the trades
    b'{"error":[],"result":%b}' % MEMBERS,  # of QueryTrades
    b'{"count":2,"trades":%b}' % MEMBERS,
    b'{"trades":%b}' % MEMBERS,
]
NO_REPLIES = [
    b'{"txid":"T-A","pair":"XBTUSD"}',
    b'{"txid":"T-A","pair":"XBTUSD","trades":""}',
    b'{"txid":"T-A","trades":{"x":{}}}',
    b'{"pair":"XBTUSD","trades":"T-A,T-B"}',
    b'{"result":{"trades":{}}',
    b'["trades"]',
    b'"result"',
    b"",
]
# What is said of the error behind "the reply holds no trades".
NO_TRADES = [
    (b'{"error":["EAPI:Invalid key"]}', """: its error is '["EAPI:Invalid key"]'"""),
    (b'{"error":["EAPI:Invalid key"],"result":null}', """: its error is '["EAPI:Invalid key"]'"""),
    (b'{"result":{}}', ""),
    (b'{"error":[],"result":{"count":0}}', ""),
    (b'{"result":{"trades":null}}', ""),
    (b'{"result":[]}', ""),
]


@pytest.mark.parametrize("reply", REPLIES)
def test_each_trade_of_a_reply_is_a_record(reply: bytes) -> None:
    """Its key is its txid. The reject file gets a reply of this trade alone."""
    members = trades(reply)

    assert isinstance(members, list)
    assert [b'{"txid":"T-A",' + A[1:], b'{"txid":"T-B",' + B[1:]] == [member.text for member in members]
    assert [reply.index(A), reply.index(B)] == [member.offset for member in members]
    for member in members:
        again = trades(member.source)
        assert isinstance(again, list)
        assert [member.text] == [trade.text for trade in again]


@pytest.mark.parametrize("text", NO_REPLIES)
def test_other_json_is_no_reply(text: bytes) -> None:
    """A trade on its own is one, and what is not JSON is left to its checks."""
    assert trades(text) is None


@pytest.mark.parametrize(("text", "message"), NO_TRADES)
def test_a_reply_without_trades_says_why(text: bytes, message: str) -> None:
    """It has an error instead, for example."""
    assert Reason("no-trades", f"the reply holds no trades{message}") == trades(text)


def test_no_trades_at_all_are_no_mistake() -> None:
    """Of a page without any."""
    assert [] == trades(b'{"error":[],"result":{"count":0,"trades":{}}}')


def test_what_is_no_trade_is_refused_alone() -> None:
    """And a trade of the same key twice stands twice: nothing gets lost."""
    members = trades(b'{"result":{"trades":{"T-A":5,"T-B":{},"T-B":%b,"\\"":null}}}' % A)

    assert isinstance(members, list)
    assert [
        Reason("not-an-object", 'the trade "T-A" is not an object'),
        b'{"txid":"T-B"}',
        b'{"txid":"T-B",' + A[1:],
        Reason("not-an-object", 'the trade "\\"" is not an object'),
    ] == [member.text for member in members]
