"""Verdicts on what Supabase's gateway answers, and on what is no REST API at all. No server."""

from __future__ import annotations

import pytest

from loader.model import Decision, Reason, Reply
from loader.postgrest import advice
from loader.postgrest.verdict import judge
from loader.postgrest.write import Write
from loader.settings import Settings

UPSERT = Write("merge-duplicates", ("id",))
PAGE = "<!DOCTYPE html><html><body>Welcome</body></html>"
NO_ROUTE = '{"message":"no Route matched with those values"}'


@pytest.mark.parametrize("message", ["JWT issued at future", "JWTIssuedAtFuture", "JWT not yet valid"])
@pytest.mark.parametrize("code", ["PGRST301", "PGRST303"])
def test_a_token_of_the_gateway_from_the_future_is_waited_for(code: str, message: str) -> None:
    """The request held none: its clock is ahead, and catches up (supabase issue 49655)."""
    verdict = judge(Reply(401, Reason(code, message)), UPSERT, rows=1)

    assert (Decision.RETRY, 2.0) == (verdict.decision, verdict.after)


@pytest.mark.parametrize(
    ("reply", "expected"),
    [
        (Reply(404, body=PAGE), advice.NO_REST),
        (Reply(404, body=NO_ROUTE), advice.NO_REST),
        (Reply(404), advice.NO_REST),
        (Reply(405, body=PAGE, is_page=True), advice.NO_REST),
        (Reply(200, body=PAGE, is_page=True), advice.NO_REST),
        (Reply(404, body="{}"), advice.ADVICE["HTTP 404"]),  # PostgREST 12: no such relation
    ],
)  # fmt: skip
def test_what_to_check(reply: Reply, expected: str) -> None:
    """A preflight that meets no REST API speaks of the URL, and one without the right key of the key."""
    assert expected == judge(reply, UPSERT, rows=0).advice


@pytest.mark.parametrize(
    ("url", "apikey", "is_told"),
    [
        ("http://localhost:3000", "sb_secret_0", True),
        ("http://localhost:3000/", "sb_secret_0", True),
        ("http://localhost:3000/rest/v1", "sb_secret_0", False),
        ("http://localhost:3000", None, False),
        ("https://ref.supabase.co", "sb_secret_0", False),
    ],
)
@pytest.mark.parametrize("reply", [Reply(404, body="{}"), Reply(404, Reason("PGRST125", "Invalid path"))])
def test_a_path_that_was_added_is_told(reply: Reply, url: str, apikey: str | None, is_told: bool) -> None:
    """A key that was left in the environment must not hide a PostgREST without a gateway."""
    verdict = judge(reply, UPSERT, rows=0, settings=Settings(url=url, apikey=apikey))

    assert is_told == ("/rest/v1 was added" in verdict.advice)


def test_a_page_in_mid_load_says_nothing_about_the_url() -> None:
    """The preflight has found the relation there: a gateway restarts."""
    assert Decision.RETRY is judge(Reply(404, body=PAGE), UPSERT, rows=1).decision


@pytest.mark.parametrize(
    ("body", "decision"),
    [
        ("Invalid API key", Decision.STOP),
        ("No API key found in request", Decision.STOP),
        ("{}", Decision.RENEW),
    ],
)
def test_a_wrong_key_is_not_mended_by_a_new_token(body: str, decision: Decision) -> None:
    """A gateway that speaks of the API key is asked no more; one that does not may mean the token."""
    verdict = judge(Reply(401, body=body, token="a.b.c"), UPSERT, rows=0)

    assert decision is verdict.decision
    assert "API key" in verdict.advice
