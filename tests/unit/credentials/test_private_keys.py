"""What --jwt-key-file may hold: PEM and JWK, and what is said of all else."""

from __future__ import annotations

import json
import re
from contextlib import nullcontext
from datetime import UTC, datetime
from typing import Any

import jwt
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding

from loader import mask
from loader.credentials.keys import private_key
from loader.errors import SettingsError
from tests.support.keys import (
    OPENSSH,
    PKCS1_OR_SEC1,
    jwk,
    jwks,
    make,
    pem,
    public_jwk,
    public_pem,
    public_ssh,
)

PARTS = re.compile(r"[A-Za-z0-9+/_-]{24,}")  # of keys
CURVE_PARAMETERS = "-----BEGIN EC PARAMETERS-----\nBggqhkjOPQMBBw==\n-----END EC PARAMETERS-----\n"


def certificate() -> str:
    """Return a certificate that signs itself."""
    name, now = x509.Name([]), datetime(2026, 1, 1, tzinfo=UTC)
    made = (
        x509.CertificateBuilder(name, name, make("P-256").public_key(), 1, now, now)
        .sign(make("P-256"), hashes.SHA256())
        .public_bytes(Encoding.PEM)
    )
    return made.decode()


@pytest.mark.parametrize(
    ("text", "kind", "asked", "alg"),
    [
        pytest.param(pem("RSA-2048"), "RSA-2048", None, "RS256", id="PKCS#8"),
        pytest.param(pem("RSA-2048", form=PKCS1_OR_SEC1), "RSA-2048", None, "RS256", id="PKCS#1"),
        pytest.param(pem("RSA-2048"), "RSA-2048", "PS256", "PS256", id="PS256"),
        pytest.param(pem("RSA-1024"), "RSA-1024", None, "RS256", id="a short one, as the server may take it"),
        pytest.param(pem("P-256"), "P-256", "ES256", "ES256", id="P-256"),
        pytest.param(
            CURVE_PARAMETERS + pem("P-256", form=PKCS1_OR_SEC1), "P-256", None, "ES256", id="openssl ecparam"
        ),
        pytest.param(pem("P-384"), "P-384", None, "ES384", id="P-384"),
        pytest.param(pem("P-521"), "P-521", None, "ES512", id="P-521"),
        pytest.param(pem("Ed25519"), "Ed25519", None, "EdDSA", id="Ed25519"),
        pytest.param(pem("Ed25519").replace("\n", "\r\n"), "Ed25519", None, "EdDSA", id="lines of Windows"),
        pytest.param(certificate() + pem("P-256"), "P-256", None, "ES256", id="with its certificate"),
        pytest.param(json.dumps(jwk("RSA-2048")), "RSA-2048", None, "RS256", id="JWK of RSA"),
        pytest.param(
            json.dumps({name: value for name, value in jwk("RSA-2048").items() if name in "kty n e d"}),
            "RSA-2048", None, "RS256", id="JWK of RSA without its primes",
        ),
        pytest.param(json.dumps(jwk("RSA-2048", alg="PS512")), "RSA-2048", None, "PS512", id="its alg"),
        pytest.param(json.dumps(jwk("P-256"), indent=2), "P-256", None, "ES256", id="JWK of P-256"),
        pytest.param(json.dumps(jwk("Ed25519")), "Ed25519", "EdDSA", "EdDSA", id="JWK of Ed25519"),
        pytest.param(
            jwks(public_jwk("RSA-2048"), jwk("P-256")), "P-256", None, "ES256", id="the one key of a JWKS"
        ),
        pytest.param(json.dumps([jwk("P-256")]), "P-256", None, "ES256", id="signing_keys.json of Supabase"),
    ],
)  # fmt: skip
def test_a_private_key_signs(text: str, kind: str, asked: str | None, alg: str) -> None:
    """By the algorithm of its type, or the one that is asked for; its public half checks it."""
    token = private_key(text, alg=asked).sign(b'{"sub":"me"}')

    assert {"alg": alg, "typ": "JWT"} == jwt.get_unverified_header(token)
    options: Any = {"enforce_minimum_key_length": False}
    with pytest.warns(jwt.InsecureKeyLengthWarning) if kind == "RSA-1024" else nullcontext():
        assert {"sub": "me"} == jwt.decode(token, make(kind).public_key(), [alg], options)


@pytest.mark.parametrize(
    ("text", "options", "words"),
    [
        pytest.param(public_pem("RSA-2048"), {}, ["a public key", "private key"], id="public"),
        pytest.param(public_ssh("Ed25519"), {}, ["a public key of OpenSSH"], id="public of OpenSSH"),
        pytest.param(certificate(), {}, ["a certificate", "private key"], id="certificate"),
        pytest.param(
            pem("Ed25519", form=OPENSSH), {}, ["OpenSSH's own format", "ssh-keygen -p -m"], id="OpenSSH"
        ),
        pytest.param(
            pem("P-256", password=b"guess"), {}, ["encrypted", "<(openssl pkey"], id="encrypted PKCS#8"
        ),
        pytest.param(
            pem("P-256", form=PKCS1_OR_SEC1, password=b"guess"), {}, ["encrypted"], id="encrypted SEC 1"
        ),
        pytest.param(pem("P-256") + pem("P-384"), {}, ["2 private keys"], id="two keys"),
        pytest.param(pem("P-256")[:-30], {}, ["has no end"], id="cut off"),
        pytest.param(pem("P-256").replace("M", "N"), {}, ["damaged", "PRIVATE KEY"], id="damaged"),
        pytest.param(CURVE_PARAMETERS, {}, ["no private key, but EC PARAMETERS"], id="parameters alone"),
        pytest.param("neither-one-nor-other", {}, ["neither PEM nor a JWK"], id="a text"),
        pytest.param("{}", {}, ["neither PEM nor a JWK"], id="JSON"),
        pytest.param('{"keys":[]}', {}, ["neither PEM nor a JWK"], id="an empty JWKS"),
        pytest.param("x" * 70_000, {}, ["larger than 64 KiB"], id="a large file"),
        pytest.param(pem("secp256k1"), {}, ["curve secp256k1", "P-256"], id="another curve"),
        pytest.param(pem("Ed448"), {}, ["type Ed448", "Ed25519"], id="Ed448"),
        pytest.param(pem("X25519"), {}, ["type X25519"], id="a key that signs nothing"),
        pytest.param(pem("P-256"), {"alg": "RS256"}, ["--jwt-alg is RS256", "P-256", "ES256"], id="of RSA"),
        pytest.param(
            pem("P-384"), {"alg": "ES256"}, ["--jwt-alg is ES256", "P-384", "ES384"], id="another's alg"
        ),
        pytest.param(pem("RSA-2048"), {"alg": "EdDSA"}, ["2048 bits", "RS256 or PS256"], id="alg of Ed25519"),
        pytest.param(
            json.dumps(jwk("RSA-2048", alg="RS256")), {"alg": "PS256"}, ["--jwt-alg is PS256", "for RS256"],
            id="not the alg of the JWK",
        ),
        pytest.param(
            json.dumps(jwk("P-256", alg="RS256")), {}, ["the JWK's alg is RS256", "ES256"], id="its own alg"
        ),
        pytest.param(json.dumps(jwk("P-256", alg=256)), {}, ["alg of the JWK"], id="alg is a number"),
        pytest.param(json.dumps(jwk("P-256", kid=7)), {}, ["kid of the JWK"], id="kid is a number"),
        pytest.param(json.dumps(public_jwk("P-256")), {}, ["public keys only", "member d"], id="public JWK"),
        pytest.param(
            '{"kty":"oct","k":"c2VjcmV0LXNlY3JldA"}', {}, ["kty oct", "--jwt-secret-file"], id="a secret"
        ),
        pytest.param(json.dumps(jwk("P-256", kty="XX")), {}, ["kty", "XX"], id="another kty"),
        pytest.param(json.dumps(jwk("P-256", d="!")), {}, ["damaged JWK"], id="damaged JWK"),
        pytest.param(json.dumps(jwk("P-256", d=5)), {}, ["damaged JWK"], id="d is a number"),
        pytest.param(json.dumps(jwk("RSA-2048", p="AQ")), {}, ["damaged JWK"], id="wrong primes"),
        pytest.param(
            json.dumps(jwk("P-256") | {"d": jwk("P-256", 1)["d"]}), {}, ["damaged JWK"], id="d of another key"
        ),
        pytest.param(
            jwks(jwk("P-256", kid="a"), jwk("P-384", kid="b")), {}, ["2 keys", "--jwt-kid: a, b"],
            id="two keys in a JWKS",
        ),
        pytest.param(
            jwks(jwk("P-256", kid="a"), public_jwk("P-384", kid="b")), {"kid": "b"},
            ["no key that signs with the id b", "It has a"], id="no such kid",
        ),
    ],
)  # fmt: skip
def test_what_is_no_private_key_is_told(text: str, options: dict[str, Any], words: list[str]) -> None:
    """What it is, and what to give; never the key."""
    with pytest.raises(SettingsError) as caught:
        private_key(text, **options)

    message = str(caught.value)
    assert [] == [each for each in ["--jwt-key-file", *words] if each not in message], message
    assert [] == [part for part in PARTS.findall(text) if part in message]


@pytest.mark.parametrize(
    ("text", "asked", "kid"),
    [
        pytest.param(json.dumps(jwk("P-256", kid="own")), None, "own", id="the JWK's"),
        pytest.param(json.dumps(jwk("P-256", kid="own")), "mine", "mine", id="another than the JWK's"),
        pytest.param(json.dumps(jwk("P-256", kid="own")), "", None, id="none"),
        pytest.param(json.dumps(jwk("P-256")), "mine", "mine", id="of a JWK without"),
        pytest.param(pem("P-256"), "mine", "mine", id="of a PEM"),
        pytest.param(pem("P-256"), None, None, id="no id of a PEM"),
        pytest.param(jwks(jwk("P-384", kid="a"), jwk("P-256", kid="b")), "b", "b", id="chosen in a JWKS"),
    ],
)
def test_the_header_has_the_id_of_the_key(text: str, asked: str | None, kid: str | None) -> None:
    """That of --jwt-kid, else the JWK's; in a set, --jwt-kid chooses the key."""
    token = private_key(text, kid=asked).sign(b"{}")

    header = jwt.get_unverified_header(token)
    assert ("ES256", kid) == (header["alg"], header.get("kid"))


def test_neither_a_key_nor_its_parts_can_be_shown() -> None:
    """Not by repr, and not in any text that leaves."""
    text = json.dumps(jwk("P-256"))
    key = private_key(text)

    assert "SigningKey(alg='ES256', kid=None)" == repr(key)
    assert "d is ***" == mask.masked(f"d is {jwk('P-256')['d']}")
