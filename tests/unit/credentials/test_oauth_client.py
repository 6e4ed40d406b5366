"""How a client of OAuth 2 proves who it is."""

from __future__ import annotations

import base64
import json
import time
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    KeySerializationEncryption,
    NoEncryption,
    PrivateFormat,
)
from jwt.algorithms import ECAlgorithm, OKPAlgorithm, RSAAlgorithm

from loader import mask
from loader.credentials.client_key import ClientKey
from loader.credentials.oauth_client import KeyClient, PublicClient, SecretClient, takes_in_body
from loader.errors import SettingsError, TargetError

RSA = rsa.generate_private_key(public_exponent=65537, key_size=2048)
P256 = ec.generate_private_key(ec.SECP256R1())
ED25519 = ed25519.Ed25519PrivateKey.generate()
KEYS: list[tuple[Any, Any, str]] = [
    (RSA, RSAAlgorithm, "RS256"),
    (P256, ECAlgorithm, "ES256"),
    (ED25519, OKPAlgorithm, "EdDSA"),
]


def pem(key: Any, encryption: KeySerializationEncryption | None = None) -> str:
    """Return a private key in PEM."""
    text: bytes = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, encryption or NoEncryption())
    return text.decode()


def proof(key: str, algorithms: tuple[str, ...] = ()) -> tuple[dict[str, Any], dict[str, str]]:
    """Return the header of an assertion, and the form that it stands in."""
    client = KeyClient("me", ClientKey(key), audience="https://id", algorithms=algorithms)
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
    _, form = proof(pem(P256))

    assert "Basic ***" == mask.masked(secret).rstrip("=")
    assert "***" == mask.masked(form["client_assertion"])
    assert "hidden" not in repr(SecretClient("me", "a secret to be hidden").prove())


def test_a_public_client_has_an_id_alone() -> None:
    """Its refresh token is proof enough."""
    assert ({}, {"client_id": "me"}) == (PublicClient("me").prove().headers, PublicClient("me").prove().form)


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


@pytest.mark.parametrize(("key", "kind", "algorithm"), KEYS, ids=[name for *_, name in KEYS])
def test_a_key_signs_by_its_kind(key: Any, kind: Any, algorithm: str) -> None:
    """From PEM, and from a JWK, whose kid stands in the header."""
    jwk = kind.to_jwk(key, as_dict=True) | {"kid": "k1", "use": "sig"}

    header, form = proof(pem(key))
    assert {"alg": algorithm, "typ": "JWT"} == header
    claims = jwt.decode(form["client_assertion"], key.public_key(), [algorithm], audience="https://id")
    now = time.time()
    assert ("me", "me", "https://id") == (claims["iss"], claims["sub"], claims["aud"])
    assert now < claims["exp"] <= now + 61
    assert {"alg": algorithm, "typ": "JWT", "kid": "k1"} == proof(json.dumps(jwk))[0]
    assert "k1" == proof(json.dumps({"keys": [jwk]}))[0]["kid"]


def test_no_two_assertions_are_alike() -> None:
    """A provider takes each once."""
    client = KeyClient("me", ClientKey(pem(P256)), audience="https://id")

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
    assert algorithm == proof(pem(RSA), taken)[0]["alg"]


def test_a_jwk_may_say_how_it_signs() -> None:
    """That goes before what the provider takes."""
    jwk = RSAAlgorithm.to_jwk(RSA, as_dict=True) | {"alg": "PS256"}

    assert "PS256" == proof(json.dumps(jwk), ("RS256",))[0]["alg"]


@pytest.mark.parametrize(
    "text",
    [
        "hush-hush",
        "-----BEGIN PRIVATE KEY-----\nhush\n-----END PRIVATE KEY-----\n",
        pem(P256, BestAvailableEncryption(b"hush")),
        '{"kty":"oct","k":"aHVzaA","d":"hush"}',
        '{"kty":"EC","crv":"P-256","x":"hush","y":"hush","d":"hush"}',
        '{"a":"hush"}',
        '["hush"]',
        json.dumps(ECAlgorithm.to_jwk(P256.public_key(), as_dict=True)),
        json.dumps(ECAlgorithm.to_jwk(P256, as_dict=True) | {"alg": "RS256"}),
        pem(ec.generate_private_key(ec.SECP256K1())),
    ],
    ids=["text", "no PEM", "passphrase", "oct", "bad EC", "no JWK", "list", "public", "alg", "curve"],
)
def test_what_is_no_private_key_is_refused(text: str) -> None:
    """The error quotes nothing of it."""
    with pytest.raises(SettingsError, match="client's key") as raised:
        ClientKey(text)

    assert "hush" not in str(raised.value)
