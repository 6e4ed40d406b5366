"""Tokens of an OAuth 2 provider: by client credentials, or by a refresh token.

RFC 6749, sections 4.4 and 6.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field
from urllib.parse import urlencode

import anyio
import orjson

from loader import mask
from loader.credentials.endpoint import ask
from loader.credentials.keys import private_key
from loader.credentials.oauth_client import (
    Client,
    KeyClient,
    PublicClient,
    SecretClient,
    takes_in_body,
)
from loader.credentials.oauth_discovery import Provider, discover
from loader.credentials.oauth_reply import read_token
from loader.credentials.server_clock import ServerClock
from loader.credentials.session import SessionStore
from loader.credentials.token_source import Token, TokensUnavailable
from loader.errors import TargetError
from loader.settings import Settings
from loader.transport import Transport

_USED_UP = "the refresh token that was given is used up, for the provider has replaced it"
_KEPT = f"{_USED_UP}: this load keeps the newest until it is complete, and the next load needs one of its own"
_UNKEPT = f"{_USED_UP}, and nothing keeps the new one: the next command needs one of its own"
_UNAVAILABLE = "See that the provider is up, and check --oauth-issuer or --oauth-token-url."


@dataclass(frozen=True, slots=True, kw_only=True)
class OAuthClient:
    """A client of a provider, and what it asks for.

    Attributes:
        issuer: the provider; None: its token URL is given.
        token_url: where tokens are fetched; None: the issuer's discovery tells.
        client_id: the client.
        secret, key: what it proves itself with; at most one.
        refresh_token: asks for tokens in the name of whoever signed in; None: the client asks in its own.
        scope, audience: what each request asks for; None: the provider decides.
        use: the token to send, ``access_token`` or ``id_token``.
    """

    issuer: str | None = None
    token_url: str | None = None
    client_id: str
    secret: str | None = field(default=None, repr=False)
    key: str | None = field(default=None, repr=False)
    refresh_token: str | None = field(default=None, repr=False)
    scope: str | None = None
    audience: str | None = None
    use: str = "access_token"

    @classmethod
    def of(cls, settings: Settings) -> OAuthClient:
        """Return the client that settings name; they have been checked."""
        return cls(
            issuer=settings.oauth_issuer,
            token_url=settings.oauth_token_url,
            client_id=settings.oauth_client_id or "",
            secret=settings.oauth_client_secret,
            key=settings.oauth_client_key,
            refresh_token=settings.oauth_refresh_token,
            scope=settings.oauth_scope,
            audience=settings.oauth_audience,
            use=settings.oauth_use,
        )


class OAuth:
    """Tokens of an OAuth 2 provider (a TokenSource).

    A refresh token may be good for one use: the next one stands in the reply, and is kept in the store before
    the token is used. What is kept counts for the same client, provider and first refresh token alone.

    Args:
        asked: the client, and what it asks for.
        transport: makes connections.
        store: keeps the newest refresh token for a resume; None: nothing is kept.
        tell: given what the user should know.

    Raises:
        SettingsError: the client's key is none.
    """

    can_renew = True

    def __init__(
        self,
        asked: OAuthClient,
        transport: Transport,
        store: SessionStore | None = None,
        tell: Callable[[str], None] = lambda _: None,
    ) -> None:
        for secret in (asked.secret, asked.key, asked.refresh_token):
            mask.hide(secret)
        self._asked = asked
        self._transport = transport
        self._store = store
        self._tell = tell
        self._told = False  # whether the user knows that the refresh token is used up
        self._key = None if asked.key is None else private_key(asked.key, name="--oauth-client-key-file")
        self._provider: Provider | None = None
        self._client: Client | None = None
        self._refresh_token: str | None = None  # the newest; None: it was not looked for yet
        self._clock = ServerClock()

    async def fetch(self, refused: str | None = None) -> Token:
        """Return a new token.

        Raises:
            TokensUnavailable: the provider does not answer for now.
            TargetError: the provider refuses.
            RunDirError: the store cannot be read or written.
        """
        del refused
        try:
            return await self._fetch()
        except TokensUnavailable as error:
            error.advice = error.advice or _UNAVAILABLE
            raise

    def adjust_clock(self, server_time: float) -> None:
        """Learn the server's time, in seconds since 1970: it counts where a token alone tells its end."""
        self._clock.adjust(server_time)

    def describe(self) -> str:
        """Return who asks whom."""
        where = mask.masked(self._asked.token_url or self._asked.issuer or "")
        by = "a refresh token" if self._asked.refresh_token is not None else "its own credentials"
        return f"tokens that the OAuth client {self._asked.client_id} gets at {where} by {by}"

    async def _fetch(self) -> Token:
        if self._provider is None:
            self._provider = await self._find_provider()
        if self._client is None:
            self._client = self._prover(self._provider)
        if self._asked.refresh_token is None:
            return await self._ask("client_credentials", {}, self._provider, self._client)
        if self._refresh_token is None:
            self._refresh_token = self._kept() or self._asked.refresh_token
        form = {"refresh_token": self._refresh_token}
        return await self._ask("refresh_token", form, self._provider, self._client)

    async def _find_provider(self) -> Provider:
        if self._asked.token_url is not None:
            return Provider(self._asked.token_url, self._asked.issuer)
        return await discover(self._transport, self._asked.issuer or "")

    def _prover(self, provider: Provider) -> Client:
        name, secret = self._asked.client_id, self._asked.secret
        if self._key is not None:
            audience = provider.issuer or provider.token_url
            return KeyClient(name, self._key, audience=audience, algorithms=provider.algorithms)
        if secret is not None:
            in_body = takes_in_body(provider.methods, provider.issuer or provider.token_url)
            return SecretClient(name, secret, in_body=in_body)
        return PublicClient(name)

    async def _ask(self, grant: str, form: dict[str, str], provider: Provider, client: Client) -> Token:
        asked = {"scope": self._asked.scope, "audience": self._asked.audience}
        proof = client.prove()
        body = {
            "grant_type": grant,
            **form,
            **{name: value for name, value in asked.items() if value is not None},
            **proof.form,
        }
        # The provider may take the old refresh token at once: the new one must not be lost to an interrupt.
        with anyio.CancelScope(shield=self._refresh_token is not None):
            answer = await ask(
                self._transport,
                "POST",
                provider.token_url,
                headers={"Content-Type": "application/x-www-form-urlencoded", **proof.headers},
                data=urlencode(body).encode(),
            )
        try:
            reply = read_token(answer, use=self._asked.use, grant=grant, now=self._clock.now())
        except TargetError:
            self._keep(answer.body.get("refresh_token"))
            raise
        self._keep(reply.refresh_token)
        return reply.token

    def _keep(self, refresh_token: object) -> None:
        """Remember a refresh token in place of the one before. Nothing may wait between reply and store."""
        if self._refresh_token is None or not isinstance(refresh_token, str):
            return
        if not refresh_token or refresh_token == self._refresh_token:
            return
        self._refresh_token = refresh_token
        if self._store is not None:
            kept = {**self._bound_to(), "refresh_token": refresh_token}
            self._store.save(orjson.dumps(kept).decode())
        if not self._told:
            self._told = True
            self._tell(_UNKEPT if self._store is None else _KEPT)

    def _kept(self) -> str | None:
        """Return the refresh token that an earlier run of the load has kept, if it is of the same session."""
        text = None if self._store is None else self._store.load()
        try:
            kept = orjson.loads(text or "{}")
        except orjson.JSONDecodeError:
            return None
        bound = self._bound_to()
        if not isinstance(kept, dict) or {name: kept.get(name) for name in bound} != bound:
            return None
        token = kept.get("refresh_token")
        mask.hide(token if isinstance(token, str) else None)
        return token if isinstance(token, str) and token else None

    def _bound_to(self) -> dict[str, str | None]:
        """Return what a refresh token belongs to. Of the first one, a digest: it may be as good as new."""
        first = hashlib.sha256((self._asked.refresh_token or "").encode()).hexdigest()
        return {
            "kind": "oauth",
            "at": self._asked.token_url or self._asked.issuer,
            "client_id": self._asked.client_id,
            "first": first,
        }
