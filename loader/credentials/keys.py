"""Make the key that signs tokens of what the settings give: a secret, a PEM, a JWK or a JWKS. No I/O.

PyJWT and cryptography take 100 ms to import, so a plain secret is used without them until it signs.
"""

from __future__ import annotations

import base64
import binascii

from loader import mask
from loader.credentials import jwk
from loader.credentials.signing_key import SigningKey
from loader.errors import SettingsError
from loader.settings import Settings
from loader.settings.file_secret import secret_name

_LARGEST = 65_536  # characters of a key or a JWKS
_SECRET, _KEY = "--jwt-secret-file", "--jwt-key-file"


def signing_key(settings: Settings) -> SigningKey | None:
    """Return the key that the settings give; None: they give none.

    Raises:
        SettingsError: it is no such key, or it does not fit --jwt-alg or --jwt-kid.
    """
    if settings.jwt_secret is not None:
        return secret_key(settings.jwt_secret, is_base64=settings.jwt_secret_is_base64, kid=settings.jwt_kid)
    if settings.jwt_key is not None:
        return private_key(settings.jwt_key, alg=settings.jwt_alg, kid=settings.jwt_kid)
    return None


def secret_key(text: str, *, is_base64: bool = False, kid: str | None = None) -> SigningKey:
    """Return the key of a secret, which is written as PostgREST's ``jwt-secret`` is.

    Args:
        text: the secret, or a JWK or JWKS with one (kty oct).
        is_base64: whether that is written in base64 (``jwt-secret-is-base64``).
        kid: the key id; it chooses among several keys of a JWKS.

    Raises:
        SettingsError: it is no base64, or a JWK without a secret.
    """
    name = secret_name(text, f"PGRST_JWT_SECRET (or {_SECRET})")
    secret: str | bytes = _decoded(text, name) if is_base64 else text
    keys = jwk.keys_of(secret)
    if keys is None:
        return SigningKey("HS256", secret, kid or None)
    return jwk.secret_of(keys, name=name, kid=kid)


def private_key(text: str, *, alg: str | None = None, kid: str | None = None, name: str = _KEY) -> SigningKey:
    """Return the private key of a PEM, a JWK or a JWKS.

    Args:
        text: of the file.
        alg: how it is to sign; None: as its JWK says, else as is usual for its type.
        kid: the key id; it chooses among several keys of a JWKS.
        name: the option, for messages.

    Raises:
        SettingsError: it is no private key, or does not fit the algorithm or the key id.
    """
    mask.hide(text)
    name = secret_name(text, name)
    if len(text) > _LARGEST:
        raise SettingsError(f"{name} is larger than 64 KiB: it cannot be a key")
    keys = jwk.keys_of(text)
    if keys is None:
        from loader.credentials import pem  # cryptography: 100 ms

        key = pem.read(text, name=name)
        return SigningKey(pem.algorithm(key, alg, name=name), key, kid or None)
    return jwk.private_of(keys, name=name, kid=kid, alg=alg)


def _decoded(text: str, name: str) -> bytes:
    """Decode base64 as PostgREST does: standard or URL-safe, a dot for ``=``; here also without padding."""
    characters = "".join(text.split()).translate(str.maketrans("-_.", "+/=")).rstrip("=")
    try:
        secret = base64.b64decode(characters + "=" * (-len(characters) % 4), validate=True)
    except (binascii.Error, ValueError):  # also for what is not ASCII
        secret = b""
    if not secret:
        raise SettingsError(
            f"{name} is not base64",
            advice="Give the secret as the server has it, or leave out --jwt-secret-is-base64.",
        )
    mask.hide(secret.decode(errors="ignore"))
    return secret
