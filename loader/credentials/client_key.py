"""The private key of an OAuth client, and what it signs. No I/O."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import orjson

from loader import mask
from loader.errors import SettingsError

_ALGORITHMS = {
    "RSA": ("RS256", "PS256"),
    "P-256": ("ES256",),
    "P-384": ("ES384",),
    "P-521": ("ES512",),
    "Ed25519": ("EdDSA",),
}
_ADVICE = "Give a private key without a passphrase: RSA, P-256, P-384, P-521 or Ed25519, in PEM or as a JWK."


class ClientKey:
    """A private key.

    Args:
        text: PEM, or a JWK (RFC 7517), which may name its ``kid`` and ``alg``.

    Raises:
        SettingsError: it is neither, or no key that can sign.
    """

    def __init__(self, text: str) -> None:
        mask.hide(text)
        jwk = _jwk(text)
        if jwk is None:
            self._kid, chosen, self._key = None, None, _from_pem(text)
        else:
            self._kid, chosen, self._key = jwk.get("kid"), jwk.get("alg"), _from_jwk(jwk)
        self._usual = _ALGORITHMS[_kind(self._key)]
        if chosen is not None and chosen not in self._usual:
            raise SettingsError(
                f"the client's key says that it is for {chosen!r}, and a key of its kind can sign by "
                f"{' or '.join(self._usual)}"
            )
        self._chosen: str | None = chosen

    def sign(self, claims: Mapping[str, Any], algorithms: Sequence[str] = ()) -> str:
        """Return a JWT with these claims.

        Args:
            claims: of the JWT.
            algorithms: that its reader takes; none: that is not known.
        """
        import jwt  # 100 ms, and only needed here

        known = [algorithm for algorithm in self._usual if algorithm in algorithms]
        algorithm = self._chosen or (known or self._usual)[0]
        headers = {} if self._kid is None else {"kid": str(self._kid)}
        return jwt.encode(dict(claims), self._key, algorithm=algorithm, headers=headers)


def _jwk(text: str) -> dict[str, Any] | None:
    """Return the JWK that a text is; None: it is something else."""
    try:
        value = orjson.loads(text)
    except orjson.JSONDecodeError:
        return None
    if isinstance(value, dict) and isinstance(keys := value.get("keys"), list) and len(keys) == 1:
        value = keys[0]
    if not isinstance(value, dict) or not isinstance(value.get("kty"), str):
        raise SettingsError("the client's key is JSON, but not a JWK", advice=_ADVICE)
    for name, part in value.items():
        if name in ("d", "p", "q", "dp", "dq", "qi", "k") and isinstance(part, str):
            mask.hide(part)
    return value


def _from_jwk(jwk: dict[str, Any]) -> Any:
    from jwt import PyJWK
    from jwt.exceptions import PyJWTError

    # Whatever it says that it is for, the key is read by its kind.
    parts = {name: part for name, part in jwk.items() if name not in ("alg", "use", "key_ops")}
    try:
        key = PyJWK.from_dict(parts).key if "d" in jwk else None
    except (PyJWTError, ValueError, TypeError, KeyError):  # their text may quote the key
        key = None
    if key is None:
        raise SettingsError("the client's key is not a private JWK", advice=_ADVICE)
    return key


def _from_pem(text: str) -> Any:
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    try:
        return load_pem_private_key(text.encode(), None)
    except (ValueError, TypeError, UnsupportedAlgorithm):  # TypeError: it has a passphrase
        raise SettingsError("the client's key cannot be read", advice=_ADVICE) from None


def _kind(key: Any) -> str:
    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

    curves = {"secp256r1": "P-256", "secp384r1": "P-384", "secp521r1": "P-521"}
    if isinstance(key, RSAPrivateKey):
        return "RSA"
    if isinstance(key, Ed25519PrivateKey):
        return "Ed25519"
    if isinstance(key, EllipticCurvePrivateKey) and key.curve.name in curves:
        return curves[key.curve.name]
    raise SettingsError("the client's key is of a kind that cannot sign here", advice=_ADVICE)
