"""What is told of a token that the real PostgREST refuses: what is wrong, what it says, what to change."""

# ruff: noqa: E501 - a row of a table is a line

from __future__ import annotations

import base64
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from loader.credentials.minted import Minted
from loader.sandbox import PostgREST, find_postgrest
from tests.support.harness import Target
from tests.support.replay import SECRET, Request, ask, signed

BINARY = b"a secret of 32 bytes, not a text\x00\xff"
BASE64 = base64.b64encode(BINARY).decode()
SHORT = "short-secret"
REQUEST = Request("faults", ("id",), schema="api")

MINTED = {"jwt_secret": SECRET}
GIVEN = {"token": "another"}
FILE = {"token_file": Path("token.txt")}
COMMAND = {"token_command": "print-token"}
OAUTH = {
    "oauth_token_url": "https://idp.example/token",
    "oauth_client_id": "c",
    "oauth_client_secret": "of-c",
}
LOGIN = {"login": "me@example.com", "password": "swordfish-of-the-tests", "apikey": "sb_publishable_x"}
API_KEY = {"apikey": signed(role="anon")}
NONE: dict[str, Any] = {}


@pytest.fixture(scope="module")
def sites(servers: Target) -> Iterator[dict[str, str]]:
    """PostgRESTs that differ in how they check tokens."""
    settings = {
        "usual": {},
        "strict": {"PGRST_JWT_AUD": "https://api.example", "PGRST_DB_ANON_ROLE": ""},
        "base64": {"PGRST_JWT_SECRET": BASE64, "PGRST_JWT_SECRET_IS_BASE64": "true"},
        "no secret": {"PGRST_JWT_SECRET": ""},
        "short secret": {"PGRST_JWT_SECRET": SHORT},
    }
    servers.sql("create role not_for_postgrest")
    started = {
        name: PostgREST(find_postgrest(), servers.box.authenticator, SECRET, settings=changes)
        for name, changes in settings.items()
    }
    try:
        for server in started.values():
            server.start()
        yield {name: server.url for name, server in started.items()}
    finally:
        for server in started.values():
            server.stop()
        servers.sql("drop role not_for_postgrest")


def now(seconds: float = 0) -> int:
    return int(time.time() + seconds)


def es256() -> str:
    key = ec.generate_private_key(ec.SECP256R1())
    return jwt.encode({"role": "api_data_producer"}, key, "ES256", headers={"kid": "k1"})


# fmt: off
CASES = [
    # case                         server       credential  words of the advice                                                token
    ("expired, minted",            "usual",     MINTED,  ["The token has expired", "role api_data_producer", "2 min ago)", "clocks", "--jwt-ttl"], lambda: signed(exp=now(-121))),
    ("expired, given",             "usual",     GIVEN,   ["The token has expired", "BULKLOAD_TOKEN", "run the same command"],  lambda: signed(exp=now(-121))),
    ("expired, file",              "usual",     FILE,    ["The token has expired", "--token-file"],                            lambda: signed(exp=now(-121))),
    ("expired, command",           "usual",     COMMAND, ["The token has expired", "--token-command", "by hand"],              lambda: signed(exp=now(-121))),
    ("expired, OAuth",             "usual",     OAUTH,   ["The token has expired", "clocks"],                                  lambda: signed(exp=now(-121))),
    ("expired, API key",           "usual",     API_KEY, ["The token has expired", "API key", "API Keys"],                     lambda: signed(exp=now(-121))),
    ("not valid yet",              "usual",     MINTED,  ["not valid yet", "nbf", "(in 3 min)", "--jwt-claim nbf"],            lambda: signed(nbf=now(181))),
    ("not valid yet, given",       "usual",     GIVEN,   ["not valid yet", "clocks", "wait"],                                  lambda: signed(nbf=now(181))),
    ("issued in future",           "usual",     MINTED,  ["issued in the future", "--jwt-iat"],                                lambda: signed(iat=now(181))),
    ("wrong secret",               "usual",     MINTED,  ["cannot verify", "alg HS256", "PGRST_JWT_SECRET", "--jwt-key-file"], lambda: signed("another secret, of 32 characters or more")),
    ("base64, not decoded",        "base64",    {"jwt_secret": BASE64}, ["looks like base64", "--jwt-secret-is-base64"],       lambda: signed(BASE64)),
    ("a blank at its end",         "usual",     {"jwt_secret": f"{SECRET} "}, ["ends with a blank"],                           lambda: signed(f"{SECRET} ")),
    ("a short secret",             "short secret", {"jwt_secret": SHORT}, ["less than 32 bytes", "a longer one"],             lambda: Minted(SHORT, role="api_data_producer", audience="", lifetime=60).mint()),
    ("wrong signature, given",     "usual",     GIVEN,   ["cannot verify", "token for this server", "BULKLOAD_TOKEN"],         lambda: signed("another secret, of 32 characters or more")),
    ("wrong signature, OAuth",     "usual",     OAUTH,   ["cannot verify", "jwks_uri", "--oauth-use id_token"],                lambda: signed("another secret, of 32 characters or more")),
    ("wrong signature, login",     "usual",     LOGIN,   ["cannot verify", "project's Auth"],                                  lambda: signed("another secret, of 32 characters or more")),
    ("wrong signature, API key",   "usual",     API_KEY, ["cannot verify", "another project"],                                 lambda: signed("another secret, of 32 characters or more")),
    ("another algorithm, no key",  "usual",     {"jwt_key": "a PEM"}, ["signed by ES256, with the key k1", "public key of --jwt-key-file", "--jwt-kid"], es256),
    ("not signed",                 "usual",     GIVEN,   ["not signed (alg none)"],                                            lambda: jwt.encode({"role": "api_data_producer"}, "", "none")),
    ("garbage",                    "usual",     GIVEN,   ["not a JWT", "BULKLOAD_TOKEN"],                                      lambda: "garbage-and-nothing-else"),
    ("an opaque access token",     "usual",     OAUTH,   ["not a JWT", "--oauth-audience", "--oauth-use id_token"],            lambda: "0123456789abcdefghij"),
    ("not a token of a command",   "usual",     COMMAND, ["not a JWT", "identity token"],                                      lambda: "ya29.a0AfH6SNx"),
    ("exp is not a number",        "usual",     GIVEN,   ["exp must be a number", "exp soon"],                                 lambda: signed(exp="soon")),
    ("aud mismatch, minted",       "strict",    MINTED,  ["its aud is others", "jwt-aud", "--jwt-aud"],                        lambda: signed(aud="others")),
    ("aud mismatch, a list",       "strict",    GIVEN,   ["its aud is ['a', 'b']", "jwt-aud"],                                 lambda: signed(aud=["a", "b"])),
    ("aud mismatch, OAuth",        "strict",    OAUTH,   ["its aud is others", "--oauth-audience"],                            lambda: signed(aud="others")),
    ("aud mismatch, login",        "strict",    LOGIN,   ["its aud is others", "authenticated"],                               lambda: signed(aud="others")),
    ("no token",                   "usual",     NONE,    ["No token was sent", "PGRST_JWT_SECRET", "BULKLOAD_APIKEY"],         lambda: None),
    ("no token, no anonymous role", "strict",   NONE,    ["No token was sent", "PGRST_JWT_SECRET"],                            lambda: None),
    ("no role",                    "usual",     OAUTH,   ["The token says: ", "names no role (its claims are exp)", "jwt-role-claim-key"], lambda: signed(role=None)),
    ("no role, no anonymous role", "strict",    GIVEN,   ["The token says: ", "names no role", "jwt-role-claim-key"],          lambda: signed(role=None)),
    ("role does not exist",        "usual",     MINTED,  ["The token says: ", "role nobody_here", "--role", "create role nobody_here; grant nobody_here to authenticator;"], lambda: signed(role="nobody_here")),
    ("role not for PostgREST",     "usual",     GIVEN,   ["The token says: ", "may not take on", "\ngrant not_for_postgrest to authenticator;"], lambda: signed(role="not_for_postgrest")),
    ("server without secret",      "no secret", MINTED,  ["The token says: ", "no jwt-secret"],                                signed),
]
# fmt: on


@pytest.mark.parametrize(
    ("site", "credential", "words", "make"), [pytest.param(*case[1:], id=case[0]) for case in CASES]
)
async def test_advice(
    sites: dict[str, str],
    site: str,
    credential: dict[str, Any],
    words: list[str],
    make: Callable[[], str | None],
) -> None:
    """It names the cause, the token's claims and the option to change, and never the token."""
    token = make()

    answer = await ask(sites[site], token, REQUEST, **credential)

    advice = answer.verdict.advice
    assert [] == [word for word in words if word not in advice], advice
    assert token is None or token not in advice
    assert token is None or token.rpartition(".")[2] not in advice or token.endswith(".")


async def test_base64_that_is_decoded(sites: dict[str, str]) -> None:
    """The secret that looks like base64 is the bytes that it stands for."""
    token = jwt.encode({"role": "api_data_producer", "exp": now(60)}, BINARY, "HS256")

    answer = await ask(sites["base64"], token, REQUEST)

    assert "" == answer.verdict.advice
