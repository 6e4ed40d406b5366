"""Tokens that are signed here, checked by the real PostgREST."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest

from tests.support.harness import Target, trade
from tests.support.keys import jwk, jwks, make, pem, public_jwk
from tests.support.postgrests import running_postgrest

SECRET = bytes(range(190, 190 + 64))
STANDARD = base64.b64encode(SECRET).decode()
URL_SAFE = base64.urlsafe_b64encode(SECRET).decode()
OCT = json.dumps({"kty": "oct", "k": URL_SAFE.rstrip("=")})
ROWS = [trade("a"), trade("b")]
NO_SECRET: dict[str, Any] = {"jwt_secret": None}


@pytest.mark.parametrize(
    ("kind", "changes"),
    [
        pytest.param("RSA-2048", {}, id="RS256"),
        pytest.param("RSA-2048", {"jwt_alg": "PS256"}, id="PS256"),
        pytest.param("RSA-1024", {}, id="RS256 with a short key"),
        pytest.param("P-256", {}, id="ES256"),
        pytest.param("P-384", {}, id="ES384"),
        pytest.param("P-521", {}, id="ES512"),
        pytest.param("Ed25519", {}, id="EdDSA"),
    ],
)
async def test_the_server_takes_tokens_of_a_private_key(
    target: Target, kind: str, changes: dict[str, Any]
) -> None:
    """Its jwt-secret is the public half, as a JWK."""
    with running_postgrest(target, json.dumps(public_jwk(kind))) as server:
        loaded = await target.load(ROWS, url=server.url, jwt_key=pem(kind), **NO_SECRET, **changes)

    assert (None, (2, 0, 0, 0)) == (loaded.report.error, loaded.counts)


@pytest.mark.parametrize(
    ("jwt_secret", "is_base64", "given"),
    [
        pytest.param(STANDARD, True, STANDARD, id="standard base64"),
        pytest.param(URL_SAFE, True, URL_SAFE, id="URL-safe base64"),
        pytest.param(STANDARD, True, URL_SAFE.rstrip("="), id="base64 without padding"),
        pytest.param(base64.b64encode(OCT.encode()).decode(), True, None, id="a JWK in base64"),
        pytest.param(OCT, False, OCT, id="a JWK"),
        pytest.param(jwks(public_jwk("P-256"), json.loads(OCT)), False, None, id="a JWKS with a secret"),
    ],
)
async def test_the_server_takes_tokens_of_its_secret(
    target: Target, jwt_secret: str, is_base64: bool, given: str | None
) -> None:
    """However it is written; by default as the server has it."""
    secret = given or jwt_secret
    with running_postgrest(target, jwt_secret, jwt_secret_is_base64=str(is_base64).lower()) as server:
        loaded = await target.load(ROWS, url=server.url, jwt_secret=secret, jwt_secret_is_base64=is_base64)

    assert (None, (2, 0, 0, 0)) == (loaded.report.error, loaded.counts)


@pytest.mark.parametrize("chosen", ["old", "new"])
async def test_the_server_takes_each_key_of_its_set(target: Target, chosen: str) -> None:
    """--jwt-kid chooses the private key, and the header names it."""
    kinds = {"old": "P-256", "new": "RSA-2048"}
    public = jwks(*(public_jwk(kind, kid=kid) for kid, kind in kinds.items()))
    private = jwks(*(jwk(kind, kid=kid) for kid, kind in kinds.items()))
    with running_postgrest(target, public) as server:
        loaded = await target.load(ROWS, url=server.url, jwt_key=private, jwt_kid=chosen, **NO_SECRET)

    assert (None, (2, 0, 0, 0)) == (loaded.report.error, loaded.counts)


@pytest.mark.parametrize(
    ("server_settings", "changes"),
    [
        pytest.param(
            {"jwt_role_claim_key": '."https://example.com/role"'},
            {"role": "", "jwt_claim": (("https://example.com/role", '"api_data_producer"'),)},
            id="a role in another claim",
        ),
        pytest.param(
            {"jwt_role_claim_key": ".realm.roles[1]"},
            {"role": "", "jwt_claim": (("realm", '{"roles":["a","api_data_producer"]}'),)},
            id="a role in a list",
        ),
        pytest.param({"jwt_aud": "me"}, {"jwt_claim": (("aud", '["you","me"]'),)}, id="several audiences"),
        pytest.param({"jwt_aud": "me"}, {"jwt_aud": ""}, id="no audience"),
        pytest.param({}, {"jwt_iat": True, "jwt_claim": (("n", "123456789012345678901.10"),)}, id="iat"),
    ],
)
async def test_the_server_finds_its_claims(
    target: Target, server_settings: dict[str, str], changes: dict[str, Any]
) -> None:
    """Those of --jwt-claim, in place of role and aud or beside them."""
    with running_postgrest(target, target.secret, **server_settings) as server:
        loaded = await target.load(ROWS, url=server.url, **changes)

    assert (None, (2, 0, 0, 0)) == (loaded.report.error, loaded.counts)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        pytest.param({"jwt_key": pem("P-256", 1), **NO_SECRET}, "JWSError JWSInvalid", id="another key"),
        pytest.param({"jwt_key": pem("RSA-2048"), **NO_SECRET}, "JWSError", id="another kind of key"),
        pytest.param({"jwt_secret": "a-secret-that-the-server-does-not-have"}, "JWSError", id="a secret"),
    ],
)
async def test_a_key_that_the_server_does_not_know_stops_the_load(
    target: Target, changes: dict[str, Any], said: str
) -> None:
    """With exit 4 and the server's words; no row was sent."""
    with running_postgrest(target, json.dumps(public_jwk("P-256"))) as server:
        loaded = await target.load(ROWS, url=server.url, **changes)

    assert (4, True) == (loaded.report.exit_code, f"PGRST301 {said}" in str(loaded.report.error))
    assert [] == target.sql("select id from core.trades")


async def test_ed448_is_refused_here_because_the_server_refuses_it(target: Target) -> None:
    """PostgREST 12 does not check such signatures, and says so only of the signature."""
    from loader.credentials.signing_key import SigningKey  # noqa: PLC0415

    with running_postgrest(target, json.dumps(public_jwk("Ed448"))) as server:
        token = SigningKey("EdDSA", make("Ed448")).sign(b'{"role":"api_data_producer"}')
        loaded = await target.load(ROWS, url=server.url, token=token, **NO_SECRET)

    assert (4, True) == (loaded.report.exit_code, "JWSInvalidSignature" in str(loaded.report.error))
