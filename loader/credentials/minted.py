"""Tokens that are signed here, with the secret or the key that the server checks them with."""

from __future__ import annotations

import time
import warnings

from loader import mask
from loader.credentials.token_source import Token
from loader.errors import SettingsError

SKEW = 30.0  # seconds that PostgREST allows a token beyond its exp


class Minted:
    """HS256 tokens, signed here with the server's secret (a TokenSource).

    Claims are role, aud and exp. There is no iat: servers with a stuck clock refuse fresh ones as
    "issued at future" (PostgREST issue 5159). Expiry is told in the server's time.
    """

    can_renew = True

    def __init__(self, secret: str, *, role: str, audience: str, lifetime: float) -> None:
        self._secret = secret
        self._role = role
        self._audience = audience
        self._lifetime = lifetime
        self._ahead = 0.0  # the server's clock less ours
        self._expires = 0
        mask.hide(secret)

    def adjust_clock(self, server_time: float) -> None:
        """Learn the server's time, in seconds since 1970."""
        ahead = server_time - time.time()
        # Date has a resolution of a second, and PostgREST forgives 30: small differences are noise.
        self._ahead = ahead if abs(ahead) > SKEW / 3 else 0.0

    async def fetch(self, refused: str | None = None) -> Token:
        """Return a new token."""
        del refused
        return Token(self.mint(), self._lifetime)

    def describe(self) -> str:
        """Return how tokens are made."""
        return f"tokens signed with the secret, for the role {self._role} and the audience {self._audience}"

    def claims(self) -> dict[str, str | int]:
        """Return the claims of a token that is made now."""
        # No two are alike, so that it can be told which token was refused.
        self._expires = max(int(time.time() + self._ahead + self._lifetime), self._expires + 1)
        return {"role": self._role, "aud": self._audience, "exp": self._expires}

    def mint(self) -> str:
        """Return a new token.

        Raises:
            SettingsError: HS256 cannot sign with the secret.
        """
        import jwt  # 100 ms, and only needed here

        with warnings.catch_warnings():
            # A secret under 32 bytes is the server's choice; versions before 13 take it.
            warnings.simplefilter("ignore", jwt.InsecureKeyLengthWarning)
            try:
                token = jwt.encode(self.claims(), self._secret, algorithm="HS256")
            except (jwt.PyJWTError, ValueError) as error:  # its text may quote the secret
                raise SettingsError(
                    f"no token can be signed with the secret: {type(error).__name__}",
                    advice="Give the server's jwt-secret itself, as its configuration has it.",
                ) from None
        mask.hide_token(token)
        return token
