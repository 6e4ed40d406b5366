"""A user of Supabase Auth: many renewals in one load, and what becomes of it where Auth says no."""

from __future__ import annotations

from typing import Any

import pytest

from loader.errors import SettingsError
from loader.events import Event, Notice, Renewed
from tests.support.harness import Loaded, line
from tests.support.servers import Servers
from tests.support.supabase import PUBLISHABLE_KEY, SECRET_KEY, USER, Supabase, wire_credentials

COUNT = "select count(*), count(distinct a) from public.faults"


class Watch:
    """Keeps the events of a load, and acts at its first renewal."""

    def __init__(self, at_first: Any = lambda: None) -> None:
        self.events: list[Event] = []
        self._at_first = at_first

    def on(self, event: Event) -> None:
        self.events.append(event)
        if isinstance(event, Renewed) and self.renewals == 1:
            self._at_first()

    @property
    def renewals(self) -> int:
        """How many new tokens there were."""
        return sum(isinstance(event, Renewed) for event in self.events)

    @property
    def notices(self) -> str:
        """What the user was told."""
        return "\n".join(event.message for event in self.events if isinstance(event, Notice))


def rows(count: int) -> list[str]:
    """Return rows of the table."""
    return [line({"id": f"r{number}", "a": number}) for number in range(count)]


async def load(
    target: Servers, supabase: Supabase, source: list[str], watch: Watch | None = None, **changes: Any
) -> Loaded:
    """Load rows as the user."""
    given = {"apikey": PUBLISHABLE_KEY, "login": USER.email, "password": USER.password} | changes
    given = {"url": supabase.url, "jwt_secret": None, "table": "faults"} | given
    return await target.load(source, observer=watch, **given)


async def test_a_load_outlives_many_short_tokens(target: Servers, supabase: Supabase) -> None:
    """One sign-in, then a renewal after half of each life; each refresh token is used once."""
    supabase.auth.lifetime = 1.0
    watch = Watch()

    loaded = await load(target, supabase, rows(1500), watch, batch_rows=50, max_rate=500.0)

    assert ("complete", (1500, 0, 0, 0)) == (loaded.report.status, loaded.counts)
    assert [(1500, 1500)] == target.sql(COUNT)
    assert watch.renewals >= 4
    assert ["password", *["refresh_token"] * watch.renewals] == supabase.auth.asked
    assert [watch.renewals + 1] == [len(session.tokens) for session in supabase.auth.sessions]
    keys, tokens = zip(*wire_credentials(supabase.seen), strict=True)
    assert ({PUBLISHABLE_KEY}, watch.renewals + 1) == (set(keys), len(set(tokens)))


async def test_a_session_that_is_revoked_in_mid_load(target: Servers, supabase: Supabase) -> None:
    """Another one begins, with the password, and no row is lost."""
    supabase.auth.lifetime = 1.0
    watch = Watch(at_first=supabase.auth.revoke)

    loaded = await load(target, supabase, rows(1000), watch, batch_rows=50, max_rate=500.0)

    assert ("complete", [(1000, 1000)]) == (loaded.report.status, target.sql(COUNT))
    assert 2 == supabase.auth.asked.count("password")
    assert "signed in anew" in watch.notices


@pytest.mark.parametrize(
    ("change", "password", "words"),
    [
        ({}, "wrong", ["the e-mail or the password is wrong", "invalid_credentials", "BULKLOAD_PASSWORD"]),
        ({"banned": True}, USER.password, ["the user is banned"]),
        ({"confirmed": False}, USER.password, ["the e-mail address is not confirmed"]),
        ({"wants_captcha": True}, USER.password, ["a CAPTCHA is asked for", "secret key"]),
        ({"is_switched_off": True}, USER.password, ["switched off for this project"]),
        ({"answer": (404, {}, "<html>404</html>")}, USER.password, ["answers 404, not as Supabase"]),
        ({"answer": (301, {"Location": "/elsewhere"}, "")}, USER.password, ["answers 301"]),
        ({"answer": (403, {}, '{"code":"mfa_x","message":"no"}')}, USER.password, ["a second factor (MFA)"]),
        ({"answer": (400, {}, '{"error":"invalid_grant","error_description":"Invalid login credentials"}')},
         USER.password, ["the e-mail or the password is wrong"]),
        ({"answer": (200, {}, "{}")}, USER.password, ["gives no access_token and refresh_token"]),
        ({"answer": (200, {}, '{"access_token":"a b","refresh_token":"r"}')}, USER.password,
         ["gives no access_token and refresh_token"]),
    ],
)  # fmt: skip
async def test_what_auth_refuses_is_told(
    target: Servers, supabase: Supabase, change: dict[str, Any], password: str, words: list[str]
) -> None:
    """Exit 4 before a row is sent, after one request: what is wrong, Auth's words, and what to do."""
    for name in change.keys() & {"wants_captcha", "is_switched_off"}:
        setattr(supabase.auth, name, change[name])
    user = {name: change[name] for name in change.keys() & {"banned", "confirmed"}}
    supabase.auth.users = {USER.email: type(USER)(USER.email, USER.password, **user)}
    supabase.auth_answers = [change["answer"]] if "answer" in change else []

    loaded = await load(target, supabase, rows(1), password=password)

    error = loaded.report.error or ""
    assert (4, [], 0) == (loaded.report.exit_code, supabase.seen, len(supabase.auth_answers))
    assert [] == [word for word in words if word not in error], error
    assert "wrong" == password or password not in error


async def test_a_secret_key_is_asked_for_no_captcha(target: Servers, supabase: Supabase) -> None:
    """As Auth's middleware has it; the rows are the user's all the same."""
    supabase.auth.wants_captcha = True

    loaded = await load(target, supabase, rows(1), apikey=SECRET_KEY)

    assert "complete" == loaded.report.status
    assert all(seen.authorization.startswith("Bearer ey") for seen in supabase.seen)


async def test_a_second_factor_is_told(target: Servers, supabase: Supabase) -> None:
    """A password proves aal1: policies may ask for more."""
    supabase.auth.users[USER.email] = type(USER)(USER.email, USER.password, has_second_factor=True)
    watch = Watch()

    await load(target, supabase, rows(1), watch)

    assert "has a second factor" in watch.notices


async def test_auth_that_is_away_for_a_moment_is_waited_for(target: Servers, supabase: Supabase) -> None:
    """A page with 502 and a 429 are no answers; Retry-After is heeded."""
    supabase.auth_answers = [
        (502, {}, "<html>bad gateway</html>"),
        (429, {"Retry-After": "0"}, '{"error_code":"over_request_rate_limit","msg":"..."}'),
    ]

    loaded = await load(target, supabase, rows(1))

    assert ("complete", ["password"]) == (loaded.report.status, supabase.auth.asked)


async def test_too_many_requests_end_with_words(target: Servers, supabase: Supabase) -> None:
    """Exit 5 where Auth asks to wait for longer than a first try may take: run it again later."""
    words = '{"code":429,"error_code":"over_request_rate_limit","msg":"Request rate limit reached"}'
    supabase.auth_answers = [(429, {"Retry-After": "60"}, words)]

    loaded = await load(target, supabase, rows(1))

    error = loaded.report.error or ""
    assert (5, True) == (loaded.report.exit_code, "Request rate limit reached" in error)
    assert "run the same command later" in error


async def test_a_wrong_key_is_told(target: Servers, supabase: Supabase) -> None:
    """The gateway's words, and that it is the key."""
    loaded = await load(target, supabase, rows(1), apikey="sb_publishable_of_another_project")

    error = loaded.report.error or ""
    assert (4, True) == (loaded.report.exit_code, "Invalid API key" in error)
    assert "BULKLOAD_APIKEY" in error
    assert "of_another_project" not in error


async def test_a_user_without_password_and_session_is_told(target: Servers, supabase: Supabase) -> None:
    """Exit 2, and nothing is asked."""
    loaded = await load(target, supabase, rows(1), password=None)

    assert (2, []) == (loaded.report.exit_code, supabase.auth.asked)
    assert "BULKLOAD_PASSWORD" in (loaded.report.error or "")


def test_login_needs_a_key(target: Servers) -> None:
    """The gateway lets nobody to Auth without one."""
    with pytest.raises(SettingsError, match="--login needs an API key"):
        target.settings(jwt_secret=None, login=USER.email, password="hush-hush")


def test_a_key_is_no_bearer_token(target: Servers) -> None:
    """It is told where it belongs, and not shown."""
    with pytest.raises(SettingsError, match="BULKLOAD_APIKEY") as raised:
        target.settings(jwt_secret=None, token=SECRET_KEY)

    assert SECRET_KEY not in str(raised.value)
