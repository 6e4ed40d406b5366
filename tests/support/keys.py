"""Keys of the tests' own, made once, and how files have them."""

from __future__ import annotations

import json
from functools import cache
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec, ed448, ed25519, rsa, x25519
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)
from jwt.algorithms import ECAlgorithm, OKPAlgorithm, RSAAlgorithm

_CURVES: dict[str, ec.EllipticCurve] = {
    "P-256": ec.SECP256R1(),
    "P-384": ec.SECP384R1(),
    "P-521": ec.SECP521R1(),
    "secp256k1": ec.SECP256K1(),
}
PKCS1_OR_SEC1 = PrivateFormat.TraditionalOpenSSL
OPENSSH = PrivateFormat.OpenSSH


def make(kind: str, number: int = 0) -> Any:
    """Return a private key: of RSA with this many bits, of a curve, Ed25519, Ed448 or X25519.

    Args:
        kind: as in ``RSA-2048``, ``P-256``, ``Ed25519``.
        number: another number gives another key.
    """
    return _made(kind, number)


@cache
def _made(kind: str, number: int) -> Any:
    del number
    if kind.startswith("RSA-"):
        return rsa.generate_private_key(65537, int(kind.removeprefix("RSA-")))
    if kind in _CURVES:
        return ec.generate_private_key(_CURVES[kind])
    others: dict[str, Any] = {
        "Ed25519": ed25519.Ed25519PrivateKey,
        "Ed448": ed448.Ed448PrivateKey,
        "X25519": x25519.X25519PrivateKey,
    }
    return others[kind].generate()


def pem(
    kind: str, number: int = 0, form: PrivateFormat = PrivateFormat.PKCS8, password: bytes | None = None
) -> str:
    """Return a private key as PEM."""
    encryption = NoEncryption() if password is None else BestAvailableEncryption(password)
    text: bytes = make(kind, number).private_bytes(Encoding.PEM, form, encryption)
    return text.decode()


def public_pem(kind: str) -> str:
    """Return the public half of a key as PEM."""
    text: bytes = make(kind).public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    return text.decode()


def public_ssh(kind: str) -> str:
    """Return the public half of a key as OpenSSH writes it."""
    text: bytes = make(kind).public_key().public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH)
    return text.decode()


def jwk(kind: str, number: int = 0, **members: Any) -> dict[str, Any]:
    """Return a private key as a JWK, with further members."""
    return _jwk(kind, make(kind, number)) | members


def public_jwk(kind: str, number: int = 0, **members: Any) -> dict[str, Any]:
    """Return the public half of a key as a JWK, with further members."""
    return _jwk(kind, make(kind, number).public_key()) | members


def jwks(*keys: dict[str, Any]) -> str:
    """Return the text of a JWKS."""
    return json.dumps({"keys": keys})


def _jwk(kind: str, key: Any) -> dict[str, Any]:
    if kind.startswith("RSA"):
        made = RSAAlgorithm.to_jwk(key, as_dict=True)
    elif kind.startswith("Ed"):
        made = OKPAlgorithm.to_jwk(key, as_dict=True)
    else:
        made = ECAlgorithm.to_jwk(key, as_dict=True)
    return {name: value for name, value in made.items() if name != "key_ops"}
