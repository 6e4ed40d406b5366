"""How a client of OAuth 2 proves who it is."""

from __future__ import annotations

import base64
import json
import time
from typing import Any

import jwt
import pytest

from loader import mask
from loader.credentials.keys import private_key
from loader.credentials.oauth_client import KeyClient, PublicClient, SecretClient, takes_in_body
from loader.errors import TargetError
from tests.support.keys import jwk, make, pem


def proof(key: str, algorithms: tuple[str, ...] = ()) -> tuple[dict[str, Any], dict[str, str]]:
    """Return the header of an assertion, and the form that it stands in."""
    client = KeyClient("me", private_key(key), audience="https://id", algorithms=algorithms)
    form = client.prove().form
    return jwt.get_unverified_header(form["client_assertion"]), form


def test_a_secret_stands_form_encoded_in_the_header() -> None:
    """So that a colon, a percent sign or an umlaut in it arrives (RFC 6749, section 2.3.1)."""
    proof = SecretClient("m:e", "p%ä ss").prove()

    text = base64.b64decode(proof.headers["Authorization"].removeprefix("Basic ")).decode()
    assert ("m%3Ae:p%25%C3%A4+ss", {}) == (text, proof.form)


def test_a_secret_stands_in_the_body_where_that_is_asked() -> None:
    """There it stands alone."""
    proof = SecretClient("me", "hush", in_body=True).prove()

    assert ({}, {"client_id": "me", "client_secret": "hush"}) == (proof.headers, proof.form)


def test_what_proves_a_client_is_hidden() -> None:
    """In each form in which it is sent."""
    secret = SecretClient("me", "a secret to be hidden").prove().headers["Authorization"]
    _, form = proof(pem("P-256"))

    assert "Basic ***" == mask.masked(secret).rstrip("=")
    assert "***" == mask.masked(form["client_assertion"])
    assert "hidden" not in repr(SecretClient("me", "a secret to be hidden").prove())


def test_a_public_client_has_an_id_alone() -> None:
    """Its refresh token is proof enough."""
    proof = PublicClient("me").prove()

    assert ({}, {"client_id": "me"}) == (proof.headers, proof.form)


@pytest.mark.parametrize(
    ("methods", "in_body"),
    [
        (None, False),
        (("client_secret_basic",), False),
        (("client_secret_post", "client_secret_basic"), False),
        (("private_key_jwt", "client_secret_post"), True),
    ],
)
def test_a_secret_goes_in_the_body_where_only_that_is_taken(
    methods: tuple[str, ...] | None, in_body: bool
) -> None:
    """The header is what each provider must take."""
    assert in_body == takes_in_body(methods, "https://id")


def test_a_secret_that_the_provider_does_not_take_is_not_sent() -> None:
    """The error says what it takes."""
    with pytest.raises(TargetError, match="takes no client secret, but private_key_jwt"):
        takes_in_body(("private_key_jwt",), "https://id")


@pytest.mark.parametrize(
    ("kind", "algorithm"), [("RSA-2048", "RS256"), ("P-256", "ES256"), ("Ed25519", "EdDSA")]
)
def test_an_assertion_is_signed_by_the_clients_key(kind: str, algorithm: str) -> None:
    """It names the client and the provider, and lives for a minute. A JWK names its kid."""
    header, form = proof(pem(kind))

    public = make(kind).public_key()
    claims = jwt.decode(form["client_assertion"], public, [algorithm], audience="https://id")
    assert {"alg": algorithm, "typ": "JWT"} == header
    assert ("me", "me", "https://id") == (claims["iss"], claims["sub"], claims["aud"])
    assert time.time() < claims["exp"] <= time.time() + 61
    assert "k1" == proof(json.dumps(jwk(kind, kid="k1")))[0]["kid"]


def test_no_two_assertions_are_alike() -> None:
    """A provider takes each once."""
    client = KeyClient("me", private_key(pem("P-256")), audience="https://id")

    made = [
        jwt.decode(client.prove().form["client_assertion"], options={"verify_signature": False})["jti"]
        for _ in range(20)
    ]

    assert 20 == len(set(made))


@pytest.mark.parametrize(
    ("taken", "algorithm"),
    [((), "RS256"), (("ES256", "PS256"), "PS256"), (("PS256", "RS256"), "RS256"), (("ES256",), "RS256")],
)
def test_an_rsa_key_signs_as_the_provider_takes_it(taken: tuple[str, ...], algorithm: str) -> None:
    """By PS256 where it does not take RS256."""
    assert algorithm == proof(pem("RSA-2048"), taken)[0]["alg"]
