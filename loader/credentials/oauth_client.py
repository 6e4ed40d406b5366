"""How a client proves to a token endpoint who it is. No I/O.

RFC 6749, section 2.3.1: a secret in the header (client_secret_basic), which each provider must take, or in
the body (client_secret_post). RFC 7523, section 2.2: a signed assertion (private_key_jwt).
"""

from __future__ import annotations

import base64
import time
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Protocol
from urllib.parse import quote_plus

import orjson

from loader import mask
from loader.credentials.signing_key import SigningKey
from loader.errors import TargetError

_ASSERTION = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
_ASSERTION_LIFE = 60  # seconds; providers refuse what lives for long


@dataclass(frozen=True, slots=True)
class Proof:
    """What a request carries to tell who the client is."""

    headers: dict[str, str] = field(default_factory=dict, repr=False)
    form: dict[str, str] = field(default_factory=dict, repr=False)


class Client(Protocol):
    """A client of a provider."""

    def prove(self) -> Proof:
        """Return what the next request carries."""


@dataclass(frozen=True, slots=True)
class PublicClient:
    """A client that has an id alone: what it may do, a refresh token tells."""

    client_id: str

    def prove(self) -> Proof:
        """Return its id."""
        return Proof(form={"client_id": self.client_id})


class SecretClient:
    """A client with a secret.

    Args:
        client_id: its id.
        secret: its secret.
        in_body: whether the secret stands in the body, and not in a header.
    """

    def __init__(self, client_id: str, secret: str, *, in_body: bool = False) -> None:
        mask.hide(secret)
        if in_body:
            self._proof = Proof(form={"client_id": client_id, "client_secret": secret})
            return
        # Both are form-encoded first: a secret may hold a colon, or what is not ASCII.
        pair = f"{quote_plus(client_id)}:{quote_plus(secret)}"
        text = base64.b64encode(pair.encode()).decode()
        mask.hide(text.rstrip("="))
        self._proof = Proof(headers={"Authorization": f"Basic {text}"})

    def prove(self) -> Proof:
        """Return its id and secret."""
        return self._proof


class KeyClient:
    """A client with a private key, which signs an assertion for each request.

    Args:
        client_id: its id.
        key: its key.
        audience: the provider's issuer, as RFC 9126 and FAPI 2 have it; where that is not known, the token
            URL, as OpenID Connect Core has it (section 9). One text: some providers refuse a list.
        algorithms: that the provider takes; none: it does not tell.
    """

    def __init__(
        self, client_id: str, key: SigningKey, *, audience: str, algorithms: Sequence[str] = ()
    ) -> None:
        self._client_id = client_id
        self._key = _fitting(key, algorithms)
        self._audience = audience

    def prove(self) -> Proof:
        """Return its id and a new assertion, which can be used once."""
        now = int(time.time())
        claims: dict[str, str | int] = {
            "iss": self._client_id,
            "sub": self._client_id,
            "aud": self._audience,
            "jti": uuid.uuid4().hex,
            "iat": now,
            "exp": now + _ASSERTION_LIFE,
        }
        assertion = self._key.sign(orjson.dumps(claims))
        mask.hide_token(assertion)
        return Proof(
            form={
                "client_id": self._client_id,
                "client_assertion_type": _ASSERTION,
                "client_assertion": assertion,
            }
        )


def takes_in_body(methods: Sequence[str] | None, issuer: str) -> bool:
    """Return whether a provider takes a client's secret in the body alone.

    Args:
        methods: of authentication, as its discovery tells them; None: it does not, which means the header
            (OpenID Connect Discovery, section 3).
        issuer: the provider, for messages.

    Raises:
        TargetError: it takes no secret, so that none is to be sent.
    """
    if methods is None or "client_secret_basic" in methods:
        return False
    if "client_secret_post" in methods:
        return True
    raise TargetError(
        f"{issuer} takes no client secret, but {mask.masked(', '.join(methods)) or 'nothing'}",
        advice="Give the client's key by --oauth-client-key-file, if that is private_key_jwt. "
        "--oauth-token-url sends the secret all the same.",
    )


def _fitting(key: SigningKey, algorithms: Sequence[str]) -> SigningKey:
    """Return a key that signs as the provider takes it: an RSA key can do so in two ways."""
    if key.alg == "RS256" and "RS256" not in algorithms and "PS256" in algorithms:
        return replace(key, alg="PS256")
    return key
