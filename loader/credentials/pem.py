"""Private keys in PEM, and the algorithms that they sign by. No I/O."""

from __future__ import annotations

import re

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from loader.errors import SettingsError

PrivateKey = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey

_BLOCK = re.compile(r"-----BEGIN ([A-Z0-9 ]{1,40})-----.*?-----END \1-----", re.DOTALL)
_SSH_PUBLIC = re.compile(r"\s*(?:ssh-|ecdsa-sha2-|sk-)[a-z0-9@.-]+ ")
_RSA_ALGS = ("RS256", "PS256", "RS384", "PS384", "RS512", "PS512")
# By the curve's name in cryptography; PostgREST 12 knows no other curve.
_EC_ALGS = {"secp256r1": "ES256", "secp384r1": "ES384", "secp521r1": "ES512"}
_GIVE_PRIVATE = "Give the private key that belongs to it."
# What is no private key, by a part of its label.
_OTHERS = {
    "PUBLIC KEY": ("a public key", _GIVE_PRIVATE),
    "CERTIFICATE REQUEST": ("a certificate request", _GIVE_PRIVATE),
    "CERTIFICATE": ("a certificate", _GIVE_PRIVATE),
}


def read(text: str, *, name: str) -> PrivateKey:
    """Return the private key of a PEM: PKCS#1, PKCS#8 or SEC 1, not encrypted.

    Args:
        text: may have other blocks too, as the parameters of a curve or a certificate.
        name: the option, for messages.

    Raises:
        SettingsError: it has no such key.
    """
    blocks = list(_BLOCK.finditer(text))
    private = [block for block in blocks if block[1].endswith("PRIVATE KEY")]
    if not private:
        raise _no_private_key(text, blocks[0][1] if blocks else None, name)
    if len(private) > 1:
        raise SettingsError(
            f"{name} holds {len(private)} private keys", advice="Give a file with one of them."
        )
    block, label = private[0][0], private[0][1]
    if label.startswith("OPENSSH"):
        raise SettingsError(
            f"{name} holds a key in OpenSSH's own format",
            advice="Convert a copy of it: ssh-keygen -p -m PKCS8 -f COPY. That leaves Ed25519 as it is: make "
            "a new key then, by openssl genpkey -algorithm ed25519.",
        )
    if label.startswith("ENCRYPTED") or "Proc-Type: 4,ENCRYPTED" in block:
        raise SettingsError(
            f"{name} holds an encrypted key, which needs a passphrase",
            advice=f"Decrypt it on the way in: {name.partition(' ')[0]} <(openssl pkey -in KEY)",
        )
    try:
        key = load_pem_private_key(block.encode(), None)
    except (ValueError, TypeError, UnsupportedAlgorithm):  # their text may quote the key
        raise SettingsError(
            f"{name} holds a damaged key ({label})",
            advice="See whether openssl can read it: openssl pkey -noout -in KEY",
        ) from None
    return checked(key, name=name)


def checked(key: object, *, name: str) -> PrivateKey:
    """Return a key if PostgREST takes tokens that it signs.

    Raises:
        SettingsError: its type, or its curve, is another.
    """
    if isinstance(key, ec.EllipticCurvePrivateKey) and key.curve.name not in _EC_ALGS:
        raise SettingsError(
            f"{name} holds a key of the curve {key.curve.name}, which PostgREST does not know",
            advice="Take one of the curves P-256, P-384 and P-521.",
        )
    if not isinstance(key, PrivateKey):
        kind = type(key).__name__.lstrip("_").removesuffix("PrivateKey")
        raise SettingsError(
            f"{name} holds a key of type {kind}, which PostgREST does not know",
            advice="Take a key of RSA, of an elliptic curve (P-256), or of Ed25519.",
        )
    return key


def algorithm(key: PrivateKey, alg: str | None, *, name: str, of: str = "--jwt-alg") -> str:
    """Return the algorithm that a key signs by.

    Args:
        key: the key.
        alg: what is asked for; None: the usual one.
        name: the option of the key, for messages.
        of: what asks for it, for messages.

    Raises:
        SettingsError: the key cannot sign so.
    """
    match key:
        case rsa.RSAPrivateKey():
            kind, algs = f"an RSA key of {key.key_size} bits", list(_RSA_ALGS)
        case ec.EllipticCurvePrivateKey():
            kind, algs = f"a key of the curve P-{key.key_size}", [_EC_ALGS[key.curve.name]]
        case _:
            kind, algs = "a key of Ed25519", ["EdDSA"]
    if alg is None:
        return algs[0]
    if alg not in algs:
        raise SettingsError(
            f"{of} is {alg[:20]}, but {name} holds {kind}, which signs by {' or '.join(algs[:2])}",
            advice=f"Leave out {of}, or give a key for it.",
        )
    return alg


def _no_private_key(text: str, label: str | None, name: str) -> SettingsError:
    if _SSH_PUBLIC.match(text):
        return SettingsError(f"{name} holds a public key of OpenSSH", advice=_GIVE_PRIVATE)
    if label is None and "-----BEGIN " in text:
        return SettingsError(f"{name} is PEM, but has no end", advice="Give the whole file.")
    if label is None:
        return SettingsError(
            f"{name} holds neither PEM nor a JWK",
            advice="It must begin with -----BEGIN PRIVATE KEY-----, or be a JSON Web Key.",
        )
    for part, (what, todo) in _OTHERS.items():
        if part in label:
            return SettingsError(f"{name} holds {what}", advice=todo)
    return SettingsError(f"{name} holds no private key, but {label}")
