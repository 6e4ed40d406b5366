"""Tokens that are signed here, with the secret or the key that the server checks them with."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import msgspec
from anyio import to_thread

from loader import mask
from loader.credentials.keys import secret_key, signing_key
from loader.credentials.server_clock import SKEW, ServerClock
from loader.credentials.signing_key import SHORTEST_SECRET, SigningKey
from loader.credentials.token_source import Token
from loader.errors import SettingsError, TargetError
from loader.settings import Settings
from loader.settings.file_secret import FileSecret


class Minted:
    """Tokens that are signed here (a TokenSource).

    Claims are role, aud and exp, and those of --jwt-claim. There is no iat unless it is asked for: servers
    with a stuck clock refuse fresh ones as "issued at future" (PostgREST issue 5159), so it is back-dated.
    Times are told by the server's clock.

    Args:
        key: signs them; a text is a secret.
        role: the role claim; empty: there is none.
        audience: the aud claim; empty: there is none.
        lifetime: seconds.
        claims: further ones, pairs of name and JSON; they may replace role and aud.
        has_iat: whether tokens say when they were issued.
        read_again: returns the key as its file has it now; None: it comes from none.
    """

    can_renew = True

    def __init__(
        self,
        key: SigningKey | str,
        *,
        role: str,
        audience: str,
        lifetime: float,
        claims: Sequence[tuple[str, str]] = (),
        has_iat: bool = False,
        read_again: Callable[[], SigningKey] | None = None,
    ) -> None:
        if isinstance(key, str):
            mask.hide(key)
            key = secret_key(key)
        self._key = key
        self._lifetime = lifetime
        own = {"role": role, "aud": audience}
        self._claims: dict[str, Any] = {name: value for name, value in own.items() if value}
        # Raw JSON, so that no digit changes.
        self._claims |= {name: msgspec.Raw(value.encode()) for name, value in claims}
        self._has_iat = has_iat
        self._read_again = read_again
        self._clock = ServerClock()
        self._expires = 0

    @classmethod
    def of(cls, settings: Settings) -> Minted | None:
        """Return the source that settings ask for; None: they give no secret and no key.

        Raises:
            SettingsError: the key is none, or does not fit the other settings.
        """
        key = signing_key(settings)
        if key is None:
            return None
        return cls(
            key,
            role=settings.role,
            audience=settings.audience,
            lifetime=settings.jwt_ttl,
            claims=settings.jwt_claim,
            has_iat=settings.jwt_iat,
            read_again=_reader(settings),
        )

    def adjust_clock(self, server_time: float) -> None:
        """Learn the server's time, in seconds since 1970."""
        self._clock.adjust(server_time)

    async def fetch(self, refused: str | None = None) -> Token:
        """Return a new token. If the last one was refused, the key is read again: it may have been replaced.

        Raises:
            TargetError: there is no key in its file any more.
            SettingsError: the key cannot sign.
        """
        if refused is not None and self._read_again is not None:
            try:
                self._key = await to_thread.run_sync(self._read_again)
            except SettingsError as error:
                raise TargetError(
                    f"the server refuses the token, and the key cannot be read again: {error.message}",
                    advice=error.advice,
                ) from error
        return Token(self.mint(), self._lifetime)

    def describe(self) -> str:
        """Return how tokens are made, and for whom."""
        key, made = self._key, self._claims
        if key.is_secret:
            signed = "the secret"
            if key.is_short:
                signed += f", which has less than the {SHORTEST_SECRET} bytes that PostgREST asks for"
        else:
            signed = f"the key ({key.alg}{'' if key.kid is None else f', kid {key.kid}'})"
        for_whom = [
            f"the {words} {_shown(made[name])}"
            for name, words in (("role", "role"), ("aud", "audience"))
            if name in made
        ]
        parts = [f"tokens signed with {signed}"]
        parts += [f"for {' and '.join(for_whom)}"] if for_whom else []
        return ", ".join(parts if "role" in made else [*parts, "without a role"])

    def claims(self) -> dict[str, Any]:
        """Return the claims of a token that is made now; those of --jwt-claim as msgspec.Raw."""
        now = self._clock.now()
        # No two are alike, so that it can be told which token was refused.
        self._expires = max(int(now + self._lifetime), self._expires + 1)
        issued = {"iat": int(now - SKEW)} if self._has_iat else {}
        return self._claims | {"exp": self._expires} | issued

    def mint(self) -> str:
        """Return a new token.

        Raises:
            SettingsError: the key cannot sign.
        """
        token = self._key.sign(msgspec.json.encode(self.claims()))
        mask.hide_token(token)
        return token


def _reader(settings: Settings) -> Callable[[], SigningKey] | None:
    """Return what reads the key of settings from its file again; None: it comes from no file."""
    name = "jwt_secret" if settings.jwt_secret is not None else "jwt_key"
    text = getattr(settings, name)
    if not isinstance(text, FileSecret) or (read := text.read_again) is None:
        return None

    def key() -> SigningKey:
        changes: dict[str, Any] = {name: read()}
        read_key = signing_key(replace(settings, **changes))
        assert read_key is not None  # noqa: S101 - the settings have it
        return read_key

    return key


def _shown(claim: Any) -> str:
    """Return a claim as people read it."""
    value = msgspec.json.decode(claim) if isinstance(claim, msgspec.Raw) else claim
    if isinstance(value, list):
        return ", ".join(map(str, value))
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()
