"""What Auth's refusals mean, and which project a URL is of. No server."""

from __future__ import annotations

import jwt
import pytest

from loader.credentials.auth_errors import explain
from loader.credentials.choose import token_source
from loader.credentials.headers import is_public_key
from loader.credentials.login import project_of
from loader.settings import Settings
from tests.support.servers import SECRET
from tests.support.supabase import PUBLISHABLE_KEY, SECRET_KEY

HOSTED = "https://abcd.supabase.co"


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        (HOSTED, HOSTED),
        (f"{HOSTED}/rest/v1", HOSTED),
        (f"{HOSTED}/rest/v1/", HOSTED),
        ("http://127.0.0.1:54321/", "http://127.0.0.1:54321"),
        ("https://api.example.com/supabase/rest/v1", "https://api.example.com/supabase"),
    ],
)
def test_auth_is_beside_the_rest_api(url: str, expected: str) -> None:
    """Of a hosted project, a local one, and one behind a path of somebody's own."""
    assert expected == project_of(url)


@pytest.mark.parametrize(
    ("code", "words", "expected"),
    [
        ("invalid_credentials", "Invalid login credentials", "the e-mail or the password is wrong"),
        ("invalid_grant", "Invalid login credentials", "the e-mail or the password is wrong"),
        ("invalid_grant", "Invalid Refresh Token", "the session has ended"),
        ("session_expired", "Invalid Refresh Token: Session Expired", "the session has ended"),
        (
            "session_expired",
            "Invalid Refresh Token: Session Expired (Low AAL: User Needs MFA Verification)",
            "a second factor (MFA) is asked for, which a load cannot give",
        ),
        ("insufficient_aal", "AAL2 required", "a second factor (MFA) is asked for, which a load cannot give"),
        ("mfa_verification_rejected", "", "a second factor (MFA) is asked for, which a load cannot give"),
        ("validation_failed", "missing email or phone", ""),
    ],
)
def test_what_is_wrong(code: str, words: str, expected: str) -> None:
    """By its code, as supabase/auth has it; of others its words must do."""
    assert expected == explain(code, words)[0]


def test_nothing_secret_is_in_a_repr() -> None:
    """Nor in what is said of the source."""
    settings = Settings(url=HOSTED, login="me@example.com", password="hush-hush", apikey=SECRET_KEY)
    source = token_source(settings)

    assert not [text for text in ("hush-hush", SECRET_KEY) if text in f"{source!r} {source.describe()}"]
    assert f"tokens of me@example.com, from {HOSTED}/auth/v1/token" == source.describe()


def test_which_keys_are_public() -> None:
    """Those that stand in web pages: rows need policies for them."""
    anon, service_role = (jwt.encode({"role": role}, SECRET) for role in ("anon", "service_role"))
    keys = (PUBLISHABLE_KEY, anon, SECRET_KEY, service_role, "an-opaque-key", None)

    assert [True, True, False, False, False, False] == [is_public_key(key) for key in keys]
