"""What helper programs print, and what token files hold: the token in it, and when it expires."""

from __future__ import annotations

import time
from datetime import datetime, timedelta, timezone

import jwt
import pytest

from loader.credentials.token_output import NoTokenError, read

NOW = 1_800_000_000.0  # 2027-01-15 08:00:00 UTC
KEY = "k" * 32
JWT = jwt.encode({"role": "r", "exp": NOW + 900}, KEY)
OTHER = jwt.encode({"role": "other", "exp": NOW + 100}, KEY)
ENDLESS = jwt.encode({"role": "r"}, KEY)
GOOGLE = "ya29.a0AfB_by-not-a-JWT"
LOCAL = datetime.fromtimestamp(NOW + 60).strftime("%Y-%m-%d %H:%M:%S.%f")  # noqa: DTZ006 - as az prints it
EAST = datetime.fromtimestamp(NOW + 60, timezone(timedelta(hours=2))).isoformat()

GIVEN = [
    pytest.param(f"{JWT}\n", JWT, 900, id="the token alone"),
    pytest.param(f"  Bearer {JWT} \r\n", JWT, 900, id="blanks and the word Bearer"),
    pytest.param(f"\ufeff{JWT}", JWT, 900, id="a byte order mark"),
    pytest.param(GOOGLE, GOOGLE, None, id="gcloud auth print-access-token"),
    pytest.param(JWT, JWT, 900, id="gcloud auth print-identity-token"),
    pytest.param(f'"{ENDLESS}"', ENDLESS, None, id="az --query accessToken, aws --query"),
    pytest.param(
        f'{{"access_token":"{ENDLESS}","token_type":"Bearer","expires_in":3600}}', ENDLESS, 3600, id="OAuth 2"
    ),
    pytest.param(
        f'{{"access_token":"{ENDLESS}","expires_in":"3600"}}', ENDLESS, 3600, id="a number in quotes"
    ),
    pytest.param(
        f'{{"access_token":"{JWT}","expires_in":3600}}', JWT, 900, id="the token's own exp goes before"
    ),
    pytest.param(f'{{"token":"{ENDLESS}"}}', ENDLESS, None, id="token"),
    pytest.param(f'{{"token":"{ENDLESS}","expires_in":30}}', ENDLESS, 30, id="token, expires_in"),
    pytest.param(
        f'{{"token":"{ENDLESS}","expiry":"2027-01-15T08:01:00Z"}}', ENDLESS, 60, id="token, expiry"
    ),
    pytest.param(
        f'{{"token":"{ENDLESS}","expiration":{NOW + 60:.0f}}}', ENDLESS, 60, id="token, expiration"
    ),
    pytest.param(
        '{"kind":"ExecCredential","apiVersion":"client.authentication.k8s.io/v1beta1","spec":{},'
        '"status":{"expirationTimestamp":"2027-01-15T08:01:00Z","token":"k8s-aws-v1.aHR0cHM6Ly9zdHM"}}',
        "k8s-aws-v1.aHR0cHM6Ly9zdHM", 60, id="aws eks get-token",
    ),
    pytest.param(
        '{"status":{"expirationTimestamp":"2027-01-15T08:01:00.123456789Z","token":"t"}}', "t", 60.123,
        id="ExecCredential with nanoseconds",
    ),
    pytest.param(
        f'{{"configuration":{{}},"credential":{{"access_token":"{GOOGLE}","id_token":"{JWT}",'
        '"token_expiry":"2027-01-15T08:01:00Z"},"sentinels":{}}',
        JWT, 900, id="gcloud config config-helper: its id_token is the JWT",
    ),
    pytest.param(
        f'{{"credential":{{"access_token":"{GOOGLE}","token_expiry":"2027-01-15T08:01:00Z"}}}}', GOOGLE, 60,
        id="gcloud config config-helper without an id_token",
    ),
    pytest.param(
        f'{{"accessToken":"{ENDLESS}","expiresOn":"{LOCAL}","subscription":"s","tokenType":"Bearer"}}',
        ENDLESS, 60, id="az before 2.54: local time",
    ),
    pytest.param(
        f'{{"accessToken":"{ENDLESS}","expiresOn":"1999-01-01 00:00:00","expires_on":{NOW + 60:.0f}}}',
        ENDLESS, 60, id="az since 2.54: expires_on goes before",
    ),
    pytest.param(
        f'{{"accessToken":"{ENDLESS}","expiresOn":"N/A"}}', ENDLESS, None, id="az with a managed identity"
    ),
    pytest.param(
        f'{{"ChallengeParameters":{{}},"AuthenticationResult":{{"AccessToken":"{ENDLESS}","ExpiresIn":3600,'
        f'"TokenType":"Bearer","RefreshToken":"r","IdToken":"{OTHER}"}}}}',
        ENDLESS, 3600, id="aws cognito-idp initiate-auth",
    ),
    pytest.param(
        f'{{"WebIdentityToken":"{JWT}","Expiration":"2027-01-15T08:01:00+00:00"}}', JWT, 900,
        id="aws sts get-web-identity-token",
    ),
    pytest.param(
        f'{{"authorizationToken":"{ENDLESS}","expiration":"{EAST}"}}', ENDLESS, 60,
        id="aws codeartifact get-authorization-token",
    ),
    pytest.param(f'{{"access_token":"{ENDLESS}","expires_in":"inf"}}', ENDLESS, None, id="no number"),
    pytest.param(f'{{"token":"{ENDLESS}","expiry":"soon"}}', ENDLESS, None, id="a moment that is none"),
]  # fmt: skip


@pytest.mark.parametrize(("output", "token", "left"), GIVEN)
def test_a_token_is_found(output: str, token: str, left: float | None) -> None:
    """In each form that helpers print, with its expiry: its own, else what stands beside it."""
    given = read(output.encode(), NOW)

    expected = None if left is None else pytest.approx(NOW + left, abs=0.01)
    assert (token, expected) == (given.token, given.expires)
    assert token not in repr(given)


NONE = [
    pytest.param(b"", "is empty", id="nothing"),
    pytest.param(b" \n\n", "is empty", id="newlines"),
    pytest.param(b"\xff\xfe\x00", "is not UTF-8", id="not UTF-8"),
    pytest.param(f"{JWT}\n{JWT}".encode(), "several lines", id="two tokens"),
    pytest.param(b"Warning: old version\ntoken", "several lines", id="a warning before it"),
    pytest.param(b"<!DOCTYPE html><html>hush</html>", "HTML", id="HTML"),
    pytest.param(b"ERROR: please run az login", "blanks", id="an error"),
    pytest.param("t\u00f6ken".encode(), "no token has", id="not ASCII"),
    pytest.param(b"None", "says that there is no token", id="aws --output text of nothing"),
    pytest.param(b"null", "says that there is no token", id="jq of nothing"),
    pytest.param(b'""', "says that there is no token", id="an empty text of JSON"),
    pytest.param(b"Bearer", "says that there is no token", id="Bearer alone"),
    pytest.param(b'{"access_token":', "like JSON", id="half of a JSON"),
    pytest.param(b'["hush"]', "neither an object nor a text", id="a list"),
    pytest.param(b'{"secret":"hush"}', "no field is known", id="other fields"),
    pytest.param(b'{"access_token":null,"token":5}', "no field is known", id="fields without a text"),
    pytest.param(b'{"error":"hush"}', "why there is no token", id="an error in JSON"),
    pytest.param(
        b'{"ChallengeName":"SMS_MFA","Session":"hush"}', "why there is no token", id="cognito asks for MFA"
    ),
]


@pytest.mark.parametrize(("output", "words"), NONE)
def test_what_is_no_token_is_told_without_quoting_it(output: bytes, words: str) -> None:
    """The error says what is wrong, and repeats nothing that was printed."""
    with pytest.raises(NoTokenError) as caught:
        read(output, time.time())

    assert words in str(caught.value)
    assert "hush" not in str(caught.value)
    assert JWT not in str(caught.value)
