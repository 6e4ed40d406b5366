"""What is told where PostgREST 13 and later refuse a token, or a gateway answers: replayed over HTTP.

The words of PostgREST are those of its source (v13.0.8 and v14.9, Error.hs), and a gateway's those of its
product.
"""

# ruff: noqa: E501 - a row of a table is a line

from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import Any

import jwt
import pytest

from loader.model import Decision
from tests.support.replay import SECRET, Request, ask, http, replaying, signed

MINTED = {"jwt_secret": SECRET}
GIVEN = {"token": "another"}
SECRET_KEY = {"apikey": "sb_secret_0123456789"}
SUPABASE = {"schema": "public"}


def now(seconds: float) -> int:
    return int(time.time() + seconds)


# fmt: off
TOKENS = [
    # case                          code       message                                       credential words of the advice                    token
    ("expired",                     "PGRST303", "JWT expired",                               GIVEN,  ["has expired", "(4 min ago)", "BULKLOAD_TOKEN"], lambda: signed(exp=now(-241))),
    ("expired by a wrong clock",    "PGRST303", "JWT expired",                               MINTED, ["they differ", "(in 4 min)", "NTP"],           lambda: signed(exp=now(241))),
    ("not yet valid",               "PGRST303", "JWT not yet valid",                         GIVEN,  ["not valid yet", "(in 2 h)"],                    lambda: signed(nbf=now(7201))),
    ("issued in future",            "PGRST303", "JWT issued at future",                      GIVEN,  ["issued in the future", "issue 5159"],           lambda: signed(iat=now(0))),
    ("aud mismatch",                "PGRST303", "JWT not in audience",                       MINTED, ["its aud is others", "jwt-aud", "--jwt-aud"],    lambda: signed(aud="others")),
    ("exp is not a number",         "PGRST303", "The JWT 'exp' claim must be a number",      GIVEN,  ["exp must be a number"],                         lambda: signed(exp="soon")),
    ("claims that are none",        "PGRST303", "Parsing claims failed",                     GIVEN,  ["A claim of the token"],                         signed),
    ("aud is no text",              "PGRST303", "The JWT 'aud' claim must be a string, URI, or an array of mixed strings or URIs", GIVEN, ["aud a text", "aud [1]"], lambda: signed(aud=[1])),
    ("wrong signature",             "PGRST301", "No suitable key or wrong key type",         MINTED, ["cannot verify", "PGRST_JWT_SECRET"],            signed),
    ("a kid that no key has",       "PGRST301", "No suitable key or wrong key type",         {"jwt_key": "a PEM"}, ["with the key k9", "--jwt-kid"],   lambda: jwt.encode({}, SECRET, headers={"kid": "k9"})),
    ("failed cryptography",         "PGRST301", "JWT cryptographic operation failed",        GIVEN,  ["cannot verify"],                                signed),
    ("alg none",                    "PGRST301", "Wrong or unsupported encoding algorithm",   GIVEN,  ["not signed"],                                   lambda: jwt.encode({}, "", "none")),
    ("another alg",                 "PGRST301", "Wrong or unsupported encoding algorithm",   GIVEN,  ["signed by HS256"],                              signed),
    ("garbage",                     "PGRST301", "Expected 3 parts in JWT; got 1",            GIVEN,  ["not a JWT"],                                    lambda: "garbage-and-more"),
    ("Bearer twice",                "PGRST301", "Expected 3 parts in JWT; got 1",            GIVEN,  ["begins with the word Bearer"],                  lambda: "Bearer x"),
    ("encrypted",                   "PGRST301", "Unsupported token type",                    GIVEN,  ["encrypted (JWE"],                               lambda: "a.b.c.d.e"),
    ("not to be decoded",           "PGRST301", "JWT couldn't be decoded",                   GIVEN,  ["cannot decode"],                                lambda: "a.b.c"),
    ("other words",                 "PGRST301", "something new",                             GIVEN,  ["refuses the token", "BULKLOAD_TOKEN"],          signed),
    ("role does not exist",         "22023",    'role "nobody_here" does not exist',         MINTED, ["create role nobody_here"],                      lambda: signed(role="nobody_here")),
    ("a role that is none",         "22023",    'role "["a"]" does not exist',               GIVEN,  ["The token must name a role", "another token"],  lambda: signed(role=["a"])),
    ("a role to quote",             "42501",    'permission denied to set role "Own role"',  MINTED, ['grant "Own role" to authenticator;'],           lambda: signed(role="Own role")),
]
# fmt: on


@pytest.mark.parametrize(
    ("code", "message", "credential", "words", "make"),
    [pytest.param(*case[1:], id=case[0]) for case in TOKENS],
)
async def test_token(
    code: str, message: str, credential: dict[str, Any], words: list[str], make: Callable[[], str]
) -> None:
    """The advice names the cause, the claims and the option to change, and never the token."""
    token = make()
    body = json.dumps({"code": code, "details": None, "hint": None, "message": message})
    async with replaying(http("401 Unauthorized", body, "Content-Type: application/json")) as url:
        answer = await ask(url, token, Request(), **credential)

    assert [] == [word for word in words if word not in answer.verdict.advice], answer.verdict.advice
    assert token not in answer.verdict.advice


def page(title: str, text: str = "") -> str:
    return f"<!DOCTYPE html>\n<html><head><title>{title}</title><style>a {{}}</style></head><body>{text}</body></html>"


KONG_KEY = (
    '{"message":"No API key found in request","hint":"No `apikey` request header or url param was found."}'
)

# fmt: off
GATEWAYS = [
    # who                     HTTP  words that are quoted                    words of the advice          body
    ("restricted",            402, "exceeded_db_size_quota",                "restricted",                 '{"message":"exceeded_db_size_quota"}'),
    ("paused",                540, "no further words",                      "paused",                     ""),
    ("too many",              429, "slow down",                             "--max-rate",                 "slow down"),
    ("nginx, down",           502, "502 Bad Gateway: nginx",                "down, or restarts",          page("502 Bad Gateway", "<center><h1>502 Bad Gateway</h1></center><hr>nginx")),
    ("Kong, down",            503, "name resolution failed",                "down, or restarts",          '{"message":"name resolution failed"}'),
    ("Kong, slow",            504, "The upstream server is timing out",     "did not answer in time",     '{"message":"The upstream server is timing out"}'),
    ("Cloudflare 520",        520, "x | 520: Web server & an error",        "could not read",             page("x | 520: Web server &amp; an error")),
    ("Cloudflare 521",        521, "x | 521: Web server is down",           "refused",                    page("x | 521: Web server is down")),
    ("Cloudflare 522",        522, "x | 522: Connection timed out",         "cannot connect",             page("x | 522: Connection timed out")),
    ("Cloudflare 523",        523, "x | 523: Origin is unreachable",        "cannot reach",               page("x | 523: Origin is unreachable")),
    ("Cloudflare 524",        524, "x | 524: A timeout occurred",           "100 s",                      page("x | 524: A timeout occurred")),
    ("Cloudflare 525",        525, "x | 525: SSL handshake failed",         "TLS",                        page("x | 525: SSL handshake failed")),
    ("Cloudflare 526",        526, "x | 526: Invalid SSL certificate",      "certificate",                page("x | 526: Invalid SSL certificate")),
    ("Cloudflare 530",        530, "error code: 1016",                      "resolve",                    "error code: 1016"),
    ("Supabase's gateway",    544, "Gateway timed out",                     "Supabase's gateway",         '{"error":"Gateway timed out"}'),
    ("a firewall",            403, "Just a moment...",                      "firewall",                   page("Just a moment...")),
    ("a page without title",  502, "Sorry Try later",                       "down, or restarts",          "<html><script>x</script><h1>Sorry</h1><p>Try later</p></html>"),
    ("Apache, TLS",           503, "503: You're speaking plain HTTP",       "down, or restarts",          page("503", "<p>You're speaking <b>plain HTTP</b></p>")),
    ("half a page",           502, "Sorry",                                 "down, or restarts",          "<html><h1>Sorry<"),
    ("an error in an error",  503, "nobody is home",                        "down, or restarts",          '{"error":{"message":"nobody is home"}}'),
    ("long headers",          431, "no further words",                      "fewer claims",               ""),
    ("msg",                   503, "nobody is home",                        "down, or restarts",          '{"code":503,"msg":"nobody is home"}'),
]
# fmt: on


@pytest.mark.parametrize(
    ("status", "said", "advice", "body"), [pytest.param(*case[1:], id=case[0]) for case in GATEWAYS]
)
async def test_gateway(status: int, said: str, advice: str, body: str) -> None:
    """Its words are shown without markup, and the advice says what the status means."""
    async with replaying(http(f"{status} Sorry", body)) as url:
        answer = await ask(url, signed())

    assert (f"HTTP {status}", said) == (answer.verdict.reason.code, answer.verdict.reason.message)
    assert advice in answer.verdict.advice


async def test_words_that_are_nested_too_deep_are_not_looked_for() -> None:
    """The body is quoted as it came."""
    async with replaying(http("400 Bad Request", '{"error":' * 1020 + "1" + "}" * 1020)) as url:
        answer = await ask(url, signed())

    assert answer.verdict.reason.message.startswith('{"error":{"error":')


@pytest.mark.parametrize("body", ["Bad Request", page("400 Request Header Or Cookie Too Large")])
async def test_a_token_that_is_too_long(body: str) -> None:
    """PostgREST and nginx say so with 400: it is not the URL that is wrong."""
    async with replaying(http("400 Bad Request", body)) as url:
        answer = await ask(url, signed(groups=["g" * 60] * 100))

    assert "use a token with fewer claims" in answer.verdict.advice


# fmt: off
UNAUTHORIZED = [
    # case                     body                                      token    settings                      words of the advice
    ("no key",                 KONG_KEY,                                 signed,  {},                           "does it ask for an API key (BULKLOAD_APIKEY)?"),
    ("a wrong key",            '{"message":"Invalid API key"}',          None,    SECRET_KEY | SUPABASE,        "refuses the API key"),
    ("a wrong key, a token",   '{"message":"Invalid API key"}',          signed,  SECRET_KEY | MINTED | SUPABASE, "BULKLOAD_APIKEY"),
    ("no credential",          "",                                       None,    {},                           "No token was sent"),
]
# fmt: on


@pytest.mark.parametrize(
    ("body", "make", "given", "words"), [pytest.param(*case[1:], id=case[0]) for case in UNAUTHORIZED]
)
async def test_gateway_that_asks_for_a_key(
    body: str, make: Callable[[], str] | None, given: dict[str, Any], words: str
) -> None:
    """A 401 that is not PostgREST's is about the API key, or the token."""
    async with replaying(http("401 Unauthorized", body)) as url:
        answer = await ask(f"{url}/rest/v1", make and make(), Request(), **given)

    assert words in answer.verdict.advice


async def test_clock_of_the_gateway() -> None:
    """A token that the gateway made for an API key may be issued in the future: that passes."""
    body = json.dumps({"code": "PGRST303", "message": "JWT issued at future", "details": None, "hint": None})
    async with replaying(http("401 Unauthorized", body)) as url:
        answer = await ask(f"{url}/rest/v1", None, Request(), **SECRET_KEY)

    assert Decision.RETRY is answer.verdict.decision
    assert "that passes" in answer.verdict.advice


async def test_a_role_of_a_token_cannot_write_lines_of_its_own() -> None:
    """Whoever makes the token decides on its claims, and not on our message."""
    body = json.dumps({"code": "PGRST301", "message": "JWT not in audience", "details": None, "hint": None})
    async with replaying(http("401 Unauthorized", body)) as url:
        answer = await ask(url, signed(role="x\nerror: paid \x1b[2J" + "y" * 500), Request(), **GIVEN)

    assert "\x1b" not in answer.verdict.advice
    assert max(map(len, answer.verdict.advice.splitlines())) < 400
    assert not [line for line in answer.verdict.advice.splitlines() if line.startswith("error:")]
