"""What a token endpoint answers, as a token or an error in words."""

from __future__ import annotations

import math
from typing import Any

import jwt
import orjson
import pytest

from loader.credentials.endpoint import Answer
from loader.credentials.oauth_reply import TokenReply, read_token
from loader.credentials.token_source import TokensUnavailable
from loader.errors import TargetError

NOW = 1_800_000_000.0
JWT = jwt.encode({"exp": NOW + 90}, "s" * 32, algorithm="HS256")


def read(
    body: dict[str, Any] | str, status: int = 200, *, use: str = "access_token", grant: str = "g"
) -> TokenReply:
    """Read a reply."""
    text = body if isinstance(body, str) else orjson.dumps(body).decode()
    answer = Answer(status, {} if isinstance(body, str) else body, text, "https://id/token")
    return read_token(answer, use=use, grant=grant, now=NOW)


@pytest.mark.parametrize(
    ("told", "lifetime"),
    [
        ({"expires_in": 300}, 300.0),
        ({"expires_in": "3599"}, 3599.0),
        ({"expires_in": 2.5}, 2.5),
        ({}, 90.0),
        ({"expires_in": None}, 90.0),
        ({"expires_in": True}, 90.0),
        ({"expires_in": 0}, 90.0),
        ({"expires_in": -1}, 90.0),
        ({"expires_in": "soon"}, 90.0),
        ({"expires_in": "nan"}, 90.0),
        ({"expires_in": "9" * 400}, 90.0),
    ],
)
def test_the_lifetime_is_what_the_reply_says_else_the_token(told: dict[str, Any], lifetime: float) -> None:
    """expires_in may be a number or a text; where it tells nothing, the claim exp does."""
    assert lifetime == read({"access_token": JWT, "token_type": "Bearer", **told}).token.lifetime


def test_the_lifetime_of_a_token_that_tells_nothing_is_not_known() -> None:
    """It is used until the server refuses it."""
    assert math.inf == read({"access_token": "opaque"}).token.lifetime


def test_an_id_token_lives_as_long_as_it_says_itself() -> None:
    """expires_in and token_type tell of the access token."""
    reply = read(
        {"access_token": "a", "id_token": JWT, "expires_in": 9, "token_type": "DPoP"}, use="id_token"
    )

    assert (JWT, 90.0) == (reply.token.text, reply.token.lifetime)


@pytest.mark.parametrize("kind", ["Bearer", "bearer", "BEARER", None])
def test_the_type_bearer_is_written_in_any_case(kind: str | None) -> None:
    """Some providers leave it out."""
    assert "opaque" == read({"access_token": "opaque", "token_type": kind}).token.text


@pytest.mark.parametrize(
    ("code", "words"),
    [
        ("invalid_client", "--oauth-client-id"),
        ("invalid_scope", "--oauth-scope"),
        ("unauthorized_client", "Allow the client"),
        ("unsupported_grant_type", "turned off"),
        ("invalid_target", "--oauth-audience"),
        ("access_denied", "--oauth-audience"),
        ("invalid_request", "misses"),
    ],
)
def test_each_refusal_says_what_to_do(code: str, words: str) -> None:
    """Beside the provider's own words."""
    with pytest.raises(TargetError) as raised:
        read({"error": code, "error_description": "because\n of  this"}, 400, grant="client_credentials")

    error = raised.value
    assert f"https://id/token refuses a token by client_credentials: {code} (400)" == error.message
    assert ("because of this", True) == (error.said, words in error.advice)


def test_a_refresh_token_that_is_used_up_needs_a_sign_in() -> None:
    """That is what invalid_grant means where one was sent."""
    with pytest.raises(TargetError) as raised:
        read({"error": "invalid_grant"}, 400, grant="refresh_token")

    assert "Sign in again" in raised.value.advice


@pytest.mark.parametrize("code", ["temporarily_unavailable", "server_error", "slow_down"])
def test_a_provider_that_is_busy_is_asked_again(code: str) -> None:
    """Its status is that of an error of ours."""
    with pytest.raises(TokensUnavailable):
        read({"error": code}, 400)


@pytest.mark.parametrize(
    ("body", "status", "use", "message"),
    [
        ("<html>Sign in</html>", 200, "access_token", "answers with something else than JSON"),
        ("access_token=hush", 200, "access_token", "answers with something else than JSON"),
        ("<html>no</html>", 403, "access_token", "answers 403"),
        ("", 302, "access_token", "answers 302"),
        ({"id_token": "hush"}, 200, "access_token", "gives no access_token, but id_token"),
        ({"access_token": "hush"}, 200, "id_token", "gives no id_token, but access_token"),
        ({"access_token": ["hush"]}, 200, "access_token", "gives no access_token"),
        ({"access_token": "a\r\nHost: hush"}, 200, "access_token", "no header can carry"),
        ({"access_token": "hush", "token_type": "DPoP"}, 200, "access_token", "the type DPoP"),
        ({"error": "invalid_client"}, 200, "access_token", "invalid_client (200)"),
        ({"error": {"message": "hm"}}, 400, "access_token", "answers 400"),
    ],
)
def test_a_reply_without_a_token_is_an_error_that_quotes_none(
    body: dict[str, Any] | str, status: int, use: str, message: str
) -> None:
    """It says what is there in place of the token that was asked for."""
    with pytest.raises(TargetError) as raised:
        read(body, status, use=use)

    assert not isinstance(raised.value, TokensUnavailable)
    assert message in raised.value.message
    assert "hush" not in str(raised.value)


def test_words_without_end_are_cut() -> None:
    """A message repeats 300 characters."""
    with pytest.raises(TargetError) as raised:
        read({"error": "e" * 10_000, "error_description": "d" * 10_000}, 400)

    assert len(str(raised.value)) < 800
