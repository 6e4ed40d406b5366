"""A user of Supabase Auth, who signs in with a password and then renews the session.

Each refresh token is good for one use, but the parent of the newest is taken again, and answered with the
newest (supabase/auth, internal/tokens/service.go). So a reply that is lost, or that could not be saved, does
no harm: the token that was kept is that parent. Any other refresh token that is used twice ends the session.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any

import anyio.to_thread
import orjson

from loader import mask
from loader.credentials.auth_errors import KEY_REFUSED, MFA_POLICIES, NO_AUTH, TOO_MANY, explain
from loader.credentials.claims import expiry
from loader.credentials.endpoint import Answer, ask
from loader.credentials.headers import headers, key_as_token
from loader.credentials.session import Forgetful, SessionStore
from loader.credentials.token_source import Token, TokensUnavailable
from loader.errors import SettingsError, TargetError
from loader.settings.checks import is_header_token
from loader.transport import Transport

_REST = "/rest/v1"
_TOKEN = "/auth/v1/token"  # noqa: S105 - a path
_USUAL_LIFETIME = 3600.0  # seconds, where neither the reply nor the token tells


class Login:
    """Access tokens of a user of Supabase Auth (a TokenSource).

    Args:
        url: of the project; its ``/rest/v1`` will do, too.
        email: the user's.
        password: the user's; None: only a session that is kept can be renewed.
        apikey: of the project.
        transport: connects to it.
        store: keeps the newest refresh token for a resume; None: nothing is kept.
        tell: given what the user should know.
    """

    can_renew = True

    def __init__(
        self,
        url: str,
        email: str,
        password: str | None,
        apikey: str,
        *,
        transport: Transport,
        store: SessionStore | None = None,
        tell: Callable[[str], None] = lambda _: None,
    ) -> None:
        mask.hide(password)
        mask.hide(apikey)
        self._base = project_of(url)
        self._email = email
        self._password = password
        self._apikey = apikey
        self._transport = transport
        self._store = store or Forgetful()
        self._tell = tell
        self._refresh_token: str | None = None
        self._asked_store = False
        self._ended: TargetError | None = None  # why the session cannot be renewed any more

    async def fetch(self, refused: str | None = None) -> Token:
        """Return a new access token: of the session, else of a new one. Only one call at a time is made.

        Raises:
            SettingsError: there is neither a session nor a password.
            TokensUnavailable: Auth cannot be reached, or is overloaded.
            TargetError: Auth refuses the user, or the session without a password to begin another.
            RunDirError: the refresh token cannot be kept.
        """
        del refused
        if not self._asked_store:
            self._refresh_token = self._kept(await anyio.to_thread.run_sync(self._store.load))
            self._asked_store = True
        if self._refresh_token is not None:
            answer = await self._ask("refresh_token", {"refresh_token": self._refresh_token})
            if answer.status == 200:
                return await self._take(answer)
            error = self._error(answer, "refuses to renew the session of")
            if not _is_of_auth(answer):  # a gateway's: the session may be good
                raise error
            self._ended, self._refresh_token = error, None
        if self._password is None:
            raise self._ended or SettingsError(
                f"--login {self._email} needs the user's password",
                advice="Set BULKLOAD_PASSWORD, or give --password-file. (Only a load that is resumed may do "
                "without: its run directory keeps the session.)",
            )
        answer = await self._ask("password", {"email": self._email, "password": self._password})
        if answer.status != 200:
            raise self._error(answer, "refuses to sign in")
        if self._ended is not None:
            self._tell(f"signed in anew as {self._email}: the session had ended ({self._ended.said})")
        if _has_second_factor(answer.body):
            self._tell(f"{self._email} has a second factor, which a password does not prove: {MFA_POLICIES}")
        return await self._take(answer)

    def adjust_clock(self, server_time: float) -> None:
        """Ignore it: Auth tells for how many seconds a token is good."""

    def describe(self) -> str:
        """Return whose tokens they are."""
        return f"tokens of {self._email}, from {mask.masked(self._base)}{_TOKEN}"

    async def _ask(self, grant: str, request: Mapping[str, str]) -> Answer:
        url = f"{self._base}{_TOKEN}?grant_type={grant}"
        own = headers(key_as_token(self._apikey), self._apikey)
        try:
            return await ask(
                self._transport,
                "POST",
                url,
                headers={**own, "Content-Type": "application/json"},
                data=orjson.dumps(request),
            )
        except TokensUnavailable as error:
            if error.message.endswith(" 429"):
                error.advice = TOO_MANY
            raise

    async def _take(self, answer: Answer) -> Token:
        """Keep the refresh token of a reply, and return its access token."""
        access, refresh = answer.body.get("access_token"), answer.body.get("refresh_token")
        if (
            not isinstance(access, str)
            or not is_header_token(access)
            or not isinstance(refresh, str)
            or not refresh
        ):
            raise TargetError(
                f"{mask.masked(answer.url)} gives no access_token and refresh_token", advice=NO_AUTH
            )
        mask.hide_token(access)
        mask.hide_token(refresh)
        self._ended = None
        if refresh != self._refresh_token:
            self._refresh_token = refresh
            kept = {"url": self._base, "login": self._email, "refresh_token": refresh}
            # In a thread: it waits for the disk. A cancelled load waits for it, too.
            await anyio.to_thread.run_sync(self._store.save, orjson.dumps(kept).decode())
        return Token(access, _lifetime(answer.body))

    def _kept(self, text: str | None) -> str | None:
        """Return the refresh token that was kept, if it is of this user of this project."""
        try:
            kept = orjson.loads(text or "null")
        except orjson.JSONDecodeError:
            return None
        if not isinstance(kept, dict):
            return None
        token = kept.get("refresh_token")
        url, email = kept.get("url"), kept.get("login")
        if url == self._base and email != self._email:
            self._tell(f"this load began as {email}: what is left of it is written as {self._email}")
        if (url, email) != (self._base, self._email) or not isinstance(token, str) or not token:
            return None
        mask.hide_token(token)
        return token

    def _error(self, answer: Answer, what: str) -> TargetError:
        """Return the error for a refusal."""
        url = mask.masked(answer.url)
        code, words = _words(answer.body)
        if answer.status == 401 and answer.body and not code:
            return TargetError(f"{url} refuses the API key", said=words or answer.text, advice=KEY_REFUSED)
        if not _is_of_auth(answer):
            message = f"{url} answers {answer.status}, not as Supabase Auth does"
            return TargetError(message, said=answer.text, advice=NO_AUTH)
        reason, advice = explain(code, words)
        return TargetError(
            f"Supabase Auth {what} {self._email}{reason and f': {reason}'}",
            said=" ".join(filter(None, (code, words))) or answer.text,
            advice=advice,
        )


def project_of(url: str) -> str:
    """Return the URL of a project, of which ``/rest/v1`` is a part."""
    return url.rstrip("/").removesuffix(_REST).rstrip("/")


def _is_of_auth(answer: Answer) -> bool:
    """Return whether a refusal is in the form of Auth's own; a gateway's is HTML, or has a message alone."""
    code, words = _words(answer.body)
    return bool(code) or (bool(words) and "message" not in answer.body)


def _words(body: Mapping[str, Any]) -> tuple[str, str]:
    """Return the code of a refusal, and its words.

    They stand in ``error_code`` and ``msg``; since the version 2024-01-01 of its API in ``code`` and
    ``message``, in replies in OAuth's form in ``error`` and ``error_description``, and the words of a gateway
    in ``message``.
    """

    def first(*names: str) -> str:
        values = (body.get(name) for name in names)
        return next((mask.masked(value) for value in values if isinstance(value, str) and value), "")

    return first("error_code", "code", "error"), first("msg", "message", "error_description")


def _lifetime(body: Mapping[str, Any]) -> float:
    """Return for how many seconds the access token of a reply is good."""
    seconds = body.get("expires_in")
    if isinstance(seconds, int | float) and not isinstance(seconds, bool) and 0 < seconds < 2**40:
        return float(seconds)
    moment = expiry(str(body.get("access_token")))
    return _USUAL_LIFETIME if moment is None else moment - time.time()


def _has_second_factor(body: Mapping[str, Any]) -> bool:
    """Return whether the user of a reply has proven a second factor before."""
    user = body.get("user")
    factors = user.get("factors") if isinstance(user, dict) else None
    return isinstance(factors, list) and any(
        isinstance(factor, dict) and factor.get("status") == "verified" for factor in factors
    )
