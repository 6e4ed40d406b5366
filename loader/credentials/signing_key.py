"""A key that signs tokens: the server's secret, or a private key. No I/O."""

from __future__ import annotations

import warnings
from dataclasses import dataclass, field
from typing import Any

from loader.errors import SettingsError

SHORTEST_SECRET = 32  # bytes for HS256 (RFC 7518, 3.2): PostgREST 12 takes no token of a shorter secret


@dataclass(frozen=True, slots=True)
class SigningKey:
    """A key that signs tokens.

    Attributes:
        alg: the algorithm (RFC 7518, 3.1; RFC 8037).
        key: a secret, or a private key of cryptography.
        kid: the key id for the header; None: there is none.
    """

    alg: str
    key: Any = field(repr=False)
    kid: str | None = None

    @property
    def is_secret(self) -> bool:
        """Whether the server has the same key."""
        return isinstance(self.key, str | bytes)

    @property
    def is_short(self) -> bool:
        """Whether it is a secret that PostgREST takes no token of."""
        return self.is_secret and len(as_bytes(self.key)) < SHORTEST_SECRET

    def sign(self, payload: bytes) -> str:
        """Return a token.

        Args:
            payload: its claims, as JSON.

        Raises:
            SettingsError: the key cannot sign.
        """
        import jwt  # 100 ms, and only needed here

        headers = None if self.kid is None else {"kid": self.kid}
        with warnings.catch_warnings():
            # Whether a key is long enough is for the server to say.
            warnings.simplefilter("ignore", jwt.InsecureKeyLengthWarning)
            try:
                return jwt.PyJWS().encode(payload, self.key, self.alg, headers)
            except (jwt.PyJWTError, ValueError, TypeError) as error:  # its text may quote the secret
                if not self.is_secret:
                    raise SettingsError(
                        f"the key cannot sign by {self.alg}: {type(error).__name__}"
                    ) from None
                raise SettingsError(
                    f"no token can be signed with the secret: {type(error).__name__}",
                    advice="Give the server's jwt-secret itself, as its configuration has it.",
                ) from None


def as_bytes(secret: str | bytes) -> bytes:
    """Return the bytes of a secret."""
    return secret.encode(errors="surrogatepass") if isinstance(secret, str) else secret
