"""JSON Web Keys, alone or in a set (RFC 7517). No I/O.

PostgREST's ``jwt-secret`` is a secret, a JWK or a JWKS. The Supabase CLI writes the list of a JWKS alone,
without ``{"keys": ...}`` around it (signing_keys_path).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import orjson

from loader import mask
from loader.credentials.signing_key import SigningKey
from loader.errors import SettingsError

_PRIVATE = ("d", "p", "q", "dp", "dq", "qi", "k")  # members that are secret (RFC 7518, 6)
_SYMMETRIC = ("HS256", "HS384", "HS512")
_SHOWN = 40  # characters of a member that a message repeats

Jwk = Mapping[str, Any]


def keys_of(text: str | bytes) -> list[Jwk] | None:
    """Return the keys of a JWK or a JWKS; None where a text is neither."""
    try:
        value = orjson.loads(text if isinstance(text, bytes) else str(text))  # orjson takes no subclass
    except orjson.JSONDecodeError:
        return None
    if isinstance(value, dict) and isinstance(value.get("keys"), list):
        value = value["keys"]
    elif isinstance(value, dict) and "kty" in value:
        value = [value]
    if not isinstance(value, list) or not value:
        return None
    if not all(isinstance(key, dict) and isinstance(key.get("kty"), str) for key in value):
        return None
    for key in value:
        for member in _PRIVATE:
            mask.hide(key[member] if isinstance(key.get(member), str) else None)
    return value


def secret_of(keys: Sequence[Jwk], *, name: str, kid: str | None) -> SigningKey:
    """Return the secret of a JWK or a JWKS (kty oct).

    Args:
        keys: of the set.
        name: the option, for messages.
        kid: the key id to choose, or to give a single key.

    Raises:
        SettingsError: there is none, or not one alone.
    """
    secrets = [key for key in keys if key["kty"] == "oct"]
    if not secrets and any("d" in key for key in keys):
        raise SettingsError(
            f"{name} holds a private key (kty {_in_short(keys[0]['kty'])}), not a secret",
            advice="Give it as --jwt-key-file.",
        )
    if not secrets:
        raise SettingsError(
            f"{name} holds public keys, which check tokens and sign none",
            advice="Give the private key that belongs to one of them as --jwt-key-file.",
        )
    key = _chosen(secrets, name=name, kid=kid, is_set=len(keys) > 1)
    alg = key.get("alg", _SYMMETRIC[0])
    if alg not in _SYMMETRIC:
        raise SettingsError(f"{name} is for {_in_short(alg)}, by which a secret cannot sign")
    secret = _secret_bytes(key)
    if not secret:
        raise SettingsError(f"{name} is a JWK without a secret: its k is no base64")
    mask.hide(secret.decode(errors="ignore"))
    return SigningKey(alg, secret, _kid(key, kid, name))


def private_of(keys: Sequence[Jwk], *, name: str, kid: str | None, alg: str | None) -> SigningKey:
    """Return the private key of a JWK or a JWKS.

    Args:
        keys: of the set.
        name: the option, for messages.
        kid: the key id to choose, or to give a single key.
        alg: how it is to sign; None: as the JWK says, else as is usual for its type.

    Raises:
        SettingsError: there is none, or not one alone; or it does not fit the algorithm.
    """
    private = [key for key in keys if "d" in key]
    if not private and any(key["kty"] == "oct" for key in keys):
        raise SettingsError(
            f"{name} holds a secret (kty oct), not a private key", advice="Give it as --jwt-secret-file."
        )
    if not private:
        raise SettingsError(
            f"{name} holds public keys only: they have no member d",
            advice="Give the private key that belongs to one of them.",
        )
    key = _chosen(private, name=name, kid=kid, is_set=len(keys) > 1)
    own_alg = key.get("alg")
    if own_alg is not None and not isinstance(own_alg, str):
        raise SettingsError(f"{name}: alg of the JWK is not a text")
    if alg is not None and own_alg is not None and alg != own_alg:
        raise SettingsError(
            f"--jwt-alg is {alg}, and the JWK of {name} is for {_in_short(own_alg)}",
            advice="Leave out --jwt-alg, or the JWK's alg.",
        )
    from loader.credentials import pem  # cryptography: 100 ms

    loaded = pem.checked(_load(key, name), name=name)
    of = "--jwt-alg" if alg is not None else "the JWK's alg"
    return SigningKey(pem.algorithm(loaded, alg or own_alg, name=name, of=of), loaded, _kid(key, kid, name))


def _chosen(keys: Sequence[Jwk], *, name: str, kid: str | None, is_set: bool) -> Jwk:
    """Return the key with this id; without one, the only key."""
    if not is_set or (kid is None and len(keys) == 1):
        return keys[0]
    ids = ", ".join(_in_short(key.get("kid", "(none)")) for key in keys)
    if kid is None:
        raise SettingsError(
            f"{name} holds {len(keys)} keys that sign", advice=f"Choose one by --jwt-kid: {ids}."
        )
    with_id = [key for key in keys if key.get("kid") == kid]
    if len(with_id) != 1:
        count = f"{len(with_id)} keys" if with_id else "no key that signs"
        raise SettingsError(f"{name} holds {count} with the id {_in_short(kid)}", advice=f"It has {ids}.")
    return with_id[0]


def _kid(key: Jwk, kid: str | None, name: str) -> str | None:
    own = key.get("kid")
    if own is not None and not isinstance(own, str):
        raise SettingsError(f"{name}: kid of the JWK is not a text", advice="RFC 7517 asks for a text.")
    return (own if kid is None else kid) or None


def _load(key: Jwk, name: str) -> object:
    """Return the key as cryptography has it."""
    import jwt
    from cryptography.exceptions import UnsupportedAlgorithm
    from jwt.algorithms import ECAlgorithm, OKPAlgorithm, RSAAlgorithm

    loads = {"RSA": RSAAlgorithm.from_jwk, "EC": ECAlgorithm.from_jwk, "OKP": OKPAlgorithm.from_jwk}
    load = loads.get(key["kty"])
    if load is None:
        raise SettingsError(
            f"{name}: kty of the JWK is {_in_short(key['kty'])}", advice="It must be RSA, EC or OKP."
        )
    try:
        return load(dict(key))
    except (jwt.PyJWTError, ValueError, TypeError, KeyError, AttributeError, OverflowError) as error:
        # PyJWT's own words quote no member but crv; others may quote anything.
        why = f": {mask.masked(str(error))[:200]}" if isinstance(error, jwt.PyJWTError) else ""
        raise SettingsError(f"{name} holds a damaged JWK{why}") from None
    except UnsupportedAlgorithm:
        raise SettingsError(f"{name} holds a JWK that cryptography does not know") from None


def _secret_bytes(key: Jwk) -> bytes:
    """Return the member k, decoded; nothing where it is no base64url."""
    from jwt.utils import base64url_decode

    try:
        return base64url_decode(key["k"])
    except (KeyError, ValueError, TypeError, AttributeError):
        return b""


def _in_short(value: object) -> str:
    text = str(value)
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}..."
